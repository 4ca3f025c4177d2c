//! What CAs do on bad days, and what must come of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/databases.rs"]
mod databases;
#[path = "support/scripted_ca.rs"]
mod scripted_ca;

use std::sync::Arc;
use std::time::Duration;

use control_api::check::{self, PublicHttp};
use control_api::dns::{self, Resolver};
use control_api::issuer::{
    AuthorityKind, AuthoritySettings, Error, Issuer, Issuers, OrderStatus, Settings, Step,
};
use control_api::store::Db;
use control_api::vault::{Keys, Vault};
use databases::Fresh;
use edge_state::Hostname;
use scripted_ca::{Answer, ScriptedCa, problem};

/// The server, and a process that knows it.
struct World {
    ca: ScriptedCa,
    issuers: Issuers,
    _fresh: Fresh,
}

impl World {
    async fn new() -> Self {
        let ca = ScriptedCa::start().await;
        let fresh = databases::sqlite();
        let db = Db::open(&fresh.url).await.unwrap();
        let text = format!("a:{}=", "A".repeat(43));
        let vault = Vault::new(Keys::parse(&text).unwrap(), Keys::parse(&text).unwrap());
        let directory = ca.directory();
        let settings = Settings {
            authorities: vec![AuthoritySettings {
                name: "scripted".into(),
                kind: AuthorityKind::Acme { directory, external_account: None },
            }],
            contact: None,
            extra_roots: Some(ca.roots()),
        };
        let settings_dns =
            dns::Settings { servers: vec![([127, 0, 0, 1], 1).into()], loopback_names: true };
        let resolver = Resolver::new(&settings_dns).unwrap();
        let settings_http = check::Settings { http_port: 80, allow_private: true };
        let public = PublicHttp::new(resolver, settings_http);
        let issuers = Issuers::new(&settings, db, Arc::new(vault), public).await.unwrap();
        Self { ca, issuers, _fresh: fresh }
    }

    fn issuer(&self) -> &Issuer {
        self.issuers.get("scripted").unwrap()
    }

    async fn order(&self) -> String {
        let placed = self.issuer().place_order(&hostname()).await.unwrap();
        assert!(matches!(&placed.step, Step::Challenge { token, .. } if token == "the-token"));
        self.ca.heard();
        placed.order
    }
}

fn hostname() -> Hostname {
    Hostname::parse("app.customer.com").unwrap()
}

fn count(heard: &[String], path: &str) -> usize {
    heard.iter().filter(|heard| *heard == path).count()
}

#[tokio::test]
async fn the_usual_way_and_who_we_say_we_are() {
    let world = World::new().await;
    let order = world.order().await;
    let issuer = world.issuer();
    let retry_after = Some(Duration::from_secs(3));
    assert_eq!(issuer.status(&order).await.unwrap(), OrderStatus::Pending { retry_after });
    issuer.respond(&order).await.unwrap();
    assert_eq!(issuer.status(&order).await.unwrap(), OrderStatus::Ready);
    let status = issuer.finalize(&order, b"csr").await.unwrap();
    assert_eq!(status, OrderStatus::Processing { retry_after });
    world.ca.order_is("valid");
    assert_eq!(issuer.certificate(&order).await.unwrap(), "chain");
    assert_eq!(issuer.caa_identities().await.unwrap(), ["ca.test"]);
    for agent in world.ca.agents() {
        assert_eq!(agent, concat!("lintel/", env!("CARGO_PKG_VERSION")));
    }
}

