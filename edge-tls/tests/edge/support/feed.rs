//! The control plane's side of `/edge/v1`, in memory.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use edge_state::access::call::LogBatch;
use edge_state::change::{Change, Changes, PointOfPresence, SnapshotPage};
use edge_state::{Key, Record};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

pub const TOKEN: &str = "edge-token";

pub struct Feed {
    shared: Arc<Shared>,
    address: SocketAddr,
    server: Mutex<Option<JoinHandle<()>>>,
    /// While nobody answers.
    port: Mutex<Option<TcpSocket>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<Contents>,
    changed: Notify,
    /// Sign-outs are answered from then on.
    released: Notify,
}

#[derive(Default)]
struct Contents {
    sequence: i64,
    /// Changes up to here cannot be told apart any more.
    forgotten: i64,
    records: BTreeMap<String, (i64, Option<String>)>,
    points_of_presence: HashMap<String, PointOfPresence>,
    snapshots: usize,
    /// Ids of the login events that arrived, in order.
    logins: Vec<String>,
    /// Sign-outs that wait for an answer.
    held: usize,
    /// Refuses batches with this one in it.
    poison: Option<String>,
}

impl Feed {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, port) = (Mutex::default(), Mutex::default());
        let feed = Self { shared: Arc::default(), address, server, port };
        feed.serve(listener);
        feed
    }

    /// Nobody answers any more, on old connections either; the port stays ours.
    pub async fn down(&self) {
        let server = self.server.lock().unwrap().take();
        if let Some(server) = server {
            server.abort();
            let _ = server.await;
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        *self.port.lock().unwrap() = Some(socket);
    }

    pub fn up(&self) {
        let socket = self.port.lock().unwrap().take().unwrap();
        self.serve(socket.listen(1024).unwrap());
    }

    fn serve(&self, listener: TcpListener) {
        let router = Router::new()
            .route("/edge/v1/changes", get(changes))
            .route("/edge/v1/snapshot", get(snapshot))
            .route("/edge/v1/points_of_presence/{name}", put(announce))
            .route("/edge/v1/access/logs", post(logs))
            .route("/edge/v1/access/pins/check", post(check_pin))
            .route("/edge/v1/access/sign_outs", post(hold))
            .route("/edge/v1/access/spend", post(async || StatusCode::CONFLICT))
            .with_state(self.shared.clone());
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new(); // They end with this task.
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(router.clone());
                let stream = TokioIo::new(stream);
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(stream, service).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        *self.server.lock().unwrap() = Some(server);
    }

    pub fn url(&self) -> Url {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub fn put<R: Record>(&self, record: &R) {
        self.put_text(&record.key().to_string(), Some(record.encode()));
    }

    pub fn remove(&self, key: &Key) {
        self.put_text(&key.to_string(), None);
    }

    pub fn put_text(&self, key: &str, value: Option<String>) {
        let mut state = self.shared.state.lock().unwrap();
        state.sequence += 1;
        let sequence = state.sequence;
        state.records.insert(key.to_owned(), (sequence, value));
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Another history: what a restored backup has.
    pub fn restore(&self, sequence: i64, records: &[(String, String)]) {
        let mut state = self.shared.state.lock().unwrap();
        state.sequence = sequence;
        let record =
            |(key, value): &(String, String)| (key.clone(), (sequence, Some(value.clone())));
        state.records = records.iter().map(record).collect();
        state.points_of_presence.clear();
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Tombstones up to now are gone.
    pub fn forget(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.records.retain(|_, (_, value)| value.is_some());
        state.forgotten = state.sequence;
    }

    pub fn sequence(&self) -> i64 {
        self.shared.state.lock().unwrap().sequence
    }

    pub fn snapshots(&self) -> usize {
        self.shared.state.lock().unwrap().snapshots
    }

    pub fn logins(&self) -> Vec<String> {
        self.shared.state.lock().unwrap().logins.clone()
    }

    pub fn held(&self) -> usize {
        self.shared.state.lock().unwrap().held
    }

    pub fn release(&self) {
        self.shared.released.notify_waiters();
    }

    pub fn refuse_logins_with(&self, id: &str) {
        self.shared.state.lock().unwrap().poison = Some(id.to_owned());
    }

    pub fn forget_points_of_presence(&self) {
        self.shared.state.lock().unwrap().points_of_presence.clear();
    }

    pub fn point_of_presence(&self, name: &str) -> Option<PointOfPresence> {
        self.shared.state.lock().unwrap().points_of_presence.get(name).cloned()
    }
}

type Answer<T> = Result<Json<T>, StatusCode>;

async fn changes(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Answer<Changes> {
    authorized(&headers)?;
    let number = |name: &str| query[name].parse::<i64>().map_err(|_| StatusCode::BAD_REQUEST);
    let (since, limit, wait) = (number("since")?, number("limit")?, number("wait")?);
    let wait = Duration::from_secs(wait.unsigned_abs());
    let changed = shared.changed.notified();
    if let Some(answer) = newer(&shared, since, limit)? {
        return Ok(Json(answer));
    }
    let _ = tokio::time::timeout(wait, changed).await;
    let none = Changes { changes: Vec::new(), next: since };
    Ok(Json(newer(&shared, since, limit)?.unwrap_or(none)))
}

fn newer(shared: &Shared, since: i64, limit: i64) -> Result<Option<Changes>, StatusCode> {
    let state = shared.state.lock().unwrap();
    if since > state.sequence || since < state.forgotten {
        return Err(StatusCode::GONE);
    }
    let newer = state.records.iter().filter(|(_, (sequence, _))| *sequence > since);
    let mut changes: Vec<_> =
        newer.map(|(key, (sequence, value))| change(key, *sequence, value.clone())).collect();
    changes.sort_by_key(|change| change.sequence);
    changes.truncate(usize::try_from(limit).unwrap());
    let next = changes.last().map(|change| change.sequence);
    Ok(next.map(|next| Changes { changes, next }))
}

async fn snapshot(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Answer<SnapshotPage> {
    authorized(&headers)?;
    let after = query.get("after").cloned().unwrap_or_default();
    let limit: usize = query["limit"].parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut state = shared.state.lock().unwrap();
    state.snapshots += 1;
    let all = state.records.range(after.clone()..).filter(|(key, _)| **key != after);
    let all = all.filter(|(_, (_, value))| value.is_some());
    let mut records: Vec<_> =
        all.take(limit + 1).map(|(key, (s, value))| change(key, *s, value.clone())).collect();
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|record| record.key.clone());
    Ok(Json(SnapshotPage { sequence: state.sequence, records, next }))
}

async fn announce(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(point_of_presence): Json<PointOfPresence>,
) -> Answer<()> {
    authorized(&headers)?;
    shared.state.lock().unwrap().points_of_presence.insert(name, point_of_presence);
    Ok(Json(()))
}

async fn logs(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(batch): Json<LogBatch>,
) -> Answer<()> {
    authorized(&headers)?;
    let mut state = shared.state.lock().unwrap();
    let ids: Vec<_> = batch.events.into_iter().map(|event| event.id).collect();
    if state.poison.as_ref().is_some_and(|poison| ids.contains(poison)) {
        return Err(StatusCode::BAD_REQUEST);
    }
    state.logins.extend(ids);
    Ok(Json(()))
}

async fn hold(State(shared): State<Arc<Shared>>) -> Json<()> {
    let released = shared.released.notified();
    shared.state.lock().unwrap().held += 1;
    released.await;
    Json(())
}

async fn check_pin(headers: HeaderMap, body: String) -> Answer<serde_json::Value> {
    authorized(&headers)?;
    Ok(Json(serde_json::json!({ "asked": body })))
}

fn authorized(headers: &HeaderMap) -> Result<(), StatusCode> {
    let expected = format!("Bearer {TOKEN}");
    let is_ours = headers.get("authorization").is_some_and(|value| *value == *expected);
    is_ours.then_some(()).ok_or(StatusCode::UNAUTHORIZED)
}

fn change(key: &str, sequence: i64, value: Option<String>) -> Change {
    Change { sequence, key: key.to_owned(), value }
}
