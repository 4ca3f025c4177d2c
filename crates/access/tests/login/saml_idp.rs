//! A customer's SAML identity provider, made of crate `saml`, honest until told otherwise; and the
//! keys by which we speak with it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access::Response;
use access::need::{KeyHolder, Sign, Unwrap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use saml::assertion::{Attribute, AuthnStatement, authn_context, name_format};
use saml::authn_request::ConsumerService;
use saml::binding::post::{self, Form};
use saml::binding::{Incoming, redirect};
use saml::encryption::{ContentEncryption, Recipient};
use saml::identity_provider::{Accepted, IdentityProvider, Issue, Signed, Target};
use saml::key::{Decrypter as _, KeyTransport, Signer as _};
use saml::name_id::{NameId, format};
use saml::native::Native;
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use saml::response::Status;
use serde_json::{Value, json};
use url::Url;

use crate::crypto::at_once;
use crate::keys::{IDP, IDP_NEXT, SP, TestKey};
use crate::world::{Ask, Browser, Reading as _, TEAM, World};

/// One of a customer's.
pub struct SamlIdp {
    /// Of our record of it.
    pub id: &'static str,
    pub entity_id: String,
    pub sso: String,
    pub key: &'static TestKey,
    pub name_id: Option<NameId>,
    pub attributes: Vec<Attribute>,
    pub class: &'static str,
    pub session_index: Option<&'static str>,
    pub signed: Signed,
    /// To whom it encrypts the assertion, or the name alone.
    pub encrypted_to: Option<Recipient>,
    pub name_encrypted_to: Option<Recipient>,
    /// How long the session may last.
    pub lasts: Option<Duration>,
    /// How long ago the person authenticated there.
    pub authenticated_ago: Duration,
    /// In place of an assertion.
    pub status: Option<Status>,
    pub want_signed: bool,
}

pub fn attribute(name: &str, values: &[&str]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        name_format: Some(name_format::BASIC.to_owned()),
        friendly_name: None,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

impl SamlIdp {
    /// Ada's company.
    pub fn corp() -> Self {
        Self::new("corp", "https://idp.corp.test", &IDP)
    }

    /// Another one, with other keys.
    pub fn acme() -> Self {
        Self::new("acme", "https://idp.acme.test", &IDP_NEXT)
    }

    fn new(id: &'static str, origin: &str, key: &'static TestKey) -> Self {
        Self {
            id,
            entity_id: format!("{origin}/metadata"),
            sso: format!("{origin}/sso"),
            key,
            name_id: Some(NameId::new("ada-7", format::PERSISTENT)),
            attributes: vec![
                attribute("email", &["Ada@example.com"]),
                attribute("displayName", &["Ada Lovelace"]),
                attribute("groups", &["staff", "admins, all"]),
                attribute("department", &["Engines"]),
            ],
            class: authn_context::PASSWORD_PROTECTED_TRANSPORT,
            session_index: Some("session-1"),
            signed: Signed::Both,
            encrypted_to: None,
            name_encrypted_to: None,
            lasts: None,
            authenticated_ago: Duration::ZERO,
            status: None,
            want_signed: false,
        }
    }

    /// `config` of our record of it.
    pub fn config(&self) -> Value {
        json!({
            "idp_public_certs": [STANDARD.encode(self.key.certificate.der())],
            "issuer_url": self.entity_id, "sso_target_url": self.sso,
            "attributes": ["department"],
        })
    }

    pub fn acs(&self) -> String {
        format!("https://{TEAM}/access/callback/{}", self.id)
    }

    /// Us, as it knows us.
    pub fn peer(&self) -> ServiceProviderPeer {
        let service = self.acs();
        let mut peer = ServiceProviderPeer::new(&format!("{service}/saml-metadata"), &service);
        peer.signing_keys = vec![SP.public()];
        peer.require_signed_requests = self.want_signed;
        peer
    }

    pub fn idp(&self) -> IdentityProvider {
        IdentityProvider::new(&self.entity_id, &self.sso)
    }

    /// What the browser brought, if it is what we would ask.
    pub fn accept(&self, request: &Incoming, now: i64) -> Accepted {
        at_once(self.idp().read_request(request, &self.peer(), &Native, moment(now))).unwrap()
    }

    /// Where an answer goes that nobody asked for, or that answers this request.
    pub fn target(&self, in_response_to: Option<&str>, relay_state: Option<&str>) -> Target {
        self.peer().target(&ConsumerService::Default, in_response_to, relay_state).unwrap()
    }

    /// Its answer.
    pub fn answer(&self, target: &Target, now: i64) -> Form {
        let (idp, key, now) = (self.idp(), self.key.rsa_signer(), moment(now));
        let mut random = random();
        if let Some(status) = &self.status {
            return at_once(idp.refuse(target, status, &key, &mut random, now)).unwrap();
        }
        let authn = AuthnStatement {
            authn_instant: now - self.authenticated_ago,
            session_index: self.session_index.map(str::to_owned),
            session_not_on_or_after: self.lasts.map(|lasts| now + lasts),
            class: Some(self.class.to_owned()),
        };
        let issue = Issue {
            name_id: self.name_id.as_ref(),
            authn: &authn,
            attributes: &self.attributes,
            signed: self.signed,
            encrypted_to: self.encrypted_to.as_ref(),
            name_encrypted_to: self.name_encrypted_to.as_ref(),
        };
        at_once(idp.issue(target, &issue, &key, &Native, &mut random, now)).unwrap()
    }
}

/// Ada's, as a service provider knows it.
pub fn idp_peer() -> IdentityProviderPeer {
    IdentityProviderPeer {
        entity_id: SamlIdp::corp().entity_id,
        signing_keys: vec![IDP.public()],
        ..IdentityProviderPeer::default()
    }
}

/// AES-256-GCM under RSA-OAEP, to us.
pub fn to_us() -> Recipient {
    Recipient {
        key: SP.public(),
        transport: KeyTransport::OaepSha1,
        content: ContentEncryption::Aes256Gcm,
    }
}

pub fn moment(now: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(now.unsigned_abs())
}

/// No two messages of a test have one ID.
pub fn random() -> impl FnMut(&mut [u8]) {
    |bytes| aws_lc_rs::rand::fill(bytes).unwrap()
}

/// The message that a page of ours posts, or an address carries.
pub fn request_in(response: &Response) -> Incoming {
    if let Some(location) = response.location() {
        return redirect::decode(Url::parse(location).unwrap().query().unwrap()).unwrap();
    }
    let fields = ["SAMLRequest", "RelayState"].map(|name| (name, response.field(name)));
    let pairs = fields.iter().map(|(name, value)| (*name, value.as_str()));
    post::decode(&access::encoding::query(pairs)).unwrap()
}

/// The XML in a form.
pub fn xml(form: &Form) -> String {
    String::from_utf8(STANDARD.decode(&form.fields[0].1).unwrap()).unwrap()
}

/// `form` with other XML in it.
pub fn with_xml(form: &Form, xml: &str) -> Form {
    let mut form = form.clone();
    form.fields[0].1 = STANDARD.encode(xml);
    form
}

/// As the shell signs with an organisation's key or one of ours for SAML.
pub fn sign(sign: &Sign) -> Vec<u8> {
    match &sign.holder {
        KeyHolder::Organization(_) => {
            assert_eq!(sign.kid, "org-key");
            crate::crypto::organization_key().sign(&sign.message)
        }
        KeyHolder::Saml(_) => {
            assert_eq!(sign.kid, "saml-signs");
            at_once(SP.rsa_signer().sign(&sign.message)).unwrap()
        }
    }
}

/// As the shell unwraps with one of our keys.
pub fn unwrap(unwrap: &Unwrap) -> Result<Vec<u8>, String> {
    let Unwrap { kid, transport, wrapped, .. } = unwrap;
    if kid != "saml-opens" {
        return Err(format!("{kid} opens nothing"));
    }
    let opened = at_once(SP.decrypter().unwrap_key(*transport, wrapped));
    opened.map(|key| key.to_vec()).map_err(|error| error.to_string())
}

impl World {
    /// A world with two SAML providers beside the others; `alter` sees the record of Ada's.
    pub fn with_saml(alter: impl FnOnce(&mut Value)) -> Self {
        let mut world = Self::new();
        for idp in [SamlIdp::corp(), SamlIdp::acme()] {
            world.put_saml(&idp);
        }
        world.edit("idp:corp", |record| alter(&mut record["protocol"]["saml"]));
        world
    }

    /// Makes it one of the organisation's.
    pub fn put_saml(&mut self, idp: &SamlIdp) {
        let id = idp.id;
        self.put(
            &format!("idp:{id}"),
            json!({
                "id": id, "auth_domain": TEAM, "name": id, "type": "saml", "revision": 1,
                "protocol": { "saml": idp.config() },
            }),
        );
        self.put(&format!("saml_keys:{id}"), our_keys(id));
        self.edit(&format!("org:{TEAM}"), |organization| {
            let list = organization["identity_providers"].as_array_mut().unwrap();
            list.push(json!({ "id": id, "name": id, "kind": "saml" }));
        });
    }

    /// Begins to open `url` by this provider: what the browser is sent off with.
    pub fn depart(&mut self, browser: &mut Browser, url: &str, provider: &str) -> Response {
        let (at, page) = self.follow(browser, url);
        let href = page.link(&format!("data-idp=\"{provider}\""));
        let next = Url::parse(&at).unwrap().join(&href).unwrap();
        self.get(browser, next.as_str())
    }

    /// The provider's answer to somebody who wants to open `url`, not delivered yet.
    pub fn asked(&mut self, browser: &mut Browser, url: &str, idp: &SamlIdp) -> Form {
        let departure = self.depart(browser, url, idp.id);
        let accepted = idp.accept(&request_in(&departure), self.now);
        idp.answer(&accepted.target, self.now)
    }

    /// The browser posts it from the provider's site, where it sends none of our cookies, and once
    /// more where our page makes it.
    pub fn deliver(&mut self, browser: &mut Browser, form: &Form) -> Response {
        let encode = |fields: &[(&str, &str)]| access::encoding::query(fields.iter().copied());
        let fields: Vec<_> = form.fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let headers = vec![("origin", "https://idp.corp.test".to_owned())];
        let ask =
            Ask { method: Method::POST, url: &form.action, form: Some(encode(&fields)), headers };
        let page = self.send(&mut Browser::default(), &ask);
        if !page.says("lintel_again") {
            return page;
        }
        let fields: BTreeMap<&str, String> =
            fields.iter().map(|(name, _)| (*name, page.field(name))).collect();
        let mut fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        fields.push(("lintel_again", "1"));
        let path = Url::parse(&form.action).unwrap().path().to_owned();
        self.post(browser, &path, &fields)
    }

    /// Delivers, and follows where that leads.
    pub fn arrive(&mut self, browser: &mut Browser, form: &Form) -> (String, Response) {
        let response = self.deliver(browser, form);
        let Some(next) = response.location() else { return (form.action.clone(), response) };
        let next: String = Url::parse(&form.action).unwrap().join(next).unwrap().into();
        self.follow(browser, &next)
    }

    /// All of it.
    pub fn sign_in_by(
        &mut self,
        browser: &mut Browser,
        url: &str,
        idp: &SamlIdp,
    ) -> (String, Response) {
        let form = self.asked(browser, url, idp);
        self.arrive(browser, &form)
    }
}

/// Our keys for a provider; [`sign`] and [`unwrap`] hold them.
pub fn our_keys(id: &str) -> Value {
    let certificate = STANDARD.encode(SP.certificate.der());
    let key = |kid: &str, r#use: &str| {
        json!({
            "kid": kid, "use": r#use, "certificate": certificate, "private_key": "1.k.x.x",
        })
    };
    json!({
        "id": id, "auth_domain": TEAM,
        "keys": [key("saml-signs", "signing"), key("saml-opens", "encryption")],
    })
}
