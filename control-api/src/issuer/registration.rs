//! The account at an ACME server: one per directory, made once.
//!
//! The key is stored, sealed, before the CA hears of it. So a lost answer to newAccount finds the
//! same account again, and two instances that start at once use one key: the CA answers the second
//! one with the account of the first (RFC 8555 §7.3.1).
//!
//! instant-acme cannot register a key of ours with contact and external account binding, so that
//! one request is made here.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use edge_state::KeyType;
use edge_state::seal::Sealed;
use http::{HeaderMap, Request};
use instant_acme::Account;
use rustls_pki_types::PrivatePkcs8KeyDer;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use super::error::{Error, Problem};
use super::http::{BAD_NONCE, Client};
use super::settings::ExternalAccount;
use crate::keys;
use crate::store::{Db, secrets};
use crate::vault::{Place, Vault};

/// How to come to the account, and the account once it was needed.
pub struct Registration {
    client: Client,
    directory_url: String,
    contact: Option<String>,
    external_account: Option<ExternalAccount>,
    db: Db,
    vault: Arc<Vault>,
    account: Mutex<Option<Account>>,
    directory: OnceCell<Directory>,
}

/// What registration needs of a directory (RFC 8555 §7.1.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Directory {
    new_nonce: String,
    new_account: String,
    #[serde(default)]
    meta: Meta,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    #[serde(default)]
    external_account_required: bool,
    #[serde(default)]
    caa_identities: Vec<String>,
}

/// What is stored, sealed.
#[derive(Deserialize, Serialize)]
struct Credentials {
    /// PKCS#8 DER, base64url.
    key: Zeroizing<String>,
    /// The account's URL; absent until the CA has told it.
    account: Option<String>,
}

impl Registration {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The external account's key is not base64url, or the directory is not `https`.
    pub fn new(
        client: Client,
        directory_url: String,
        contact: Option<String>,
        external_account: Option<ExternalAccount>,
        (db, vault): (Db, Arc<Vault>),
    ) -> Result<Self, Error> {
        let authority = client.authority();
        if !directory_url.starts_with("https://") {
            return Err(Error::Configuration(format!(
                "the directory of {authority} must be an https URL, not {directory_url:?}"
            )));
        }
        if let Some(external) = &external_account {
            mac_key(authority, external)?;
        }
        Ok(Self {
            client,
            directory_url,
            contact,
            external_account,
            db,
            vault,
            account: Mutex::default(),
            directory: OnceCell::new(),
        })
    }

