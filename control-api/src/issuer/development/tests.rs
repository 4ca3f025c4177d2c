//! The built-in CA from order to chain, with a challenge that is really fetched.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use edge_state::KeyType;
use tokio::net::TcpListener;

use super::*;
use crate::check;
use crate::dns::{self, Resolver};
use crate::store::testing::databases;
use crate::vault::Keys;
use crate::{chain, keys};

fn vault() -> Vault {
    let text = format!("a:{}=", "A".repeat(43));
    Vault::new(Keys::parse(&text).unwrap(), Keys::parse(&text).unwrap())
}

fn public(port: u16) -> PublicHttp {
    let settings = dns::Settings { loopback_names: true, ..dns::Settings::default() };
    let settings_http = check::Settings { http_port: port, allow_private: true };
    PublicHttp::new(Resolver::new(&settings).unwrap(), settings_http)
}

/// An edge that knows these answers.
async fn edge(answers: Arc<Mutex<HashMap<String, String>>>) -> u16 {
    let answer = move |Path(token): Path<String>| async move {
        answers.lock().unwrap().get(&token).cloned().ok_or(http::StatusCode::NOT_FOUND)
    };
    let router = Router::new().route("/.well-known/acme-challenge/{token}", get(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

fn hostname() -> Hostname {
    Hostname::parse("app.localhost").unwrap()
}

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() * 1000
}

/// A CA with an order whose challenge was seen.
async fn with_a_ready_order() -> (Development, String) {
    let answers = Arc::new(Mutex::new(HashMap::new()));
    let port = edge(answers.clone()).await;
    let test = databases().await.remove(0);
    let ca = Development::new("development", &test.db, &vault(), public(port)).await.unwrap();
    let PlacedOrder { order, step } = ca.place_order(&hostname()).unwrap();
    let Step::Challenge { token, key_authorization } = step else { panic!() };
    answers.lock().unwrap().insert(token, key_authorization);
    ca.respond(&order).await.unwrap();
    (ca, order)
}

#[tokio::test]
async fn an_order_becomes_a_chain_that_is_ours() {
    let answers = Arc::new(Mutex::new(HashMap::new()));
    let port = edge(answers.clone()).await;
    for test in databases().await {
        let ca = Development::new("development", &test.db, &vault(), public(port)).await.unwrap();
        for key_type in KeyType::ALL {
            let placed = ca.place_order(&hostname()).unwrap();
            let Step::Challenge { token, key_authorization } = placed.step else { panic!() };
            let order = placed.order.as_str();
            assert_eq!(ca.status(order).unwrap(), OrderStatus::Pending { retry_after: None });
            assert!(matches!(ca.certificate(order), Err(Error::NotIssued { .. })));
            answers.lock().unwrap().insert(token, key_authorization);
            let key = keys::generate(key_type).await.unwrap();
            let csr = keys::csr(&key, &hostname()).unwrap();
            let early = ca.finalize(order, &csr).unwrap();
            assert_eq!(early, OrderStatus::Pending { retry_after: None });
            ca.respond(order).await.unwrap();
            assert_eq!(ca.status(order).unwrap(), OrderStatus::Ready);
            assert_eq!(ca.finalize(order, &csr).unwrap(), OrderStatus::Valid);
            let first = ca.certificate(order).unwrap();
            ca.respond(order).await.unwrap();
            assert_eq!(ca.finalize(order, &csr).unwrap(), OrderStatus::Valid);
            assert_eq!(ca.certificate(order).unwrap(), first, "issued once");
            let facts = chain::inspect(&first, &key, &hostname(), now()).unwrap();
            assert_eq!(facts.issuer, "LintelDevelopment");
            let signature = match key_type {
                KeyType::P256 => "ECDSAWithSHA256",
                KeyType::Rsa2048 => "SHA256WithRSA",
            };
            assert_eq!(facts.signature, signature);
            let days = (facts.not_after - now()) / 86_400_000;
            assert!((89..=90).contains(&days), "{days}");
            chain::inspect(&(first + ca.root_pem()), &key, &hostname(), now()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_leaf_has_what_strict_clients_want() {
    use x509_parser::prelude::*;
    let (ca, order) = with_a_ready_order().await;
    let key = keys::generate(KeyType::P256).await.unwrap();
    ca.finalize(&order, &keys::csr(&key, &hostname()).unwrap()).unwrap();
    let chain = ca.certificate(&order).unwrap();
    let (rest, leaf) = parse_x509_pem(chain.as_bytes()).unwrap();
    let (_, intermediate) = parse_x509_pem(rest).unwrap();
    let (_, root) = parse_x509_pem(ca.root_pem().as_bytes()).unwrap();
    let (leaf, root) = (leaf.parse_x509().unwrap(), root.parse_x509().unwrap());
    let intermediate = intermediate.parse_x509().unwrap();
    leaf.verify_signature(Some(intermediate.public_key())).unwrap();
    intermediate.verify_signature(Some(root.public_key())).unwrap();
    let ski = |certificate: &X509Certificate<'_>| {
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        })
    };
    let aki = |certificate: &X509Certificate<'_>| {
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| id.0.to_vec())
            }
            _ => None,
        })
    };
    assert!(ski(&leaf).is_some());
    assert!(aki(&leaf).is_some());
    assert_eq!(aki(&leaf), ski(&intermediate));
    assert_eq!(aki(&intermediate), ski(&root));
    assert!(leaf.key_usage().unwrap().unwrap().value.digital_signature());
    let extended = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && !extended.client_auth);
    assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
    assert_eq!(leaf.subject().iter().count(), 0);
    assert!(root.key_usage().unwrap().unwrap().value.key_cert_sign());
    assert!(root.validity().time_to_expiration().unwrap().whole_days() > 3640);
    root.verify_signature(None).unwrap();
}

