//! What a SAML application is told about somebody: a name, attributes, and how they signed in.
//! Pure: neither clock nor need, so that the tester shows what the edge will issue.
//!
//! - `name_id.rs`: the subject's name
//! - `attributes.rs`: what else is said
//! - `authn_context.rs`: how they signed in, in SAML's words
//! - `source.rs`: names of claims, looked up in an identity
//! - `transform.rs`: JSONata in place of all that
//! - `limit.rs`: how much is said at most, and of which characters

mod attributes;
mod authn_context;
mod limit;
mod name_id;
mod source;
mod transform;

use edge_state::access::Identity;
use edge_state::access::saml::SamlApplication;
use saml::assertion::Attribute;
use saml::authn_request::RequestedAuthnContext;
use saml::name_id::NameId;
use saml::response::Status;

pub use attributes::check_group_filter;
pub use authn_context::STRENGTH;
pub use transform::{check_attribute_transform, check_name_id_transform, transform_input};

/// Who is to be told about whom, and what was asked for.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The application's settings.
    pub saml: &'a SamlApplication,
    /// The person.
    pub identity: &'a Identity,
    /// `NameIDPolicy/@Format` of the request.
    pub requested_format: Option<&'a str>,
    /// `RequestedAuthnContext` of the request.
    pub requested_context: Option<&'a RequestedAuthnContext>,
    /// A random name, for whom no other is asked for: at least 128 bits.
    pub transient: String,
}

/// What is said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statement {
    /// The subject's name.
    pub name_id: NameId,
    /// In the order of the message; every one has a value.
    pub attributes: Vec<Attribute>,
    /// `AuthnContextClassRef`
    pub authn_context: String,
    /// Where all of that comes from and what was left out, for administrators.
    pub notes: Vec<Note>,
}

/// A sentence about one part of a [`Statement`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    /// What it is about.
    pub about: About,
    /// For people.
    pub text: String,
}

/// A part of a [`Statement`].
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum About {
    /// The name.
    NameId,
    /// The attribute of this name, sent or left out.
    Attribute(String),
    /// How they signed in.
    AuthnContext,
}

/// Why somebody is not told about. `Display` is for the log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StatementError {
    /// A format that this application does not get.
    #[error("NameID: the application asks for the format {asked}, and is set up to get {given}")]
    NameIdFormat {
        /// In the request.
        asked: String,
        /// What it would get, in words.
        given: String,
    },
    /// The provider said nothing under the name that is to be the `NameID`.
    #[error("NameID: {0}")]
    NoName(String),
    /// An address that belongs to somebody else of the organisation.
    #[error(
        "NameID: it would be the address of another person of the organisation, and no provider \
         is stated to speak for its domain (email_domains)"
    )]
    EmailIsAnothers,
    /// A required attribute has no value.
    #[error("attribute {name}: required, but {reason}")]
    Missing {
        /// `Name`
        name: String,
        /// In words.
        reason: String,
    },
    /// `group_filter_regex` cannot be used.
    #[error("group_filter_regex: {0}")]
    GroupFilter(String),
    /// An expression that does not make what it should.
    #[error("{field}: {what}")]
    Transform {
        /// Of the contract.
        field: &'static str,
        /// In words; `$error` and `$assert` choose their own.
        what: String,
    },
    /// More than a service provider would read.
    #[error("{about}: {limit}")]
    TooMuch {
        /// Of what.
        about: About,
        /// Which bound.
        limit: String,
    },
    /// A value that XML cannot hold.
    #[error("{about}: the value holds U+{:04X}, which XML cannot express", u32::from(*.character))]
    Character {
        /// Of what.
        about: About,
        /// The first one.
        character: char,
    },
    /// The person signed in in another way than the application wants.
    #[error("RequestedAuthnContext: asked for {asked}; what is known of the sign-in: {held}")]
    AuthnContext {
        /// Comparison and classes.
        asked: String,
        /// Classes.
        held: String,
    },
}

impl StatementError {
    /// The status that the service provider gets in place of an assertion. `None`: the person gets
    /// a page, and the service provider nothing.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::NameIdFormat { .. } => {
                Some(Status::failure(Status::REQUESTER, Status::INVALID_NAME_ID_POLICY))
            }
            Self::AuthnContext { .. } => {
                Some(Status::failure(Status::RESPONDER, Status::NO_AUTHN_CONTEXT))
            }
            _ => None,
        }
    }

    /// One sentence for the person who wanted to sign in: it names no value of theirs or others'.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::NameIdFormat { .. } => "The application asks for another kind of user name than \
                it is set up to get. Tell your administrator."
                .to_owned(),
            Self::NoName(_) => "Your identity provider does not say what you are called in this \
                application. Tell your administrator."
                .to_owned(),
            Self::EmailIsAnothers => "Your e-mail address belongs to another account of this \
                organization. Sign in with the provider that you used first, or tell your \
                administrator."
                .to_owned(),
            Self::Missing { name, .. } => format!(
                "The application must be told your {name}, and your identity provider does not \
                 say it. Tell your administrator."
            ),
            Self::GroupFilter(_) | Self::Transform { .. } => {
                "The application is not set up correctly. Tell your \
                administrator."
                    .to_owned()
            }
            Self::TooMuch { .. } | Self::Character { .. } => "What your identity provider says \
                about you cannot be passed on to this application. Tell your administrator."
                .to_owned(),
            Self::AuthnContext { .. } => "The application wants you to sign in in another way, \
                with a second factor for example."
                .to_owned(),
        }
    }
}

impl std::fmt::Display for About {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NameId => f.write_str("NameID"),
            Self::Attribute(name) => write!(f, "attribute {name}"),
            Self::AuthnContext => f.write_str("AuthnContextClassRef"),
        }
    }
}

/// What an application is told.
///
/// # Errors
/// The first thing that forbids it: see [`StatementError`].
pub fn statement(asked: &Asked<'_>) -> Result<Statement, StatementError> {
    let mut notes = Notes::default();
    let name_id = name_id::of(asked, &mut notes)?;
    let attributes = attributes::of(asked, &mut notes)?;
    let authn_context = authn_context::class(asked.identity, asked.requested_context, &mut notes)?;
    limit::check(&name_id, &attributes)?;
    Ok(Statement { name_id, attributes, authn_context, notes: notes.0 })
}

/// The notes so far.
#[derive(Default)]
struct Notes(Vec<Note>);

impl Notes {
    fn add(&mut self, about: About, text: impl Into<String>) {
        self.0.push(Note { about, text: text.into() });
    }
}

#[cfg(test)]
mod tests;
