//! The worker's way to the control plane, and nothing else of it: `POST /edge/v1/access/{question}`
//! on a Unix socket. The worker has no token of its own; it is added here.
//!
//! - [`disk`]: login events that wait, on disk
//! - [`delivery`]: and their way to the control plane

pub mod delivery;
pub mod disk;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edge_state::access::call::LogBatch;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use url::Url;

use self::delivery::Logins;
use crate::admission::Caps;
use crate::body::{self, Body};
use crate::local::Answer;
use crate::metrics;

const PREFIX: &str = "/edge/v1/access/";
/// Of a question: a sign-in with all groups of a person. And of an answer.
const MAX_BYTES: usize = 1 << 20;
/// Of a batch of login events.
const MAX_BATCH: usize = 8 << 20;
/// The worker waits for 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(8);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// control-api closes connections that are idle for 30 seconds; a question that meets that moment is
/// lost, as it cannot be asked twice.
const KEEP: Duration = Duration::from_secs(20);
/// Questions under way at once. Who comes on top of them waits, within [`TIMEOUT`].
const AT_ONCE: usize = 64;
/// Of one visitor (an IPv4 address or an IPv6 /64), waiting ones counted. Who comes on top of them
/// is refused.
const AT_ONCE_OF_ONE: usize = 8;
/// The visitor on whose behalf the worker asks.
const CLIENT: &str = "x-lintel-client";

/// Where the control plane is, and as whom to ask.
#[derive(Clone)]
pub struct Control {
    client: Client,
    base: Url,
    token: SecretString,
}

/// The socket's side.
pub struct Relay {
    control: Control,
    logins: Logins,
    places: Semaphore,
    visitors: Arc<Caps>,
}

/// Why a question is not answered.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("only POST /edge/v1/access/{{question}} is relayed")]
    NoQuestion,
    #[error("the body cannot be used: {0}")]
    Body(body::Error),
    #[error("the login events cannot be kept: {0}")]
    Disk(#[from] disk::DiskError),
    #[error("no answer from the control plane: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the control plane's answer is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("{0} has {AT_ONCE_OF_ONE} questions under way already")]
    TooMany(IpAddr),
    #[error("no answer from the control plane within {TIMEOUT:?}")]
    Timeout,
}

impl Control {
    /// The control plane at `base`.
    pub fn new(base: &Url, token: SecretString) -> Result<Self, reqwest::Error> {
        let client = Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(TIMEOUT);
        let client = client.pool_idle_timeout(KEEP);
        let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, base: base.clone(), token })
    }

    /// Asks one question.
    async fn ask(&self, question: &str, body: Bytes) -> Result<reqwest::Response, reqwest::Error> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["edge", "v1", "access"]).extend(question.split('/'));
        }
        let request = self.client.post(url).bearer_auth(self.token.expose_secret());
        request.header(header::CONTENT_TYPE, "application/json").body(body).send().await
    }
}

impl Relay {
    /// A relay to the control plane; login events go by `logins`.
    #[must_use]
    pub fn new(control: Control, logins: Logins) -> Self {
        let visitors = Arc::new(Caps::of(usize::MAX, AT_ONCE_OF_ONE));
        Self { control, logins, places: Semaphore::new(AT_ONCE), visitors }
    }

    async fn relay(&self, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
        let question = question(&request).ok_or(Refused::NoQuestion)?.to_owned();
        let client = client(&request);
        let max = if question == "logs" { MAX_BATCH } else { MAX_BYTES };
        let body = Limited::new(request.into_body(), max).collect().await;
        let body = body.map_err(Refused::Body)?.to_bytes();
        if question == "logs" {
            let batch: LogBatch =
                serde_json::from_slice(&body).map_err(|error| Refused::Body(error.into()))?;
            self.logins.keep(batch).await?;
            return Ok(json(StatusCode::OK, "{}"));
        }
        let _one = self.visitors.admit(client).map_err(|_| Refused::TooMany(client))?;
        let asked = async {
            let _place = self.places.acquire().await;
            let mut response = self.control.ask(&question, body).await?;
            let mut answer = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                if answer.len() + chunk.len() > MAX_BYTES {
                    return Err(Refused::TooLong);
                }
                answer.extend_from_slice(&chunk);
            }
            Ok(json(response.status(), answer))
        };
        tokio::time::timeout(TIMEOUT, asked).await.map_err(|_| Refused::Timeout)?
    }
}

impl Answer for Relay {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        match self.relay(request).await {
            Ok(response) => {
                let good = response.status().is_success();
                metrics::control_asked(if good { "answered" } else { "refused" });
                response
            }
            Err(refused) => {
                let (status, outcome) = refused.status();
                metrics::control_asked(outcome);
                tracing::warn!(%refused, "a question of the worker's is not answered");
                json(status, serde_json::json!({ "error": refused.to_string() }).to_string())
            }
        }
    }
}

/// What is asked: the closed form that all questions have.
fn question<B>(request: &Request<B>) -> Option<&str> {
    let question = request.uri().path().strip_prefix(PREFIX)?;
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let fits = question.len() <= 64 && question.split('/').all(is_word);
    (fits && *request.method() == Method::POST && request.uri().query().is_none())
        .then_some(question)
}

/// Nobody's questions are one visitor's.
fn client<B>(request: &Request<B>) -> IpAddr {
    let text = request.headers().get(CLIENT).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn json(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

impl Refused {
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoQuestion => (StatusCode::NOT_FOUND, "no_question"),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "bad_body"),
            Self::Disk(_) => (StatusCode::INSUFFICIENT_STORAGE, "disk"),
            Self::Http(_) | Self::TooLong => (StatusCode::BAD_GATEWAY, "unreachable"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, "timeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, uri: &str) -> Option<String> {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        question(&request).map(str::to_owned)
    }

    #[test]
    fn nothing_else_of_the_control_plane_is_reached() {
        let post = |uri| asked(Method::POST, uri);
        assert_eq!(post("/edge/v1/access/spend").as_deref(), Some("spend"));
        assert_eq!(post("/edge/v1/access/pins/check").as_deref(), Some("pins/check"));
        for uri in [
            "/edge/v1/access/",
            "/edge/v1/access",
            "/edge/v1/changes",
            "/edge/v1/access/../changes",
            "/edge/v1/access/%2e%2e/changes",
            "/edge/v1/access//spend",
            "/edge/v1/access/spend/",
            "/edge/v1/access/spend?since=0",
            "/edge/v1/access/Spend",
            "/client/v4/user/tokens",
        ] {
            assert_eq!(post(uri), None, "{uri}");
        }
        assert_eq!(asked(Method::GET, "/edge/v1/access/spend"), None);
        assert_eq!(asked(Method::DELETE, "/edge/v1/access/spend"), None);
    }
}