    /// The connection to the authority.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The account, made if there is none yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn account(&self) -> Result<Account, Error> {
        let mut account = self.account.lock().await;
        if let Some(account) = account.as_ref() {
            return Ok(account.clone());
        }
        let (sealed, credentials) = self.credentials().await?;
        Ok(account.insert(self.open(&sealed, &credentials).await?).clone())
    }

    /// Registers the same key once more, as the CA has forgotten the account.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn register_again(&self) -> Result<(), Error> {
        let mut account = self.account.lock().await;
        let (sealed, mut credentials) = self.credentials().await?;
        let forgotten = account.take().map(|account| account.id().to_owned());
        // Another instance may have been here first.
        if forgotten.is_some() && forgotten == credentials.account {
            credentials.account = None;
        }
        *account = Some(self.open(&sealed, &credentials).await?);
        Ok(())
    }

    /// The directory's `caaIdentities`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn caa_identities(&self) -> Result<Vec<String>, Error> {
        Ok(self.directory().await?.meta.caa_identities.clone())
    }

    async fn directory(&self) -> Result<&Directory, Error> {
        let fetch = async || {
            let request = Request::get(&self.directory_url).body(Bytes::new());
            let request = request.map_err(|error| self.client.malformed(&error.to_string()))?;
            let response = self.client.send(request).await?;
            serde_json::from_slice(response.body())
                .map_err(|error| self.client.malformed(&format!("directory: {error}")))
        };
        self.directory.get_or_try_init(fetch).await
    }

    /// The stored credentials; a new key if there are none.
    async fn credentials(&self) -> Result<(Sealed, Credentials), Error> {
        let place = Place::AcmeAccount { directory: self.directory_url.clone() };
        let mut stored = self.stored().await?;
        if stored.is_none() {
            let key = keys::generate(KeyType::P256).await;
            let key = key.map_err(|error| Error::Configuration(error.to_string()))?;
            let key = Zeroizing::new(BASE64.encode(key.as_slice()));
            let sealed = self.seal(&Credentials { key, account: None })?;
            let mut tx = self.db.begin().await?;
            secrets::add_acme_account(&mut tx, &self.directory_url, &sealed, now()).await?;
            tx.commit().await?;
            stored = self.stored().await?;
        }
        let sealed = stored.ok_or(sqlx::Error::RowNotFound)?;
        let opened = self.vault.open(&place, &sealed)?;
        let credentials = serde_json::from_slice(&opened).map_err(|_| {
            Error::Configuration(format!(
                "the stored account at {} is unreadable",
                self.directory_url
            ))
        })?;
        Ok((sealed, credentials))
    }

    async fn stored(&self) -> Result<Option<Sealed>, Error> {
        Ok(secrets::acme_account(&mut self.db.read().await?, &self.directory_url).await?)
    }

    fn seal(&self, credentials: &Credentials) -> Result<Sealed, Error> {
        let place = Place::AcmeAccount { directory: self.directory_url.clone() };
        let text = serde_json::to_vec(credentials).map(Zeroizing::new);
        let text = text.map_err(|error| Error::Configuration(error.to_string()))?;
        Ok(self.vault.seal(&place, &text)?)
    }

    /// The account of these credentials, registered if its URL is not known yet.
    async fn open(&self, sealed: &Sealed, credentials: &Credentials) -> Result<Account, Error> {
        let key = BASE64.decode(credentials.key.as_bytes()).map(Zeroizing::new);
        let key = key.map_err(|error| Error::Configuration(error.to_string()))?;
        let url = if let Some(url) = &credentials.account {
            url.clone()
        } else {
            let url = self.register(&key).await?;
            let known = Credentials { key: credentials.key.clone(), account: Some(url.clone()) };
            let mut tx = self.db.begin().await?;
            // Lost only to another instance that has written the same account's URL.
            let fresh = self.seal(&known)?;
            secrets::replace_acme_account(&mut tx, &self.directory_url, sealed, &fresh).await?;
            tx.commit().await?;
            tracing::info!(authority = self.client.authority(), account = url, "registered");
            url
        };
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let key = PrivatePkcs8KeyDer::from(key.as_slice());
        let account = builder.from_parts(url, key.clone_key(), self.directory_url.clone());
        Ok(self.client.observe(account).await?.0)
    }

    /// newAccount (RFC 8555 §7.3); answers the account's URL.
    async fn register(&self, pkcs8: &[u8]) -> Result<String, Error> {
        let directory = self.directory().await?;
        let authority = self.client.authority();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8)
            .map_err(|_| Error::Configuration(format!("the key of {authority} is unusable")))?;
        let jwk = jwk(&key);
        let mut payload = json!({"termsOfServiceAgreed": true});
        if let Some(contact) = &self.contact {
            payload["contact"] = json!([contact]);
        }
        match &self.external_account {
            Some(external) => {
                let mac = mac_key(authority, external)?;
                let header = json!({
                    "alg": "HS256", "kid": external.key_id, "url": directory.new_account,
                });
                let sign = |text: &[u8]| Ok(hmac::sign(&mac, text).as_ref().to_vec());
                payload["externalAccountBinding"] = jws(&header, &jwk, sign)?;
            }
            None if directory.meta.external_account_required => {
                return Err(Error::Configuration(format!(
                    "{authority} wants external account binding: set LINTEL_ACME_EAB_{}=kid:hmac \
                     to what it gave you",
                    authority.to_ascii_uppercase()
                )));
            }
            None => {}
        }
        let mut nonce = None;
        for _ in 0..NONCE_ATTEMPTS {
            let fresh = match nonce.take() {
                Some(nonce) => nonce,
                None => self.nonce(&directory.new_nonce).await?,
            };
            let url = &directory.new_account;
            let header = json!({"alg": "ES256", "jwk": jwk, "nonce": fresh, "url": url});
            let body = jws(&header, &payload, |text| {
                let signature = key.sign(&SystemRandom::new(), text);
                Ok(signature.map_err(|_| crate::vault::Error::Randomness)?.as_ref().to_vec())
            })?;
            let request = Request::post(url)
                .header(http::header::CONTENT_TYPE, "application/jose+json")
                .body(body.to_string().into())
                .map_err(|error| self.client.malformed(&error.to_string()))?;
            let response = self.client.send(request).await?;
            if response.status().is_success() {
                let location = header_text(response.headers(), "location");
                return location
                    .ok_or_else(|| self.client.malformed("newAccount without Location"));
            }
            nonce = header_text(response.headers(), "replay-nonce");
        }
        let problem = Problem { kind: BAD_NONCE.into(), ..Default::default() };
        Err(self.client.problem(problem))
    }

    async fn nonce(&self, url: &str) -> Result<String, Error> {
        let request = Request::head(url).body(Bytes::new());
        let request = request.map_err(|error| self.client.malformed(&error.to_string()))?;
        let response = self.client.send(request).await?;
        let nonce = header_text(response.headers(), "replay-nonce");
        nonce.ok_or_else(|| self.client.malformed("newNonce without Replay-Nonce"))
    }
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// RFC 7515 §7.2.2, flattened.
fn jws(
    header: &Value,
    payload: &Value,
    sign: impl Fn(&[u8]) -> Result<Vec<u8>, Error>,
) -> Result<Value, Error> {
    let (header, payload) = (BASE64.encode(header.to_string()), BASE64.encode(payload.to_string()));
    let signature = BASE64.encode(sign(format!("{header}.{payload}").as_bytes())?);
    Ok(json!({"protected": header, "payload": payload, "signature": signature}))
}

/// RFC 7518 §6.2.1: the public key is an uncompressed point, 4 || x || y.
fn jwk(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
    json!({"crv": "P-256", "kty": "EC", "x": BASE64.encode(x), "y": BASE64.encode(y)})
}

fn mac_key(authority: &str, external: &ExternalAccount) -> Result<hmac::Key, Error> {
    let text = external.hmac_key.expose_secret().trim_end_matches('=');
    let bytes = BASE64.decode(text).map(Zeroizing::new).map_err(|_| {
        let name = authority.to_ascii_uppercase();
        Error::Configuration(format!("the HMAC key in LINTEL_ACME_EAB_{name} is not base64url"))
    })?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Against a server that refuses every second nonce, all but certain to succeed.
const NONCE_ATTEMPTS: usize = 16;
