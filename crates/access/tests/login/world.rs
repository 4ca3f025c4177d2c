//! A whole world: an organisation with its providers and applications, a control plane, browsers,
//! and a shell that carries out what decisions need. The clock and the dice are the test's.

use std::collections::BTreeMap;

use access::letter::Shell;
use access::memory::Documents;
use access::need::{ContentKey, Fetch, KeyHolder, Need, Sign};
use access::{Here, Known, Reply, Request, Response, team};
use edge_state::access::call::LoginEvent;
use edge_state::seal::{KeyRing, SealEntropy};
use edge_state::{Entry, Hostname, Key, Records};
use http::{HeaderMap, HeaderName, Method};
use saml::key::Signer as _;
use serde_json::{Value, json};
use url::Url;

use crate::control::Control;
use crate::crypto::{self, organization_key};
use crate::github::GitHub;
use crate::keys::TestKey;
use crate::provider::Provider;
use crate::saml_idp;

pub const TEAM: &str = "team.example.com";
pub const WIKI: &str = "https://wiki.example.com";

pub struct World {
    pub now: i64,
    turn: u8,
    pub keys: KeyRing,
    /// As in KV.
    pub records: BTreeMap<String, Value>,
    pub control: Control,
    pub providers: Vec<Provider>,
    pub github: GitHub,
    documents: Documents,
    /// SAML keys that we hold, by their record's id and their `kid`.
    pub saml_keys: BTreeMap<(String, String), &'static TestKey>,
    pub log: Vec<LoginEvent>,
    pub country: &'static str,
    /// Where visitors reach HTTPS, if not on 443.
    pub https_port: Option<u16>,
    /// As the team domain sees it; applications see 192.0.2.7.
    pub address_at_team: &'static str,
}

/// What a browser keeps, by host and name.
#[derive(Clone, Default)]
pub struct Browser {
    pub cookies: BTreeMap<(String, String), String>,
    /// What they were set with.
    attributes: BTreeMap<(String, String), String>,
}

impl Browser {
    /// What it sends along; where another site posts (`elsewhere`), `SameSite=None` alone.
    fn cookies_for(&self, url: &Url, elsewhere: bool) -> String {
        let host = url.host_str().unwrap();
        let fits = |key: &(String, String)| {
            let set = self.attributes.get(key).map_or("", String::as_str);
            let path = set.split("; ").find_map(|part| part.strip_prefix("Path=")).unwrap_or("/");
            let below = url.path().strip_prefix(path);
            let below = below.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || path.ends_with('/')
            });
            key.0 == host && below && (!elsewhere || set.contains("SameSite=None"))
        };
        let sent = self.cookies.iter().filter(|(key, _)| fits(key));
        sent.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// A request before it is sent.
pub struct Ask<'a> {
    pub method: Method,
    pub url: &'a str,
    pub form: Option<String>,
    pub headers: Vec<(&'static str, String)>,
}

