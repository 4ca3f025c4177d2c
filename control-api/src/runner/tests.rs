//! The runner with the built-in authority and a small edge of its own, in one process: real
//! challenges, real handshakes, both databases.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use edge_state::certificate::sealing_context;
use edge_state::change::PointOfPresence;
use edge_state::seal::{KeyRing, SealingKey};
use edge_state::{CertificateRecord, ChallengeRecord, Hostname, Key, KeyType, Record as _};
use lifecycle::{Authority, Schedule};
use rustls::SignatureScheme;
use rustls::server::Acceptor;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::LazyConfigAcceptor;

use super::*;
use crate::issuer::{AuthorityKind, AuthoritySettings};
use crate::store::certificates::{self, CertificateRow};
use crate::store::changes::{self, Bell};
use crate::store::on;
use crate::store::testing::{TestDb, databases};
use crate::vault::Keys;

const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// A control plane without its API, and a point of presence without its worker.
struct World {
    test: TestDb,
    runner: Arc<Runner>,
    bell: Bell,
    edge: PointOfPresence,
}

impl World {
    async fn all() -> Vec<Self> {
        let mut worlds = Vec::new();
        for test in databases().await {
            worlds.push(Self::new(test).await);
        }
        worlds
    }

    async fn new(test: TestDb) -> Self {
        let (edge, plain) = serve(test.db.clone()).await;
        let dns = crate::dns::Settings { loopback_names: true, ..Default::default() };
        let resolver = Resolver::new(&dns).unwrap();
        let look = crate::check::Settings { http_port: plain.port(), allow_private: true };
        let public = PublicHttp::new(resolver.clone(), look);
        let keys = || Keys::parse(KEY).unwrap();
        let vault = Arc::new(Vault::new(keys(), keys()));
        let kind = AuthorityKind::Development;
        let authority = AuthoritySettings { name: "development".into(), kind };
        let settings =
            crate::issuer::Settings { authorities: vec![authority], ..Default::default() };
        let issuers =
            Issuers::new(&settings, test.db.clone(), vault.clone(), public.clone()).await.unwrap();
        let bell = Bell::default();
        let schedule = Schedule::with_base(Duration::from_millis(100));
        let authorities = [Authority::new("development")];
        let engine = Engine::new(authorities, schedule, vault.clone(), bell.clone());
        let runner = Runner {
            db: test.db.clone(),
            engine,
            issuers: Arc::new(issuers),
            vault,
            resolver,
            public,
            edge_addresses: vec![[127, 0, 0, 1].into()],
            clock: Clock::system(),
        };
        let world = Self { test, runner: Arc::new(runner), bell, edge };
        let mut tx = world.test.db.begin().await.unwrap();
        on!(&mut tx, conn => {
            for statement in [
                "INSERT INTO accounts (id, name, created_at) VALUES ('a', 'a', 0)",
                "INSERT INTO zones (id, account_id, name, cname_target, settings, created_at, updated_at)
                 VALUES ('z', 'a', 'saas.net', 'target.localhost', '{}', 0, 0)",
            ] {
                sqlx::query(statement).execute(&mut **conn).await.unwrap();
            }
        });
        tx.commit().await.unwrap();
        world
    }

