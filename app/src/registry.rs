//! The numbers that sealed values and blind tags are bound to. A number is never reused and never changes its meaning:
//! a value sealed under one of them can be opened under no other.

use tenancy::blind::{Field, Index};
use tenancy::sealed::Column;

const PERSON: u32 = 100;
const IDEMPOTENCY: u32 = 101;
const ACCOUNT: u32 = 102;
const CURSOR: u32 = 103;
const TOTP: u32 = 104;
const OAUTH_CLIENT: u32 = 105;
const OAUTH_CODE: u32 = 106;
const OAUTH_REFRESH: u32 = 107;
const BREAK_GLASS: u32 = 130;
const DOCUMENT: u32 = 110;
const DISCLOSURE: u32 = 160;
const CORRECTION: u32 = 170;
const PROXY: u32 = 190;
const SUPPORT: u32 = 200;

/// `person.names`
pub const PERSON_NAMES: Column = Column::new(PERSON, 1);
/// `person.birth_date`
pub const PERSON_BIRTH_DATE: Column = Column::new(PERSON, 2);
/// `person.sex`
pub const PERSON_SEX: Column = Column::new(PERSON, 3);
/// `person.phones`
pub const PERSON_PHONES: Column = Column::new(PERSON, 4);
/// `person.emails`
pub const PERSON_EMAILS: Column = Column::new(PERSON, 5);
/// `person.addresses`
pub const PERSON_ADDRESSES: Column = Column::new(PERSON, 6);
/// `person.mrn`
pub const PERSON_MRN: Column = Column::new(PERSON, 7);
/// `person.identifiers`
pub const PERSON_IDENTIFIERS: Column = Column::new(PERSON, 8);
/// `person.tags_digest`, which is not sealed but covered by the row's MAC.
pub const PERSON_TAGS: Column = Column::new(PERSON, 9);
/// `idempotency.response_sealed`
pub const IDEMPOTENCY_RESPONSE: Column = Column::new(IDEMPOTENCY, 1);
/// `account.email_sealed`
pub const ACCOUNT_EMAIL: Column = Column::new(ACCOUNT, 1);
/// `account.display_name_sealed`
pub const ACCOUNT_DISPLAY_NAME: Column = Column::new(ACCOUNT, 2);
/// `totp.secret_sealed` and `totp.pending_sealed`, by the account's row: a secret moves from one to the other.
pub const ACCOUNT_TOTP: Column = Column::new(ACCOUNT, 3);
/// `break_glass.reason_sealed`
pub const BREAK_GLASS_REASON: Column = Column::new(BREAK_GLASS, 1);
/// `break_glass.note_sealed`
pub const BREAK_GLASS_NOTE: Column = Column::new(BREAK_GLASS, 2);
/// `break_glass.reason_code`, not sealed but covered by the row's MAC.
pub const BREAK_GLASS_CODE: Column = Column::new(BREAK_GLASS, 3);
/// `break_glass.verdict`, likewise.
pub const BREAK_GLASS_VERDICT: Column = Column::new(BREAK_GLASS, 4);
/// `mail_request.address_sealed`
pub const MAIL_REQUEST_ADDRESS: Column = Column::new(ACCOUNT, 4);
/// `sign_in_code.address_sealed`
pub const CODE_ADDRESS: Column = Column::new(ACCOUNT, 5);
/// `account.login_tag`, like the next four not sealed but covered by the row's MAC.
pub const ACCOUNT_LOGIN_TAG: Column = Column::new(ACCOUNT, 6);
/// `account.login_tag_even`
pub const ACCOUNT_LOGIN_TAG_EVEN: Column = Column::new(ACCOUNT, 7);
/// `account.password_phc`
pub const ACCOUNT_PASSWORD: Column = Column::new(ACCOUNT, 8);
/// `account.role`
pub const ACCOUNT_ROLE: Column = Column::new(ACCOUNT, 9);
/// `account.state`
pub const ACCOUNT_STATE: Column = Column::new(ACCOUNT, 10);
/// `totp.secret_sealed` for the row's MAC; the value itself is sealed under [`ACCOUNT_TOTP`].
pub const TOTP_SECRET: Column = Column::new(TOTP, 1);
/// `totp.pending_sealed` for the row's MAC.
pub const TOTP_PENDING: Column = Column::new(TOTP, 2);
/// `oauth_client.settings_sealed`
pub const OAUTH_CLIENT_SETTINGS: Column = Column::new(OAUTH_CLIENT, 1);
/// `oauth_client.kind`, like the next not sealed but covered by the row's MAC.
pub const OAUTH_CLIENT_KIND: Column = Column::new(OAUTH_CLIENT, 2);
/// `oauth_client.state`
pub const OAUTH_CLIENT_STATE: Column = Column::new(OAUTH_CLIENT, 3);
/// `oauth_code.request_sealed`
pub const OAUTH_CODE_REQUEST: Column = Column::new(OAUTH_CODE, 1);
/// `oauth_refresh.grant_sealed`
pub const OAUTH_REFRESH_GRANT: Column = Column::new(OAUTH_REFRESH, 1);
/// `oauth_refresh.successor_sealed`
pub const OAUTH_REFRESH_SUCCESSOR: Column = Column::new(OAUTH_REFRESH, 2);
/// `email_change.new_sealed`
pub const EMAIL_CHANGE_NEW: Column = Column::new(ACCOUNT, 11);
/// `email_change.old_sealed`
pub const EMAIL_CHANGE_OLD: Column = Column::new(ACCOUNT, 12);
/// `phone_change.new_sealed`
pub const PHONE_CHANGE_NEW: Column = Column::new(ACCOUNT, 13);
/// `phone_change.old_sealed`
pub const PHONE_CHANGE_OLD: Column = Column::new(ACCOUNT, 14);
/// `account_phone.number_sealed`
pub const ACCOUNT_PHONE: Column = Column::new(ACCOUNT, 15);
/// Page cursors; they are in no table.
pub const PAGE_CURSOR: Column = Column::new(CURSOR, 1);

