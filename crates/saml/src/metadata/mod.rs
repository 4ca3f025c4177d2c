//! Metadata (SAML metadata §2): who a peer is, where its endpoints are and which keys are its own.
//!
//! - `read.rs`: whatever is out there, as far as single sign-on goes
//! - `write.rs`: our own, in the order of the schema
//! - `lint.rs`: what a service provider will refuse, and why

mod lint;
mod read;
mod write;

use std::time::{Duration, SystemTime};

use crate::certificate::{Certificate, CertificateError};
use crate::key::Verifier;
use crate::message::MessageError;
use crate::signature::{SignatureError, Trust, Verified, verify_enveloped};
use crate::xml::{Document, ShapeError, XmlError};

pub use lint::{Doubt, Fault, Finding, Plan};

/// One or more entities.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Metadata {
    /// No two of one entity ID.
    pub entities: Vec<Entity>,
    /// After how long whoever fetched it is to fetch it again.
    pub cache_duration: Option<Duration>,
}

/// `EntityDescriptor`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entity {
    /// `entityID`.
    pub entity_id: String,
    /// Until when this holds, for the entity and all around it.
    pub valid_until: Option<SystemTime>,
    /// A name for people.
    pub display_name: Option<String>,
    /// `IDPSSODescriptor`, where it is an identity provider.
    pub identity_provider: Option<IdentityProviderRole>,
    /// `SPSSODescriptor`, where it is a service provider.
    pub service_provider: Option<ServiceProviderRole>,
}

/// `IDPSSODescriptor`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct IdentityProviderRole {
    /// Certificates for signing: those without `use` are among them.
    pub signing: Vec<Certificate>,
    /// Certificates to encrypt to.
    pub encryption: Vec<Certificate>,
    /// Keys that are of no use, and why.
    pub unusable_keys: Vec<CertificateError>,
    /// Whether it takes signed requests only.
    pub want_authn_requests_signed: bool,
    /// Where requests go.
    pub single_sign_on_services: Vec<Endpoint>,
    /// Where logout messages go.
    pub single_logout_services: Vec<Endpoint>,
    /// Formats of names that it gives.
    pub name_id_formats: Vec<String>,
}

/// `SPSSODescriptor`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ServiceProviderRole {
    /// Certificates for signing: those without `use` are among them.
    pub signing: Vec<Certificate>,
    /// Certificates to encrypt to.
    pub encryption: Vec<Certificate>,
    /// What it can decrypt, by `EncryptionMethod`, in the order of preference.
    pub encryption_methods: Vec<String>,
    /// Keys that are of no use, and why.
    pub unusable_keys: Vec<CertificateError>,
    /// Whether it signs its requests.
    pub authn_requests_signed: bool,
    /// Whether it wants assertions signed.
    pub want_assertions_signed: bool,
    /// Where responses go.
    pub assertion_consumer_services: Vec<IndexedEndpoint>,
    /// Where logout messages go.
    pub single_logout_services: Vec<Endpoint>,
    /// Formats of names that it takes.
    pub name_id_formats: Vec<String>,
    /// Attributes that it asks for.
    pub requested_attributes: Vec<RequestedAttribute>,
}

/// An endpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// [`crate::binding::HTTP_POST`], [`crate::binding::HTTP_REDIRECT`] or another.
    pub binding: String,
    /// Where messages go.
    pub location: String,
    /// Where answers go, if somewhere else.
    pub response_location: Option<String>,
}

/// An endpoint that requests can name by number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexedEndpoint {
    /// [`crate::binding::HTTP_POST`] or another.
    pub binding: String,
    /// Where messages go.
    pub location: String,
    /// The number.
    pub index: u16,
    /// Whether it is the default, where that is said.
    pub is_default: Option<bool>,
}

/// `RequestedAttribute`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RequestedAttribute {
    /// `Name`.
    pub name: String,
    /// `NameFormat`.
    pub name_format: Option<String>,
    /// `FriendlyName`.
    pub friendly_name: Option<String>,
    /// Whether the service provider cannot do without.
    pub required: bool,
}

/// Why metadata is of no use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MetadataError {
    /// Not XML that is accepted.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Not what the schema says.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Another document.
    #[error("the document is {0}, not EntityDescriptor or EntitiesDescriptor")]
    NotMetadata(String),
    /// It holds no entity.
    #[error("there is no entity in it")]
    Empty,
    /// Two entities of one name.
    #[error("the entity {0} occurs twice")]
    Duplicate(String),
    /// An endpoint that is no place for messages.
    #[error("the endpoint {0:?} is no http or https address")]
    Location(String),
    /// Two endpoints of one number.
    #[error("two endpoints have the index {0}")]
    Index(u16),
    /// It has run out.
    #[error("the metadata of {entity} was valid until {until}")]
    Expired {
        /// Of which entity.
        entity: String,
        /// Until when.
        until: String,
    },
    /// Its signature does not count.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

impl From<MessageError> for MetadataError {
    fn from(error: MessageError) -> Self {
        match error {
            MessageError::Shape(error) => Self::Shape(error),
            MessageError::Other { found, .. } | MessageError::Version(found) => {
                Self::NotMetadata(found)
            }
        }
    }
}

impl Metadata {
    /// Reads a document whose origin the caller vouches for: an operator uploaded it, or it came
    /// over TLS from an address that an operator gave.
    pub fn read(document: &Document) -> Result<Self, MetadataError> {
        read::metadata(document.root())
    }

    /// Parses and reads, as [`Self::read`].
    pub fn parse(xml: &[u8]) -> Result<Self, MetadataError> {
        Self::read(&Document::parse(xml, &crate::xml::Limits::METADATA)?)
    }

    /// Reads a document that one of the trusted keys has signed.
    pub async fn verify(
        document: &Document,
        trust: Trust<'_>,
        verifier: &impl Verifier,
    ) -> Result<Verified<Self>, MetadataError> {
        verify_enveloped(document.root(), trust, verifier).await?.read(read::metadata)
    }

    /// The entity of this name.
    #[must_use]
    pub fn entity(&self, entity_id: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.entity_id == entity_id)
    }
}

impl Entity {
    /// Whether it still holds.
    pub fn check_validity(&self, now: SystemTime) -> Result<(), MetadataError> {
        match self.valid_until {
            Some(until) if until <= now => Err(MetadataError::Expired {
                entity: self.entity_id.clone(),
                until: crate::instant::format(until),
            }),
            _ => Ok(()),
        }
    }
}

impl ServiceProviderRole {
    /// The endpoint that answers go to where a request names none (SAML metadata §2.2.3): the one
    /// marked as default, else the first that is not marked as the contrary, else the first.
    #[must_use]
    pub fn default_consumer_service(&self) -> Option<&IndexedEndpoint> {
        let posts = || {
            let all = self.assertion_consumer_services.iter();
            all.filter(|endpoint| endpoint.binding == crate::binding::HTTP_POST)
        };
        posts()
            .find(|endpoint| endpoint.is_default == Some(true))
            .or_else(|| posts().find(|endpoint| endpoint.is_default.is_none()))
            .or_else(|| posts().next())
    }
}

/// Whether a message may go there: only these schemes, no blanks, nothing that HTML or a URL
/// parser reads in two ways.
pub(crate) fn is_location(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with(['/', '?', '#', ':'])
            && text.chars().all(|c| !c.is_control() && !c.is_whitespace())
            && !text.contains(['"', '\'', '<', '>', '\\', '`', '^', '{', '|', '}'])
            && !rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@')
    })
}
