//! A Workers KV namespace over Cloudflare's REST API, which miniflare and `wrangler dev` serve too.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// Where the namespace is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `LINTEL_WORKERS_KV_URL`: `…/accounts/{account}/storage/kv/namespaces/{namespace}`.
    pub base: String,
    /// `LINTEL_WORKERS_KV_TOKEN`: an API token that may edit Workers KV.
    pub token: Option<SecretString>,
}

/// The namespace.
pub struct Namespace {
    base: Url,
    token: Option<SecretString>,
    client: reqwest::Client,
    /// Until the target says that it has no bulk operations.
    bulk: AtomicBool,
}

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The operator has to change something.
    #[error("LINTEL_WORKERS_KV_URL: {0}")]
    Configuration(String),
    /// An answer other than success.
    #[error("{method} {path} answered {status}: {message}")]
    Refused {
        /// What was asked.
        method: Method,
        /// Of what.
        path: String,
        /// The answer.
        status: StatusCode,
        /// In the target's words.
        message: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// No answer.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// Some keys were not written.
    #[error("{0} keys were not taken")]
    Unsuccessful(usize),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    success: bool,
    #[serde(default)]
    errors: Vec<Value>,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    result_info: Option<ResultInfo>,
}

#[derive(Deserialize)]
struct ResultInfo {
    #[serde(default)]
    cursor: Option<String>,
}

impl Namespace {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`RequestError::Configuration`].
    pub fn new(settings: &Settings) -> Result<Self, RequestError> {
        let base = Url::parse(settings.base.trim_end_matches('/'));
        let base = base.map_err(|error| RequestError::Configuration(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.query().is_some() {
            return Err(RequestError::Configuration("not an http or https URL".into()));
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("lintel/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| RequestError::Configuration(error.to_string()))?;
        Ok(Self { base, token: settings.token.clone(), client, bulk: AtomicBool::new(true) })
    }

    /// What names the namespace.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_str()
    }

    /// How many keys to take at once.
    #[must_use]
    pub fn batch(&self) -> i64 {
        if self.bulk.load(Relaxed) { 1000 } else { 50 }
    }

    /// Writes these values.
    ///
    /// # Errors
    /// See [`RequestError`]; some may have been written.
    pub async fn put(&self, values: &[(&str, &str)]) -> Result<(), RequestError> {
        if self.bulk.load(Relaxed) {
            let pair = |(key, value): &(&str, &str)| json!({"key": key, "value": value});
            let body: Vec<Value> = values.iter().map(pair).collect();
            let written = self.send(Method::PUT, &["bulk"], Some(json!(body).to_string())).await;
            if !self.has_no_bulk(&written) {
                return all_taken(&written?);
            }
        }
        for (key, value) in values {
            self.single(Method::PUT, key, Some((*value).to_owned())).await?;
        }
        Ok(())
    }

    /// Deletes these keys; one that is not there is deleted already.
    ///
    /// # Errors
    /// See [`RequestError`]; some may have been deleted.
    pub async fn delete(&self, keys: &[&str]) -> Result<(), RequestError> {
        if self.bulk.load(Relaxed) {
            let body = json!(keys).to_string();
            let deleted = self.send(Method::POST, &["bulk", "delete"], Some(body)).await;
            if !self.has_no_bulk(&deleted) {
                return all_taken(&deleted?);
            }
        }
        for key in keys {
            match self.single(Method::DELETE, key, None).await {
                Err(RequestError::Refused { status: StatusCode::NOT_FOUND, .. }) => {}
                result => result?,
            }
        }
        Ok(())
    }

    /// All keys that begin with `prefix`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn keys(&self, prefix: &str) -> Result<Vec<String>, RequestError> {
        let (mut keys, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut url = self.url(&["keys"]);
            url.query_pairs_mut().append_pair("prefix", prefix).append_pair("limit", "1000");
            if !cursor.is_empty() {
                url.query_pairs_mut().append_pair("cursor", &cursor);
            }
            let page = self.request(Method::GET, url, None).await?;
            let names = page.result.as_array().into_iter().flatten();
            keys.extend(names.filter_map(|key| Some(key["name"].as_str()?.to_owned())));
            match page.result_info.and_then(|info| info.cursor) {
                Some(next) if !next.is_empty() && next != cursor => cursor = next,
                _ => return Ok(keys),
            }
        }
    }

    async fn single(
        &self,
        method: Method,
        key: &str,
        value: Option<String>,
    ) -> Result<(), RequestError> {
        self.send(method, &["values", key], value).await.map(drop)
    }

    /// An older stand-in has no bulk operations: from then on, key by key.
    fn has_no_bulk(&self, result: &Result<Envelope, RequestError>) -> bool {
        let missing = matches!(
            result,
            Err(RequestError::Refused { status, .. }) if matches!(status.as_u16(), 404 | 405 | 501)
        );
        self.bulk.store(!missing, Relaxed);
        missing
    }

    async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<String>,
    ) -> Result<Envelope, RequestError> {
        self.request(method, self.url(path), body).await
    }

    /// Each segment percent-encoded: a key's `:` and `*` may not become anything else.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path);
        }
        url
    }

    async fn request(
        &self,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<Envelope, RequestError> {
        let path = url.path().to_owned();
        let mut request = self.client.request(method.clone(), url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = body {
            let bulk = path.ends_with("/bulk") || path.ends_with("/bulk/delete");
            let kind = if bulk { "application/json" } else { "text/plain" };
            request = request.header(http::header::CONTENT_TYPE, kind).body(body);
        }
        let unreachable = |error: reqwest::Error| RequestError::Unreachable(cause(&error));
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = wait.and_then(|text| u64::from_str(text.trim()).ok());
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.min(3600)));
        let text = response.text().await.map_err(unreachable)?;
        let envelope = serde_json::from_str::<Envelope>(&text);
        match envelope {
            Ok(envelope) if status.is_success() && envelope.success => Ok(envelope),
            envelope => {
                let errors = envelope.map(|envelope| json!(envelope.errors).to_string());
                let message = errors.unwrap_or(text).chars().take(MAX_MESSAGE).collect();
                Err(RequestError::Refused { method, path, status, message, retry_after })
            }
        }
    }
}

impl RequestError {
    /// For metrics.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Configuration(_) => "configuration",
            Self::Refused { status, .. } if status.as_u16() == 429 => "rate_limited",
            Self::Refused { status, .. } if status.is_server_error() => "server_error",
            Self::Refused { .. } => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::Unsuccessful(_) => "unsuccessful",
        }
    }
}

/// `successful_key_count` and `unsuccessful_keys`; both are absent where all went well, on some.
fn all_taken(envelope: &Envelope) -> Result<(), RequestError> {
    match envelope.result["unsuccessful_keys"].as_array().map_or(0, Vec::len) {
        0 => Ok(()),
        count => Err(RequestError::Unsuccessful(count)),
    }
}

fn cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_MESSAGE: usize = 500;
