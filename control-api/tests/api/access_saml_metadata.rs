//! Metadata of SAML providers by address: what is believed, and what is fetched again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use control_api::api::access::metadata_polling::{self, poll_due};
use control_api::store::access::objects::{self, ObjectRow};
use control_api::store::access::saml_metadata::{self as stored, MetadataRow};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::lab::{Answer, Lab, NOW, Tenant, lab, lab_with, labs, labs_with};
use crate::saml_peer::{ENTITY, PeerKey, Server, entity, lasting_until, plain, signed};

const PRIVATE: &[(&str, &str)] = &[("LINTEL_ALLOW_PRIVATE_NETWORKS", "on")];
const URL: &str = "/config/idp_metadata_url";

fn provider(url: &str, more: Value) -> Value {
    let mut config = json!({"idp_metadata_url": url, "email_domains": ["corp.com"]});
    if let Value::Object(more) = more {
        config.as_object_mut().unwrap().extend(more);
    }
    json!({"name": "Corp", "type": "saml", "config": config})
}

async fn create(lab: &Lab, own: &Tenant, body: Value) -> Answer {
    lab.operator("POST", &own.access("identity_providers"), body).await
}

/// The provider as the edge is told.
async fn told(lab: &Lab, id: &str) -> Value {
    lab.record(&format!("idp:{id}")).await["protocol"]["saml"].clone()
}

async fn certificates(lab: &Lab, id: &str) -> Value {
    told(lab, id).await["idp_public_certs"].clone()
}

async fn state(lab: &Lab, own: &Tenant, id: &str) -> Value {
    let path = own.access(&format!("identity_providers/{id}/saml_metadata"));
    let answer = lab.operator("GET", &path, Value::Null).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.result().clone()
}

/// Time goes on, and what is due is fetched.
async fn poll(lab: &Lab) -> usize {
    lab.clock.advance(Duration::from_hours(25));
    poll_due(&lab.app).await.unwrap()
}

#[tokio::test]
async fn an_address_fills_what_is_not_sent_and_is_answered_as_sent() {
    for lab in labs_with(PRIVATE).await {
        let own = lab.organization("own.com").await;
        let (server, key) = (Server::start().await, PeerKey::new("idp"));
        server.has(plain(&[&key]));
        let made = create(&lab, &own, provider(&server.url, json!({}))).await;
        let config = &made.repeats(&json!({"name": "Corp"}))["config"];
        let names: Vec<_> = config.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["email_domains", "idp_metadata_url", "redirect_url"], "{}", made.text);
        let id = made.id();
        let told = told(&lab, &id).await;
        assert_eq!(told["issuer_url"], ENTITY);
        assert_eq!(told["sso_target_url"], "https://idp.corp.com/redirect");
        assert_eq!(told["single_sign_on_services"].as_array().unwrap().len(), 2, "no SOAP");
        let logout = &told["single_logout_services"][0]["location"];
        assert_eq!(logout, "https://idp.corp.com/logout");
        assert_eq!(told["idp_public_certs"], json!([key.text()]));
        assert_eq!(told["sign_request"], true, "the metadata wants it");
        // What is written counts over what is described.
        let other = PeerKey::new("other");
        let body = provider(
            &server.url,
            json!({"idp_public_certs": [other.certificate.pem()], "sign_request": false,
                "sso_target_url": "https://idp.corp.com/mine", "issuer_url": ENTITY}),
        );
        let path = own.access(&format!("identity_providers/{id}"));
        let asked = server.asked();
        let put = lab.operator("PUT", &path, body).await;
        assert_eq!(put.status, 200, "{}", put.text);
        assert_eq!(server.asked(), asked, "the address is known already");
        let remarks = put.body["messages"].to_string();
        for remark in ["have to be added by hand", "requests must be signed"] {
            assert!(remarks.contains(remark), "{remarks}");
        }
        let told = self::told(&lab, &id).await;
        assert_eq!(told["sso_target_url"], "https://idp.corp.com/mine");
        assert_eq!(told["idp_public_certs"], json!([other.text()]));
        assert!(
            told.get("single_sign_on_services").is_none() && told.get("sign_request").is_none()
        );
    }
}

