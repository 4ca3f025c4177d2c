//! For the operator, on a loopback port: `/metrics`, `/healthz` (this process runs), `/readyz` (it
//! can serve visitors).

use std::path::PathBuf;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::body::{self, Body};
use crate::local::Answer;
use crate::metrics;
use crate::replica::Replica;

/// What readiness depends on.
pub struct Admin {
    /// Has it ever had everything?
    pub replica: Replica,
    /// Does it answer?
    pub workerd: watch::Receiver<Option<PathBuf>>,
    /// Is the process on its way out?
    pub stop: CancellationToken,
}

impl Admin {
    /// What is missing to serve visitors.
    fn missing(&self) -> Vec<&'static str> {
        let mut missing = Vec::new();
        if self.replica.sequence().borrow().is_none() {
            missing.push("the replica is not complete: the control plane has not answered yet");
        }
        if self.workerd.borrow().is_none() {
            missing.push("workerd does not answer");
        }
        if self.stop.is_cancelled() {
            missing.push("shutting down");
        }
        missing
    }
}

impl Answer for Admin {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (status, text) = match request.uri().path() {
            "/metrics" => (StatusCode::OK, metrics::render()),
            "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match self.missing().as_slice() {
                [] => (StatusCode::OK, "ok\n".to_owned()),
                missing => (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n") + "\n"),
            },
            _ => (StatusCode::NOT_FOUND, "/metrics, /healthz, /readyz\n".to_owned()),
        };
        let mut response = Response::new(body::full(text));
        *response.status_mut() = status;
        let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
        response
    }
}
