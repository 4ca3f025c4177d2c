use std::collections::BTreeMap;
use std::time::Duration;

use edge_state::hostname::Stage;
use edge_state::{CertificateRecord, HostRecord, Record as _};
use lifecycle::Problem;
use lifecycle::certificate::{Order, OrderStatus};
use lifecycle::renewal::Validity;

use super::*;
use crate::store::certificates::{self, CertificateRow};
use crate::store::testing::{TestDb, databases};
use crate::store::{changes, machines, on};
use crate::vault::{Keys, Place};

const ID: &str = "7ea8cb5c-9d4c-4a07-9b9b-bd0a2c8a0d55";
const NAME: &str = "shop.customer.com";
const DAY: Duration = Duration::from_hours(24);

/// A database with one zone, and an engine with two authorities.
struct World {
    test: TestDb,
    engine: Engine,
    now: Timestamp,
}

impl World {
    async fn all() -> Vec<Self> {
        let mut worlds = Vec::new();
        for test in databases().await {
            let keys = || Keys::parse("k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
            let vault = Arc::new(Vault::new(keys(), keys()));
            let authorities = ["first", "second"].map(Authority::new);
            let engine = Engine::new(authorities, Schedule::default(), vault, Bell::default());
            worlds.push(Self { test, engine, now: Timestamp::from_seconds(1_800_000_000) });
        }
        worlds
    }

    /// Inserts the row as the API does, and begins.
    async fn create(&self, requested: &str) {
        let mut tx = self.test.db.begin().await.unwrap();
        let state = serde_json::to_string(&hostname::Hostname::begin(self.now)).unwrap();
        let ssl_id = requested.contains("ssl").then_some("ssl-id");
        on!(&mut tx, conn => {
            for statement in [
                "INSERT INTO accounts (id, name, created_at) VALUES ('a', 'a', 0)",
                "INSERT INTO zones (id, account_id, name, cname_target, settings, created_at, updated_at)
                 VALUES ('z', 'a', 'saas.net', 'target.saas.net', '{}', 0, 0)",
            ] {
                sqlx::query(statement).execute(&mut **conn).await.unwrap();
            }
            sqlx::query(
                "INSERT INTO custom_hostnames (id, zone_id, hostname, requested, ownership_token,
                     status, state, ssl_status, ssl_id, wildcard, created_at, updated_at)
                 VALUES ($1, 'z', $2, $3, 'token', 'pending', $4, NULL, $5, FALSE, 0, 0)")
                .bind(ID).bind(NAME).bind(requested).bind(state).bind(ssl_id)
                .execute(&mut **conn).await.unwrap();
        });
        self.engine.begin(&mut tx, ID, self.now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn certificates(&self) -> Vec<CertificateRow> {
        certificates::of_hostname(&mut self.test.db.read().await.unwrap(), ID).await.unwrap()
    }

    async fn statuses(&self) -> Vec<(String, String)> {
        let rows = self.certificates().await;
        rows.into_iter().map(|row| (row.key_type, row.status)).collect()
    }

    async fn tell(&self, id: &str, event: certificate::Event, attached: Attached) {
        let mut tx = self.test.db.begin().await.unwrap();
        let told = self.engine.certificate_event(&mut tx, (ID, id), event, attached, self.now);
        told.await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn tell_hostname(&self, event: hostname::Event) {
        let mut tx = self.test.db.begin().await.unwrap();
        self.engine.hostname_event(&mut tx, ID, event, self.now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Carries the newest certificate of the type from its beginning to `Active`.
    async fn issue(&self, key_type: &str, serial: &str) {
        let rows = self.certificates().await;
        let id = &rows.iter().rfind(|row| row.key_type == key_type).unwrap().id;
        let order = format!("order/{serial}");
        let place = Place::Certificate { custom_hostname_id: ID.into(), id: id.clone() };
        let key = Attached::Key(self.engine.vault.seal(&place, b"key").unwrap());
        let placed = Order { url: order.clone(), authority: Authority::new("first") };
        let placed = certificate::Event::OrderPlaced { order: placed, challenge: None };
        self.tell(id, placed, key).await;
        let valid =
            certificate::Event::OrderRead { order: order.clone(), status: OrderStatus::Valid };
        self.tell(id, valid, Attached::Nothing).await;
        let (not_before, not_after) = (self.now, self.now + 90 * DAY);
        let chain = IssuedChain {
            chain: format!("chain of {serial}"),
            serial: serial.into(),
            issuer: "Issuer".into(),
            signature: "ECDSAWithSHA256".into(),
            fingerprint_sha256: "00".into(),
            not_before: not_before.as_millis(),
            not_after: not_after.as_millis(),
        };
        let validity = Validity { not_before, not_after };
        let arrived = certificate::Event::Arrived { order, serial: serial.into(), validity };
        self.tell(id, arrived, Attached::Chain(Box::new(chain))).await;
        let served = certificate::Event::Served { serial: serial.into() };
        self.tell(id, served, Attached::Nothing).await;
    }

    /// Every record on the edge.
    async fn edge(&self) -> BTreeMap<String, String> {
        let mut tx = self.test.db.read().await.unwrap();
        let page = changes::page(&mut tx, "", 1000).await.unwrap();
        page.into_iter().map(|change| (change.key, change.value.unwrap())).collect()
    }

    async fn served(&self) -> Vec<String> {
        let edge = self.edge().await;
        let Some(text) = edge.get(&format!("cert:{NAME}")) else { return vec![] };
        let record = CertificateRecord::decode(text).unwrap();
        record.certificates.into_iter().map(|certificate| certificate.serial).collect()
    }

    async fn ssl_status(&self) -> Option<String> {
        let mut tx = self.test.db.read().await.unwrap();
        let row: (Option<String>,) = on!(&mut tx, conn => sqlx::query_as(
            "SELECT ssl_status FROM custom_hostnames").fetch_one(&mut **conn).await.unwrap());
        row.0
    }

    /// (kind, due after now in seconds), by kind.
    async fn jobs(&self) -> Vec<(String, i64)> {
        let mut tx = self.test.db.read().await.unwrap();
        let rows: Vec<(String, i64)> = on!(&mut tx, conn => sqlx::query_as(
            "SELECT kind, due_at FROM jobs ORDER BY kind, due_at")
            .fetch_all(&mut **conn).await.unwrap());
        let now = self.now.as_millis();
        rows.into_iter().map(|(kind, due)| (kind, (due - now) / 1000)).collect()
    }
}

fn own<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()
}

#[tokio::test]
async fn a_new_hostname_has_its_two_jobs_and_its_edge_record_at_once() {
    for world in World::all().await {
        world.create(r#"{"ssl":{"settings":{"http2":"off"}}}"#).await;
        let jobs = world.jobs().await;
        assert_eq!(jobs, [("check_hostname".into(), 0), ("place_order".into(), 0)]);
        assert_eq!(world.ssl_status().await.as_deref(), Some("initializing"));
        let edge = world.edge().await;
        let record = HostRecord::decode(&edge[&format!("host:{NAME}")]).unwrap();
        assert_eq!(record.stage, Stage::Pending { missing: vec![] });
        assert_eq!(record.tls.http2, Some(false));
        assert_eq!(record.ownership_token, "token");
    }
}

#[tokio::test]
async fn without_ssl_there_is_no_certificate() {
    for world in World::all().await {
        world.create("{}").await;
        assert_eq!(world.jobs().await, [("check_hostname".into(), 0)]);
        assert_eq!((world.ssl_status().await, world.statuses().await), (None, vec![]));
    }
}

#[tokio::test]
async fn p256_comes_first_and_rsa_follows() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        assert_eq!(world.statuses().await, own([("p256", "initializing")]));
        world.issue("p256", "0a").await;
        assert_eq!(world.statuses().await, own([("p256", "active"), ("rsa2048", "initializing")]));
        assert_eq!(world.ssl_status().await.as_deref(), Some("active"));
        assert_eq!(world.served().await, ["0a"]);
        world.issue("rsa2048", "0b").await;
        assert_eq!(world.served().await, ["0a", "0b"]);
        assert_eq!(world.ssl_status().await.as_deref(), Some("active"));
    }
}

#[tokio::test]
async fn a_refused_rsa_order_never_harms_the_hostname() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        world.issue("p256", "0a").await;
        let rsa = world.certificates().await.remove(1).id;
        for authority in ["first", "second", "first"] {
            let refused = Problem::refused(&Authority::new(authority), "badCSR", "no");
            world.tell(&rsa, certificate::Event::Failed(refused), Attached::Nothing).await;
        }
        assert_eq!(world.ssl_status().await.as_deref(), Some("active"));
        assert_eq!(world.served().await, ["0a"]);
        assert!(world.jobs().await.iter().any(|(kind, _)| kind == "place_order"), "tried again");
    }
}

#[tokio::test]
async fn first_certificates_that_wait_at_a_limit_are_known() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        let id = world.certificates().await.remove(0).id;
        let wait = async |authority: &str| {
            let mut tx = world.test.db.read().await.unwrap();
            certificates::first_ones_wait(&mut tx, authority).await.unwrap()
        };
        assert!(!wait("first").await, "{}", world.test.name);
        for authority in ["first", "second"] {
            let authority = Authority::new(authority);
            let (detail, until) = (String::new(), None);
            let limited = Problem::RateLimited { authority, detail, until };
            world.tell(&id, certificate::Event::Failed(limited), Attached::Nothing).await;
        }
        // Whichever rests less is the one that it waits for.
        assert_ne!(wait("first").await, wait("second").await, "{}", world.test.name);
    }
}