    async fn register_edge(&self) {
        let mut tx = self.test.db.begin().await.unwrap();
        let now = self.runner.now().as_millis();
        changes::register(&mut tx, "here", &self.edge, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// As the API does it.
    async fn create(&self, name: &str) {
        let now = self.runner.now();
        let mut tx = self.test.db.begin().await.unwrap();
        let state = lifecycle::hostname::Hostname::begin(now);
        on!(&mut tx, conn => sqlx::query(
            "INSERT INTO custom_hostnames (id, zone_id, hostname, requested, ownership_token,
                 status, state, ssl_status, ssl_id, wildcard, created_at, updated_at)
             VALUES ($1, 'z', $1, $2, 'token', 'pending', $3, 'initializing', 'ssl', FALSE, 0, 0)")
            .bind(name).bind(r#"{"ssl":{}}"#).bind(serde_json::to_string(&state).unwrap())
            .execute(&mut **conn).await.map(drop).unwrap());
        self.runner.engine.begin(&mut tx, name, now).await.unwrap();
        tx.commit().await.unwrap();
        self.runner.engine.wake();
    }

    async fn delete(&self, name: &str) {
        let mut tx = self.test.db.begin().await.unwrap();
        self.runner.engine.delete(&mut tx, name, self.runner.now()).await.unwrap();
        tx.commit().await.unwrap();
        self.runner.engine.wake();
    }

    async fn certificates(&self, name: &str) -> Vec<CertificateRow> {
        certificates::of_hostname(&mut self.test.db.read().await.unwrap(), name).await.unwrap()
    }

    async fn is_live(&self, name: &str) -> bool {
        let rows = self.certificates(name).await;
        rows.len() == 2 && rows.iter().all(|row| row.status == "active")
    }

    /// Asks after every commit, until it is so.
    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let wait = async {
            loop {
                let rung = self.bell.listen();
                if is_so().await {
                    return;
                }
                rung.await;
            }
        };
        let name = self.test.name;
        tokio::time::timeout(Duration::from_secs(30), wait)
            .await
            .unwrap_or_else(|_| panic!("never: {what} ({name})"));
    }

    fn start(&self) -> (CancellationToken, tokio::task::JoinHandle<()>) {
        let stop = CancellationToken::new();
        (stop.clone(), tokio::spawn(self.runner.clone().run(stop)))
    }
}

/// A point of presence that reads the control plane's own database; the plain one first.
async fn serve(db: Db) -> (PointOfPresence, SocketAddr) {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain_at = plain.local_addr().unwrap();
    let edge = PointOfPresence {
        https_address: tls.local_addr().unwrap().to_string(),
        http_address: plain_at.to_string(),
    };
    let challenges = Router::new()
        .route("/.well-known/acme-challenge/{token}", get(challenge))
        .with_state(db.clone());
    tokio::spawn(async move { axum::serve(plain, challenges).await });
    tokio::spawn(async move {
        while let Ok((stream, _)) = tls.accept().await {
            tokio::spawn(handshake(db.clone(), stream));
        }
    });
    (edge, plain_at)
}

async fn record(db: &Db, key: &Key) -> Option<String> {
    let mut tx = db.read().await.ok()?;
    let page = changes::page(&mut tx, "", 1000).await.ok()?;
    page.into_iter().find(|change| change.key == key.to_string())?.value
}

async fn challenge(State(db): State<Db>, Path(token): Path<String>) -> Result<String, StatusCode> {
    let text = record(&db, &Key::Challenge(token)).await.ok_or(StatusCode::NOT_FOUND)?;
    Ok(ChallengeRecord::decode(&text).unwrap().key_authorization)
}

async fn handshake(db: Db, stream: tokio::net::TcpStream) -> Option<()> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await.ok()?;
    let name = Hostname::parse(hello.client_hello().server_name()?).ok()?;
    let schemes = hello.client_hello().signature_schemes().to_vec();
    let p256 = schemes.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
    let key_type = if p256 { KeyType::P256 } else { KeyType::Rsa2048 };
    let text = record(&db, &Key::Certificate(name.clone())).await?;
    let served = CertificateRecord::decode(&text).unwrap().certificates;
    let served = served.into_iter().find(|certificate| certificate.key_type == key_type)?;
    let ring = KeyRing::new(SealingKey::parse(KEY).unwrap(), []);
    let key = ring.open(&served.private_key, &sealing_context(&name, &served.serial)).unwrap();
    let chain = CertificateDer::pem_slice_iter(served.chain.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.to_vec()).into())
        .unwrap();
    hello.into_stream(Arc::new(config)).await.ok().map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostname_goes_live_with_both_certificates() {
    for world in World::all().await {
        world.register_edge().await;
        let (stop, running) = world.start();
        world.create("shop.localhost").await;
        world.until("shop.localhost is live", async || world.is_live("shop.localhost").await).await;
        let rows = world.certificates("shop.localhost").await;
        assert_eq!((rows[0].key_type.as_str(), rows[1].key_type.as_str()), ("p256", "rsa2048"));
        assert!(rows.iter().all(|row| row.renew_at.is_some() && row.serial.is_some()));
        assert_ne!(rows[0].private_key, rows[1].private_key);
        world
            .until("the hostname is verified", async || {
                let mut tx = world.test.db.read().await.unwrap();
                let row = machines::find(&mut tx, "shop.localhost").await.unwrap().unwrap();
                row.state.contains(r#""status":"active""#)
            })
            .await;
        stop.cancel();
        running.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_edge_it_says_so_and_goes_on_when_one_comes() {
    for world in World::all().await {
        let (stop, running) = world.start();
        world.create("shop.localhost").await;
        let waits = async || {
            let rows = world.certificates("shop.localhost").await;
            let Some(row) = rows.first() else { return false };
            let state: certificate::Certificate = serde_json::from_str(&row.state).unwrap();
            row.status == "pending_deployment"
                && state.problem() == Some(&lifecycle::Problem::NoPointOfPresence)
        };
        world.until("it waits for an edge", waits).await;
        world.register_edge().await;
        world.until("it is live", async || world.is_live("shop.localhost").await).await;
        stop.cancel();
        running.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_share_the_work_and_issue_nothing_twice() {
    for world in World::all().await {
        world.register_edge().await;
        let runners = [world.start(), world.start()];
        let names: Vec<_> = (0..4).map(|n| format!("shop{n}.localhost")).collect();
        for name in &names {
            world.create(name).await;
        }
        for name in &names {
            world.until("it is live", async || world.is_live(name).await).await;
            // A second certificate would have changed the record's serial after it was seen.
            let key = Key::Certificate(Hostname::parse(name).unwrap());
            let record = record(&world.test.db, &key).await.unwrap();
            let record = CertificateRecord::decode(&record).unwrap();
            let rows = world.certificates(name).await;
            let stored: Vec<_> = rows.iter().filter_map(|row| row.serial.clone()).collect();
            let served: Vec<_> = record.certificates.into_iter().map(|c| c.serial).collect();
            assert_eq!(served, stored, "{}", world.test.name);
        }
        for (stop, running) in runners {
            stop.cancel();
            running.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_on_its_way_is_gone() {
    for world in World::all().await {
        let (stop, running) = world.start();
        for name in ["a.localhost", "b.localhost", "c.localhost"] {
            world.create(name).await;
            world.delete(name).await;
        }
        stop.cancel();
        running.await.unwrap();
        let mut tx = world.test.db.read().await.unwrap();
        assert_eq!(changes::page(&mut tx, "", 10).await.unwrap(), [], "{}", world.test.name);
        let now = world.runner.now().as_millis();
        assert_eq!(jobs::next_due(&mut tx, now).await.unwrap(), None, "{}", world.test.name);
    }
}

/// SIGSTOP, then SIGCONT after the lease has ended: the late write is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_comes_after_its_lease_is_not_written() {
    for world in World::all().await {
        world.create("shop.localhost").await;
        let lease = async |until: Timestamp| {
            let mut tx = world.test.db.begin().await.unwrap();
            let now = world.runner.now().as_millis();
            let lease = Lease { worker: "test", now, until: until.as_millis() };
            let mut jobs = jobs::lease(&mut tx, lease, 10).await.unwrap();
            tx.commit().await.unwrap();
            jobs.retain(|job| job.kind == "place_order");
            jobs
        };
        let ended = lease(Timestamp::EPOCH).await.remove(0);
        let held = lease(world.runner.now() + LEASE).await.remove(0);
        let report = world.runner.step(&ended).await.unwrap();
        world.runner.report(&ended, report).await.unwrap();
        assert_eq!(world.certificates("shop.localhost").await[0].status, "initializing");
        let report = world.runner.step(&held).await.unwrap();
        world.runner.report(&held, report).await.unwrap();
        assert_eq!(world.certificates("shop.localhost").await[0].status, "pending_validation");
    }
}