#[tokio::test]
async fn a_bad_address_is_refused_and_changes_nothing() {
    let lab = lab_with(PRIVATE).await;
    let own = lab.organization("own.com").await;
    let (server, key) = (Server::start().await, PeerKey::new("idp"));
    server.has(plain(&[&key]));
    let id = create(&lab, &own, provider(&server.url, json!({}))).await.id();
    let one = own.access(&format!("identity_providers/{id}"));
    let (before, record) =
        (lab.operator("GET", &one, Value::Null).await, lab.record(&format!("idp:{id}")).await);
    let url = format!("{}?other", server.url);
    let good = plain(&[&key]);
    let with = |more: &str| good.replacen('>', &format!(">{more}"), 1);
    let foreign = signed(&[&key], &key).await.replace("idp.corp.com/post", "evil.com/post");
    let two = entity(&[&key]);
    let second = saml::metadata::Entity { entity_id: "urn:other".to_owned(), ..two.clone() };
    let both = format!(
        r#"<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{}{}</EntitiesDescriptor>"#,
        two.to_xml().unwrap(),
        second.to_xml().unwrap()
    );
    let mut no_endpoint = two.clone();
    no_endpoint.identity_provider.as_mut().unwrap().single_sign_on_services.clear();
    let mut no_role = two.clone();
    no_role.identity_provider = None;
    for (body, said) in [
        (String::new(), "cannot be read"),
        ("{}".to_owned(), "cannot be read"),
        ("<html></html>".to_owned(), "cannot be read"),
        (format!("<!DOCTYPE x [<!ENTITY e \"e\">]>{good}"), "document type declaration"),
        (with("&e;"), "unknown reference"),
        ("x".repeat(5_000_000), "larger than 4096 KiB"),
        (lasting_until(two, -1000), "was valid until"),
        (no_endpoint.to_xml().unwrap(), "names no single sign-on service"),
        (no_role.to_xml().unwrap(), "describes no identity provider"),
        (plain(&[]), "no certificate"),
        (plain(&vec![&key; 33]), "at most 32"),
        (both.clone(), "describes 2 of them"),
        (foreign, "by no key that it names itself"),
    ] {
        server.has(body);
        for (method, path) in [("POST", own.access("identity_providers")), ("PUT", one.clone())] {
            let refused = lab.operator(method, &path, provider(&url, json!({}))).await;
            assert_eq!(refused.refused(), URL, "{said}: {}", refused.text);
            assert!(refused.text.contains(said), "{said}: {}", refused.text);
        }
    }
    server.has(good);
    for (change, said) in [
        ((302, vec![("location", "http://127.0.0.1:1/".to_owned())]), "sends us on to"),
        ((200, vec![("content-type", "text/HTML; charset=utf-8".to_owned())]), "web page"),
        ((500, vec![]), "answered 500"),
        ((304, vec![]), "304"),
    ] {
        server.change(|shelf| (shelf.status, shelf.headers) = change);
        let refused = create(&lab, &own, provider(&url, json!({}))).await;
        assert_eq!(refused.refused(), URL, "{said}: {}", refused.text);
        assert!(refused.text.contains(said), "{said}: {}", refused.text);
    }
    let gone = create(&lab, &own, provider("http://127.0.0.1:1/", json!({}))).await;
    assert!(gone.refused() == URL && gone.text.contains("cannot be fetched"), "{}", gone.text);
    server.change(|shelf| shelf.silent = true);
    let slow = create(&lab, &own, provider(&url, json!({}))).await;
    assert!(slow.refused() == URL && slow.text.contains("in time"), "{}", slow.text);
    // Of several one is meant where the client says which.
    server.has(both);
    let other = create(&lab, &own, provider(&url, json!({"issuer_url": "urn:third"}))).await;
    assert!(other.refused() == URL && other.text.contains("not of urn:third"), "{}", other.text);
    let meant = create(&lab, &own, provider(&url, json!({"issuer_url": "urn:other"}))).await;
    assert_eq!(told(&lab, &meant.id()).await["issuer_url"], "urn:other");
    let after = lab.operator("GET", &one, Value::Null).await;
    assert_eq!(after.result(), before.result());
    assert_eq!(lab.record(&format!("idp:{id}")).await, record);
    let all = lab.operator("GET", &own.access("identity_providers"), Value::Null).await;
    assert_eq!(all.result().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn no_address_leads_into_a_private_network() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let server = Server::start().await;
    let tls = server.url.replacen("http", "https", 1);
    for url in
        [server.url.as_str(), &tls, "https://localhost/", "https://169.254.169.254/x", "ftp://a"]
    {
        let refused = create(&lab, &own, provider(url, json!({}))).await;
        assert_eq!(refused.refused(), URL, "{url}: {}", refused.text);
    }
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn a_key_rolls_over_and_the_edge_hears_of_it_once() {
    for lab in labs_with(PRIVATE).await {
        let own = lab.organization("own.com").await;
        let server = Server::start().await;
        let (first, second) = (PeerKey::new("first"), PeerKey::new("second"));
        server.has(plain(&[&first]));
        server.change(|shelf| shelf.headers.push(("etag", "\"1\"".to_owned())));
        let id = create(&lab, &own, provider(&server.url, json!({}))).await.id();
        let revision = lab.record(&format!("idp:{id}")).await["revision"].clone();
        assert_eq!(poll_due(&lab.app).await.unwrap(), 0, "nothing is due yet");
        assert_eq!(poll(&lab).await, 1);
        server.change(|shelf| {
            assert_eq!(shelf.asked.last().unwrap()["if-none-match"], "\"1\"");
        });
        server.has(lasting_until(entity(&[&first]), 100 * 3_600_000));
        assert_eq!(poll(&lab).await, 1);
        let same = lab.record(&format!("idp:{id}")).await["revision"].clone();
        assert_eq!(same, revision, "it says the same, written anew");
        server.has(plain(&[&first, &second]));
        // Of two instances one asks.
        lab.clock.advance(Duration::from_hours(25));
        let asked = server.asked();
        let polled = join_all((0..4).map(|_| poll_due(&lab.app))).await;
        let polled: usize = polled.into_iter().map(Result::unwrap).sum();
        assert_eq!((polled, server.asked() - asked), (1, 1), "{}", lab.name);
        assert_eq!(certificates(&lab, &id).await, json!([first.text(), second.text()]));
        assert!(lab.record(&format!("idp:{id}")).await["revision"].as_i64() > revision.as_i64());
        server.has(plain(&[&second]));
        poll(&lab).await;
        assert_eq!(certificates(&lab, &id).await, json!([second.text()]), "{}", lab.name);
    }
}

#[tokio::test]
async fn what_fails_keeps_the_last_good_version_and_says_so() {
    for lab in labs_with(PRIVATE).await {
        let own = lab.organization("own.com").await;
        let (server, key) = (Server::start().await, PeerKey::new("idp"));
        server.has(plain(&[&key]));
        let id = create(&lab, &own, provider(&server.url, json!({}))).await.id();
        let one = own.access(&format!("identity_providers/{id}"));
        let refresh = format!("{one}/saml_metadata/refresh");
        let good = told(&lab, &id).await;
        let other = saml::metadata::Entity { entity_id: "urn:evil".to_owned(), ..entity(&[&key]) };
        for (failures, body) in [(1, other.to_xml().unwrap()), (2, String::new())] {
            server.has(body);
            poll(&lab).await;
            assert_eq!(told(&lab, &id).await, good, "{}", lab.name);
            let state = state(&lab, &own, &id).await;
            assert_eq!(state["failures"], failures);
            let read = lab.operator("GET", &one, Value::Null).await;
            let remark = read.body["messages"][0]["message"].as_str().unwrap();
            assert!(remark.contains(state["error"].as_str().unwrap()), "{remark}");
            assert!(remark.contains("Its last good version counts"), "{remark}");
        }
        let refused = lab.operator("POST", &refresh, Value::Null).await;
        assert_eq!(refused.refused(), URL, "{}", refused.text);
        assert_eq!(state(&lab, &own, &id).await["failures"], 3);
        let next = PeerKey::new("next");
        server.has(plain(&[&next]));
        let refreshed = lab.operator("POST", &refresh, Value::Null).await;
        assert_eq!(refreshed.status, 200, "{}", refreshed.text);
        assert!(refreshed.result().get("error").is_none(), "{}", refreshed.text);
        assert_eq!(refreshed.result()["failures"], 0);
        assert_eq!(certificates(&lab, &id).await, json!([next.text()]));
        let read = lab.operator("GET", &one, Value::Null).await;
        assert_eq!(read.body["messages"], json!([]));
        // Without the address nothing is fetched any more.
        let by_hand = json!({"name": "Corp", "type": "saml", "config": {"issuer_url": "urn:i",
            "sso_target_url": "https://idp.corp.com/", "idp_public_certs": [key.text()]}});
        assert_eq!(lab.operator("PUT", &one, by_hand).await.status, 200);
        assert_eq!(lab.operator("POST", &refresh, Value::Null).await.status, 404);
        let asked = server.asked();
        assert_eq!((poll(&lab).await, server.asked()), (0, asked));
    }
}

#[tokio::test]
async fn who_signed_once_signs_ever_after() {
    for lab in labs_with(PRIVATE).await {
        let own = lab.organization("own.com").await;
        let server = Server::start().await;
        let (first, second, evil) =
            (PeerKey::new("first"), PeerKey::new("second"), PeerKey::new("evil"));
        server.has(signed(&[&first], &first).await);
        let id = create(&lab, &own, provider(&server.url, json!({}))).await.id();
        for refused in [
            plain(&[&first, &evil]),
            signed(&[&first, &evil], &evil).await,
            signed(&[&first], &first).await.replace("idp.corp.com/post", "evil.com/post"),
        ] {
            server.has(refused);
            poll(&lab).await;
            assert_eq!(certificates(&lab, &id).await, json!([first.text()]), "{}", lab.name);
            let error = state(&lab, &own, &id).await["error"].clone();
            assert!(error.as_str().unwrap().starts_with("the metadata is refused"), "{error}");
            assert!(error.as_str().unwrap().contains("repin"), "{error}");
        }
        // A key that signs messages too names its successor.
        server.has(signed(&[&first, &second], &first).await);
        poll(&lab).await;
        server.has(signed(&[&second], &second).await);
        poll(&lab).await;
        assert_eq!(certificates(&lab, &id).await, json!([second.text()]), "{}", lab.name);
        server.has(signed(&[&first], &first).await);
        poll(&lab).await;
        assert_eq!(certificates(&lab, &id).await, json!([second.text()]), "its time is over");
        // Somebody has made sure that the new one is right.
        let refresh = own.access(&format!("identity_providers/{id}/saml_metadata/refresh"));
        let repinned = lab.operator("POST", &refresh, json!({"repin": true})).await;
        assert_eq!(repinned.status, 200, "{}", repinned.text);
        assert_eq!(certificates(&lab, &id).await, json!([first.text()]));
        assert_eq!(lab.operator("POST", &refresh, json!({"repin": 1})).await.refused(), "/repin");
    }
}

#[tokio::test]
async fn a_certificate_that_is_given_is_the_only_one_that_counts() {
    let lab = lab_with(PRIVATE).await;
    let own = lab.organization("own.com").await;
    let server = Server::start().await;
    let (federation, idp, next) =
        (PeerKey::new("federation"), PeerKey::new("idp"), PeerKey::new("next"));
    let given = json!({"idp_metadata_certs": [federation.certificate.pem()]});
    for (body, said) in [
        (plain(&[&idp]), "is not signed"),
        (signed(&[&idp], &idp).await, "not by any of the 1 trusted keys"),
    ] {
        server.has(body);
        let refused = create(&lab, &own, provider(&server.url, given.clone())).await;
        assert_eq!(refused.refused(), URL, "{}", refused.text);
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    server.has(signed(&[&idp], &federation).await);
    let id = create(&lab, &own, provider(&server.url, given.clone())).await.id();
    let pinned = state(&lab, &own, &id).await["pinned_keys"].clone();
    server.has(signed(&[&next], &federation).await);
    poll(&lab).await;
    assert_eq!(certificates(&lab, &id).await, json!([next.text()]));
    assert_eq!(state(&lab, &own, &id).await["pinned_keys"], pinned, "they roll by hand");
    server.has(signed(&[&next], &next).await);
    poll(&lab).await;
    assert_eq!(state(&lab, &own, &id).await["failures"], 1);
    let refresh = own.access(&format!("identity_providers/{id}/saml_metadata/refresh"));
    let repin = lab.operator("POST", &refresh, json!({"repin": true})).await;
    assert_eq!(repin.refused(), URL, "who is given stays");
    let keys: Vec<_> = (0..33).map(|number| PeerKey::new(&number.to_string()).text()).collect();
    let many = json!({"idp_metadata_certs": keys});
    let refused = create(&lab, &own, provider(&server.url, many)).await;
    assert_eq!(refused.refused(), "/config/idp_metadata_certs", "{}", refused.text);
    assert!(refused.text.contains("more than 32 certificates"), "{}", refused.text);
    let wrong = json!({"idp_metadata_certs": [federation.certificate.pem(), "bm8="]});
    let refused = create(&lab, &own, provider(&server.url, wrong)).await;
    assert_eq!(refused.refused(), "/config/idp_metadata_certs/1", "{}", refused.text);
    // Another one is asked for anew.
    let path = own.access(&format!("identity_providers/{id}"));
    let other = provider(&server.url, json!({"idp_metadata_certs": [next.text()]}));
    assert_eq!(lab.operator("PUT", &path, other).await.status, 200);
    assert_ne!(state(&lab, &own, &id).await["pinned_keys"], pinned);
}

/// An object of an account with an address that is due at that time.
async fn due(lab: &Lab, account: &str, id: &str, url: &str, due_at: i64) {
    let mut tx = lab.db.begin().await.unwrap();
    let object = ObjectRow {
        id: id.to_owned(),
        account_id: account.to_owned(),
        kind: "identity provider".to_owned(),
        body: "{}".to_owned(),
        owned: "{}".to_owned(),
        ..ObjectRow::default()
    };
    assert!(objects::insert(&mut tx, &object).await.unwrap());
    let row = MetadataRow {
        object_id: id.to_owned(),
        account_id: account.to_owned(),
        role: "identity_provider".to_owned(),
        url: url.to_owned(),
        due_at,
        ..MetadataRow::default()
    };
    stored::put(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn who_has_many_addresses_does_not_keep_others_waiting() {
    for lab in labs().await {
        let (many, few) = (lab.tenant("many.com").await, lab.tenant("few.com").await);
        for number in 0..40 {
            due(&lab, &many.account, &format!("m{number:02}"), "", NOW - 1000 + number).await;
        }
        // Due after all of those, and not due at all.
        due(&lab, &few.account, "f1", "", NOW - 1).await;
        due(&lab, &few.account, "f0", "", NOW - 2).await;
        due(&lab, &few.account, "f2", "", NOW + 1).await;
        let mut turns = Vec::new();
        loop {
            let mut tx = lab.db.begin().await.unwrap();
            let mut leased: Vec<_> = stored::lease(&mut tx, (NOW, NOW + 60_000), 6).await.unwrap();
            tx.commit().await.unwrap();
            if leased.is_empty() {
                break;
            }
            assert!(leased.iter().all(|row| (row.attempt, row.leased_until) == (1, NOW + 60_000)));
            leased.sort_by_key(|row| (row.due_at, row.object_id.clone()));
            turns.push(leased.into_iter().map(|row| row.object_id).collect::<Vec<_>>());
        }
        // One of each in turn; of each, what has waited longest.
        assert_eq!(turns[0], ["m00", "m01", "m02", "m03", "f0", "f1"], "{}", lab.name);
        assert_eq!(turns[1], ["m04", "m05", "m06", "m07", "m08", "m09"], "{}", lab.name);
        assert_eq!(turns.concat().len(), 42, "each once: {turns:?}");
    }
}

#[tokio::test]
async fn whoever_stops_does_not_wait_for_all_that_is_due() {
    let lab = lab_with(PRIVATE).await;
    let own = lab.tenant("own.com").await;
    let (stop, asked) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    // Stopped while the first ones are being fetched.
    let (stopping, counted) = (stop.clone(), asked.clone());
    let answer = async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        stopping.cancel();
        StatusCode::NOT_FOUND
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    for number in 0..50 {
        due(&lab, &own.account, &format!("m{number:02}"), &url, NOW - 1000 + number).await;
    }
    metadata_polling::run(lab.app.clone(), stop).await;
    assert_eq!(asked.load(Ordering::Relaxed), 16, "one turn of fetches is brought to its end");
    assert_eq!(poll_due(&lab.app).await.unwrap(), 34, "the others are still due");
}