#[tokio::test]
async fn a_renewal_serves_the_old_certificate_until_the_new_one_is_there() {
    for mut world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        world.issue("p256", "0a").await;
        let old = world.certificates().await.remove(0).id;
        world.now = world.now + 60 * DAY;
        world.tell(&old, certificate::Event::Due, Attached::Nothing).await;
        let statuses =
            own([("p256", "active"), ("rsa2048", "initializing"), ("p256", "initializing")]);
        assert_eq!(world.statuses().await, statuses);
        assert_eq!(world.ssl_status().await.as_deref(), Some("active"));
        let new = world.certificates().await.remove(2).id;
        let down =
            Problem::AuthorityDown { authority: Authority::new("first"), reason: String::new() };
        world.tell(&new, certificate::Event::Failed(down), Attached::Nothing).await;
        assert_eq!(world.ssl_status().await.as_deref(), Some("pending_issuance"));
        assert_eq!(world.served().await, ["0a"]);
        world.issue("p256", "0c").await;
        assert_eq!(world.served().await, ["0c"]);
        assert_eq!(world.statuses().await, own([("rsa2048", "initializing"), ("p256", "active")]));
        assert_eq!(world.ssl_status().await.as_deref(), Some("active"));
    }
}

#[tokio::test]
async fn the_key_of_a_live_order_is_not_overwritten_by_a_late_answer() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        let id = world.certificates().await.remove(0).id;
        let place = Place::Certificate { custom_hostname_id: ID.into(), id: id.clone() };
        for (url, key) in [("order/1", b"one"), ("order/2", b"two")] {
            let order = Order { url: url.into(), authority: Authority::new("first") };
            let key = Attached::Key(world.engine.vault.seal(&place, key).unwrap());
            let placed = certificate::Event::OrderPlaced { order, challenge: None };
            world.tell(&id, placed, key).await;
        }
        let row = world.certificates().await.remove(0);
        let key = Sealed::from_text(row.private_key.unwrap());
        assert_eq!(world.engine.vault.open(&place, &key).unwrap().as_slice(), b"one");
    }
}