/// `document_text.title`
pub const DOCUMENT_TITLE: Column = Column::new(DOCUMENT, 1);
/// `document_text.notes`
pub const DOCUMENT_NOTES: Column = Column::new(DOCUMENT, 2);
/// `document_text.file_name`
pub const DOCUMENT_FILE_NAME: Column = Column::new(DOCUMENT, 3);
/// `document_text.sha256`
pub const DOCUMENT_SHA256: Column = Column::new(DOCUMENT, 4);
/// `document_text.dated_on`
pub const DOCUMENT_DATED_ON: Column = Column::new(DOCUMENT, 5);
/// `disclosure.content`
pub const DISCLOSURE_CONTENT: Column = Column::new(DISCLOSURE, 1);
/// `correction.request_sealed`
pub const CORRECTION_REQUEST: Column = Column::new(CORRECTION, 1);
/// `correction.answer_sealed`
pub const CORRECTION_ANSWER: Column = Column::new(CORRECTION, 2);
/// `correction.state`, not sealed but covered by the row's MAC.
pub const CORRECTION_STATE: Column = Column::new(CORRECTION, 3);
/// `proxy.content`
pub const PROXY_CONTENT: Column = Column::new(PROXY, 1);
/// `support_grant.said_sealed`
pub const SUPPORT_SAID: Column = Column::new(SUPPORT, 1);

/// Every column above, so that a test can see that no two share a number.
pub const COLUMNS: &[Column] = &[
    PERSON_NAMES,
    PERSON_BIRTH_DATE,
    PERSON_SEX,
    PERSON_PHONES,
    PERSON_EMAILS,
    PERSON_ADDRESSES,
    PERSON_MRN,
    PERSON_IDENTIFIERS,
    PERSON_TAGS,
    IDEMPOTENCY_RESPONSE,
    ACCOUNT_EMAIL,
    ACCOUNT_DISPLAY_NAME,
    ACCOUNT_TOTP,
    BREAK_GLASS_REASON,
    BREAK_GLASS_NOTE,
    BREAK_GLASS_CODE,
    BREAK_GLASS_VERDICT,
    MAIL_REQUEST_ADDRESS,
    CODE_ADDRESS,
    ACCOUNT_LOGIN_TAG,
    ACCOUNT_LOGIN_TAG_EVEN,
    ACCOUNT_PASSWORD,
    ACCOUNT_ROLE,
    ACCOUNT_STATE,
    TOTP_SECRET,
    TOTP_PENDING,
    OAUTH_CLIENT_SETTINGS,
    OAUTH_CLIENT_KIND,
    OAUTH_CLIENT_STATE,
    OAUTH_CODE_REQUEST,
    OAUTH_REFRESH_GRANT,
    OAUTH_REFRESH_SUCCESSOR,
    EMAIL_CHANGE_NEW,
    EMAIL_CHANGE_OLD,
    PHONE_CHANGE_NEW,
    PHONE_CHANGE_OLD,
    ACCOUNT_PHONE,
    PAGE_CURSOR,
    DOCUMENT_TITLE,
    DOCUMENT_NOTES,
    DOCUMENT_FILE_NAME,
    DOCUMENT_SHA256,
    DOCUMENT_DATED_ON,
    DISCLOSURE_CONTENT,
    CORRECTION_REQUEST,
    CORRECTION_ANSWER,
    CORRECTION_STATE,
    PROXY_CONTENT,
    SUPPORT_SAID,
];

