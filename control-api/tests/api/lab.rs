//! One control plane per test and database, asked in memory.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use control_api::api::App;
use control_api::clock::Clock;
use control_api::config::Config;
use control_api::engine::Engine;
use control_api::feed::{EdgeToken, Feed};
use control_api::net::http::Outside;
use control_api::people::{self, People};
use control_api::store::Db;
use control_api::store::changes::Bell;
use control_api::vault::{Keys, Vault};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::databases::{self, Fresh};

pub const BOOTSTRAP: &str = "bootstrap-token-for-tests";
pub const EDGE_TOKEN: &str = "edge-token-for-tests";
/// Of both rings.
pub const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
pub const NOW: i64 = 1_790_000_000_000;

/// A control plane.
pub struct Lab {
    /// For messages.
    pub name: &'static str,
    pub clock: Clock,
    pub db: Db,
    pub people: People,
    pub app: App,
    router: Router,
    _fresh: Fresh,
}

/// An account with one zone.
pub struct Tenant {
    pub account: String,
    pub zone: String,
}

/// An answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

/// One lab per database.
pub async fn labs() -> Vec<Lab> {
    labs_with(&[]).await
}

/// As [`labs`], with further variables.
pub async fn labs_with(more: &[(&str, &str)]) -> Vec<Lab> {
    let mut labs = Vec::new();
    for fresh in databases::fresh().await {
        labs.push(Lab::start(fresh, more).await);
    }
    labs
}

/// A lab on SQLite, for what no database decides.
pub async fn lab() -> Lab {
    Lab::start(databases::sqlite(), &[]).await
}

/// As [`lab`], with further variables.
pub async fn lab_with(more: &[(&str, &str)]) -> Lab {
    Lab::start(databases::sqlite(), more).await
}

impl Lab {
    async fn start(fresh: Fresh, more: &[(&str, &str)]) -> Self {
        let config = Config::read(&|name| {
            if let Some((_, value)) = more.iter().find(|(known, _)| *known == name) {
                return Some((*value).to_owned());
            }
            let key = KEY;
            let value = match name {
                "LINTEL_MASTER_KEY" | "LINTEL_EDGE_KEY" => key,
                "LINTEL_EDGE_TOKEN" => EDGE_TOKEN,
                "LINTEL_BOOTSTRAP_TOKEN" => BOOTSTRAP,
                "LINTEL_ACME_AUTHORITIES" => "development",
                "LINTEL_ACME_CONTACT" => "mailto:operator@saas.com",
                // Nobody is there: what waits is read by `People::empty_mailbag`.
                "LINTEL_SMTP_URL" => "smtp://127.0.0.1:9",
                "LINTEL_MAIL_FROM" => "Lintel <lintel@saas.com>",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let config = config.expect("a configuration");
        let db = Db::open(&fresh.url).await.expect("a database");
        let clock = Clock::fixed(NOW);
        let keys = |text: &secrecy::SecretString| Keys::parse(text.expose_secret()).expect("keys");
        let vault = Arc::new(Vault::new(keys(&config.master_key), keys(&config.edge_key)));
        let bell = Bell::default();
        let engine = Engine::configured(&config, vault.clone(), bell.clone());
        let people =
            People::configured(&config, db.clone(), clock.clone(), vault.clone(), bell.clone());
        let feed = Feed::new(db.clone(), bell, &config.edge_token, CancellationToken::new());
        let questions = people::edge::router(people.clone(), EdgeToken::new(&config.edge_token));
        let beside = control_api::router::beside(feed, None).merge(questions);
        let outside = Outside::configured(&config);
        let config = Arc::new(config);
        let app = App { db: db.clone(), clock: clock.clone(), config, vault, engine, outside };
        let router = control_api::router::router(app.clone(), beside);
        Self { name: fresh.name, clock, db, people, app, router, _fresh: fresh }
    }

    /// Any request at all.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, text, body }
    }

    /// A request with a token and, unless it is null, a body.
    pub async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> Answer {
        self.ask_with(token, method, path, body, &[]).await
    }

    /// The same with further headers.
    pub async fn ask_with(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let uri = format!("/client/v4{path}");
        let mut request = Request::builder().method(method).uri(uri);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).expect("a request")).await
    }