#[tokio::test]
async fn a_wrong_or_missing_answer_makes_the_order_invalid() {
    let answers = Arc::new(Mutex::new(HashMap::new()));
    let port = edge(answers.clone()).await;
    let test = databases().await.remove(0);
    let ca = Development::new("development", &test.db, &vault(), public(port)).await.unwrap();
    let PlacedOrder { order, step } = ca.place_order(&hostname()).unwrap();
    let Step::Challenge { token, .. } = step else { panic!() };
    answers.lock().unwrap().insert(token, "wrong".into());
    let missing = ca.place_order(&hostname()).unwrap().order;
    for order in [order, missing] {
        ca.respond(&order).await.unwrap();
        let OrderStatus::Invalid { problem } = ca.status(&order).unwrap() else { panic!() };
        assert_eq!(problem.kind, "unauthorized", "{problem}");
    }
    let nobody = Development::new("development", &test.db, &vault(), public(1)).await.unwrap();
    let order = nobody.place_order(&hostname()).unwrap().order;
    nobody.respond(&order).await.unwrap();
    let OrderStatus::Invalid { problem } = nobody.status(&order).unwrap() else { panic!() };
    assert_eq!(problem.kind, "connection", "{problem}");
}

#[tokio::test]
async fn a_request_for_another_name_is_refused() {
    let (ca, order) = with_a_ready_order().await;
    let key = keys::generate(KeyType::P256).await.unwrap();
    let other = keys::csr(&key, &Hostname::parse("other.localhost").unwrap()).unwrap();
    let mut forged = keys::csr(&key, &hostname()).unwrap();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    for csr in [other, forged, b"garbage".to_vec()] {
        assert!(ca.finalize(&order, &csr).unwrap_err().is_problem("badCSR"));
        assert_eq!(ca.status(&order).unwrap(), OrderStatus::Ready);
    }
}

#[tokio::test]
async fn the_root_stays_and_orders_go_with_a_restart() {
    for test in databases().await {
        let first = Development::new("development", &test.db, &vault(), public(1)).await.unwrap();
        let order = first.place_order(&hostname()).unwrap().order;
        let second = Development::new("development", &test.db, &vault(), public(1)).await.unwrap();
        assert_eq!(first.root_pem(), second.root_pem(), "{}", test.name);
        assert!(matches!(second.status(&order), Err(Error::OrderGone { .. })));
        assert!(matches!(second.respond(&order).await, Err(Error::OrderGone { .. })));
    }
}