#[tokio::test]
async fn limits_come_with_their_time() {
    let world = World::new().await;
    let order = world.order().await;
    let date = "Fri, 31 Dec 1999 23:59:59 GMT";
    for (wait, expected) in [("120", 120), (date, 0), ("99999999", 86_400)] {
        let Answer::Plain(status, mut headers, body) = problem(429, "rateLimited", "too many")
        else {
            panic!()
        };
        headers.push(("retry-after", wait.into()));
        world.ca.next("/orders/1", Answer::Plain(status, headers, body));
        let error = world.issuer().status(&order).await.unwrap_err();
        assert!(error.is_problem("rateLimited"), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(expected)));
        let Error::Problem { problem, .. } = error else { panic!() };
        assert_eq!((problem.status, problem.detail.as_str()), (Some(429), "too many"));
    }
}

#[tokio::test]
async fn a_failed_validation_is_told_with_its_parts() {
    let world = World::new().await;
    let order = world.order().await;
    world.ca.order_is("invalid");
    let status = world.issuer().status(&order).await.unwrap();
    let OrderStatus::Invalid { problem } = status else { panic!("{status:?}") };
    assert_eq!(problem.kind, "caa");
    assert_eq!(problem.to_string(), "CAA forbids (caa); a.com: by a.com (caa)");
}

#[tokio::test]
async fn what_is_no_acme_is_an_error_and_no_panic() {
    let page = || b"<html>we are sorry</html>".to_vec();
    for (status, headers, body) in [
        (200, vec![], page()),
        (200, vec![], b"{}".to_vec()),
        (200, vec![], b"{\"status\":\"new\"}".to_vec()),
        (200, vec![], vec![0xff; 100]),
        (200, vec![], vec![b' '; 10 << 20]),
        (400, vec![], page()),
        (302, vec![("location", "https://elsewhere.test/".to_owned())], vec![]),
        (503, vec![("retry-after", "60".to_owned())], page()),
    ] {
        let world = World::new().await;
        let order = world.order().await;
        world.ca.next("/orders/1", Answer::Plain(status, headers, body));
        let error = world.issuer().status(&order).await.unwrap_err();
        match status {
            200 => assert!(matches!(error, Error::Malformed { .. }), "{status}: {error}"),
            503 => assert_eq!(error.retry_after(), Some(Duration::from_mins(1))),
            _ => assert!(matches!(error, Error::Problem { .. }), "{status}: {error}"),
        }
        assert_eq!(count(&world.ca.heard(), "/orders/1"), 1, "not asked at once again");
    }
}

#[tokio::test]
async fn a_directory_that_fails_is_asked_again_later() {
    let world = World::new().await;
    world.ca.next("/dir", Answer::Plain(500, vec![], vec![]));
    assert!(world.issuer().place_order(&hostname()).await.is_err());
    world.ca.next("/account", problem(503, "serverInternal", "not now"));
    let error = world.issuer().place_order(&hostname()).await.unwrap_err();
    assert!(error.is_problem("serverInternal"), "{error}");
    world.order().await;
}

#[tokio::test]
async fn a_lost_answer_to_finalize_is_found_in_the_order() {
    let world = World::new().await;
    let order = world.order().await;
    let issuer = world.issuer();
    world.ca.order_is("ready");
    world.ca.next("/finalize", Answer::Lost);
    let error = issuer.finalize(&order, b"csr").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    let status = issuer.finalize(&order, b"csr").await.unwrap();
    assert!(matches!(status, OrderStatus::Processing { .. }), "{status:?}");
    world.ca.order_is("valid");
    assert_eq!(issuer.finalize(&order, b"csr").await.unwrap(), OrderStatus::Valid);
    assert_eq!(count(&world.ca.heard(), "/finalize"), 1, "finalized once");
}

#[tokio::test]
async fn someone_else_finalized_meanwhile() {
    let world = World::new().await;
    let order = world.order().await;
    world.ca.order_is("ready");
    world.ca.next("/finalize", problem(403, "orderNotReady", "too late"));
    let status = world.issuer().finalize(&order, b"csr").await.unwrap();
    assert_eq!(status, OrderStatus::Ready, "the order says how it stands");
}