impl World {
    /// Two OpenID providers, GitHub and mailed codes; a wiki that all of `example.com` may open.
    pub fn new() -> Self {
        let keys = KeyRing::parse("k:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
        let mut world = Self {
            now: 1_790_000_000,
            turn: 0,
            keys,
            records: BTreeMap::new(),
            control: Control::default(),
            providers: vec![
                Provider::new("one.idp.test", "ada@example.com"),
                Provider::new("two.idp.test", "bob@example.com"),
            ],
            github: GitHub::default(),
            documents: Documents::default(),
            saml_keys: BTreeMap::new(),
            log: Vec::new(),
            country: "DE",
            https_port: None,
            address_at_team: "192.0.2.7",
        };
        let summary = |id: &str, kind: &str| json!({ "id": id, "name": id, "kind": kind });
        world.put(
            &format!("org:{TEAM}"),
            json!({
                "account_id": "a".repeat(32), "auth_domain": TEAM, "name": "Example",
                "session_seconds": 86_400, "applications": ["wiki", "admin"],
                "identity_providers": [
                    summary("one", "oidc"), summary("two", "oidc"), summary("hub", "github"),
                    summary("pin", "onetimepin"),
                ],
            }),
        );
        let key = organization_key();
        world.put(
            &format!("keys:{TEAM}"),
            json!({ "auth_domain": TEAM, "keys": [{
                "kid": "org-key", "n": key.n(), "e": key.e(), "certificate": "PEM",
                "private_key": "1.k.x.x",
            }] }),
        );
        world.put(&format!("revoked:{TEAM}"), json!({ "auth_domain": TEAM }));
        for (at, id) in ["one", "two"].into_iter().enumerate() {
            let provider = &world.providers[at];
            let config = json!({
                "issuer": provider.issuer, "discovery": true, "client_id": provider.client_id,
                "client_secret": world.seal(&provider.secret, id), "scopes": ["email", "profile"],
                "claims": ["department"], "email_claim_name": "email",
                "groups_claim_name": "groups",
            });
            world.put_provider(id, "oidc", json!({ "oidc": config }));
        }
        let config = json!({
            "client_id": "hub-client", "client_secret": world.seal("hub-secret", "hub"),
            "web_url": "https://github.test", "api_url": "https://api.github.test",
        });
        world.put_provider("hub", "github", json!({ "github": config }));
        world.put_provider("pin", "onetimepin", json!({ "one_time_pin": {} }));
        let staff = json!([{
            "id": "staff", "name": "Staff", "decision": "allow",
            "include": [{ "email_domain": { "domain": "example.com" } }],
        }]);
        world.put_application("wiki", "wiki.example.com", staff);
        let nobody = json!([{
            "id": "root", "name": "Root", "decision": "allow",
            "include": [{ "email": { "email": "root@example.com" } }],
        }]);
        world.put_application("admin", "admin.example.com", nobody);
        world
    }

    pub fn put(&mut self, key: &str, value: Value) {
        self.records.insert(key.to_owned(), value);
    }

    /// Changes a record, as an administrator would.
    pub fn edit(&mut self, key: &str, change: impl FnOnce(&mut Value)) {
        change(self.records.get_mut(key).unwrap_or_else(|| panic!("no record {key}")));
    }

    fn put_provider(&mut self, id: &str, kind: &str, protocol: Value) {
        self.put(
            &format!("idp:{id}"),
            json!({
                "id": id, "auth_domain": TEAM, "name": id, "type": kind, "revision": 1,
                "protocol": protocol,
            }),
        );
    }

    pub fn put_application(&mut self, id: &str, host: &str, policies: Value) {
        self.put(
            &format!("app:{id}"),
            json!({
                "id": id, "auth_domain": TEAM, "aud": format!("aud-{id}"), "name": id,
                "type": "self_hosted", "domain": host, "destinations": [host],
                "session_seconds": 3_600, "app_launcher_visible": true, "policies": policies,
            }),
        );
        let door = json!({ "application_id": id, "host_pattern": host, "path_pattern": "" });
        self.put(&format!("gate:{host}"), json!({ "hostname": host, "doors": [door] }));
    }

    fn seal(&self, secret: &str, id: &str) -> String {
        let entropy = SealEntropy([7; 56]);
        self.keys.seal(secret.as_bytes(), &format!("idp:{id}"), entropy).as_str().to_owned()
    }

    /// Records of sessions arrive at the edge.
    pub fn publish_sessions(&mut self) {
        for (nonce, record) in &self.control.sessions {
            let record = serde_json::to_value(record).unwrap();
            self.records.insert(format!("session:{nonce}"), record);
        }
    }

    /// The reason of the last line of the log.
    pub fn last_reason(&self) -> &str {
        self.log.last().map_or("", |event| &event.reason)
    }

    /// Asks, and keeps what the browser would keep.
    pub fn send(&mut self, browser: &mut Browser, ask: &Ask) -> Response {
        let url = Url::parse(ask.url).unwrap();
        let host = Hostname::parse(url.host_str().unwrap()).unwrap();
        let mut headers = HeaderMap::new();
        let elsewhere = ask.headers.iter().any(|(_, value)| value == "cross-site");
        let elsewhere = elsewhere && ask.method == Method::POST;
        let cookies = browser.cookies_for(&url, elsewhere);
        if !cookies.is_empty() {
            headers.insert("cookie", cookies.parse().unwrap());
        }
        for (name, value) in &ask.headers {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let at_team = host.as_str() == TEAM;
        let address = if at_team { self.address_at_team } else { "192.0.2.7" };
        self.turn += 1;
        let entropy = [self.turn; 32];
        let mut request = Request {
            method: &ask.method,
            host: &host,
            owner: None,
            port: self.https_port,
            path: url.path(),
            query: url.query(),
            headers: &headers,
            form: None,
            ip: Some(address.parse().unwrap()),
            country: Some(self.country),
            certificate: None,
            ray_id: "ray",
        };
        let response = self.drive(&mut request, ask.form.as_deref().unwrap_or_default(), &entropy);
        self.log.extend(response.events.iter().cloned());
        for (_, cookie) in response.headers.iter().filter(|(name, _)| *name == "set-cookie") {
            assert!(cookie.contains("Secure") && cookie.contains("HttpOnly"), "{cookie}");
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (host.to_string(), name.to_owned());
            if attributes.contains("Max-Age=0") {
                browser.cookies.remove(&key);
            } else {
                browser.attributes.insert(key.clone(), attributes.to_owned());
                browser.cookies.insert(key, value.to_owned());
            }
        }
        response
    }

    /// The shell: one need after the other.
    fn drive<'r>(
        &mut self,
        request: &mut Request<'r>,
        form: &'r str,
        entropy: &[u8; 32],
    ) -> Response {
        let mut known = Known::new(Records::default());
        for _ in 0..2_000 {
            let here = Here {
                now_millis: self.now * 1_000,
                entropy,
                keys: &self.keys,
                https_port: self.https_port,
            };
            let need = match Self::decide(request, &known, &here) {
                Ok(response) => return crypto::at_once(response.finish(&Pen(self))),
                Err(need) => need,
            };
            let reply = match &need {
                Need::Record(key) => {
                    known.insert_record(key.clone(), self.read(key));
                    continue;
                }
                Need::Records(keys) => {
                    for key in keys {
                        known.insert_record(key.clone(), self.read(key));
                    }
                    continue;
                }
                Need::Form => {
                    request.form = Some(form);
                    continue;
                }
                Need::Call(call) => match self.control.answer(call, self.now, &self.keys) {
                    Some(answer) => Reply::Called(answer.to_string()),
                    None => Reply::Failed("the control plane is away".to_owned()),
                },
                Need::Fetch(fetch) => self.fetch(fetch),
                Need::Verify(verify) => Reply::Verified(crypto::verify(verify)),
                Need::Sign(sign) => Reply::Signed(self.sign(sign)),
                Need::VerifySaml(verify) => Reply::Verified(crypto::verify_saml(verify)),
                Need::Wrap(wrap) => Reply::Wrapped(crypto::wrap(wrap)),
                Need::Unwrap(unwrap) => match saml_idp::unwrap(unwrap) {
                    Ok(key) => Reply::Unwrapped(ContentKey(key.into())),
                    Err(why) => Reply::Failed(why),
                },
            };
            known.insert(need, reply);
        }
        panic!("{} {} never ends", request.method, request.path);
    }

    fn sign(&self, sign: &Sign) -> Vec<u8> {
        let KeyHolder::Saml(id) = &sign.holder else { return saml_idp::sign(sign) };
        match self.saml_keys.get(&(id.clone(), sign.kid.clone())) {
            Some(key) => crypto::at_once(key.rsa_signer().sign(&sign.message)).unwrap(),
            None => saml_idp::sign(sign),
        }
    }

    fn decide(request: &Request, known: &Known, here: &Here) -> Result<Response, Need> {
        match known.records.organization(request.host)? {
            Some(organization) => team::answer(organization, request, known, here),
            None if request.host.as_str() == TEAM => {
                Ok(Response { status: 404, ..Response::default() })
            }
            None => crate::application::answer(request, known, here),
        }
    }

    fn read(&self, key: &Key) -> Entry {
        // What stands in a URL is no name of a record before it was looked at.
        assert_eq!(key.to_string().parse().as_ref(), Ok(key));
        let text = self.records.get(&key.to_string()).map(|value| {
            let mut value = value.clone();
            value["v"] = 1.into();
            value.to_string()
        });
        Entry::decode(key, text.as_deref()).unwrap()
    }

    fn fetch(&mut self, fetch: &Fetch) -> Reply {
        if let Some(cache) = &fetch.cache
            && let Some(found) = self.documents.find(cache, self.now)
        {
            return found;
        }
        let now = self.now;
        let providers = self.providers.iter_mut().find_map(|one| one.answer(fetch, now));
        let found = providers.or_else(|| self.github.answer(fetch, now));
        let reply = match found {
            Some(fetched) if fetched.body.len() <= fetch.max_bytes => Reply::Fetched(fetched),
            Some(_) => Reply::Failed("longer than was asked for".to_owned()),
            None => Reply::Failed("nobody answers".to_owned()),
        };
        match &fetch.cache {
            Some(cache) => self.documents.insert(cache, reply, now),
            None => reply,
        }
    }
}

/// Signs what is signed last.
struct Pen<'a>(&'a World);

