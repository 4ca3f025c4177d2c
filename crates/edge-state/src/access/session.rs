//! Who somebody is, once signed in: `session:{nonce}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_false;
use crate::seal::Sealed;
use crate::{Hostname, Key, Record};

/// A global session. When it ends or is revoked the record goes, and with it all tokens that name it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionRecord {
    /// `identity_nonce`: 22 characters of base64url, random.
    pub nonce: String,
    /// The organisation's team domain.
    pub auth_domain: Hostname,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// [`Identity`] as JSON, sealed with [`sealing_context`].
    pub identity: Sealed,
}

/// All that policies can ask of a person.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// `sub`: UUID of the user in the organisation.
    #[serde(default)]
    pub user_id: String,
    /// Lower case.
    pub email: String,
    /// What people call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The provider that said so.
    pub idp: ProviderReference,
    /// The provider's own, unchanging name for them.
    pub subject: String,
    /// Groups, as the provider names them: id, name, e-mail, whichever it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<IdentityGroup>,
    /// The claims or attributes that the provider's configuration asks for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, Value>,
    /// RFC 8176.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// OIDC core §2: the authentication context class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Seconds since 1970, when the provider saw them.
    pub authenticated_at: i64,
    /// Where from, at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// As above, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// `low`, `medium`, `high`; absent: `unscored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_score: Option<String>,
    /// Posture rules by id, and whether the person's device meets them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_posture: BTreeMap<String, bool>,
    /// Somebody else of the organisation had the address first, and no provider is stated to speak
    /// for its domain: this person is not to be taken for that one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub email_is_anothers: bool,
    /// What a SAML provider calls the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml: Option<SamlSession>,
    /// Headers that origins get: `header_attributes` of the provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origin_headers: Vec<(String, String)>,
    /// Member of the account itself.
    #[serde(default, skip_serializing_if = "is_false")]
    pub account_member: bool,
}

/// A provider, in an identity.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ProviderReference {
    /// UUID.
    pub id: String,
    /// `type` of the contract.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A SAML provider's words for who signed in, by which it logs them out (SAML core §3.7.1).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct SamlSession {
    /// `NameID`
    pub name_id: String,
    /// Its `Format`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Its `NameQualifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_qualifier: Option<String>,
    /// Its `SPNameQualifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_name_qualifier: Option<String>,
    /// `SessionIndex`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_index: Option<String>,
}

/// A group, in an identity.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct IdentityGroup {
    /// The provider's id of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; GitHub: `organization` or `organization/team`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// Binds an identity to its session.
#[must_use]
pub fn sealing_context(nonce: &str) -> String {
    format!("session:{nonce}")
}

impl Record for SessionRecord {
    const VERSION: u32 = 1;

    fn key(&self) -> Key {
        Key::Session(self.nonce.clone())
    }
}
