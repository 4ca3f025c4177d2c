//! The HTTPS connection to an ACME server: bounded in time and size, with problems typed where
//! they arrive, before instant-acme forgets their status and `Retry-After`.

use std::cell::Cell;
use std::pin::Pin;
use std::str::FromStr as _;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};

use super::error::{Error, Problem};
use crate::metrics::AUTHORITY_REQUESTS;

/// Speaks to one authority. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    authority: String,
    inner: reqwest::Client,
}

/// An [`Error`] on its way through instant-acme.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Carried(Error);

tokio::task_local! {
    /// The `Retry-After` of the last answer in the running operation.
    static LAST_RETRY_AFTER: Cell<Option<Duration>>;
}

impl Client {
    /// A client that trusts the system's roots and these (PEM).
    ///
    /// # Errors
    /// The roots are not readable.
    pub fn new(authority: &str, extra_roots: Option<&str>) -> Result<Self, Error> {
        let failed = |error: reqwest::Error| {
            let error = reason(&error);
            Error::Configuration(format!("no HTTPS client for {authority}: {error}"))
        };
        let roots =
            reqwest::Certificate::from_pem_bundle(extra_roots.unwrap_or_default().as_bytes());
        let inner = reqwest::Client::builder()
            .tls_certs_merge(roots.map_err(failed)?)
            .https_only(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()
            .map_err(failed)?;
        Ok(Self { authority: authority.to_owned(), inner })
    }

    /// The authority's name.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a request. An answer that is no success is an error, but for a bad nonce, which the
    /// sender has to see to repeat the request.
    ///
    /// # Errors
    /// [`Error::Problem`], [`Error::Unreachable`], [`Error::Malformed`].
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let result = self.exchange(request).await;
        let outcome = match &result {
            Ok(response) if response.status().is_success() => "ok",
            Ok(_) => "bad_nonce",
            Err(Error::Problem { .. }) => "problem",
            Err(Error::Unreachable { .. }) => "unreachable",
            Err(_) => "malformed",
        };
        let authority = self.authority.clone();
        metrics::counter!(AUTHORITY_REQUESTS, "authority" => authority, "outcome" => outcome)
            .increment(1);
        result
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let (mut parts, body) = request.into_parts();
        parts.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let request = reqwest::Request::try_from(Request::from_parts(parts, body));
        let request = request.map_err(|error| self.malformed(&reason(&error)))?;
        let response = self.inner.execute(request).await;
        let mut response = response.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let _ = LAST_RETRY_AFTER.try_with(|last| last.set(retry_after(&headers)));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(self.malformed("the answer is larger than 1 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        let problem = (!status.is_success()).then(|| problem(status, &headers, &body));
        match problem {
            Some(problem) if problem.kind != BAD_NONCE => Err(self.problem(problem)),
            _ => {
                let mut response = Response::new(body.freeze());
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                Ok(response)
            }
        }
    }

    /// Runs one operation of instant-acme; with its result comes the `Retry-After` of the last
    /// answer in it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn observe<T>(
        &self,
        operation: impl Future<Output = Result<T, instant_acme::Error>>,
    ) -> Result<(T, Option<Duration>), Error> {
        let observed = LAST_RETRY_AFTER.scope(Cell::new(None), async {
            let result = operation.await;
            (result, LAST_RETRY_AFTER.with(Cell::get))
        });
        let (result, retry_after) = observed.await;
        Ok((result.map_err(|error| self.typed(error))?, retry_after))
    }

    pub(super) fn malformed(&self, reason: &str) -> Error {
        Error::Malformed { authority: self.authority.clone(), reason: reason.to_owned() }
    }

    pub(super) fn problem(&self, problem: Problem) -> Error {
        Error::Problem { authority: self.authority.clone(), problem: Box::new(problem) }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        Error::Unreachable { authority: self.authority.clone(), reason: reason(error) }
    }

    fn typed(&self, error: instant_acme::Error) -> Error {
        match error {
            instant_acme::Error::Other(inner) => match inner.downcast::<Carried>() {
                Ok(carried) => carried.0,
                Err(other) => self.malformed(&other.to_string()),
            },
            instant_acme::Error::Api(problem) => self.problem(Problem::from(&problem)),
            other => self.malformed(&other.to_string()),
        }
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let response = client.send(Request::from_parts(parts, body)).await;
            let response =
                response.map_err(|e| instant_acme::Error::Other(Box::new(Carried(e))))?;
            Ok(BytesResponse::from(response.map(Full::new)))
        })
    }
}

/// The problem document, or what can be said of an answer that has none.
fn problem(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Problem {
    let document = serde_json::from_slice::<instant_acme::Problem>(body);
    let mut problem = document.as_ref().map(Problem::from).unwrap_or_default();
    if problem.kind.is_empty() && problem.detail.is_empty() {
        problem.detail = format!("answered {status} without a problem document");
    }
    problem.status = Some(status.as_u16());
    problem.retry_after = retry_after(headers);
    problem
}

/// Seconds or an HTTP date (RFC 9110 §10.2.3), a day at most; a date in the past means now.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = u64::from_str(text) {
        Duration::from_secs(seconds)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::now()).unwrap_or_default()
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// reqwest tells the cause only through `source`.
fn reason(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

pub(super) const BAD_NONCE: &str = "badNonce";
const AGENT: &str = concat!("lintel/", env!("CARGO_PKG_VERSION"));
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_BODY: usize = 1 << 20;
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms_and_bounded() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("120"), Some(Duration::from_mins(2)));
        assert_eq!(read("99999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_mins(10));
        let wait = read(&soon).unwrap();
        assert!((590..=600).contains(&wait.as_secs()), "{wait:?}");
        for text in ["", "soon", "-1", "1.5"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn an_error_page_is_a_problem_too() {
        let headers = HeaderMap::new();
        let problem = problem(StatusCode::BAD_GATEWAY, &headers, b"<html>");
        assert_eq!(problem.status, Some(502));
        assert!(problem.detail.contains("502"), "{problem}");
    }

    #[test]
    fn unreadable_roots_are_a_configuration_error() {
        let roots = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        let error = Client::new("ca", Some(roots)).unwrap_err();
        assert!(matches!(error, Error::Configuration(_)), "{error}");
    }
}