impl Shell for Pen<'_> {
    async fn carry_out(&self, need: Need) -> Reply {
        match need {
            Need::Sign(sign) => Reply::Signed(self.0.sign(&sign)),
            Need::Wrap(wrap) => Reply::Wrapped(crypto::wrap(&wrap)),
            other => panic!("{other:?} is no matter of signing"),
        }
    }
}

impl World {
    /// A navigation.
    pub fn get(&mut self, browser: &mut Browser, url: &str) -> Response {
        let headers = vec![
            ("sec-fetch-mode", "navigate".to_owned()),
            ("sec-fetch-dest", "document".to_owned()),
            ("accept", "text/html".to_owned()),
        ];
        self.send(browser, &Ask { method: Method::GET, url, form: None, headers })
    }

    /// A form of ours.
    pub fn post(&mut self, browser: &mut Browser, path: &str, form: &[(&str, &str)]) -> Response {
        let port = self.https_port.map(|port| format!(":{port}")).unwrap_or_default();
        let origin = format!("https://{TEAM}{port}");
        let headers =
            vec![("origin", origin.clone()), ("sec-fetch-site", "same-origin".to_owned())];
        let form = Some(access::encoding::query(form.iter().copied()));
        let url = format!("{origin}{path}");
        self.send(browser, &Ask { method: Method::POST, url: &url, form, headers })
    }

