//! Everything a caller can ask for. Each route names exactly one action.

/// Who may ask at all, before roles are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anyone who reaches the clinic's address.
    Anyone,
    /// Whoever has a session in the clinic.
    Staff,
}

/// Whose data an action shows or changes.
enum About {
    /// Patients': it is never answered without an audit entry.
    Patients,
    /// No patient's.
    Nobody,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident $name:literal $audience:ident $about:ident;)*) => {
        /// One thing a caller can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Every action, in the order of the printed matrix.
            pub const ALL: [Action; [$($name),*].len()] = [$(Action::$action),*];

            /// The name in the audit log, in transaction names and in the printed matrix.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Action::$action => $name,)*
                }
            }

            /// Who may ask at all.
            #[must_use]
            pub const fn audience(self) -> Audience {
                match self {
                    $(Action::$action => Audience::$audience,)*
                }
            }

            /// Whether the action shows or changes patients' data, and so is never answered without an audit entry.
            #[must_use]
            pub const fn touches_patients(self) -> bool {
                let about = match self {
                    $(Action::$action => About::$about,)*
                };
                matches!(about, About::Patients)
            }
        }
    };
}

// Name, who may ask at all, whose data it is about.
actions! {
    /// Read the API description.
    ApiDescribe "api.describe" Anyone Nobody;
    /// Turn an invitation into an account.
    InvitationAccept "invitation.accept" Anyone Nobody;
    /// Sign in.
    SessionCreate "session.create" Anyone Nobody;
    /// See the own session.
    SessionRead "session.read" Staff Nobody;
    /// Sign out.
    SessionEnd "session.end" Staff Nobody;
    /// See the own account.
    MeRead "me.read" Staff Nobody;
    /// Prove a second factor in the own session.
    SessionProve "session.prove" Staff Nobody;
    /// See which factors the own account has.
    FactorList "factor.list" Staff Nobody;
    /// Begin to enrol time-based codes.
    TotpEnrol "totp.enrol" Staff Nobody;
    /// Finish it with the first code.
    TotpConfirm "totp.confirm" Staff Nobody;
    /// Replace the own recovery codes.
    RecoveryRenew "recovery.renew" Staff Nobody;
    /// Begin to add a passkey.
    PasskeyBegin "passkey.begin" Staff Nobody;
    /// Add a passkey.
    PasskeyAdd "passkey.add" Staff Nobody;
    /// Remove one of the own passkeys.
    PasskeyRemove "passkey.remove" Staff Nobody;
    /// Begin to prove a passkey in the own session.
    PasskeyChallenge "passkey.challenge" Staff Nobody;
    /// See the own sessions.
    SessionList "session.list" Staff Nobody;
    /// End one of the own sessions.
    SessionRevoke "session.revoke" Staff Nobody;
    /// Change the own password.
    PasswordChange "password.change" Staff Nobody;
    /// Ask for a code by mail to sign in with another address.
    EmailAsk "email.ask" Staff Nobody;
    /// Sign in with that address from now on.
    EmailChange "email.change" Staff Nobody;
    /// See the own telephone.
    PhoneRead "phone.read" Staff Nobody;
    /// Ask for a code by SMS to be told at a telephone.
    PhoneAsk "phone.ask" Staff Nobody;
    /// Be told there from now on.
    PhoneSet "phone.set" Staff Nobody;
    /// Be told at no telephone any more.
    PhoneRemove "phone.remove" Staff Nobody;
    /// End a staff member's sessions.
    StaffEndSessions "staff.end_sessions" Staff Nobody;
    /// See how long sessions live.
    SessionPolicyRead "session_policy.read" Staff Nobody;
    /// Shorten how long sessions live.
    SessionPolicyChange "session_policy.change" Staff Nobody;
    /// See how the clinic keeps documents.
    DocumentPolicyRead "document_policy.read" Staff Nobody;
    /// Choose how the clinic keeps large imaging.
    DocumentPolicyChange "document_policy.change" Staff Nobody;
    /// Begin to sign in with a passkey.
    SessionChallenge "session.challenge" Anyone Nobody;
    /// Sign in with a passkey.
    SessionCreatePasskey "session.create_passkey" Anyone Nobody;
    /// Ask for a code by mail to sign in with.
    SessionCode "session.code" Anyone Nobody;
    /// Sign in with such a code.
    SessionCreateCode "session.create_code" Anyone Nobody;
    /// Ask for a mail to set a new password.
    RecoveryAsk "recovery.ask" Anyone Nobody;
    /// Set a new password with the token of that mail.
    RecoveryComplete "recovery.complete" Anyone Nobody;
    /// Take the factors of a colleague who lost them, so that they enrol new ones.
    FactorReset "factor.reset" Staff Nobody;
    /// List the clinic's programs.
    OauthClientList "oauth_client.list" Staff Nobody;
    /// Register a program.
    OauthClientRegister "oauth_client.register" Staff Nobody;
    /// Read one program.
    OauthClientRead "oauth_client.read" Staff Nobody;
    /// Change what a program is called, what it may do and at which sites.
    OauthClientChange "oauth_client.change" Staff Nobody;
    /// Replace a program's public keys.
    OauthClientKeys "oauth_client.keys" Staff Nobody;
    /// Disable a program.
    OauthClientDisable "oauth_client.disable" Staff Nobody;
    /// Have an access token.
    OauthToken "oauth.token" Anyone Nobody;
    /// Let an application act in the own name.
    OauthAuthorize "oauth.authorize" Staff Nobody;
    /// List the clinic's staff.
    StaffList "staff.list" Staff Nobody;
    /// List the colleagues who treat, to put one of them into a care team.
    ColleagueList "colleague.list" Staff Nobody;
    /// Invite a staff member.
    StaffInvite "staff.invite" Staff Nobody;
    /// Open a staff member's account again after too many wrong passwords.
    StaffUnlock "staff.unlock" Staff Nobody;
    /// Give a staff member another role.
    StaffRole "staff.role" Staff Nobody;
    /// Close a staff member's account.
    StaffDeactivate "staff.deactivate" Staff Nobody;
    /// Open a closed account again.
    StaffReactivate "staff.reactivate" Staff Nobody;
    /// List where the clinic works.
    SiteList "site.list" Staff Nobody;
    /// Add a site.
    SiteCreate "site.create" Staff Nobody;
    /// Give a site another name.
    SiteRename "site.rename" Staff Nobody;
    /// Close a site: it takes nobody new.
    SiteClose "site.close" Staff Nobody;
    /// Open a closed site again.
    SiteReopen "site.reopen" Staff Nobody;
    /// Say at which sites a staff member works.
    StaffSites "staff.sites" Staff Nobody;
    /// Register a patient.
    PatientCreate "patient.create" Staff Patients;
    /// Page through patients.
    PatientList "patient.list" Staff Patients;
    /// Read one patient.
    PatientRead "patient.read" Staff Patients;
    /// Correct one patient.
    PatientUpdate "patient.update" Staff Patients;
    /// Search patients.
    PatientSearch "patient.search" Staff Patients;
    /// Look whether somebody who is about to be registered is there already.
    PatientMatch "patient.match" Staff Patients;
    /// Reach for a patient in an emergency.
    BreakGlassStart "break_glass.start" Staff Patients;
    /// End the own emergency access.
    BreakGlassEnd "break_glass.end" Staff Patients;
    /// See emergencies that wait for their review.
    BreakGlassList "break_glass.list" Staff Patients;
    /// Review somebody else's emergency access.
    BreakGlassReview "break_glass.review" Staff Patients;
    /// Correct how a patient is reached.
    PatientContact "patient.contact" Staff Patients;
    /// See whether a patient can sign in.
    PatientAccessRead "patient.access_read" Staff Patients;
    /// Let a patient sign in and see the own record.
    PatientAccessOpen "patient.access_open" Staff Patients;
    /// End that.
    PatientAccessClose "patient.access_close" Staff Patients;
    /// Let somebody stand in for a patient.
    ProxyRecord "proxy.record" Staff Patients;
    /// See who stands in for a patient.
    ProxyList "proxy.list" Staff Patients;
    /// End that somebody stands in for a patient.
    ProxyEnd "proxy.end" Staff Patients;
    /// Say at which sites a patient is registered.
    PatientSites "patient.sites" Staff Patients;
    /// See at which sites a patient is registered.
    PatientSitesRead "patient.sites_read" Staff Patients;
    /// See who treats a patient.
    CareTeamRead "care_team.read" Staff Patients;
    /// Add somebody to a care team.
    CareTeamJoin "care_team.join" Staff Patients;
    /// End a membership of a care team.
    CareTeamLeave "care_team.leave" Staff Patients;
    /// Announce a document of a patient.
    DocumentCreate "document.create" Staff Patients;
    /// List a patient's documents.
    DocumentList "document.list" Staff Patients;
    /// Read what is said about a document.
    DocumentRead "document.read" Staff Patients;
    /// Correct a document's words.
    DocumentUpdate "document.update" Staff Patients;
    /// Correct what a document is for and the day it bears.
    DocumentRefile "document.refile" Staff Patients;
    /// Take a document out of the record.
    DocumentDelete "document.delete" Staff Patients;
    /// Send a document's bytes.
    DocumentUpload "document.upload" Staff Patients;
    /// Send a part of a document's bytes.
    DocumentPart "document.part" Staff Patients;
    /// End the upload of a document.
    DocumentComplete "document.complete" Staff Patients;
    /// Read a document's bytes.
    DocumentDownload "document.download" Staff Patients;
    /// Make a link to a document's bytes.
    DocumentLink "document.link" Staff Patients;
    /// Use a link up.
    DocumentRedeem "document.redeem" Staff Patients;
    /// Ask for a patient to be erased.
    ErasureRequest "erasure.request" Staff Patients;
    /// Read what became of it.
    ErasureRead "erasure.read" Staff Patients;
    /// Agree to it, as a second person.
    ErasureApprove "erasure.approve" Staff Patients;
    /// Call it off.
    ErasureCancel "erasure.cancel" Staff Patients;
    /// List a patient's legal holds.
    LegalHoldList "legal_hold.list" Staff Patients;
    /// Place a legal hold.
    LegalHoldPlace "legal_hold.place" Staff Patients;
    /// Release it.
    LegalHoldRelease "legal_hold.release" Staff Patients;
    /// Search the clinic's audit log.
    AuditSearch "audit.search" Staff Patients;
    /// Have a receipt of an audit event.
    AuditReceipt "audit.receipt" Staff Nobody;
    /// See how far the log is sealed.
    AuditState "audit.state" Staff Nobody;
    /// See which versions the clinic's keys have.
    KeysRead "keys.read" Staff Nobody;
    /// See, in plain words, who used a patient's record.
    AccessReport "audit.access_report" Staff Patients;
    /// Write down that a patient's data were given to somebody outside.
    DisclosureRecord "disclosure.record" Staff Patients;
    /// See to whom a patient's data were given.
    DisclosureList "disclosure.list" Staff Patients;
    /// Ask the clinic to correct the record.
    CorrectionAsk "correction.ask" Staff Patients;
    /// See what was asked for, and what the clinic answered.
    CorrectionList "correction.list" Staff Patients;
    /// See which requests wait for an answer.
    CorrectionWaiting "correction.waiting" Staff Patients;
    /// Answer it.
    CorrectionAnswer "correction.answer" Staff Patients;
    /// See what waits for oneself.
    WorklistRead "worklist.read" Staff Patients;
    /// See of which months there are packs of the audit log.
    PackList "audit_pack.list" Staff Patients;
    /// Have a file of a pack.
    PackDownload "audit_pack.download" Staff Patients;
    /// See what the platform's support asked for, and looked at.
    SupportList "support.list" Staff Nobody;
    /// Let the platform's support see the clinic's operational state for a time.
    SupportApprove "support.approve" Staff Nobody;
    /// Refuse it.
    SupportRefuse "support.refuse" Staff Nobody;
    /// End it before its time.
    SupportEnd "support.end" Staff Nobody;
}
