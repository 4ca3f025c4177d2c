//! Servers behind the edge, and customers' own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response};
use lintel_dev::{Context as _, Failure};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A server that says what it was asked. Dropping it closes it.
#[derive(Debug)]
pub struct Origin {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its answers say in `greeting`.
    pub greeting: String,
    files: Files,
    server: tokio::task::JoinHandle<()>,
}

/// Bodies by path; they go before the echo.
type Files = Arc<Mutex<BTreeMap<String, String>>>;

impl Origin {
    /// Listens; port 0 takes any.
    pub async fn start(address: SocketAddr, greeting: &str) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.context(format!("origin at {address}"))?;
        let address = listener.local_addr()?;
        let files = Files::default();
        let router =
            Router::new().fallback(answer).with_state((files.clone(), greeting.to_owned()));
        let server = tokio::spawn(async move {
            // Never returns: axum passes over failed connections.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, greeting: greeting.to_owned(), files, server })
    }

    /// From now on, this path has this body.
    pub fn put(&self, path: &str, body: &str) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(path.to_owned(), body.to_owned());
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State((files, greeting)): State<(Files, String)>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let file = files.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
    if let Some(body) = file {
        return body.into_response();
    }
    if path.starts_with("/.well-known/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let (parts, body) = request.into_parts();
    let length = axum::body::to_bytes(body, BODY_LIMIT).await.map_or(0, |body| body.len());
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers: BTreeMap<String, String> = parts.headers.iter().map(text).collect();
    let echo: Value = json!({
        "greeting": greeting,
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "host": header(header::HOST),
        "headers": headers,
        "body_length": length,
    });
    Json(echo).into_response()
}

const BODY_LIMIT: usize = 64 << 20;
