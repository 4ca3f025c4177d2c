//! An application as it is stored.

use edge_state::Hostname;
use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::body::ApplicationBody;
use super::check;
use super::saas::{AuthType, SaasApp};
use crate::api::ApiError;
use crate::api::access::echo::Sent;
use crate::api::access::object::{Context, kind};
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::organizations;

/// A row, read.
#[derive(Clone, Debug)]
pub struct Application {
    /// As it is.
    pub row: ObjectRow,
    /// What the client set.
    pub sent: Sent,
    /// The same, typed.
    pub body: ApplicationBody,
    /// What the server owns.
    pub owned: Owned,
}

/// What the server owns of an application; nothing of it ever changes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Owned {
    /// 64 hexadecimal digits.
    pub aud: String,
    /// Of an OIDC client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// SHA-256 of its secret, hexadecimal: the secret itself is answered once and not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret_sha256: Option<String>,
}

impl Application {
    /// Reads a row.
    pub fn read(row: ObjectRow) -> Result<Self, ApiError> {
        let sent = Sent::read(&row.body)?;
        let body = check::read(sent.members())?;
        let owned = serde_json::from_str(&row.owned).map_err(|error| {
            tracing::error!(%error, application = row.id, "a stored application cannot be read");
            ApiError::Internal
        })?;
        Ok(Self { row, sent, body, owned })
    }

    /// Of this account, or 404.
    pub async fn find(cx: &mut Context<'_>, id: &str) -> Result<Self, ApiError> {
        Self::read(cx.find(kind::APPLICATION, id).await?)
    }

    /// As [`Self::find`], and nobody else changes it before the transaction ends.
    pub async fn find_for_update(cx: &mut Context<'_>, id: &str) -> Result<Self, ApiError> {
        Self::read(cx.find_for_update(kind::APPLICATION, id).await?)
    }

    /// How it is spoken with, if it is another company's.
    #[must_use]
    pub fn auth_type(&self) -> Option<AuthType> {
        self.body.saas_app.as_ref().map(SaasApp::auth_type)
    }

    /// All of the account, in the order in which they were made.
    pub async fn all(cx: &mut Context<'_>) -> Result<Vec<Self>, ApiError> {
        let rows = objects::all(cx.tx, cx.account_id, kind::APPLICATION).await?;
        rows.into_iter().map(Self::read).collect()
    }
}

impl Owned {
    /// For a new application that speaks no OIDC.
    #[must_use]
    pub fn new() -> Self {
        Self { aud: random_hex(), ..Self::default() }
    }

    /// For a new OIDC client; with its secret.
    #[must_use]
    pub fn new_client() -> (Self, String) {
        let secret = random_hex();
        let hash = hex(&Sha256::digest(secret.as_bytes()));
        let owned =
            Self { client_id: Some(random_hex()), client_secret_sha256: Some(hash), ..Self::new() };
        (owned, secret)
    }

    /// As it is stored.
    pub fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|_| ApiError::Internal)
    }
}

/// The team domain: without one nobody could sign in, and what is made would stand open.
pub async fn auth_domain(cx: &mut Context<'_>) -> Result<Hostname, ApiError> {
    let name = organizations::auth_domain(cx.tx, cx.account_id).await?;
    name.ok_or_else(|| {
        ApiError::Conflict(
            "access.api.error.organization_not_found: the account has no organization yet. Make it \
             with its auth_domain first."
                .to_owned(),
        )
    })
}

/// 64 digits from the operating system's randomness.
fn random_hex() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use std::fmt::Write as _;
        let _ = write!(text, "{byte:02x}");
        text
    })
}
