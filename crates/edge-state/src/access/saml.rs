//! SAML 2.0: what applications of other companies are told, and by which keys.
//!
//! Part of other records: [`SamlApplication`] of `app:{id}`, [`SamlConfig`] of `idp:{id}`. A record
//! of its own: [`SamlKeyRecord`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::is_false;
use crate::seal::{KeyRing, OpenError, Sealed};
use crate::{Hostname, Key, Record};

/// What an application is told, and where: we are its identity provider.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SamlApplication {
    /// Our entity ID for this application.
    pub entity_id: String,
    /// The application.
    pub service_provider: ServiceProvider,
    /// What the subject is called.
    #[serde(default, skip_serializing_if = "NameIdSettings::is_default")]
    pub name_id: NameIdSettings,
    /// `custom_attributes`, beside `id`, `name`, `email` and `groups`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeSettings>,
    /// `saml_attribute_transform_jsonata`: makes all attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_transform: Option<String>,
    /// `group_filter_regex`: only groups that it matches are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_filter: Option<String>,
    /// `default_relay_state`: goes along where nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_relay_state: Option<String>,
    /// What is signed.
    #[serde(default, skip_serializing_if = "Signed::is_default")]
    pub signed: Signed,
    /// What is encrypted.
    #[serde(default, skip_serializing_if = "Encrypted::is_default")]
    pub encrypted: Encrypted,
}

/// A service provider (SAML metadata §2.4.4).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServiceProvider {
    /// Its entity ID: the audience.
    pub entity_id: String,
    /// Where responses may go, and nowhere else.
    pub assertion_consumer_services: Vec<Endpoint>,
    /// Where logout messages go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub single_logout_services: Vec<Endpoint>,
    /// Certificates whose keys may sign its messages: base64 of DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signing_certificates: Vec<String>,
    /// Certificates to encrypt to: base64 of DER.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encryption_certificates: Vec<String>,
    /// What it can decrypt, by `EncryptionMethod`; none said: AES-256-GCM and RSA-OAEP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encryption_methods: Vec<String>,
    /// Whether a request that is not signed is refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub require_signed_requests: bool,
    /// Whether its signatures may rest on SHA-1.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_sha1: bool,
}

/// Where messages go (SAML metadata §2.2.2, §2.2.3).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Endpoint {
    /// `urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST` or `…:HTTP-Redirect`.
    pub binding: String,
    /// Absolute URL.
    pub location: String,
    /// Where answers go, if elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_location: Option<String>,
    /// The number by which requests name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u16>,
    /// `isDefault`, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
}

/// What the subject is called.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct NameIdSettings {
    /// `name_id_format`. Absent: what the request asks for, else the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<NameIdFormat>,
    /// The attribute that names the subject, in place of id or address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<AttributeSource>,
    /// `name_id_transform_jsonata`: makes the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
}

/// `name_id_format` of the contract.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NameIdFormat {
    /// The user's id in the organisation: `persistent`.
    Id,
    /// The address: `emailAddress`.
    Email,
}

/// One of `custom_attributes`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AttributeSettings {
    /// `Name`
    pub name: String,
    /// `FriendlyName`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    /// `NameFormat`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_format: Option<String>,
    /// Without a value nobody gets in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Where its values come from.
    pub source: AttributeSource,
}

/// Which claim or attribute of an identity is meant.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AttributeSource {
    /// Its name.
    pub name: String,
    /// Its name at single providers, by their ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub name_by_idp: BTreeMap<String, String>,
}

/// What is signed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signed {
    /// Response and assertion.
    #[default]
    Both,
    /// The assertion alone.
    Assertion,
    /// The response alone.
    Response,
}

/// What is encrypted to the service provider.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encrypted {
    /// Nothing.
    #[default]
    Nothing,
    /// The assertion.
    Assertion,
    /// The subject's name alone.
    NameId,
}

/// A SAML identity provider of a customer: we are its service provider. Names are the contract's.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the contract")]
pub struct SamlConfig {
    /// Certificates whose keys may sign: PEM, or base64 of DER.
    pub idp_public_certs: Vec<String>,
    /// Its entity ID.
    pub issuer_url: String,
    /// Where requests go.
    pub sso_target_url: String,
    /// Every single sign-on service, where its metadata says; else `sso_target_url` by Redirect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub single_sign_on_services: Vec<Endpoint>,
    /// Where logout messages go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub single_logout_services: Vec<Endpoint>,
    /// Attributes that become claims of the identity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// Which attribute is the address; absent: the usual ones, and the `NameID` if that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_attribute_name: Option<String>,
    /// Which attribute is the subject, where the `NameID` is missing or changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_attribute_name: Option<String>,
    /// Which attribute lists the groups; absent: the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_attribute_name: Option<String>,
    /// Attributes that origins get as headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header_attributes: Vec<HeaderAttribute>,
    /// The `NameIDPolicy` format that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_id_format: Option<String>,
    /// Whether requests are signed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sign_request: bool,
    /// Whether the provider is to ask every time.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force_authn: bool,
    /// Whether plain assertions are refused.
    #[serde(default, skip_serializing_if = "is_false")]
    pub enable_encryption: bool,
    /// Whether the whole response must be signed, beside the assertion.
    #[serde(default, skip_serializing_if = "is_false")]
    pub require_signed_response: bool,
    /// Whether a signature of the response serves for an assertion that has none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_unsigned_assertion: bool,
    /// Whether responses that nobody asked for are taken.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_unsolicited: bool,
    /// Whether signatures may rest on SHA-1.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_sha1: bool,
    /// Whether it may encrypt in CBC mode.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allow_cbc: bool,
    /// A longer address of a request is not gone to: it is posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sso_url_length: Option<u32>,
}

