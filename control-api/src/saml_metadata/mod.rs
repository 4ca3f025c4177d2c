//! Metadata of SAML peers: fetched from where customers say, judged before it is believed.
//!
//! - this file: which entity of a document is meant, and whether it can be worked with
//! - [`fetch`]: how a document is got
//! - [`pin`]: by whom it must be signed
//! - [`schedule`]: when it is got again

pub mod fetch;
pub mod pin;
pub mod schedule;

use saml::binding::{HTTP_POST, HTTP_REDIRECT};
use saml::certificate::Certificate;
use saml::metadata::{Entity, Metadata, MetadataError};
use saml::signature::SignatureError;

use crate::net::http::OutsideError;
use crate::store::access::saml_metadata::MetadataRow;

/// What is to be kept together with an object, got before the transaction that writes it.
#[derive(Debug, Default)]
pub struct Prepared {
    pub(crate) keep: Keep,
    pub(crate) entity: Option<Entity>,
}

#[derive(Debug, Default)]
pub(crate) enum Keep {
    /// No address.
    #[default]
    Nothing,
    /// It is known, and fetched again in time.
    Known { url: String, allow_sha1: bool },
    /// It was fetched just now.
    New(Box<MetadataRow>),
}

impl Prepared {
    /// The peer, where an address says who it is.
    #[must_use]
    pub fn entity(&self) -> Option<&Entity> {
        self.entity.as_ref()
    }
}

/// What a peer is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It says who somebody is.
    IdentityProvider,
    /// It hears who somebody is.
    ServiceProvider,
}

/// Why metadata is not taken. `Display` goes on after "the metadata …".
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It did not come.
    #[error("cannot be fetched: {0}")]
    Unreachable(String),
    /// The guard, or the answer's size.
    #[error("cannot be fetched: {0}")]
    Outside(#[from] OutsideError),
    /// It came with another status.
    #[error("cannot be fetched: the server answered {0}")]
    Status(u16),
    /// A redirect: whose address it is would be somebody else's choice.
    #[error("cannot be fetched: the server sends us on to {0:?}; give that address")]
    Redirect(String),
    /// A page for people.
    #[error("is a web page (text/html), not XML; the address may be that of a sign-in page")]
    Page,
    /// No metadata.
    #[error("cannot be read: {0}")]
    Unreadable(MetadataError),
    /// Whoever has this peer cannot do with it.
    #[error("is of no use here: {0}")]
    Useless(String),
    /// The signature that it must have.
    #[error("is refused: {0}")]
    Signature(SignatureError),
    /// The very first signature.
    #[error(
        "is signed, but by no key that it names itself ({0}); name the certificate, or upload the file"
    )]
    UnknownSigner(SignatureError),
    /// A certificate that was to be trusted.
    #[error("cannot be checked: certificate {index} is none: {problem}")]
    Certificate {
        /// From 0.
        index: usize,
        /// What is wrong.
        problem: String,
    },
    /// More certificates to be trusted than anybody needs.
    #[error("cannot be checked: more than {MOST_KEYS} certificates are given")]
    TooManyGiven,
    /// The entity that was asked for, or known before, is not in it.
    #[error("is of {found}, not of {wanted}")]
    OtherEntity {
        /// Pinned, or given.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// Nobody in it plays the role.
    #[error("describes no {0}")]
    NoRole(Role),
    /// Several do.
    #[error("describes {count} of them ({first}, ..); say which by its entity ID")]
    Several {
        /// How many.
        count: usize,
        /// One of them.
        first: String,
    },
    /// Nowhere to go.
    #[error("names no {0}")]
    NoEndpoint(&'static str),
    /// More than anybody needs, and than an edge should hold.
    #[error("names {count} certificates for {of}; at most {MOST_KEYS} are taken")]
    TooManyKeys {
        /// How many.
        count: usize,
        /// What they are for.
        of: &'static str,
    },
    /// Nothing to believe it by.
    #[error("holds no certificate for signatures that can be used{0}")]
    NoKey(String),
}

impl Problem {
    /// What to do, where a good version came before: goes on after `Display`.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Signature(_) => {
                "; if whoever signs it has changed, and you have made sure of that, POST \
                 {\"repin\": true} to saml_metadata/refresh"
            }
            Self::OtherEntity { .. } => {
                "; if it has a new name, unset the address and set it again"
            }
            _ => "",
        }
    }
}