    /// Follows redirects, through the providers too, until somebody shows a page. Returns its URL.
    pub fn follow(&mut self, browser: &mut Browser, start: &str) -> (String, Response) {
        let mut url = start.to_owned();
        for _ in 0..20 {
            let response = self.get(browser, &url);
            let Some(next) = response.location() else { return (url, response) };
            url = self.resolve(&url, next);
        }
        panic!("{start} leads round and round, at last to {url}");
    }

    /// Where a redirect leads, once the provider has had its word.
    pub fn resolve(&mut self, base: &str, next: &str) -> String {
        let next: String = Url::parse(base).unwrap().join(next).unwrap().into();
        let mut own = self.providers.iter_mut().filter(|one| next.starts_with(&one.issuer));
        match own.next() {
            Some(provider) => provider.authorize(&next),
            None if next.starts_with("https://github.test/") => self.github.authorize(&next),
            None => next,
        }
    }

    /// Opens a URL of an application, signs in by a provider, and says where that ends.
    pub fn sign_in(
        &mut self,
        browser: &mut Browser,
        url: &str,
        provider: &str,
    ) -> (String, Response) {
        let (at, page) = self.follow(browser, url);
        let href = page.link(&format!("data-idp=\"{provider}\""));
        let next = Url::parse(&at).unwrap().join(&href).unwrap();
        self.follow(browser, next.as_str())
    }

    /// The callback's URL of an attempt to open `url`, not called yet.
    pub fn callback(&mut self, browser: &mut Browser, url: &str, provider: &str) -> String {
        let request = self.authorization(browser, url, provider);
        self.resolve(WIKI, &request)
    }

    /// The authorization request of an attempt.
    pub fn authorization(&mut self, browser: &mut Browser, url: &str, provider: &str) -> String {
        let (at, page) = self.follow(browser, url);
        let href = page.link(&format!("data-idp=\"{provider}\""));
        let next = Url::parse(&at).unwrap().join(&href).unwrap();
        let response = self.get(browser, next.as_str());
        response.location().unwrap_or_else(|| panic!("{}", response.body)).to_owned()
    }
}

/// What tests read of answers.
pub trait Reading {
    fn header(&self, name: &str) -> Option<&str>;
    fn location(&self) -> Option<&str>;
    fn link(&self, mark: &str) -> String;
    fn field(&self, name: &str) -> String;
    fn says(&self, text: &str) -> bool;
}

impl Reading for Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    fn location(&self) -> Option<&str> {
        self.header("location").filter(|_| matches!(self.status, 302 | 303))
    }

    /// `href` of the element that holds `mark`.
    fn link(&self, mark: &str) -> String {
        let at = self.body.find(mark).unwrap_or_else(|| panic!("no {mark} in {}", self.body));
        let start = self.body[..at].rfind('<').unwrap();
        let end = at + self.body[at..].find('>').unwrap();
        attribute(&self.body[start..end], "href")
    }

    /// The value of a hidden field.
    fn field(&self, name: &str) -> String {
        let mark = format!("name=\"{name}\"");
        let at = self.body.find(&mark).unwrap_or_else(|| panic!("no {mark} in {}", self.body));
        let end = at + self.body[at..].find('>').unwrap();
        attribute(&self.body[at..end], "value")
    }

    fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

fn attribute(element: &str, name: &str) -> String {
    let (_, rest) =
        element.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{element}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}
