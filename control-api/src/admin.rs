//! The operator's listener: `/metrics`, `/healthz`, `/readyz`. No authentication, so it is bound to
//! loopback unless configured otherwise.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

use crate::metrics::Exporter;
use crate::store::Db;

/// What the operator's listener answers from.
#[derive(Clone)]
pub struct Admin {
    /// Asked by `/readyz`.
    pub db: Db,
    /// Rendered by `/metrics`.
    pub metrics: Exporter,
}

/// The operator's routes.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(admin)
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], admin.metrics.render()).into_response()
}

/// Whether requests can be answered: this listener is opened after the API's, so only the database
/// is in question.
async fn ready(State(admin): State<Admin>) -> (StatusCode, String) {
    match admin.db.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("the database does not answer: {error}\n"))
        }
    }
}
