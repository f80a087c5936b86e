//! The 32 bytes of a key, at one place on the heap from when they are made until they are wiped.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A key's bytes. Moving it moves a pointer: a move of the array itself would leave a copy behind on the stack, which nobody
/// wipes. It has no `Debug` and is not cloned.
pub struct KeyBytes(Box<Zeroizing<[u8; 32]>>);

impl KeyBytes {
    fn zero() -> Self {
        Self(Box::default())
    }

    /// A new key.
    pub(crate) fn random() -> Self {
        let mut key = Self::zero();
        regions::random::fill(key.0.as_mut_slice());
        key
    }

    /// A copy of exactly 32 bytes; the caller wipes its own.
    pub(crate) fn copied(bytes: &[u8]) -> Option<Self> {
        let mut key = Self::zero();
        if bytes.len() != key.0.len() {
            return None;
        }
        key.0.copy_from_slice(bytes);
        Some(key)
    }
}

impl Deref for KeyBytes {
    type Target = [u8; 32];

    fn deref(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::KeyBytes;

    #[test]
    fn a_key_is_thirty_two_bytes_and_nothing_else() {
        assert!(KeyBytes::copied(&[7; 32]).is_some_and(|key| *key == [7; 32]));
        assert!(KeyBytes::copied(&[7; 31]).is_none());
        assert!(KeyBytes::copied(&[7; 33]).is_none());
        assert_ne!(*KeyBytes::random(), *KeyBytes::random());
    }
}