    /// As an edge: below `/edge/v1`.
    pub async fn edge(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = Request::builder().method(method).uri(format!("/edge/v1/{path}"));
        let request = request
            .header("authorization", format!("Bearer {EDGE_TOKEN}"))
            .header("content-type", "application/json");
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).expect("a request")).await
    }

    /// As the operator.
    pub async fn operator(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(BOOTSTRAP, method, path, body).await
    }

    /// The record that the edge has under a key; null: none.
    pub async fn record(&self, key: &str) -> Value {
        let key = key.parse().expect("a key");
        let mut tx = self.db.read().await.expect("a transaction");
        let text = control_api::store::changes::value(&mut tx, &key).await.expect("a value");
        text.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"))
    }

    /// A new account with the zone `name` and the team domain `team.{name}`.
    pub async fn organization(&self, name: &str) -> Tenant {
        let tenant = self.tenant(name).await;
        let body = json!({"name": name, "auth_domain": format!("team.{name}")});
        let path = tenant.access("organizations");
        let answer = self.operator("PUT", &path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        tenant
    }

    /// A new account with the zone `name`.
    pub async fn tenant(&self, name: &str) -> Tenant {
        let account = self.operator("POST", "/accounts", json!({"name": name})).await.id();
        let body = json!({"name": name, "account": {"id": account}});
        let zone = self.operator("POST", "/zones", body).await.id();
        Tenant { account, zone }
    }

    /// A token with these permissions on a resource.
    pub async fn token(&self, resource: &str, groups: &[&str], more: Value) -> String {
        let groups: Vec<_> = groups.iter().map(|name| json!({"name": name})).collect();
        let policy =
            json!({"effect": "allow", "resources": {resource: "*"}, "permission_groups": groups});
        let mut body = json!({"name": "test", "policies": [policy]});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        let answer = self.operator("POST", "/user/tokens", body).await;
        answer.result()["value"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned()
    }
}

impl Tenant {
    /// Below `/accounts/{account}/access`.
    pub fn access(&self, path: &str) -> String {
        format!("/accounts/{}/access/{path}", self.account)
    }

    /// Below `/zones/{zone}/access`.
    pub fn zone_access(&self, path: &str) -> String {
        format!("/zones/{}/access/{path}", self.zone)
    }

    /// The zone as a resource of a token.
    pub fn zone_resource(&self) -> String {
        format!("com.cloudflare.api.account.zone.{}", self.zone)
    }

    /// The account as a resource of a token.
    pub fn account_resource(&self) -> String {
        format!("com.cloudflare.api.account.{}", self.account)
    }
}

impl Answer {
    /// What the envelope holds, if every member of `sent` is in it as it is there.
    pub fn repeats(&self, sent: &Value) -> &Value {
        assert!(self.status.is_success(), "{}", self.text);
        for (name, value) in sent.as_object().expect("an object") {
            assert_eq!(&self.result()[name], value, "{name}: {}", self.text);
        }
        self.result()
    }

    /// The field that a refusal names, as a JSON pointer.
    pub fn refused(&self) -> &str {
        assert_eq!(self.status, 400, "{}", self.text);
        self.body["errors"][0]["source"]["pointer"].as_str().unwrap_or_default()
    }

    /// What the envelope holds.
    pub fn result(&self) -> &Value {
        &self.body["result"]
    }

    /// The id of a success.
    pub fn id(&self) -> String {
        assert!(self.status.is_success(), "{}", self.text);
        self.result()["id"].as_str().expect("an id").to_owned()
    }

    /// Status and first error code.
    pub fn outcome(&self) -> (u16, u64) {
        (self.status.as_u16(), self.body["errors"][0]["code"].as_u64().unwrap_or(0))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
