//! `/edge/v1`: what points of presence read, and where they make themselves known. The contract is
//! `edge_state::change`.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use edge_state::change::PointOfPresence;
use edge_state::{Changes, SnapshotPage};
use http::StatusCode;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;

use crate::metrics::{EDGE_SEQUENCE, POINT_LAG, POINT_LAST_SEEN};
use crate::store::Db;
use crate::store::changes::{self, Bell, RegisteredPoint, Since};

/// What the feed reads from.
#[derive(Clone)]
pub struct Feed {
    db: Db,
    bell: Bell,
    token: EdgeToken,
    noted: Arc<Mutex<HashMap<String, (i64, Instant)>>>,
    stop: CancellationToken,
}

/// SHA-256 of `LINTEL_EDGE_TOKEN`: of one length, whatever is presented.
#[derive(Clone, Copy)]
pub struct EdgeToken([u8; 32]);

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error("not understood: {0}")]
    BadRequest(String),
    #[error("start from a snapshot")]
    Gone,
    #[error("no such point of presence")]
    NotFound,
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
}

#[derive(Deserialize)]
struct ChangesQuery {
    #[serde(default)]
    since: i64,
    limit: Option<i64>,
    /// Seconds.
    #[serde(default)]
    wait: u64,
    pop: Option<String>,
}

#[derive(Deserialize)]
struct SnapshotQuery {
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

impl Feed {
    /// A feed for whoever presents `token`. Long polls end when `stop` does.
    #[must_use]
    pub fn new(db: Db, bell: Bell, token: &SecretString, stop: CancellationToken) -> Self {
        let token = EdgeToken::new(token);
        Self { db, bell, token, noted: Arc::default(), stop }
    }
}

/// The routes below `/edge/v1`.
pub fn router(feed: Feed) -> Router {
    let points = get(point).put(register).delete(remove);
    Router::new()
        .route("/edge/v1/changes", get(poll))
        .route("/edge/v1/snapshot", get(snapshot))
        .route("/edge/v1/points_of_presence", get(list))
        .route("/edge/v1/points_of_presence/{name}", points)
        .route_layer(middleware::from_fn_with_state(feed.token, authorize))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(feed)
}

/// Forgets old tombstones and keeps the gauges, until `stop`.
pub async fn tidy(db: Db, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(TIDY);
    let mut purged: Option<Instant> = None;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let due = purged.is_none_or(|at| at.elapsed() >= PURGE_EVERY);
        match tidy_once(&db, now(), due).await {
            Ok(()) if due => purged = Some(Instant::now()),
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the edge feed was not tidied"),
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "metrics are floats")]
async fn tidy_once(db: &Db, now: i64, purge: bool) -> sqlx::Result<()> {
    let mut tx = db.read().await?;
    let newest = changes::newest(&mut tx).await?;
    metrics::gauge!(EDGE_SEQUENCE).set(newest as f64);
    for point in changes::points(&mut tx).await? {
        let lag = (newest - point.sequence).max(0) as f64;
        let seen = point.last_seen_at as f64 / 1000.0;
        metrics::gauge!(POINT_LAG, "point_of_presence" => point.name.clone()).set(lag);
        metrics::gauge!(POINT_LAST_SEEN, "point_of_presence" => point.name).set(seen);
    }
    drop(tx);
    if purge {
        let mut tx = db.begin().await?;
        let before = now.saturating_sub(millis(TOMBSTONE_LIFETIME));
        let count = changes::purge(&mut tx, before).await?;
        tx.commit().await?;
        if count > 0 {
            tracing::info!(count, "forgot old tombstones");
        }
    }
    Ok(())
}

impl EdgeToken {
    /// Of this text.
    #[must_use]
    pub fn new(token: &SecretString) -> Self {
        Self(Sha256::digest(token.expose_secret().as_bytes()).into())
    }