/// One of `header_attributes`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct HeaderAttribute {
    /// `Name` of the attribute.
    pub attribute_name: String,
    /// Of the header.
    pub header_name: String,
}

/// The keys of an application (we are its identity provider) or of a provider (we are its service
/// provider): `saml_keys:{id}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SamlKeyRecord {
    /// UUID of the application or the identity provider.
    pub id: String,
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// Of each use the current one first. It signs, all stand in metadata, and all decrypt.
    pub keys: Vec<SamlKey>,
}

/// One RSA key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SamlKey {
    /// 64 hexadecimal digits: SHA-256 of the public key's `SubjectPublicKeyInfo`.
    pub kid: String,
    /// What it is for.
    pub r#use: KeyUse,
    /// A self-signed certificate of the key: base64 of DER.
    pub certificate: String,
    /// PKCS#8 DER, sealed with [`sealing_context`]. Absent: it stands in metadata alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_key: Option<Sealed>,
}

/// `use` of a `KeyDescriptor` (SAML metadata §2.4.1.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// `signing`
    Signing,
    /// `encryption`: others encrypt to it.
    Encryption,
}

impl NameIdSettings {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
impl Signed {
    fn is_default(&self) -> bool {
        *self == Self::Both
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
impl Encrypted {
    fn is_default(&self) -> bool {
        *self == Self::Nothing
    }
}

impl SamlKeyRecord {
    /// The key that signs.
    #[must_use]
    pub fn signing(&self) -> Option<&SamlKey> {
        self.of(KeyUse::Signing).find(|key| key.private_key.is_some())
    }

    /// All keys of one use.
    pub fn of(&self, r#use: KeyUse) -> impl Iterator<Item = &SamlKey> {
        self.keys.iter().filter(move |key| key.r#use == r#use)
    }

    /// The private key of this id for this use, PKCS#8 DER. `None`: it is not here.
    ///
    /// # Errors
    /// See [`OpenError`].
    #[must_use]
    pub fn private_key(
        &self,
        kid: &str,
        r#use: KeyUse,
        keys: &KeyRing,
    ) -> Option<Result<Zeroizing<Vec<u8>>, OpenError>> {
        let key = self.of(r#use).find(|key| key.kid == kid)?;
        let sealed = key.private_key.as_ref()?;
        Some(keys.open(sealed, &sealing_context(&self.id, kid)))
    }
}

/// Binds a sealed key to its place.
#[must_use]
pub fn sealing_context(id: &str, kid: &str) -> String {
    format!("saml_keys:{id}:{kid}")
}

impl Record for SamlKeyRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::SamlKeys(self.id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{SealEntropy, SealingKey};

    #[test]
    fn a_key_opens_under_its_own_id_and_for_its_own_use_alone() {
        let ring = KeyRing::new(SealingKey::new("k", [1; 32]).unwrap(), []);
        let sealed = |owner: &str, kid: &str| {
            Some(ring.seal(b"der", &sealing_context(owner, kid), SealEntropy([0; 56])))
        };
        let key = |kid: &str, r#use, private_key| SamlKey {
            kid: kid.into(),
            r#use,
            certificate: String::new(),
            private_key,
        };
        let record = SamlKeyRecord {
            id: "app".into(),
            auth_domain: Hostname::parse("team.example.com").unwrap(),
            keys: vec![
                key("next", KeyUse::Signing, None),
                key("signs", KeyUse::Signing, sealed("app", "signs")),
                key("opens", KeyUse::Encryption, sealed("app", "opens")),
                key("moved", KeyUse::Encryption, sealed("other", "moved")),
            ],
        };
        let open = |kid, r#use| record.private_key(kid, r#use, &ring);
        assert_eq!(record.signing().unwrap().kid, "signs");
        assert_eq!(open("signs", KeyUse::Signing).unwrap().unwrap().as_slice(), b"der");
        assert_eq!(open("opens", KeyUse::Encryption).unwrap().unwrap().as_slice(), b"der");
        assert!(open("signs", KeyUse::Encryption).is_none());
        assert!(open("next", KeyUse::Signing).is_none());
        assert_eq!(open("moved", KeyUse::Encryption), Some(Err(OpenError::Broken)));
    }
}
