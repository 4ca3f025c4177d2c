#![allow(clippy::format_collect, clippy::needless_pass_by_value, reason = "short is better here")]

use std::collections::BTreeMap;

use edge_state::access::Identity;
use edge_state::access::session::ProviderReference;
use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::handover::{self, Handover};
use crate::testing::{NOW, Shell, TEAM, forge, name};
use crate::{ClientCertificate, encoding};

const APP: &str = "11111111-1111-4111-8111-111111111111";
const OTHER: &str = "22222222-2222-4222-8222-222222222222";
const IDP: &str = "33333333-3333-4333-8333-333333333333";
const HOST: &str = "app.example.com";
const SESSION: &str = "evaGxfADs6pSRb2LAv9IZf";
const CLIENT: &str = "88bf3b6d86161464f6509f7219099e57.access";
const SECRET: &str = "bdd31cbc4dec990953e39163fbbb194c93313ca9f0a6e420346af9d326b1d2a5";

mod attributes;
mod passing;
mod refusing;
mod signing_in;

/// Who signed in.
fn ada() -> Identity {
    Identity {
        user_id: "u1".into(),
        email: "ada@example.com".into(),
        idp: ProviderReference { id: IDP.into(), kind: "oidc".into() },
        subject: "s1".into(),
        ..Identity::default()
    }
}

fn application(id: &str, aud: &str, policies: Value) -> Value {
    json!({"id": id, "auth_domain": TEAM, "aud": aud, "name": "Wiki", "type": "self_hosted",
        "domain": HOST, "session_seconds": 900, "policies": policies})
}

fn allow_ada() -> Value {
    json!([{"id": "p1", "name": "Staff", "decision": "allow",
        "include": [{"email": {"email": "ada@example.com"}}]}])
}

/// One application before a host, one provider, one live session.
fn shell() -> Shell {
    let mut shell = Shell::default();
    shell.put(
        &format!("org:{TEAM}"),
        json!({"account_id": "a", "auth_domain": TEAM, "name": "Team", "session_seconds": 86_400,
            "identity_providers": [{"id": IDP, "name": "I", "kind": "oidc"}]}),
    );
    shell.put(
        &format!("idp:{IDP}"),
        json!({"id": IDP, "auth_domain": TEAM, "name": "I", "type": "oidc", "revision": 1,
            "protocol": {"one_time_pin": {}}}),
    );
    shell.put(&format!("app:{APP}"), application(APP, "aud1", allow_ada()));
    shell.put(&format!("app:{OTHER}"), application(OTHER, "aud2", allow_ada()));
    doors(&mut shell, &[(APP, "")]);
    shell.put(
        &format!("service_token:{CLIENT}"),
        json!({"client_id": CLIENT, "id": "st1", "auth_domain": TEAM, "name": "CI",
            "secrets": [{"sha256": hash(SECRET)}]}),
    );
    shell.begin_session(SESSION, 86_400, &ada());
    shell
}

fn doors(shell: &mut Shell, doors: &[(&str, &str)]) {
    let doors = doors.iter().map(
        |(id, path)| json!({"application_id": id, "host_pattern": HOST, "path_pattern": path}),
    );
    let gate = json!({"hostname": HOST, "doors": doors.collect::<Vec<_>>()});
    shell.put(&format!("gate:{HOST}"), gate);
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The claims of a token that counts.
fn claims() -> Value {
    json!({"iss": format!("https://{TEAM}"), "aud": ["aud1"], "sub": "u1", "type": "app",
        "email": "ada@example.com", "identity_nonce": SESSION, "policy_id": "p1",
        "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 600})
}

fn claims_with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    forge(&claims)
}

#[derive(Clone)]
struct Sent {
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    certificate: Option<ClientCertificate>,
}

/// A person opens a page.
fn visit(path: &str) -> Sent {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (path.to_owned(), None),
    };
    let sent =
        Sent { method: Method::GET, path, query, headers: HeaderMap::new(), certificate: None };
    sent.with("sec-fetch-mode", "navigate").with("accept", "text/html")
}

/// A program of the page asks for data.
fn fetch(path: &str) -> Sent {
    let mut sent = visit(path);
    sent.headers.clear();
    sent.with("sec-fetch-mode", "cors").with("accept", "application/json")
}

impl Sent {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), value.parse().unwrap());
        self
    }

    fn cookie(self, name: &str, value: &str) -> Self {
        self.with("cookie", &format!("{name}={value}"))
    }

    fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    fn service_token(self, secret: &str) -> Self {
        self.with("cf-access-client-id", CLIENT).with("cf-access-client-secret", secret)
    }

    fn at(&self, shell: &Shell) -> Gate {
        shell.ask(|known, here| {
            let request = Request {
                method: &self.method,
                host: &name(HOST),
                owner: None,
                port: None,
                path: &self.path,
                query: self.query.as_deref(),
                headers: &self.headers,
                form: None,
                ip: Some("192.0.2.7".parse().unwrap()),
                country: Some("DE"),
                certificate: self.certificate.as_ref(),
                ray_id: "ray",
            };
            check(&request, known, here)
        })
    }

    fn passes(&self, shell: &Shell) -> Passage {
        match self.at(shell) {
            Gate::Open(passage) => passage,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&self, shell: &Shell) -> Response {
        match self.at(shell) {
            Gate::Answer(response) => response,
            other => panic!("{other:?}"),
        }
    }
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}

fn to_origin(passage: &Passage) -> BTreeMap<&str, &str> {
    passage.set.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect()
}

/// Cookies that are set: name, value.
fn cookies_of(headers: &[(&'static str, String)]) -> BTreeMap<String, String> {
    let set = headers.iter().filter(|(name, _)| *name == "set-cookie");
    let pairs = set.filter_map(|(_, value)| value.split(';').next()?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn reasons(events: &[LoginEvent]) -> String {
    events.iter().map(|event| format!("{}:{};", event.action, event.reason)).collect()
}
