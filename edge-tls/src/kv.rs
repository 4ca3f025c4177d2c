//! The replica as workerd's KV namespace: `GET /{key}?urlencoded=true`.

use std::sync::Arc;

use edge_state::Key;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::body::{self, Body};
use crate::local::Answer;
use crate::replica::Replica;

/// Reads of the replica; there are no writes.
pub struct Kv(pub Replica);

impl Answer for Kv {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if request.method() != Method::GET {
            return response(StatusCode::METHOD_NOT_ALLOWED, "the edge only reads\n");
        }
        match key(request.uri().path()).and_then(|key| self.0.get(&key)) {
            Some(stored) => response(StatusCode::OK, stored.text),
            None => response(StatusCode::NOT_FOUND, ""),
        }
    }
}

/// The key that a path names, if it is one that the worker may read. Certificates are not: sealed
/// or not, no hostname's private key comes near code that runs requests.
fn key(path: &str) -> Option<Key> {
    let key: Key = percent_decode(path.strip_prefix('/')?)?.parse().ok()?;
    match key {
        Key::Certificate(_) | Key::ClientAuthorities(_) => None,
        _ => Some(key),
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (rest.next()?, rest.next()?);
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
            bytes.push(digit(high)? << 4 | digit(low)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn response(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_percent_encoded() {
        let text = |path| key(path).map(|key| key.to_string());
        assert_eq!(text("/host%3Aa.com").as_deref(), Some("host:a.com"));
        assert_eq!(text("/host:%2A.a.com").as_deref(), Some("host:*.a.com"));
        assert_eq!(text("/acme%3aabc-_").as_deref(), Some("acme:abc-_"));
        assert_eq!(text("/host%3"), None);
        assert_eq!(text("/host%+1a"), None);
        assert_eq!(text("/nothing"), None);
    }

    #[test]
    fn no_spelling_reads_a_certificate() {
        for path in ["/cert:a.com", "/cert%3Aa.com", "/%63ert%3Aa.com", "/CERT:a.com"] {
            assert_eq!(key(path), None, "{path}");
        }
    }
}