/// Medical record number. The schema's unique index names this number too.
pub const INDEX_MRN: Index = Index::new(1, PERSON, 7, &[Field::Mrn]);
/// Any of the patient's phones.
pub const INDEX_PHONE: Index = Index::new(2, PERSON, 4, &[Field::Phone]);
/// Any of the patient's e-mail addresses.
pub const INDEX_EMAIL: Index = Index::new(3, PERSON, 5, &[Field::Email]);
/// An identifier of a kind that is nearly unique.
pub const INDEX_IDENTIFIER: Index = Index::new(4, PERSON, 8, &[Field::Identifier]);
/// A name, or words of it in sorted order, with the birth date.
pub const INDEX_NAME_BIRTH_DATE: Index = Index::new(5, PERSON, 1, &[Field::LastName, Field::BirthDate]);
/// The first letter of a word of a name, with the birth date: narrows a search by the start of a name in a large clinic.
pub const INDEX_INITIAL_BIRTH_DATE: Index = Index::new(6, PERSON, 2, &[Field::LastName, Field::BirthDate]);
/// Last four digits of a Social Security number, never without the birth date.
pub const INDEX_SSN4_BIRTH_DATE: Index = Index::new(7, PERSON, 8, &[Field::SsnLast4, Field::BirthDate]);
/// The e-mail address a staff member signs in with.
pub const INDEX_LOGIN: Index = Index::new(8, ACCOUNT, 1, &[Field::Email]);
/// A request that may be repeated; its tag is stored, its text is not.
pub const INDEX_REQUEST: Index = Index::new(9, IDEMPOTENCY, 1, &[Field::Identifier]);

/// A code that a patient signs in with, in the browser that asked for it.
pub const INDEX_CODE: Index = Index::new(10, ACCOUNT, 5, &[Field::Identifier]);

/// A code that proves an account's new address, in the session that asked for it.
pub const INDEX_EMAIL_CODE: Index = Index::new(11, ACCOUNT, 11, &[Field::Identifier]);

/// A code that proves an account's telephone, in the session that asked for it.
pub const INDEX_PHONE_CODE: Index = Index::new(12, ACCOUNT, 13, &[Field::Identifier]);

/// Every index above, for the test that none of them can be attacked by counting.
pub const INDEXES: &[Index] = &[
    INDEX_MRN,
    INDEX_PHONE,
    INDEX_EMAIL,
    INDEX_IDENTIFIER,
    INDEX_NAME_BIRTH_DATE,
    INDEX_INITIAL_BIRTH_DATE,
    INDEX_SSN4_BIRTH_DATE,
    INDEX_LOGIN,
    INDEX_REQUEST,
    INDEX_CODE,
    INDEX_EMAIL_CODE,
    INDEX_PHONE_CODE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_number_is_used_twice_and_no_index_leaks_by_counting() {
        let columns: BTreeSet<(u32, u32)> =
            COLUMNS.iter().map(|column| (column.table(), column.column())).collect();
        assert_eq!(columns.len(), COLUMNS.len());
        assert!(columns.iter().all(|(table, column)| *table >= 100 && *column > 0));
        assert_eq!(tenancy::blind::check_registry(INDEXES), Ok(()));
    }
}
