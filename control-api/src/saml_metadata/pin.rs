//! By whom metadata must be signed. Where an operator names certificates, by their keys. Else the
//! first version decides: if it was signed, its key is pinned, and no later version goes without;
//! if it was not, TLS and the entity ID are what there is. Where an entity signs with a key that it
//! also signs messages with, a verified version names its successors: that is how such keys roll.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::certificate::Certificate;
use saml::key::PublicKey;
use saml::metadata::{Entity, Metadata, MetadataError};
use saml::native::Native;
use saml::signature::Trust;
use saml::xml::{Document, Limits, ns};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{MOST_KEYS, Problem, Role};
use crate::signing_key::hex;

/// The keys that versions must be signed by.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pins {
    /// Whether an operator named them.
    #[serde(default)]
    pub given: bool,
    /// `SubjectPublicKeyInfo`, base64. None: nothing was signed yet.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// What is expected of a version.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Of whom it is to speak.
    pub role: Role,
    /// Of which of them.
    pub entity_id: Option<&'a str>,
    /// By whom it is to be signed.
    pub pins: &'a Pins,
    /// Whether the signature may rest on SHA-1.
    pub allow_sha1: bool,
    /// The time.
    pub now: SystemTime,
}

/// A version that is believed.
#[derive(Clone, Debug)]
pub struct Version {
    /// The peer.
    pub entity: Entity,
    /// After how long it is to be fetched again, as it says.
    pub cache_duration: Option<Duration>,
    /// For the version after it.
    pub pins: Pins,
}

impl Pins {
    /// As an operator named them: certificates in any form.
    ///
    /// # Errors
    /// One is none, or there are too many.
    pub fn given(certificates: &[String]) -> Result<Self, Problem> {
        let mut keys = Vec::new();
        for (index, pasted) in certificates.iter().enumerate() {
            let found = saml::pasted::read_keys(pasted.as_bytes());
            let found = found
                .map_err(|error| Problem::Certificate { index, problem: error.to_string() })?;
            keys.extend(found.iter().map(|key| STANDARD.encode(key.public_key().spki())));
        }
        if keys.len() > MOST_KEYS {
            return Err(Problem::TooManyGiven);
        }
        Ok(Self { given: !keys.is_empty(), keys })
    }

    /// As stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// As stored. What cannot be read trusts nobody.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        // A key that is none: an empty set would let anything in.
        let broken = || Self { given: true, keys: vec![String::new()] };
        serde_json::from_str(text).unwrap_or_else(|_| broken())
    }

    /// SHA-256 of each key's `SubjectPublicKeyInfo`, hexadecimal.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        let spki = self.keys.iter().filter_map(|key| STANDARD.decode(key).ok());
        spki.map(|spki| hex(&Sha256::digest(spki))).collect()
    }

    fn found(keys: &[PublicKey]) -> Self {
        let mut texts: Vec<_> = keys.iter().map(|key| STANDARD.encode(key.spki())).collect();
        texts.dedup();
        Self { given: false, keys: texts }
    }

    fn keys(&self) -> Vec<PublicKey> {
        let spki = self.keys.iter().filter_map(|key| STANDARD.decode(key).ok());
        spki.filter_map(|spki| PublicKey::from_spki(&spki).ok()).collect()
    }
}

impl Expected<'_> {
    /// Reads a document, and believes it or not.
    ///
    /// # Errors
    /// See [`Problem`].
    pub async fn judge(&self, xml: &[u8]) -> Result<Version, Problem> {
        let document = Document::parse(xml, &Limits::METADATA);
        let document = document.map_err(|error| Problem::Unreadable(error.into()))?;
        if !self.pins.keys.is_empty() {
            let keys = self.pins.keys();
            let metadata = self.verified(&document, &keys).await?;
            let (entity, cache_duration) = self.choose(metadata)?;
            let own = keys_of(self.role.signing(&entity));
            let signing: Vec<_> = keys.into_iter().filter(|key| own.contains(key)).collect();
            let rolls = !self.pins.given
                && !signing.is_empty()
                && self.verified(&document, &signing).await.is_ok();
            let pins = if rolls { Pins::found(&own) } else { self.pins.clone() };
            return Ok(Version { entity, cache_duration, pins });
        }
        let signature = document.root().elements().find(|child| child.is(ns::DS, "Signature"));
        let metadata = Metadata::read(&document).map_err(Problem::Unreadable)?;
        let (entity, cache_duration) = self.choose(metadata)?;
        let Some(signature) = signature else {
            return Ok(Version { entity, cache_duration, pins: Pins::default() });
        };
        // Whoever vouches for the first version vouches for whom it names as its signer.
        let own = keys_of(self.role.signing(&entity));
        let named = signature.descendants().filter(|child| child.is(ns::DS, "X509Certificate"));
        let named = named.filter_map(|element| {
            let text: String = element.text().ok()?.split_ascii_whitespace().collect();
            Certificate::from_der(&STANDARD.decode(text).ok()?).ok()
        });
        let named: Vec<_> = named.map(|certificate| certificate.public_key().clone()).collect();
        let candidates: Vec<_> =
            named.into_iter().take(MOST_NAMED).chain(own.iter().take(MOST_OWN).cloned()).collect();
        let metadata = match self.verified(&document, &candidates).await {
            Ok(metadata) => metadata,
            Err(Problem::Signature(error)) => return Err(Problem::UnknownSigner(error)),
            Err(problem) => return Err(problem),
        };
        let (entity, cache_duration) = self.choose(metadata)?;
        let mut pins = Pins::found(&candidates);
        for key in candidates {
            if self.verified(&document, std::slice::from_ref(&key)).await.is_ok() {
                pins =
                    Pins::found(if own.contains(&key) { &own } else { std::slice::from_ref(&key) });
                break;
            }
        }
        Ok(Version { entity, cache_duration, pins })
    }

    async fn verified(&self, document: &Document, keys: &[PublicKey]) -> Result<Metadata, Problem> {
        let trust = Trust { keys, sha1: self.allow_sha1 };
        match Metadata::verify(document, trust, &Native).await {
            Ok(metadata) => Ok(metadata.into_inner()),
            Err(MetadataError::Signature(error)) => Err(Problem::Signature(error)),
            Err(error) => Err(Problem::Unreadable(error)),
        }
    }

    fn choose(&self, metadata: Metadata) -> Result<(Entity, Option<Duration>), Problem> {
        let cache_duration = metadata.cache_duration;
        let entity = self.role.choose(metadata, self.entity_id)?;
        entity.check_validity(self.now).map_err(Problem::Unreadable)?;
        Ok((entity, cache_duration))
    }
}

/// As many of the keys that a signature names are tried.
const MOST_NAMED: usize = 4;
/// As many of the entity's own are tried.
const MOST_OWN: usize = 12;

fn keys_of(certificates: &[Certificate]) -> Vec<PublicKey> {
    certificates.iter().map(|certificate| certificate.public_key().clone()).collect()
}
