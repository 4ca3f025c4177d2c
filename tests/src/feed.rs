//! A control plane of records alone: what is put here reaches the edge by `/edge/v1`.
//!
//! It takes records as Cloudflare's KV REST API does (`PUT values/{key}`), for the routing suite.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Json, Response};
use axum::routing::{get, put};
use axum::{Router, extract::DefaultBodyLimit};
use edge_state::certificate::{CertificateRecord, EdgeCertificate, KeyType, sealing_context};
use edge_state::seal::{KeyRing, SealEntropy, SealingKey};
use edge_state::{Change, Changes, Hostname, Record as _, SnapshotPage};
use lintel_dev::{Context as _, Failure};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::authority;
use crate::visitor::hexadecimal;

/// The running feed. Dropping it closes it.
pub struct Feed {
    records: Records,
    /// Where it listens.
    pub address: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

type Records = Arc<Shared>;

struct Shared {
    /// By key: the newest state with its sequence.
    newest: Mutex<BTreeMap<String, Change>>,
    sequence: watch::Sender<i64>,
}

impl Feed {
    /// Listens.
    pub async fn start(address: SocketAddr) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.context("the feed's port")?;
        let address = listener.local_addr()?;
        let newest = Mutex::default();
        let records = Arc::new(Shared { newest, sequence: watch::Sender::new(0) });
        let router = Router::new()
            .route("/values/{key}", put(store).delete(remove))
            .route("/edge/v1/changes", get(changes))
            .route("/edge/v1/snapshot", get(snapshot))
            .route("/edge/v1/points_of_presence/{name}", put(async || Json(json!({}))))
            .layer(DefaultBodyLimit::max(1 << 20))
            .with_state(records.clone());
        let server = tokio::spawn(async move {
            // Never returns: axum passes over failed connections.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { records, address, server })
    }

    /// Where `PUT {this}/{key}` takes records.
    #[must_use]
    pub fn values(&self) -> String {
        format!("http://{}/values", self.address)
    }

    /// Gives the edge certificates for these names; returns the root, in PEM.
    pub fn certify(&self, names: &[&str], edge_key: &str) -> Result<String, Failure> {
        let issuer = authority::issuer()?;
        let ring = KeyRing::new(SealingKey::parse(edge_key)?, []);
        for name in names {
            let hostname = Hostname::parse(name)?;
            let key = KeyPair::generate()?;
            let leaf =
                CertificateParams::new(vec![(*name).to_owned()])?.signed_by(&key, &issuer)?;
            let (_, parsed) = x509_parser::parse_x509_certificate(leaf.der())?;
            let serial = hexadecimal(parsed.raw_serial());
            let context = sealing_context(&hostname, &serial);
            let entropy = SealEntropy(rand::random());
            let private_key = ring.seal(&key.serialize_der(), &context, entropy);
            let certificate = EdgeCertificate {
                key_type: KeyType::P256,
                serial,
                not_after: parsed.validity().not_after.timestamp(),
                chain: leaf.pem(),
                private_key,
            };
            let record = CertificateRecord { hostname, certificates: vec![certificate] };
            self.records.put(record.key().to_string(), Some(record.encode()));
        }
        Ok(issuer.pem())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn put(&self, key: String, value: Option<String>) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = *self.sequence.borrow() + 1;
        newest.insert(key.clone(), Change { sequence, key, value });
        self.sequence.send_replace(sequence);
    }

    fn after(&self, since: i64) -> Vec<Change> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes: Vec<_> = newest.values().filter(|c| c.sequence > since).cloned().collect();
        changes.sort_by_key(|change| change.sequence);
        changes
    }
}

async fn store(
    State(records): State<Records>,
    Path(key): Path<String>,
    body: String,
) -> Json<Value> {
    records.put(key, Some(body));
    Json(json!({ "success": true, "errors": [], "messages": [], "result": null }))
}

async fn remove(State(records): State<Records>, Path(key): Path<String>) -> Json<Value> {
    records.put(key, None);
    Json(json!({ "success": true, "errors": [], "messages": [], "result": null }))
}

async fn changes(
    State(records): State<Records>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let number =
        |name| query.get(name).and_then(|text: &String| text.parse().ok()).unwrap_or(0_i64);
    let since = number("since");
    let mut sequence = records.sequence.subscribe();
    if since > *sequence.borrow() {
        return StatusCode::GONE.into_response();
    }
    let wait = Duration::from_secs(number("wait").clamp(0, 30).unsigned_abs());
    // Without news in time the answer is that there is none.
    let _ = tokio::time::timeout(wait, sequence.wait_for(|newest| *newest > since)).await;
    let changes = records.after(since);
    let next = changes.last().map_or(since, |change| change.sequence);
    Json(Changes { changes, next }).into_response()
}

async fn snapshot(State(records): State<Records>) -> Json<SnapshotPage> {
    let sequence = *records.sequence.borrow();
    let present = records.after(0).into_iter().filter(|change| change.value.is_some()).collect();
    Json(SnapshotPage { sequence, records: present, next: None })
}