impl Role {
    /// As stored.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IdentityProvider => "identity_provider",
            Self::ServiceProvider => "service_provider",
        }
    }

    /// As stored.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::IdentityProvider, Self::ServiceProvider].into_iter().find(|role| role.name() == name)
    }

    fn is_played_by(self, entity: &Entity) -> bool {
        match self {
            Self::IdentityProvider => entity.identity_provider.is_some(),
            Self::ServiceProvider => entity.service_provider.is_some(),
        }
    }

    /// The certificates that an entity signs with in this role.
    #[must_use]
    pub fn signing(self, entity: &Entity) -> &[Certificate] {
        match self {
            Self::IdentityProvider => {
                entity.identity_provider.as_ref().map_or(&[], |role| &role.signing)
            }
            Self::ServiceProvider => {
                entity.service_provider.as_ref().map_or(&[], |role| &role.signing)
            }
        }
    }

    /// The one entity of a document that is meant: by its ID where one is wanted, else the only one
    /// in this role.
    ///
    /// # Errors
    /// There is none, or it cannot be worked with.
    pub fn choose(self, metadata: Metadata, wanted: Option<&str>) -> Result<Entity, Problem> {
        let ids: Vec<_> = metadata.entities.iter().map(|e| e.entity_id.clone()).collect();
        let mut playing: Vec<_> =
            metadata.entities.into_iter().filter(|entity| self.is_played_by(entity)).collect();
        if let Some(wanted) = wanted {
            playing.retain(|entity| entity.entity_id == wanted);
            if playing.is_empty() && !ids.iter().any(|id| id == wanted) {
                let found = ids.first().cloned().unwrap_or_default();
                return Err(Problem::OtherEntity { wanted: wanted.to_owned(), found });
            }
        }
        let count = playing.len();
        let Some(entity) = playing.pop() else { return Err(Problem::NoRole(self)) };
        if count > 1 {
            return Err(Problem::Several { count, first: entity.entity_id });
        }
        self.check(&entity)?;
        Ok(entity)
    }

    /// Refuses more keys than an edge should hold of one peer.
    ///
    /// # Errors
    /// [`Problem::TooManyKeys`]
    pub fn check_keys(self, entity: &Entity) -> Result<(), Problem> {
        // Nobody encrypts to an identity provider: such keys of it are not kept.
        let encryption = match (self, &entity.service_provider) {
            (Self::ServiceProvider, Some(role)) => role.encryption.len(),
            _ => 0,
        };
        for (count, of) in [(self.signing(entity).len(), "signatures"), (encryption, "encryption")]
        {
            if count > MOST_KEYS {
                return Err(Problem::TooManyKeys { count, of });
            }
        }
        Ok(())
    }

    fn check(self, entity: &Entity) -> Result<(), Problem> {
        self.check_keys(entity)?;
        if let (Self::IdentityProvider, Some(role)) = (self, &entity.identity_provider) {
            let usable = |binding: &str| binding == HTTP_REDIRECT || binding == HTTP_POST;
            if !role.single_sign_on_services.iter().any(|service| usable(&service.binding)) {
                return Err(Problem::NoEndpoint(
                    "single sign-on service for HTTP-Redirect or HTTP-POST",
                ));
            }
            if role.signing.is_empty() {
                let why = role.unusable_keys.first().map(|error| format!(": {error}"));
                return Err(Problem::NoKey(why.unwrap_or_default()));
            }
        }
        if let (Self::ServiceProvider, Some(role)) = (self, &entity.service_provider)
            && role.default_consumer_service().is_none()
        {
            return Err(Problem::NoEndpoint("assertion consumer service for HTTP-POST"));
        }
        Ok(())
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IdentityProvider => "identity provider",
            Self::ServiceProvider => "service provider",
        })
    }
}

/// Of one peer.
pub(crate) const MOST_KEYS: usize = 32;
