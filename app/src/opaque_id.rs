//! Ids as the API shows them: a prefix that says what it is the id of, and 128 bits that say nothing.

/// Defines the id of one kind of thing. `random` gives it a constructor of random ids, `ordered` one of ids that begin with their
/// time, so that they are in the order in which they were made (RFC 9562 version 7).
macro_rules! opaque_id {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(::uuid::Uuid);

        impl $name {
            /// The id in its API form: the prefix and 26 characters; anything else is nothing's id.
            #[must_use]
            pub fn parse(text: &str) -> Option<$name> {
                let bytes = text.strip_prefix($prefix).and_then(::regions::text::decode_id)?;
                Some($name(::uuid::Uuid::from_bytes(bytes)))
            }

            /// The id as PostgreSQL sees it.
            #[must_use]
            pub const fn uuid(self) -> ::uuid::Uuid {
                self.0
            }

            /// The id's bytes.
            #[must_use]
            pub const fn bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl From<::uuid::Uuid> for $name {
            fn from(id: ::uuid::Uuid) -> $name {
                $name(id)
            }
        }

        /// The kind alone: what is printed by accident ties nothing to a person.
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}{}", $prefix, ::regions::text::encode_id(self.0.as_bytes()))
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, $prefix:literal, random) => {
        $crate::opaque_id::opaque_id!($(#[$meta])* $name, $prefix);

        impl $name {
            /// A new random id.
            #[must_use]
            pub fn random() -> $name {
                $name(::uuid::Builder::from_random_bytes(::regions::random::bytes()).into_uuid())
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, $prefix:literal, ordered) => {
        $crate::opaque_id::opaque_id!($(#[$meta])* $name, $prefix);

        impl $name {
            /// A new id of this moment.
            #[must_use]
            pub fn new(now: ::chrono::DateTime<::chrono::Utc>) -> $name {
                let ms = u64::try_from(now.timestamp_millis()).unwrap_or_default();
                let random = ::regions::random::bytes();
                $name(::uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
            }
        }
    };
}

pub(crate) use opaque_id;

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use crate::corrections::model::CorrectionId;
    use crate::documents::model::DocumentId;

    #[test]
    fn an_id_has_one_text_form_and_one_prefix() {
        let id = DocumentId::random();
        let text = id.to_string();
        assert_eq!(DocumentId::parse(&text), Some(id));
        assert_eq!(DocumentId::from(id.uuid()).bytes(), id.bytes());
        for other in [text.replace("doc_", "cor_"), text.to_uppercase(), format!("{text}a"), String::new()] {
            assert_eq!(DocumentId::parse(&other), None, "{other}");
        }
        assert!(DocumentId::random() != id);
        assert_eq!(format!("{id:?}"), "DocumentId", "what is printed by accident ties nothing to a person");
    }

    #[test]
    fn an_ordered_id_says_its_order() {
        let at = |ms| CorrectionId::new(DateTime::from_timestamp_millis(ms).unwrap());
        assert!(at(1_800_000_000_000) < at(1_800_000_000_001));
    }
}
