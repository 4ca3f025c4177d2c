//! The publisher against Workers KV's REST API as miniflare serves it: what was committed is what
//! a worker reads.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/databases.rs"]
mod databases;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use control_api::publisher::Publisher;
use control_api::publisher::cloudflare::{Namespace, Settings};
use control_api::store::Db;
use control_api::store::changes::{self, Bell};
use edge_state::{Hostname, Key};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// The running miniflare. It ends with its standard input, and ends its workerd then: killed, it
/// would leave that behind.
struct Miniflare {
    child: Child,
    worker: String,
    namespace: String,
}

impl Miniflare {
    async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let node = root.join("node_modules/.bin/node");
        let mut child = Command::new(&node)
            .arg(root.join("control-api/tests/support/kv.mjs"))
            .current_dir(root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: run `make setup`", node.display()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("miniflare says where it listens");
        let (worker, namespace) = line.split_once(' ').unwrap();
        Self { worker: worker.to_owned(), namespace: namespace.to_owned(), child }
    }

    /// What a worker sees.
    async fn read(&self, key: &Key) -> Option<String> {
        let mut url = url::Url::parse(&self.worker).unwrap();
        url.path_segments_mut().unwrap().push(&key.to_string());
        let response = reqwest::get(url).await.unwrap();
        match response.status().as_u16() {
            200 => Some(response.text().await.unwrap()),
            404 => None,
            status => panic!("{status}"),
        }
    }

    async fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().await.unwrap().success());
    }

    async fn until(&self, key: &Key, value: Option<&str>) {
        let start = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while self.read(key).await.as_deref() != value {
            assert!(start.elapsed() < Duration::from_secs(90), "{key} is not {value:?}");
            ticks.tick().await;
        }
    }
}

async fn write(db: &Db, key: &Key, value: Option<&str>) {
    let mut tx = db.begin().await.unwrap();
    changes::put(&mut tx, key, value, 1).await.unwrap();
    tx.commit().await.unwrap();
}

fn hostname(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

#[tokio::test]
async fn what_was_committed_is_what_a_worker_reads() {
    let miniflare = Miniflare::start().await;
    for fresh in databases::fresh().await {
        let db = Db::open(&fresh.url).await.unwrap();
        let (bell, stop) = (Bell::default(), CancellationToken::new());
        let settings = Settings { base: miniflare.namespace.clone(), token: None };
        let namespace = Namespace::new(&settings).unwrap();
        let running =
            tokio::spawn(Publisher::new(namespace, db.clone(), bell.clone()).run(stop.clone()));

        let exact = Key::Host(hostname("app.customer.com"));
        let wildcard = Key::Host(hostname("*.customer.com"));
        let challenge = Key::Challenge("a-token_1".into());
        let private = Key::Certificate(hostname("app.customer.com"));
        write(&db, &private, Some("sealed")).await;
        for key in [&exact, &wildcard, &challenge] {
            write(&db, key, Some("{\"v\":1,\"text\":\"ü\"}")).await;
        }
        bell.ring();
        for key in [&exact, &wildcard, &challenge] {
            miniflare.until(key, Some("{\"v\":1,\"text\":\"ü\"}")).await;
        }
        write(&db, &exact, Some("newer")).await;
        write(&db, &challenge, None).await;
        bell.ring();
        miniflare.until(&exact, Some("newer")).await;
        miniflare.until(&challenge, None).await;
        assert_eq!(miniflare.read(&private).await, None, "{}", fresh.name);

        stop.cancel();
        running.await.unwrap();
        // A control plane that starts without its database's history clears what is left.
        let empty = databases::sqlite();
        let db = Db::open(&empty.url).await.unwrap();
        let namespace = Namespace::new(&settings).unwrap();
        let name = namespace.base().to_owned();
        let mut tx = db.begin().await.unwrap();
        changes::lease_publisher(&mut tx, &name, "old", (0, 0)).await.unwrap();
        changes::advance(&mut tx, &name, "old", (0, 99), 0).await.unwrap();
        tx.commit().await.unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(Publisher::new(namespace, db, bell).run(stop.clone()));
        miniflare.until(&exact, None).await;
        miniflare.until(&wildcard, None).await;
        stop.cancel();
        running.await.unwrap();
    }
    miniflare.end().await;
}
