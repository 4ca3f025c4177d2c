//! Issuance by a real ACME server: what the protocol, and pebble's deliberate faults, ask of us.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/databases.rs"]
mod databases;
#[path = "support/pebble.rs"]
mod pebble;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use control_api::check::{self, PublicHttp};
use control_api::dns::{self, DnsError, Resolver};
use control_api::issuer::{
    AuthorityKind, AuthoritySettings, Error, ExternalAccount, Issuer, Issuers, OrderStatus,
    PlacedOrder, Settings, Step,
};
use control_api::store::{Db, secrets};
use control_api::vault::{Keys, Place, Vault};
use control_api::{chain, keys};
use databases::Fresh;
use edge_state::{Hostname, KeyType};
use pebble::{EAB_HMAC_KEY, EAB_KEY_ID, Habits, Pebble, until};
use serde_json::json;

const NAME: &str = "pebble";

fn hostname(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

fn vault() -> Arc<Vault> {
    let text = format!("a:{}=", "A".repeat(43));
    Arc::new(Vault::new(Keys::parse(&text).unwrap(), Keys::parse(&text).unwrap()))
}

async fn open(fresh: &Fresh) -> Db {
    Db::open(&fresh.url).await.unwrap()
}

/// What a control-api process has of its authorities.
async fn process(pebble: &Pebble, db: &Db, external_account: Option<ExternalAccount>) -> Issuers {
    let directory = pebble.directory.clone();
    let settings = Settings {
        authorities: vec![AuthoritySettings {
            name: NAME.into(),
            kind: AuthorityKind::Acme { directory, external_account },
        }],
        contact: Some("mailto:ops@customer.com".into()),
        extra_roots: Some(pebble.roots.clone()),
    };
    let resolver = Resolver::new(&dns_settings(pebble)).unwrap();
    let public = check::Settings { http_port: 80, allow_private: true };
    Issuers::new(&settings, db.clone(), vault(), PublicHttp::new(resolver, public)).await.unwrap()
}

fn dns_settings(pebble: &Pebble) -> dns::Settings {
    dns::Settings { servers: vec![pebble.dns_address()], loopback_names: false }
}

fn answer(pebble: &Pebble, placed: &PlacedOrder) {
    if let Step::Challenge { token, key_authorization } = &placed.step {
        pebble.answers.lock().unwrap().insert(token.clone(), key_authorization.clone());
    }
}

/// Until the order is neither pending nor processing.
async fn settled(issuer: &Issuer, order: &str) -> OrderStatus {
    let mut seen = None;
    until("the order is settled", async || {
        let status = issuer.status(order).await.unwrap();
        let waits = matches!(status, OrderStatus::Pending { .. } | OrderStatus::Processing { .. });
        seen = Some(status);
        !waits
    })
    .await;
    seen.unwrap()
}

/// From order to chain, as the runner does it.
async fn issue(pebble: &Pebble, issuer: &Issuer, name: &str, key_type: KeyType) -> chain::Facts {
    let placed = issuer.place_order(&hostname(name)).await.unwrap();
    answer(pebble, &placed);
    finish(issuer, &placed.order, name, key_type).await
}

async fn finish(issuer: &Issuer, order: &str, name: &str, key_type: KeyType) -> chain::Facts {
    issuer.respond(order).await.unwrap();
    assert_eq!(settled(issuer, order).await, OrderStatus::Ready);
    let key = keys::generate(key_type).await.unwrap();
    let csr = keys::csr(&key, &hostname(name)).unwrap();
    issuer.finalize(order, &csr).await.unwrap();
    assert_eq!(settled(issuer, order).await, OrderStatus::Valid);
    let pem = issuer.certificate(order).await.unwrap();
    chain::inspect(&pem, &key, &hostname(name), now()).unwrap()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[tokio::test]
async fn both_key_types_are_issued_on_both_databases() {
    let pebble = Pebble::start(Habits::default()).await;
    for fresh in databases::fresh().await {
        let db = open(&fresh).await;
        let issuers = process(&pebble, &db, None).await;
        let issuer = issuers.get(NAME).unwrap();
        let p256 = issue(&pebble, issuer, "app.customer.com", KeyType::P256).await;
        let rsa = issue(&pebble, issuer, "app.customer.com", KeyType::Rsa2048).await;
        assert_ne!(p256.serial, rsa.serial);
        assert_eq!(p256.signature, "SHA256WithRSA", "pebble signs with RSA");
        assert!(p256.issuer.starts_with("PebbleIntermediateCA"), "{}", p256.issuer);
        assert_eq!(p256.chain.matches("BEGIN CERTIFICATE").count(), 2, "without the root");
    }
}

#[tokio::test]
async fn half_of_all_nonces_may_be_refused() {
    let pebble = Pebble::start(Habits { nonces_refused: 50, ..Habits::default() }).await;
    let fresh = databases::sqlite();
    let issuers = process(&pebble, &open(&fresh).await, None).await;
    issue(&pebble, issuers.get(NAME).unwrap(), "app.customer.com", KeyType::P256).await;
}

#[tokio::test]
async fn an_order_that_is_born_ready_needs_no_challenge() {
    let pebble = Pebble::start(Habits { proofs_reused: 100, ..Habits::default() }).await;
    let fresh = databases::sqlite();
    let issuers = process(&pebble, &open(&fresh).await, None).await;
    let issuer = issuers.get(NAME).unwrap();
    issue(&pebble, issuer, "app.customer.com", KeyType::P256).await;
    let placed = issuer.place_order(&hostname("app.customer.com")).await.unwrap();
    assert_eq!(placed.step, Step::Ready);
    finish(issuer, &placed.order, "app.customer.com", KeyType::Rsa2048).await;
}

#[tokio::test]
async fn a_wrong_answer_is_told_in_the_cas_words() {
    let pebble = Pebble::start(Habits::default()).await;
    let fresh = databases::sqlite();
    let issuers = process(&pebble, &open(&fresh).await, None).await;
    let issuer = issuers.get(NAME).unwrap();
    let placed = issuer.place_order(&hostname("app.customer.com")).await.unwrap();
    let Step::Challenge { token, .. } = &placed.step else { panic!() };
    pebble.answers.lock().unwrap().insert(token.clone(), "wrong".into());
    issuer.respond(&placed.order).await.unwrap();
    let OrderStatus::Invalid { problem } = settled(issuer, &placed.order).await else { panic!() };
    assert_eq!(problem.kind, "unauthorized", "{problem}");
    assert!(problem.detail.contains("wrong"), "{problem}");
    // Repeating changes nothing, and a new order is free to succeed.
    issuer.respond(&placed.order).await.unwrap();
    issue(&pebble, issuer, "app.customer.com", KeyType::P256).await;
}

#[tokio::test]
async fn a_refused_name_and_a_name_without_address_are_told_apart() {
    let pebble = Pebble::start(Habits::default()).await;
    let fresh = databases::sqlite();
    let issuers = process(&pebble, &open(&fresh).await, None).await;
    let issuer = issuers.get(NAME).unwrap();
    let error = issuer.place_order(&hostname("blocked.test")).await.unwrap_err();
    assert!(error.is_problem("rejectedIdentifier"), "{error}");
    pebble.dns("set-servfail", json!({"host": "broken.customer.com"})).await;
    let placed = issuer.place_order(&hostname("broken.customer.com")).await.unwrap();
    issuer.respond(&placed.order).await.unwrap();
    let OrderStatus::Invalid { problem } = settled(issuer, &placed.order).await else { panic!() };
    assert!(!problem.kind.is_empty() && !problem.detail.is_empty(), "{problem}");
}

#[tokio::test]
async fn every_step_can_be_repeated_also_by_another_process() {
    let pebble = Pebble::start(Habits::default()).await;
    let fresh = databases::sqlite();
    let db = open(&fresh).await;
    let name = hostname("app.customer.com");
    let first = process(&pebble, &db, None).await;
    let placed = first.get(NAME).unwrap().place_order(&name).await.unwrap();
    answer(&pebble, &placed);
    let order = placed.order.as_str();
    // kill -9: only what is in the database and with the CA is left.
    drop(first);
    let second = process(&pebble, &db, None).await;
    let issuer = second.get(NAME).unwrap();
    assert!(matches!(issuer.certificate(order).await, Err(Error::NotIssued { .. })));
    for _ in 0..2 {
        issuer.respond(order).await.unwrap();
    }
    assert_eq!(settled(issuer, order).await, OrderStatus::Ready);
    let key = keys::generate(KeyType::P256).await.unwrap();
    let csr = keys::csr(&key, &name).unwrap();
    issuer.finalize(order, &csr).await.unwrap();
    drop(second);
    let third = process(&pebble, &db, None).await;
    let issuer = third.get(NAME).unwrap();
    issuer.finalize(order, &csr).await.unwrap();
    assert_eq!(settled(issuer, order).await, OrderStatus::Valid);
    let once = issuer.certificate(order).await.unwrap();
    assert_eq!(issuer.finalize(order, &csr).await.unwrap(), OrderStatus::Valid);
    assert_eq!(issuer.certificate(order).await.unwrap(), once, "issued once");
    chain::inspect(&once, &key, &name, now()).unwrap();
}

#[tokio::test]
async fn two_processes_that_start_at_once_have_one_account() {
    let pebble = Pebble::start(Habits::default()).await;
    for fresh in databases::fresh().await {
        let db = open(&fresh).await;
        let (one, two) = tokio::join!(process(&pebble, &db, None), process(&pebble, &db, None));
        let (one, two) = (one.get(NAME).unwrap(), two.get(NAME).unwrap());
        let name = hostname("app.customer.com");
        let (first, second) = tokio::join!(one.place_order(&name), two.place_order(&name));
        // Only its own account may read an order.
        let (first, second) = (first.unwrap(), second.unwrap());
        one.status(&second.order).await.unwrap();
        two.status(&first.order).await.unwrap();
        let sealed = secrets::acme_account(&mut db.read().await.unwrap(), &pebble.directory).await;
        let place = Place::AcmeAccount { directory: pebble.directory.clone() };
        let account = vault().open(&place, &sealed.unwrap().unwrap()).unwrap();
        assert!(String::from_utf8_lossy(&account).contains("/my-account/"), "{}", fresh.name);
    }
}

#[tokio::test]
async fn a_ca_that_forgot_everything_is_registered_with_again() {
    let mut pebble = Pebble::start(Habits::default()).await;
    let fresh = databases::sqlite();
    let db = open(&fresh).await;
    let issuers = process(&pebble, &db, None).await;
    let issuer = issuers.get(NAME).unwrap();
    let old = issuer.place_order(&hostname("app.customer.com")).await.unwrap();
    pebble.stop();
    let error = issuer.status(&old.order).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    pebble.launch().await;
    let error = issuer.status(&old.order).await.unwrap_err();
    assert!(matches!(error, Error::OrderGone { .. }), "{error}");
    issue(&pebble, issuer, "app.customer.com", KeyType::P256).await;
    // Also by a process that never knew the first account but from the database.
    let later = process(&pebble, &db, None).await;
    issue(&pebble, later.get(NAME).unwrap(), "app.customer.com", KeyType::P256).await;
}

#[tokio::test]
async fn external_account_binding_is_used_and_asked_for() {
    let pebble = Pebble::start(Habits { external_accounts: true, ..Habits::default() }).await;
    let account = |key: &str| {
        Some(ExternalAccount { key_id: EAB_KEY_ID.into(), hmac_key: key.to_owned().into() })
    };
    let name = hostname("app.customer.com");
    let fresh = databases::sqlite();
    let db = open(&fresh).await;
    let without = process(&pebble, &db, None).await;
    let error = without.get(NAME).unwrap().place_order(&name).await.unwrap_err();
    assert!(error.to_string().contains("LINTEL_ACME_EAB_PEBBLE"), "{error}");
    let wrong = process(&pebble, &db, account("d3Jvbmc")).await;
    let error = wrong.get(NAME).unwrap().place_order(&name).await.unwrap_err();
    assert!(matches!(error, Error::Problem { .. }), "{error}");
    let right = process(&pebble, &db, account(EAB_HMAC_KEY)).await;
    issue(&pebble, right.get(NAME).unwrap(), "app.customer.com", KeyType::P256).await;
}

#[tokio::test]
async fn dns_is_read_as_it_stands() {
    let pebble = Pebble::start(Habits::default()).await;
    let resolver = Resolver::new(&dns_settings(&pebble)).unwrap();
    let name = hostname("app.customer.com");
    let addresses = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
    assert_eq!(resolver.addresses(&name).await.unwrap(), [addresses("127.0.0.1")]);
    pebble.dns("add-a", json!({"host": "app.customer.com", "addresses": ["192.0.2.1"]})).await;
    pebble.dns("add-aaaa", json!({"host": "app.customer.com", "addresses": ["2001:db8::1"]})).await;
    let both = [addresses("192.0.2.1"), addresses("2001:db8::1")];
    assert_eq!(resolver.addresses(&name).await.unwrap(), both, "nothing is cached");
    assert_eq!(resolver.aliases(&name).await.unwrap(), [""; 0]);
    for (host, target) in [
        ("www.customer.com", "App.Customer.com"),
        ("a.customer.com", "www.customer.com"),
        ("round.customer.com", "about.customer.com"),
        ("about.customer.com", "round.customer.com"),
    ] {
        pebble.dns("set-cname", json!({"host": host, "target": target})).await;
    }
    let chain = resolver.aliases(&hostname("a.customer.com")).await.unwrap();
    assert_eq!(chain, ["www.customer.com", "app.customer.com"]);
    let round = resolver.aliases(&hostname("round.customer.com")).await;
    assert_eq!(round, Err(DnsError::AliasLoop("round.customer.com".into())));
    let owner = "_cf-custom-hostname.app.customer.com";
    pebble.dns("set-txt", json!({"host": format!("{owner}."), "value": "token"})).await;
    assert_eq!(resolver.txt(owner).await.unwrap(), ["token"]);
    assert_eq!(resolver.txt("other.customer.com").await.unwrap(), [""; 0]);
    pebble.dns("set-servfail", json!({"host": "broken.com"})).await;
    let broken = DnsError::ServerFailure("broken.com".into());
    assert_eq!(resolver.addresses(&hostname("broken.com")).await, Err(broken.clone()));
    assert_eq!(resolver.caa(&hostname("broken.com")).await, Err(broken), "no permission");
    assert_eq!(resolver.caa(&name).await, Ok(None));
    let policies = json!([{"tag": "issue", "value": "pki.goog"}]);
    pebble.dns("add-caa", json!({"host": "customer.com", "policies": policies})).await;
    let caa = resolver.caa(&name).await.unwrap().unwrap();
    assert_eq!(caa.at, "customer.com");
    assert!(caa.permits(&["pki.goog".into()], false));
    assert!(!caa.permits(&["letsencrypt.org".into()], false));
    let nobody = Resolver::new(&dns::Settings {
        servers: vec![([127, 0, 0, 1], 1).into()],
        loopback_names: true,
    });
    let nobody = nobody.unwrap();
    assert_eq!(nobody.addresses(&name).await, Err(DnsError::Timeout("app.customer.com".into())));
    let local = nobody.addresses(&hostname("shop.localhost")).await.unwrap();
    assert_eq!(local, [addresses("127.0.0.1")]);
}