    /// Whether the request shows it.
    fn is_shown(&self, request: &Request) -> bool {
        let presented = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = presented.and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let digest: [u8; 32] = Sha256::digest(token.unwrap_or_default().as_bytes()).into();
        token.is_some() && bool::from(digest.ct_eq(&self.0))
    }
}

/// Middleware of all of `/edge/v1`.
pub(crate) async fn authorize(
    State(token): State<EdgeToken>,
    request: Request,
    next: Next,
) -> Response {
    if token.is_shown(&request) {
        return next.run(request).await;
    }
    let body = Json(json!({"error": "the edge token is missing or wrong"}));
    (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
}

async fn poll(
    State(feed): State<Feed>,
    query: Result<Query<ChangesQuery>, QueryRejection>,
) -> Result<Json<Changes>, FeedError> {
    let Query(query) = query?;
    let deadline = Instant::now() + Duration::from_secs(query.wait.min(MAX_WAIT_SECONDS));
    if let Some(name) = &query.pop {
        feed.note(name, query.since).await?;
    }
    loop {
        // Listens before it looks: a change in between rings.
        let mut ring = pin!(feed.bell.listen());
        ring.as_mut().enable();
        let mut tx = feed.db.read().await?;
        let found = changes::since(&mut tx, query.since, limit(query.limit)).await?;
        drop(tx);
        let changes = match found {
            Since::Gone => return Err(FeedError::Gone),
            Since::Changes(changes) => changes,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if !changes.is_empty() || left.is_zero() || feed.stop.is_cancelled() {
            let next = changes.last().map_or(query.since, |change| change.sequence);
            return Ok(Json(Changes { changes, next }));
        }
        tokio::select! {
            () = ring => {}
            () = tokio::time::sleep(left.min(LOOK_EVERY)) => {} // Another instance's commits.
            () = feed.stop.cancelled() => {}
        }
    }
}

async fn snapshot(
    State(feed): State<Feed>,
    query: Result<Query<SnapshotQuery>, QueryRejection>,
) -> Result<Json<SnapshotPage>, FeedError> {
    let Query(query) = query?;
    let limit = limit(query.limit);
    let mut tx = feed.db.read().await?;
    // The sequence first: what changes while the page is read comes again with the changes.
    let sequence = changes::newest(&mut tx).await?;
    let records = changes::page(&mut tx, &query.after, limit).await?;
    let full = i64::try_from(records.len()).is_ok_and(|count| count == limit);
    let next = records.last().filter(|_| full).map(|record| record.key.clone());
    Ok(Json(SnapshotPage { sequence, records, next }))
}

async fn list(State(feed): State<Feed>) -> Result<Json<Vec<RegisteredPoint>>, FeedError> {
    Ok(Json(changes::points(&mut feed.db.read().await?).await?))
}

async fn point(
    State(feed): State<Feed>,
    Path(name): Path<String>,
) -> Result<Json<RegisteredPoint>, FeedError> {
    let points = changes::points(&mut feed.db.read().await?).await?;
    points.into_iter().find(|point| point.name == name).map(Json).ok_or(FeedError::NotFound)
}

async fn register(
    State(feed): State<Feed>,
    Path(name): Path<String>,
    point: Result<Json<PointOfPresence>, JsonRejection>,
) -> Result<StatusCode, FeedError> {
    let Json(point) = point?;
    if !is_name(&name) {
        let why = "a name is 1 to 64 letters, digits, dots, hyphens or underscores";
        return Err(FeedError::BadRequest(why.into()));
    }
    for address in [&point.https_address, &point.http_address] {
        if !is_address(address) {
            return Err(FeedError::BadRequest(format!("{address:?} is not host:port")));
        }
    }
    let mut tx = feed.db.begin().await?;
    changes::register(&mut tx, &name, &point, now()).await?;
    tx.commit().await?;
    tracing::info!(name, https = point.https_address, http = point.http_address, "registered");
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(feed): State<Feed>,
    Path(name): Path<String>,
) -> Result<StatusCode, FeedError> {
    let mut tx = feed.db.begin().await?;
    let was_there = changes::remove_point(&mut tx, &name).await?;
    tx.commit().await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(FeedError::NotFound) }
}

impl Feed {
    /// Writes down how far a point of presence is; not on every poll that says the same.
    async fn note(&self, name: &str, since: i64) -> Result<(), FeedError> {
        let at = Instant::now();
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let same = noted.get(name).is_some_and(|(known, when)| {
                *known == since && at.duration_since(*when) < NOTE_EVERY
            });
            if same || !is_name(name) {
                return Ok(());
            }
            noted.retain(|_, (_, when)| at.duration_since(*when) < FORGET_NOTES);
            noted.insert(name.to_owned(), (since, at));
        }
        let mut tx = self.db.begin().await?;
        changes::seen(&mut tx, name, since, now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

impl From<QueryRejection> for FeedError {
    fn from(rejection: QueryRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl From<JsonRejection> for FeedError {
    fn from(rejection: JsonRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl IntoResponse for FeedError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Gone => StatusCode::GONE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Database(error) => {
                tracing::error!(%error, "edge feed");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

fn limit(asked: Option<i64>) -> i64 {
    asked.unwrap_or(MAX_LIMIT).clamp(1, MAX_LIMIT)
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        (1..=255).contains(&host.len()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const MAX_LIMIT: i64 = 1000;
const MAX_WAIT_SECONDS: u64 = 30;
const MAX_BODY: usize = 64 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(250);
const NOTE_EVERY: Duration = Duration::from_secs(10);
const FORGET_NOTES: Duration = Duration::from_hours(1);
const TIDY: Duration = Duration::from_secs(15);
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// A point of presence that was away for longer starts from a snapshot.
const TOMBSTONE_LIFETIME: Duration = Duration::from_hours(7 * 24);

#[cfg(test)]
mod tests;
