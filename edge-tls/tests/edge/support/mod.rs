//! What the tests stand on: a CA (`authority`), the control plane's side of `/edge/v1` (`feed`),
//! where requests end (`origin`), clients (`visitor`), and the program itself (`program`).

pub mod authority;
pub mod feed;
pub mod origin;
pub mod program;
pub mod visitor;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edge_state::HostRecord;
use edge_state::ZoneRecord;
use edge_state::hostname::Stage;
use edge_state::origin::OriginTls;
use edge_state::seal::{KeyRing, SealingKey};
use edge_state::tls::{TlsSettings, TlsVersion};
use edge_state::{Hostname, KeyType};
use edge_tls::config::{Config, Limits, LogFormat, Origins};
use edge_tls::edge::Edge;

use self::authority::Authority;
use self::feed::Feed;
use self::visitor::Visitor;

pub const ZONE: &str = "023e105f4ecef8ad9ca31a8372d0c353";
/// What the worker gets, and no certificate is sealed with.
pub const ACCESS_KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";
const PATIENCE: Duration = Duration::from_mins(1);

/// One point of presence, with all that it needs around it.
pub struct Lintel {
    pub edge: Option<Edge>,
    pub feed: Feed,
    pub authority: Authority,
    pub config: Config,
    _folder: tempfile::TempDir,
}

pub fn name(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

impl Lintel {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts it, and waits until workerd answers.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let lintel = Self::prepare(change).await;
        lintel.run().await
    }

    /// Everything but the edge itself.
    pub async fn prepare(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let feed = Feed::start().await;
        let mut config = config(folder.path(), &feed);
        change(&mut config);
        let lintel =
            Self { edge: None, feed, authority: Authority::new(), config, _folder: folder };
        lintel.feed.put(&zone(None));
        lintel
    }

    /// Starts the edge.
    pub async fn run(mut self) -> Self {
        let edge = Edge::start(self.config.clone()).await.unwrap();
        let mut workerd = edge.workerd();
        let up = workerd.wait_for(Option::is_some);
        tokio::time::timeout(PATIENCE, up).await.expect("workerd answers").unwrap();
        self.edge = Some(edge);
        self
    }

    pub async fn stop(&mut self) {
        self.edge.take().unwrap().stop().await;
    }

    pub fn edge(&self) -> &Edge {
        self.edge.as_ref().unwrap()
    }

    /// A hostname with certificates for these keys; returns once the edge has it.
    pub async fn host(&self, hostname: &str, key_types: &[KeyType]) {
        self.host_with(hostname, key_types, TlsSettings::default()).await;
    }

    pub async fn host_with(&self, hostname: &str, key_types: &[KeyType], tls: TlsSettings) {
        self.feed.put(&host_record(hostname, tls));
        self.feed.put(&self.authority.record(&name(hostname), key_types, &self.config.edge_keys));
        self.caught_up().await;
    }

    /// Returns once the edge has everything that the feed has.
    pub async fn caught_up(&self) {
        let newest = self.feed.sequence();
        let mut sequence = self.edge().replica().sequence();
        let there = sequence.wait_for(|sequence| sequence.is_some_and(|s| s >= newest));
        tokio::time::timeout(PATIENCE, there).await.expect("the edge follows the feed").unwrap();
    }

    /// A client of the HTTPS port that trusts our authority alone.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.edge().addresses(), &self.authority)
    }
}

pub fn host_record(hostname: &str, tls: TlsSettings) -> HostRecord {
    HostRecord {
        hostname: name(hostname),
        custom_hostname_id: "0d89c70d-ad9f-4843-b99f-6cc0252067e9".into(),
        zone_id: ZONE.into(),
        stage: Stage::Active,
        ownership_token: "5cc07c04-ea62-4a5a-95f0-419334a875a4".into(),
        custom_origin: None,
        tls,
    }
}

pub fn zone(min_tls_version: Option<TlsVersion>) -> ZoneRecord {
    ZoneRecord {
        zone_id: ZONE.into(),
        account_id: None,
        name: name("saas.example"),
        cname_target: name("customers.saas.example"),
        fallback_origin: None,
        ssl: OriginTls::Full,
        always_use_https: false,
        min_tls_version,
        hsts: None,
        deny_unmatched: false,
    }
}

pub fn keys() -> KeyRing {
    KeyRing::new(SealingKey::new("test", [7; 32]).unwrap(), [])
}

/// The trivial worker of these tests.
pub fn worker_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/worker")
}

pub fn workerd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../node_modules/workerd/bin/workerd")
}

fn config(folder: &Path, feed: &Feed) -> Config {
    let any = "127.0.0.1:0".parse().unwrap();
    Config {
        https_listen: any,
        http_listen: any,
        admin_listen: any,
        egress_listen: None,
        pop: "test1".into(),
        pop_https_address: None,
        pop_http_address: None,
        control_url: feed.url(),
        edge_token: feed::TOKEN.into(),
        edge_keys: Arc::new(keys()),
        access_keys: ACCESS_KEYS.into(),
        country_database: None,
        data_dir: folder.join("edge"),
        workerd: workerd(),
        worker_dir: worker_dir(),
        origins: Origins {
            dns_servers: Vec::new(),
            allow_private_networks: true,
            loopback_names: true,
            http_port: 80,
            https_port: 443,
            extra_roots: Vec::new(),
            connect_timeout: PATIENCE,
            response_timeout: PATIENCE,
        },
        limits: Limits {
            max_connections: 1000,
            max_connections_per_client: 500,
            max_requests_per_client: 2048,
            handshake_timeout: PATIENCE,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(5),
        },
        log: "info".into(),
        log_format: LogFormat::Text,
        lifeline: false,
    }
}

/// Asks again at growing intervals until the answer is yes.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let asked = async {
        let mut interval = Duration::from_millis(5);
        while !condition().await {
            tokio::time::sleep(interval).await;
            interval = (interval * 2).min(Duration::from_millis(500));
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asked).await.is_ok(), "in vain: {what}");
}
