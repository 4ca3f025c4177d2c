//! An OpenID provider, honest until told otherwise.

use std::collections::BTreeMap;

use access::encoding::Form;
use access::known::Fetched;
use access::need::Fetch;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::crypto::{self, base64url, provider_key};

type Change = Box<dyn Fn(&mut Value)>;
type Sign = Box<dyn Fn(&Value, &Value) -> String>;

pub struct Provider {
    pub issuer: String,
    pub client_id: String,
    pub secret: String,
    /// `iss` in answers, and the promise of it.
    pub names_issuer: bool,
    /// What the token endpoint wants.
    pub methods: Vec<&'static str>,
    pub email: String,
    pub subject: String,
    /// More claims of the id token.
    pub claims: Value,
    /// Userinfo's claims; `null`: there is none.
    pub userinfo: Value,
    pub keys: Value,
    pub kid: Option<&'static str>,
    /// Lies.
    pub header: Change,
    pub token: Change,
    pub response: Change,
    pub document: Change,
    pub sign: Sign,
    /// Nothing answers.
    pub down: bool,
    /// How configuration and keys are answered; `None`: not at all.
    pub documents_answer: Option<u16>,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    /// All that was asked.
    pub asked: Vec<Fetch>,
}

pub const ACCESS_TOKEN: &str = "access-token";

impl Provider {
    pub fn new(host: &str, email: &str) -> Self {
        Self {
            issuer: format!("https://{host}"),
            client_id: format!("client at {host}"),
            secret: "se:cret/%+".to_owned(),
            names_issuer: true,
            methods: vec!["client_secret_basic"],
            email: email.to_owned(),
            subject: format!("subject-of-{email}"),
            claims: json!({ "email_verified": true }),
            userinfo: Value::Null,
            keys: json!([provider_key().jwk(Some("k1"))]),
            kid: Some("k1"),
            header: Box::new(|_| {}),
            token: Box::new(|_| {}),
            response: Box::new(|_| {}),
            document: Box::new(|_| {}),
            sign: Box::new(|header, claims| {
                crypto::token(header, claims, |message| provider_key().sign(message))
            }),
            down: false,
            documents_answer: Some(200),
            codes: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    /// Somebody signs in there; where their browser goes next.
    pub fn authorize(&mut self, url: &str) -> String {
        let url = Url::parse(url).unwrap();
        assert_eq!(url.as_str().split('?').next(), Some(&*format!("{}/authorize", self.issuer)));
        let form: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(form["response_type"], "code");
        assert_eq!(form["client_id"], self.client_id);
        assert_eq!(form["code_challenge_method"], "S256");
        assert!(form["scope"].split(' ').any(|scope| scope == "openid"));
        let code = format!("code-{}", self.codes.len());
        let mut back = Url::parse(&form["redirect_uri"]).unwrap();
        back.query_pairs_mut().append_pair("code", &code).append_pair("state", &form["state"]);
        if self.names_issuer {
            back.query_pairs_mut().append_pair("iss", &self.issuer);
        }
        self.codes.insert(code, form);
        back.into()
    }

    /// What it answers; `None`: this URL is not its own, or it does not answer.
    pub fn answer(&mut self, fetch: &Fetch, now: i64) -> Option<Fetched> {
        let path = fetch.url.strip_prefix(&self.issuer)?.to_owned();
        self.asked.push(fetch.clone());
        if self.down {
            return None;
        }
        let (status, body) = match path.as_str() {
            "/.well-known/openid-configuration" => (self.documents_answer?, self.configuration()),
            "/keys" => (self.documents_answer?, json!({ "keys": self.keys })),
            "/token" => self.exchange(fetch, now),
            "/userinfo" => {
                let bearer = ("authorization".to_owned(), format!("Bearer {ACCESS_TOKEN}"));
                let known = fetch.headers.contains(&bearer);
                (if known { 200 } else { 401 }, self.userinfo.clone())
            }
            _ => (404, json!({})),
        };
        let content_type = "application/json".to_owned();
        Some(Fetched { status, content_type, body: body.to_string(), at: now })
    }

    fn configuration(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let mut document = json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
            "token_endpoint_auth_methods_supported": self.methods,
            "authorization_response_iss_parameter_supported": self.names_issuer,
        });
        if !self.userinfo.is_null() {
            document["userinfo_endpoint"] = at("/userinfo").into();
        }
        (self.document)(&mut document);
        document
    }

    fn exchange(&mut self, fetch: &Fetch, now: i64) -> (u16, Value) {
        let form = Form::parse(fetch.body.as_deref());
        let refuse = |error: &str| (400, json!({ "error": error }));
        let header = |name: &str| fetch.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        let encode = access::encoding::component;
        let pair = format!("{}:{}", encode(&self.client_id), encode(&self.secret));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let known = match self.methods.first() {
            Some(&"client_secret_post") => {
                form.get("client_id") == Some(&self.client_id)
                    && form.get("client_secret") == Some(&self.secret)
                    && header("authorization").is_none()
            }
            _ => header("authorization") == Some(&basic) && form.get("client_secret").is_none(),
        };
        if fetch.method != "POST" || !known {
            return (401, json!({ "error": "invalid_client" }));
        }
        if form.get("grant_type") != Some("authorization_code") {
            return refuse("unsupported_grant_type");
        }
        let request = form.get("code").and_then(|code| self.codes.remove(code));
        let Some(request) = request else { return refuse("invalid_grant") };
        let verifier = form.get("code_verifier").unwrap_or_default();
        if base64url(Sha256::digest(verifier)) != request["code_challenge"]
            || form.get("redirect_uri") != Some(&request["redirect_uri"])
        {
            return refuse("invalid_grant");
        }
        let mut response = json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60,
            "id_token": self.id_token(&request["nonce"], now),
        });
        (self.response)(&mut response);
        (200, response)
    }

    fn id_token(&self, nonce: &str, now: i64) -> String {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(kid) = self.kid {
            header["kid"] = kid.into();
        }
        (self.header)(&mut header);
        let mut claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": self.client_id, "nonce": nonce,
            "iat": now, "exp": now + 300, "email": self.email,
        });
        for (name, value) in self.claims.as_object().unwrap() {
            claims[name] = value.clone();
        }
        (self.token)(&mut claims);
        (self.sign)(&header, &claims)
    }
}
