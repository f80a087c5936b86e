//! Normalisation rules as properties, and the registry guard.

use chrono::NaiveDate;
use proptest::prelude::*;
use regions::region::Jurisdiction;

use super::normalise::{self, NormaliseError, Normalised};
use super::*;

const KEY: [u8; 32] = [7; 32];
const PHONE: Index = Index::new(2, 17, 4, &[Field::Phone]);

fn text(value: Result<Normalised, NormaliseError>) -> Result<String, NormaliseError> {
    value.map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

fn in_script(digits: &str, zero: char) -> String {
    digits
        .chars()
        .map(|character| match character.to_digit(10) {
            Some(value) => char::from_u32(u32::from(zero) + value).unwrap(),
            None => character,
        })
        .collect()
}

#[test]
fn one_indian_number_however_it_is_written() {
    for raw in [
        "9876543210",
        "09876543210",
        "919876543210",
        "+919876543210",
        "00919876543210",
        "+91 98765 43210",
        "+91-98765-43210",
        "+91 (0) 98765 43210",
        "(098765) 43210",
        "९८७६५४३२१०",
        "+९१ ९८७६५ ४३२१०",
        "９８７６５４３２１０",
        "98765\u{a0}43210",
        "\u{200e}9876543210",
    ] {
        assert_eq!(text(normalise::phone(raw, Jurisdiction::In)).as_deref(), Ok("+919876543210"), "{raw}");
    }
}

#[test]
fn one_us_number_however_it_is_written() {
    for raw in ["(212) 555-0142", "2125550142", "1-212-555-0142", "+1 212.555.0142", "001 212 555 0142"] {
        assert_eq!(text(normalise::phone(raw, Jurisdiction::Us)).as_deref(), Ok("+12125550142"), "{raw}");
    }
    let abroad = normalise::phone("011 91 98765 43210", Jurisdiction::Us);
    assert_eq!(text(abroad).as_deref(), Ok("+919876543210"));
}

#[test]
fn what_is_no_phone_number_is_refused() {
    for raw in [
        "",
        "   ",
        "+",
        "12345",
        "98765432101234567",
        "call me",
        "98765 43210 ext 5",
        "+91+9876543210",
        "+0123456789",
    ] {
        assert!(normalise::phone(raw, Jurisdiction::In).is_err(), "{raw}");
    }
    assert!(
        normalise::phone("9876543210", Jurisdiction::Us).is_ok(),
        "ten digits are a national number in both"
    );
    let (us, india) =
        (normalise::phone("9876543210", Jurisdiction::Us), normalise::phone("9876543210", Jurisdiction::In));
    assert_ne!(text(us), text(india), "the same ten digits are two people's numbers in two countries");
}

#[test]
fn names_of_any_script_fold_and_different_names_do_not() {
    for (left, right) in [
        ("O'Brien", "o’brien"),
        ("Smith-Jones", "SMITH  JONES"),
        ("José", "Jose\u{301}"),
        ("Strauß", "STRAUSS"),
        ("ΠΑΠΑΔΌΠΟΥΛΟΣ", "Παπαδόπουλος"),
        ("शर्मा", " शर्मा "),
        ("क\u{94d}\u{200d}ष", "क\u{94d}ष"),
        ("ﬁnn", "FINN"),
        ("Dr. K. Rao", "dr k rao"),
    ] {
        assert_eq!(text(normalise::last_name(left)), text(normalise::last_name(right)), "{left} {right}");
    }
    for (left, right) in
        [("José", "Jose"), ("Mohammed", "Mohammad"), ("शर्मा", "Sharma"), ("De Silva", "Desilva")]
    {
        assert_ne!(text(normalise::last_name(left)), text(normalise::last_name(right)), "{left} {right}");
    }
    assert_eq!(text(normalise::name_skeleton("José")), text(normalise::name_skeleton("Jose")));
    assert_eq!(text(normalise::name_skeleton("Mohammed")), text(normalise::name_skeleton("Muhammad")));
    assert_ne!(text(normalise::name_skeleton("शर्मा")), text(normalise::name_skeleton("शर्मी")));
    assert_eq!(text(normalise::first_initial("Émile")), text(normalise::first_initial("emma")));
    assert_eq!(text(normalise::first_initial("आशा")), Ok("आ".to_owned()));
}

#[test]
fn codes_addresses_and_dates() {
    assert_eq!(text(normalise::mrn("mrn-00 12/a")), Ok("MRN0012A".to_owned()));
    assert_ne!(text(normalise::mrn("0012")), text(normalise::mrn("12")), "leading zeros count");
    assert_eq!(text(normalise::mrn("१२३४")), Ok("1234".to_owned()));
    assert_eq!(text(normalise::mrn(" - ")), Err(NormaliseError::Empty));
    assert_eq!(text(normalise::email(" Asha.Rao@Example.IN. ")), Ok("asha.rao@example.in".to_owned()));
    assert_ne!(text(normalise::email("a.b@x.in")), text(normalise::email("ab@x.in")), "dots count");
    assert_ne!(text(normalise::email("a+b@x.in")), text(normalise::email("a@x.in")), "tags count");
    for raw in ["", "a", "@x", "a@", "a@b@c", "a b@c"] {
        assert!(normalise::email(raw).is_err(), "{raw}");
    }
    let abha = text(normalise::identifier("abha-number", "91-1234-5678-9012"));
    assert_eq!(abha, text(normalise::identifier("abha-number", "९११२३४५६७८९०१२")));
    assert_ne!(abha, text(normalise::identifier("insurance-member", "91123456789012")));
    assert_eq!(
        text(normalise::identifier("abha-address", "Asha@ABDM")),
        text(normalise::identifier("abha-address", "asha@abdm"))
    );
    assert!(normalise::identifier("ABHA", "1").is_err() && normalise::identifier("", "1").is_err());
    let born = NaiveDate::from_ymd_opt(1950, 1, 2).unwrap();
    assert_eq!(text(normalise::birth_date(born)), Ok("1950-01-02".to_owned()));
    assert_eq!(text(normalise::birth_year(1950)), Ok("1950".to_owned()));
    assert!(normalise::birth_year(0).is_err() && normalise::birth_year(10_000).is_err());
    assert!(normalise::ssn_last4("12345").is_err() && normalise::ssn_last4("12a4").is_err());
}

#[test]
fn the_digits_of_every_script_are_found() {
    assert!(normalise::DIGIT_ZEROS.is_sorted(), "they are searched");
    for zero in normalise::DIGIT_ZEROS {
        for value in 0..10 {
            let digit = char::from_u32(u32::from(*zero) + value).unwrap();
            assert_eq!(text(normalise::mrn(&digit.to_string())), Ok(value.to_string()), "{digit}");
        }
    }
}

proptest! {
    #[test]
    fn phones_agree_across_prefixes_scripts_and_separators(
        national in "[6-9][0-9]{9}", prefix in "(|0|91|\\+91|0091|\\+91 0|\\+91-)", split in 0_usize..10,
        separator in "[ .\\-()]{0,2}", zero in prop::sample::select(vec!['0', '\u{0966}', '\u{09E6}', '\u{0BE6}', '\u{0660}', '\u{FF10}']),
    ) {
        let (head, tail) = national.split_at(split);
        let raw = in_script(&format!("{prefix}{head}{separator}{tail}"), zero);
        prop_assert_eq!(text(normalise::phone(&raw, Jurisdiction::In)), Ok(format!("+91{national}")));
    }

    #[test]
    fn names_agree_across_forms_case_and_space(name in "\\PC{1,24}") {
        use unicode_normalization::UnicodeNormalization;
        let plain = text(normalise::last_name(&name));
        let nfd: String = name.nfd().collect();
        let nfc: String = name.nfc().collect();
        prop_assert_eq!(&plain, &text(normalise::last_name(&nfd)));
        prop_assert_eq!(&plain, &text(normalise::last_name(&nfc)));
        let spaced = format!("  {name}\u{a0} ");
        prop_assert_eq!(&plain, &text(normalise::last_name(&spaced)));
        if let Ok(once) = &plain {
            prop_assert_eq!(&plain, &text(normalise::last_name(once)), "idempotent");
        }
    }

    #[test]
    fn latin_devanagari_and_greek_names_ignore_case(name in "[a-zàéüñçøšžα-ωक-ह ]{1,16}") {
        prop_assert_eq!(text(normalise::last_name(&name)), text(normalise::last_name(&name.to_uppercase())));
    }

    #[test]
    fn no_input_panics_any_rule(raw in "\\PC*", system in "[a-z]{0,3}") {
        for home in [Jurisdiction::Us, Jurisdiction::In] {
            let _ = normalise::phone(&raw, home);
        }
        let _ = (normalise::mrn(&raw), normalise::email(&raw), normalise::identifier(&system, &raw));
        let _ = (normalise::last_name(&raw), normalise::first_initial(&raw), normalise::name_skeleton(&raw));
    }

    #[test]
    fn different_numbers_have_different_tags(left in "[6-9][0-9]{9}", right in "[6-9][0-9]{9}") {
        let tag = |raw: &str| {
            let value = normalise::phone(raw, Jurisdiction::In).unwrap();
            tag_bytes(&KEY, &PHONE, &[&value]).unwrap()
        };
        prop_assert_eq!(left == right, tag(&left) == tag(&right));
    }
}

#[test]
fn a_tag_depends_on_key_index_table_column_and_order() {
    let (last, first) = (normalise::last_name("Rao").unwrap(), normalise::first_name("Asha").unwrap());
    let base = Index::new(5, 17, 3, &[Field::LastName, Field::FirstName]);
    let reference = tag_bytes(&KEY, &base, &[&last, &first]);
    let others = [
        tag_bytes(&[8; 32], &base, &[&last, &first]),
        tag_bytes(&KEY, &Index { id: 6, ..base }, &[&last, &first]),
        tag_bytes(&KEY, &Index { table: 18, ..base }, &[&last, &first]),
        tag_bytes(&KEY, &Index { column: 4, ..base }, &[&last, &first]),
        tag_bytes(&KEY, &base, &[&first, &last]),
    ];
    assert!(reference.is_some() && others.iter().all(|other| other.is_some() && *other != reference));
    let (joined, rest) = (normalise::last_name("Raoasha").unwrap(), normalise::first_name("x").unwrap());
    assert_ne!(tag_bytes(&KEY, &base, &[&joined, &rest]), reference);
}

#[test]
fn the_guard_refuses_every_low_entropy_index() {
    use Field::{BirthDate, BirthYear, FirstInitial, FirstName, LastName, NameSkeleton, SsnLast4};
    let refused: &[&'static [Field]] = &[
        &[LastName],
        &[FirstName],
        &[FirstInitial],
        &[NameSkeleton],
        &[BirthDate],
        &[BirthYear],
        &[SsnLast4],
        &[LastName, FirstName],
        &[LastName, FirstInitial],
        &[LastName, BirthYear],
        &[FirstName, BirthDate],
        &[FirstInitial, BirthYear],
        &[SsnLast4, BirthYear],
    ];
    for fields in refused {
        assert_eq!(
            check_registry(&[Index::new(9, 1, 1, fields)]),
            Err(RegistryFault::LowEntropy(9)),
            "{fields:?}"
        );
    }
    let lawful = [
        Index::new(1, 17, 7, &[Field::Mrn]),
        PHONE,
        Index::new(3, 17, 5, &[Field::Email]),
        Index::new(4, 17, 8, &[Field::Identifier]),
        Index::new(5, 17, 1, &[LastName, BirthDate]),
        Index::new(6, 17, 1, &[LastName, FirstInitial, BirthYear]),
        Index::new(7, 17, 1, &[NameSkeleton, BirthYear]),
        Index::new(8, 17, 8, &[SsnLast4, BirthDate]),
    ];
    assert_eq!(check_registry(&lawful), Ok(()));
    assert_eq!(check_registry(&[PHONE, PHONE]), Err(RegistryFault::DuplicateId(2)));
    assert_eq!(check_registry(&[Index::new(0, 1, 1, &[Field::Mrn])]), Err(RegistryFault::ZeroNumber(0)));
    assert_eq!(check_registry(&[Index::new(1, 1, 1, &[])]), Err(RegistryFault::Fields(1)));
}