#[tokio::test]
async fn a_deleted_hostname_leaves_nothing_behind() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        world.issue("p256", "0a").await;
        let rsa = world.certificates().await.remove(1).id;
        let order = Order { url: "order/1".into(), authority: Authority::new("first") };
        let challenge = lifecycle::validation::Challenge {
            token: "token".into(),
            key_authorization: "token.key".into(),
        };
        let placed = certificate::Event::OrderPlaced { order, challenge: Some(challenge) };
        world.tell(&rsa, placed, Attached::Nothing).await;
        let edge: Vec<_> = world.edge().await.into_keys().collect();
        assert_eq!(edge, ["acme:token", "cert:shop.customer.com", "host:shop.customer.com"]);
        let mut tx = world.test.db.begin().await.unwrap();
        world.engine.delete(&mut tx, ID, world.now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.edge().await.len(), 0);
        assert_eq!((world.jobs().await.len(), world.certificates().await.len()), (0, 0));
        let mut tx = world.test.db.begin().await.unwrap();
        assert!(machines::lock(&mut tx, ID).await.unwrap().is_none());
        let again = world.engine.delete(&mut tx, ID, world.now).await;
        assert!(matches!(again, Err(EngineError::NotFound)));
    }
}

#[tokio::test]
async fn a_hostname_that_moved_away_for_good_is_removed() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        let name = |text| edge_state::Hostname::parse(text).unwrap();
        let elsewhere = || {
            let (hostname, target) = (name(NAME), name("target.saas.net"));
            vec![Problem::NotResolving { hostname, target }]
        };
        for _ in 0..75 {
            world.tell_hostname(hostname::Event::NotVerified(elsewhere())).await;
        }
        let record = HostRecord::decode(&world.edge().await[&format!("host:{NAME}")]).unwrap();
        let Stage::Pending { missing } = record.stage else { panic!("{:?}", record.stage) };
        assert!(missing[0].contains("shop.customer.com CNAME target.saas.net"), "{missing:?}");
        for _ in 0..7 {
            world.tell_hostname(hostname::Event::NotVerified(elsewhere())).await;
        }
        assert_eq!((world.edge().await.len(), world.jobs().await.len()), (0, 0));
    }
}

#[tokio::test]
async fn reissue_keeps_what_is_in_service_and_begins_the_rest_anew() {
    for world in World::all().await {
        world.create(r#"{"ssl":{}}"#).await;
        let first = world.certificates().await.remove(0).id;
        let reissue = async || {
            let mut tx = world.test.db.begin().await.unwrap();
            world.engine.reissue(&mut tx, ID, world.now).await.unwrap();
            tx.commit().await.unwrap();
        };
        reissue().await;
        let anew = world.certificates().await;
        assert!(anew.len() == 1 && anew[0].id != first);
        world.issue("p256", "0a").await;
        for _ in 0..2 {
            reissue().await;
            let statuses = own([("p256", "active"), ("p256", "initializing")]);
            assert_eq!(world.statuses().await, statuses);
        }
        world.issue("p256", "0b").await;
        assert_eq!(world.statuses().await, own([("p256", "active"), ("rsa2048", "initializing")]));
        assert_eq!(world.served().await, ["0b"]);
    }
}

#[tokio::test]
async fn the_authority_that_the_client_names_is_the_only_one_asked() {
    for world in World::all().await {
        world.create(r#"{"ssl":{"certificate_authority":"second"}}"#).await;
        assert_eq!(world.certificates().await[0].authority, "second");
    }
}
