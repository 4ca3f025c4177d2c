//! What the edge answers itself, when a request cannot reach the worker.

use edge_state::Hostname;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde_json::json;

use crate::body::{self, Body};
use crate::header::Malformed;

/// Why the worker does not get a request.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The request can be read in two ways, or names no host.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// Two servers could disagree where this request ends.
    #[error("the request's length can be read in two ways")]
    Ambiguous,
    /// RFC 9110 §15.5.20: this connection's certificate is another name's.
    #[error("this connection was made for another hostname")]
    Misdirected,
    /// RFC 6585 §4: the visitor has as many requests under way as one may have.
    #[error("too many requests of yours are under way, please try again")]
    TooMany,
    /// The visitor's body did not arrive.
    #[error("the request's body did not arrive")]
    BodyStalled,
    /// workerd is not there (yet).
    #[error("this point of presence is starting, please try again")]
    Unavailable,
}

impl Refusal {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(Malformed::Address) => (StatusCode::NOT_FOUND, "unknown_hostname"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed_request"),
            Self::Ambiguous => (StatusCode::BAD_REQUEST, "ambiguous_request"),
            Self::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "misdirected_request"),
            Self::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::BodyStalled => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "edge_starting"),
        }
    }

    /// JSON for those who prefer it, else a page.
    #[must_use]
    pub fn response(
        &self,
        accepts_json: bool,
        host: Option<&Hostname>,
        ray: &str,
    ) -> Response<Body> {
        let (status, code) = self.code();
        let (content_type, text) = if accepts_json {
            let error = json!({
                "code": code,
                "message": self.to_string(),
                "request_id": ray,
                "hostname": host,
            });
            ("application/json", json!({ "error": error }).to_string())
        } else {
            ("text/html; charset=utf-8", page(status, &self.to_string(), ray))
        };
        let mut response = Response::new(body::full(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if matches!(self, Self::Unavailable | Self::TooMany) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if matches!(self, Self::Ambiguous | Self::BodyStalled) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Whether `Accept` names JSON and no HTML before it.
#[must_use]
pub fn accepts_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    match (accept.find("json"), accept.find("html")) {
        (Some(json), Some(html)) => json < html,
        (json, _) => json.is_some(),
    }
}

/// Nothing in it comes from the visitor.
fn page(status: StatusCode, message: &str, ray: &str) -> String {
    let (number, reason) = (status.as_u16(), status.canonical_reason().unwrap_or_default());
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{number} {reason}</title>\
         <body style=\"font:16px/1.5 system-ui,sans-serif;margin:15vh auto;max-width:32rem;padding:0 1rem\">\
         <h1>{number} {reason}</h1><p>{message}.</p><p><small>Request id: {ray}</small></p></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prefers_json_gets_json() {
        let accepts = |accept: &'static str| {
            accepts_json(&HeaderMap::from_iter([(
                header::ACCEPT,
                HeaderValue::from_static(accept),
            )]))
        };
        assert!(accepts("application/json"));
        assert!(accepts("application/problem+json, text/html"));
        assert!(!accepts("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!accepts("*/*"));
    }

    #[test]
    fn an_unavailable_edge_says_when_to_come_back() {
        let response = Refusal::Unavailable.response(false, None, "ray");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "5");
    }
}
