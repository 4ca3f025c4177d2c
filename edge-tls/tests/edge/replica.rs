//! The replica and the control plane, present, absent, and restored.

use edge_state::KeyType::P256;
use edge_state::tls::TlsSettings;
use edge_state::{ChallengeRecord, Key, Record as _};

use crate::support::visitor::Visitor;
use crate::support::{Lintel, host_record, name, until, zone};

const HOST: &str = "shop.customer.com";

fn challenge(token: &str) -> ChallengeRecord {
    ChallengeRecord {
        token: token.into(),
        key_authorization: format!("{token}.thumb"),
        hostname: name(HOST),
    }
}

async fn knows(visitor: &Visitor, token: &str) -> bool {
    visitor.get(HOST, &format!("/kv/acme:{token}")).await.status() == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_from_disk_with_nobody_to_ask() {
    let mut lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    lintel.feed.put(&challenge("before"));
    lintel.caught_up().await;
    lintel.feed.down().await;
    assert_eq!(lintel.visitor().get(HOST, "/").await.status(), 200, "the control plane is gone");

    lintel.stop().await;
    let lintel = lintel.run().await;
    let visitor = lintel.visitor();
    assert_eq!(visitor.get(HOST, "/").await.status(), 200, "and the edge started anew");
    assert!(knows(&visitor, "before").await);
    let ready = format!("http://{}/readyz", lintel.edge().addresses().admin);
    assert_eq!(reqwest::get(&ready).await.unwrap().status(), 200);

    lintel.feed.put(&challenge("meanwhile"));
    lintel.feed.up();
    lintel.caught_up().await;
    assert!(knows(&visitor, "meanwhile").await);
    assert_eq!(lintel.feed.snapshots(), 1, "it went on where it had stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_makes_itself_known_again_and_again() {
    let mut lintel = Lintel::start().await;
    let addresses = lintel.edge().addresses();
    until("it is known", async || lintel.feed.point_of_presence("test1").is_some()).await;
    let known = lintel.feed.point_of_presence("test1").unwrap();
    assert_eq!(known.https_address, addresses.https.to_string());
    assert_eq!(known.http_address, addresses.http.to_string());
    lintel.stop().await;
    lintel.config.pop_https_address = Some("192.0.2.1:443".into());
    let lintel = lintel.run().await;
    until("the new address is known", async || {
        lintel.feed.point_of_presence("test1").unwrap().https_address == "192.0.2.1:443"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_forgotten_comes_by_snapshot() {
    let mut lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    lintel.feed.put(&challenge("gone"));
    lintel.feed.put(&challenge("stays"));
    lintel.caught_up().await;
    lintel.stop().await;
    lintel.feed.remove(&challenge("gone").key());
    lintel.feed.put(&challenge("new"));
    lintel.feed.forget();
    let lintel = lintel.run().await;
    lintel.caught_up().await;
    let visitor = lintel.visitor();
    assert!(!knows(&visitor, "gone").await);
    assert!(knows(&visitor, "stays").await && knows(&visitor, "new").await);
    assert_eq!(lintel.feed.snapshots(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_control_plane_from_a_backup_is_followed() {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    for number in 0..20 {
        lintel.feed.put(&challenge(&format!("later{number}")));
    }
    lintel.caught_up().await;
    let before = lintel.visitor().serial(HOST).await;

    let certificate = lintel.authority.record(&name(HOST), &[P256], &lintel.config.edge_keys);
    let records = [
        (Key::Zone(zone(None).zone_id).to_string(), zone(None).encode()),
        (Key::Host(name(HOST)).to_string(), host_record(HOST, TlsSettings::default()).encode()),
        (Key::Certificate(name(HOST)).to_string(), certificate.encode()),
    ];
    lintel.feed.restore(3, &records);
    let visitor = lintel.visitor();
    until("the backup's state is served", async || {
        *lintel.edge().replica().sequence().borrow() == Some(3)
    })
    .await;
    let after = visitor.serial(HOST).await;
    assert_ne!(before, after, "no certificate is kept over a number that means another one now");
    assert_eq!(after, certificate.certificates[0].serial);
    assert!(!knows(&visitor, "later0").await);
    until("it is known to the restored control plane", async || {
        lintel.feed.point_of_presence("test1").is_some()
    })
    .await;
    lintel.feed.put(&challenge("next"));
    lintel.caught_up().await;
    assert!(knows(&visitor, "next").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_from_the_future_leaves_the_last_one_in_place() {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    lintel.feed.put(&challenge("known"));
    lintel.caught_up().await;
    let future =
        challenge("known").encode().replace("\"v\":1", "\"v\":99").replace("thumb", "other");
    lintel.feed.put_text("acme:known", Some(future));
    lintel.feed.put_text("pool:a", Some("{\"v\":1}".into()));
    lintel.caught_up().await;
    let answer = lintel.visitor().get(HOST, "/kv/acme:known").await;
    assert_eq!(answer.body(), challenge("known").encode().as_bytes());
    let metrics = format!("http://{}/metrics", lintel.edge().addresses().admin);
    until("the metrics say so", async || {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        text.lines().any(|line| line.starts_with("lintel_edge_replica_records_not_understood "))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_answered_within_a_second() {
    let lintel = Lintel::start().await;
    lintel.host(HOST, &[P256]).await;
    let visitor = lintel.visitor();
    let mut took = Vec::new();
    // What waited for a timer would take as long every time; a busy machine does not.
    for number in 0..10 {
        let token = format!("fresh{number}");
        lintel.feed.put(&challenge(&token));
        let committed = std::time::Instant::now();
        until("the edge answers it", async || knows(&visitor, &token).await).await;
        took.push(committed.elapsed());
        if took[number].as_secs() < 1 {
            return;
        }
    }
    panic!("{took:?}");
}