#[tokio::test]
async fn a_lost_answer_to_new_account_finds_the_same_account() {
    let world = World::new().await;
    world.ca.next("/account", Answer::Lost);
    let error = world.issuer().place_order(&hostname()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    world.order().await;
}

#[tokio::test]
async fn endless_refusals_end() {
    let world = World::new().await;
    let order = world.order().await;
    for _ in 0..200 {
        world.ca.next("/orders/1", problem(400, "badNonce", "never"));
    }
    let error = world.issuer().status(&order).await.unwrap_err();
    assert!(error.is_problem("badNonce"), "{error}");
    assert!(count(&world.ca.heard(), "/orders/1") <= 30);

    let world = World::new().await;
    let order = world.order().await;
    for _ in 0..10 {
        world.ca.next("/orders/1", problem(400, "accountDoesNotExist", "who?"));
    }
    let error = world.issuer().status(&order).await.unwrap_err();
    assert!(error.is_problem("accountDoesNotExist"), "{error}");
    assert_eq!(count(&world.ca.heard(), "/account"), 1, "registered again once");
}

#[tokio::test]
async fn an_order_that_is_not_there_or_not_ours_is_gone() {
    for (status, kind) in [(404, "malformed"), (403, "unauthorized")] {
        let world = World::new().await;
        let order = world.order().await;
        world.ca.next("/orders/1", problem(status, kind, "no such order"));
        let error = world.issuer().status(&order).await.unwrap_err();
        assert!(matches!(error, Error::OrderGone { .. }), "{status}: {error}");
        // Refused for what is asked of the order, it is still there.
        world.ca.order_is("ready");
        world.ca.next("/finalize", problem(403, "unauthorized", "not this key"));
        let error = world.issuer().finalize(&order, b"csr").await.unwrap_err();
        assert!(error.is_problem("unauthorized"), "{error}");
    }
}

#[tokio::test]
async fn an_order_without_a_url_or_http_challenge_is_told() {
    let world = World::new().await;
    let body = br#"{"status":"pending","finalize":"x","authorizations":[]}"#.to_vec();
    world.ca.next("/orders", Answer::Plain(201, vec![], body));
    let error = world.issuer().place_order(&hostname()).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    let body = br#"{"identifier":{"type":"dns","value":"app.customer.com"},"status":"pending",
        "challenges":[{"type":"new-99","url":"x","status":"pending"}]}"#;
    world.ca.next("/authorization", Answer::Plain(200, vec![], body.to_vec()));
    let error = world.issuer().place_order(&hostname()).await.unwrap_err();
    assert!(matches!(error, Error::NoHttpChallenge { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_is_not_spoken_to() {
    let (world, other) = (World::new().await, ScriptedCa::start().await);
    let fresh = databases::sqlite();
    let db = Db::open(&fresh.url).await.unwrap();
    let text = format!("a:{}=", "A".repeat(43));
    let vault = Vault::new(Keys::parse(&text).unwrap(), Keys::parse(&text).unwrap());
    let directory = other.directory();
    let settings = |directory: String| Settings {
        authorities: vec![AuthoritySettings {
            name: "other".into(),
            kind: AuthorityKind::Acme { directory, external_account: None },
        }],
        contact: None,
        extra_roots: Some(world.ca.roots()),
    };
    let resolver = Resolver::new(&dns::Settings {
        servers: vec![([127, 0, 0, 1], 1).into()],
        loopback_names: false,
    });
    let public =
        PublicHttp::new(resolver.unwrap(), check::Settings { http_port: 80, allow_private: false });
    let vault = Arc::new(vault);
    let issuers =
        Issuers::new(&settings(directory.clone()), db.clone(), vault.clone(), public.clone()).await;
    let error = issuers.unwrap().get("other").unwrap().place_order(&hostname()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(other.heard().is_empty());
    let plain = directory.replace("https", "http");
    let refused = Issuers::new(&settings(plain), db, vault, public).await;
    assert!(matches!(refused, Err(Error::Configuration(_))));
}
