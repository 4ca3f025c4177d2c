//! Structured logs, and one id per request that stands in the answer and in every line about it.

use std::io::IsTerminal as _;
use std::str::FromStr;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rand::Rng as _;
use tracing::Instrument as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::metrics::{HTTP_REQUEST_SECONDS, HTTP_REQUESTS};

/// How a log line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// One object per line, for machines.
    Json,
    /// For people.
    Text,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("no such format"),
        }
    }
}

/// Sends log lines to standard error. Called once, by `main`.
///
/// # Errors
/// `filter` is not a `tracing` filter.
pub fn start(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(filter)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
        LogFormat::Text => subscriber.init(),
    }
    Ok(())
}

/// Middleware: takes the caller's request id or makes one, puts it into the answer and into every
/// log line, and writes one line when the answer is known. Neither query nor headers are logged:
/// both can hold what is nobody's business.
pub async fn trace(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path);
    let header = HeaderValue::from_str(&id).ok();
    // Routes and methods that do not exist are one label: clients must not make up new ones.
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    let method = request.method();
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let method = if known.contains(method) { method.to_string() } else { "other".to_owned() };
    request.extensions_mut().insert(RequestId(id));
    async move {
        let began = std::time::Instant::now();
        let mut response = next.run(request).await;
        if let Some(header) = header {
            response.headers_mut().insert(CF_RAY, header);
        }
        let (status, took) = (response.status().as_u16(), began.elapsed());
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(status, millis, "answered");
        let status = status.to_string();
        let labels = [("method", method), ("route", route)];
        metrics::histogram!(HTTP_REQUEST_SECONDS, &labels).record(took);
        let [method, route] = labels;
        metrics::counter!(HTTP_REQUESTS, &[method, route, ("status", status)]).increment(1);
        response
    }
    .instrument(span)
    .await
}

/// The id of the request in hand.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(CF_RAY).and_then(|value| value.to_str().ok());
    let fits = |id: &&str| {
        (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match given.filter(fits) {
        Some(id) => id.to_owned(),
        None => format!("{:016x}-API", rand::rng().random::<u64>()),
    }
}

const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_that_could_forge_a_log_line_is_replaced() {
        for (given, kept) in [("9a8b7c6d5e4f3a2b-LAB", true), ("x", false), ("a\tb=c d e f", false)]
        {
            let headers = HeaderMap::from_iter([(CF_RAY, HeaderValue::from_str(given).unwrap())]);
            assert_eq!(request_id(&headers) == given, kept, "{given}");
        }
    }
}
