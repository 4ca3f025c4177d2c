//! Assertions (SAML core §2): who somebody is, by whose word, for whom and until when.
//!
//! - `read.rs`: out of a tree
//! - `write.rs`: as canonical XML

mod read;
mod write;

use std::time::SystemTime;

use crate::name_id::NameId;

/// Confirmation by whoever bears the assertion, the only method of web single sign-on.
pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Formats of attribute names (SAML core §8.2).
pub mod name_format {
    /// Nobody says what it is.
    pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified";
    /// A plain word.
    pub const BASIC: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic";
    /// A URI, as in X.500 and LDAP profiles.
    pub const URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
}

/// Classes of authentication (SAML authentication context §3.4).
pub mod authn_context {
    /// Nobody says how.
    pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified";
    /// A password, over a protected connection.
    pub const PASSWORD_PROTECTED_TRANSPORT: &str =
        "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    /// A password.
    pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";
    /// A certificate, presented to a TLS server.
    pub const TLS_CLIENT: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:TLSClient";
    /// A certificate.
    pub const X509: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509";
    /// A session that was there before.
    pub const PREVIOUS_SESSION: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PreviousSession";
    /// A device with a clock or counter.
    pub const TIME_SYNC_TOKEN: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken";
    /// A smart card.
    pub const SMARTCARD_PKI: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";
    /// Two factors, in the words of the REFEDS federations.
    pub const REFEDS_MFA: &str = "https://refeds.org/profile/mfa";
}

/// An assertion as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assertion {
    /// Good once.
    pub id: String,
    /// When it was made.
    pub issue_instant: SystemTime,
    /// By whose word.
    pub issuer: String,
    /// Whom it is about; an assertion may leave the name out.
    pub name_id: Option<NameId>,
    /// Who may present it.
    pub confirmations: Vec<SubjectConfirmation>,
    /// When and for whom it holds.
    pub conditions: Conditions,
    /// How the subject was authenticated.
    pub authn_statements: Vec<AuthnStatement>,
    /// What else is said of the subject, in the order of the message.
    pub attributes: Vec<Attribute>,
}

/// `SubjectConfirmation`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SubjectConfirmation {
    /// [`BEARER`], or a method that this library does not confirm by.
    pub method: String,
    /// From when; a bearer confirmation must not say.
    pub not_before: Option<SystemTime>,
    /// Until when.
    pub not_on_or_after: Option<SystemTime>,
    /// To which endpoint.
    pub recipient: Option<String>,
    /// In answer to which request.
    pub in_response_to: Option<String>,
}

/// `Conditions`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conditions {
    /// From when.
    pub not_before: Option<SystemTime>,
    /// Until when.
    pub not_on_or_after: Option<SystemTime>,
    /// For whom: one of each list.
    pub audiences: Vec<Vec<String>>,
    /// Not to be kept for later use.
    pub one_time_use: bool,
}

/// `AuthnStatement`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthnStatement {
    /// When the person authenticated.
    pub authn_instant: SystemTime,
    /// Names the session at the identity provider, for logging out.
    pub session_index: Option<String>,
    /// When the session ends.
    pub session_not_on_or_after: Option<SystemTime>,
    /// How: one of [`authn_context`], or a URI of the parties' own.
    pub class: Option<String>,
}

/// `Attribute`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Attribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`: one of [`name_format`], or a URI of the parties' own.
    pub name_format: Option<String>,
    /// `FriendlyName`.
    pub friendly_name: Option<String>,
    /// Texts. An empty one is an empty text, a nil value is left out, and of a `NameID` in a value
    /// its text is taken.
    pub values: Vec<String>,
}

pub(crate) use read::Read;
pub(crate) use write::{Issued, Subject};
