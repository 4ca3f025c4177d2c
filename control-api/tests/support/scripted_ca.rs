//! An ACME server that does what a test tells it: it believes everything, issues nothing real, and
//! gives the answers that it was handed first. For faults that no real server can be brought to.

#![allow(
    clippy::expect_used,
    dead_code,
    reason = "a test fails by panicking, and takes what it needs"
)]

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One answer out of the ordinary.
pub enum Answer {
    /// Status, headers, body.
    Plain(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The request takes effect, and the connection ends without an answer.
    Lost,
}

/// The server.
#[derive(Clone)]
pub struct ScriptedCa(Arc<Mutex<Inner>>);

struct Inner {
    url: String,
    roots: String,
    status: &'static str,
    authorization: &'static str,
    script: HashMap<&'static str, VecDeque<Answer>>,
    heard: Vec<String>,
    agents: Vec<String>,
    count: u32,
}

/// A problem document.
pub fn problem(status: u16, kind: &str, detail: &str) -> Answer {
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    let body = json!({"type": kind, "detail": detail, "status": status, "unknown": {"a": 1}});
    Answer::Plain(status, vec![("replay-nonce", "again".into())], body.to_string().into())
}

impl ScriptedCa {
    /// Listens on a port of its own, by HTTPS.
    pub async fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        let root = root.expect("a root");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let leaf = params.signed_by(&key, &root).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .expect("a certificate");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let ca = Self(Arc::new(Mutex::new(Inner {
            url: format!("https://localhost:{port}"),
            roots: root.pem(),
            status: "pending",
            authorization: "pending",
            script: HashMap::new(),
            heard: Vec::new(),
            agents: Vec::new(),
            count: 0,
        })));
        tokio::spawn(ca.clone().accept(listener, TlsAcceptor::from(Arc::new(config))));
        ca
    }

    async fn accept(self, listener: TcpListener, acceptor: TlsAcceptor) {
        let router = Router::new().fallback(handle).with_state(self);
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, service) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = TowerToHyperService::new(service);
                let server = Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("{}/dir", self.0.lock().expect("no panic").url)
    }

    /// What its HTTPS is signed by.
    pub fn roots(&self) -> String {
        self.0.lock().expect("no panic").roots.clone()
    }

    /// The next request to `path` gets this answer.
    pub fn next(&self, path: &'static str, answer: Answer) {
        self.0.lock().expect("no panic").script.entry(path).or_default().push_back(answer);
    }

    /// Where the order stands.
    pub fn order_is(&self, status: &'static str) {
        self.0.lock().expect("no panic").status = status;
    }

    /// Which paths were asked for since the last time, but for nonces.
    pub fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no panic").heard)
    }

    /// All user agents that were seen.
    pub fn agents(&self) -> Vec<String> {
        self.0.lock().expect("no panic").agents.clone()
    }
}

async fn handle(State(ca): State<ScriptedCa>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let agent = request.headers().get("user-agent").and_then(|v| v.to_str().ok());
    let (lost, response) = {
        let mut inner = ca.0.lock().expect("no panic");
        inner.agents.push(agent.unwrap_or_default().to_owned());
        if path != "/nonce" {
            inner.heard.push(path.clone());
        }
        match inner.script.get_mut(path.as_str()).and_then(VecDeque::pop_front) {
            Some(Answer::Plain(status, headers, body)) => {
                let response = headers
                    .into_iter()
                    .fold(Response::builder().status(status), |response, (name, value)| {
                        response.header(name, value)
                    });
                (false, response.body(Body::from(body)).expect("an answer"))
            }
            Some(Answer::Lost) => (true, ordinary(&mut inner, &path)),
            None => (false, ordinary(&mut inner, &path)),
        }
    };
    // A body that breaks off ends the connection.
    if lost { Response::new(Body::from_stream(broken())) } else { response }
}

fn broken() -> impl futures_util::Stream<Item = Result<Vec<u8>, std::io::Error>> {
    futures_util::stream::iter([Err(std::io::Error::other("lost"))])
}

fn ordinary(inner: &mut Inner, path: &str) -> Response {
    let url = inner.url.clone();
    let at = |path: &str| format!("{url}{path}");
    inner.count += 1;
    let response = Response::builder()
        .header("replay-nonce", format!("nonce-{}", inner.count))
        .header("content-type", "application/json");
    let problem = json!({"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids",
        "subproblems": [{"type": "urn:ietf:params:acme:error:caa", "detail": "by a.com",
            "identifier": {"type": "dns", "value": "a.com"}}]});
    let (response, body): (_, Value) = match path {
        "/dir" => {
            let meta = json!({"caaIdentities": ["ca.test"], "termsOfService": "x"});
            let directory = json!({"newNonce": at("/nonce"), "newAccount": at("/account"),
                "newOrder": at("/orders"), "meta": meta, "unknown": [1]});
            (response, directory)
        }
        "/account" => (response.status(201).header("location", at("/account/1")), json!({})),
        "/authorization" => {
            let error = if inner.status == "invalid" { problem } else { Value::Null };
            let challenges = json!([{"type": "dns-01", "url": at("/other"), "token": "t",
                "status": "pending"}, {"type": "http-01", "url": at("/challenge"),
                "token": "the-token", "status": "pending", "error": error}]);
            let name = json!({"type": "dns", "value": "app.customer.com"});
            (
                response,
                json!({"identifier": name, "status": inner.authorization,
                "challenges": challenges}),
            )
        }
        "/challenge" => {
            inner.status = "ready";
            let body = json!({"type": "http-01", "url": at("/challenge"), "token": "the-token",
                "status": "processing"});
            (response, body)
        }
        "/certificate" | "/nonce" => (response, Value::Null),
        _ => {
            let response = match path {
                "/orders" => response.status(201).header("location", at("/orders/1")),
                _ => response,
            };
            if path == "/finalize" {
                inner.status = "processing";
            }
            let mut order = json!({"status": inner.status, "finalize": at("/finalize"),
                "identifiers": [], "authorizations": [at("/authorization")]});
            if inner.status == "valid" {
                order["certificate"] = json!(at("/certificate"));
            }
            (response.header("retry-after", "3"), order)
        }
    };
    let body = if path == "/certificate" { "chain".to_owned() } else { body.to_string() };
    response.body(Body::from(body)).expect("an answer")
}
