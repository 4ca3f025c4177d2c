//! An application elsewhere that speaks SAML, with a key of its own: it asks, and reads what it is
//! answered as strictly as the standard lets it.

use std::time::{Duration, SystemTime};

use access::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use saml::binding::post::{self, Form};
use saml::binding::{Departure, HTTP_POST, HTTP_REDIRECT, redirect};
use saml::logout::{LogoutError, LogoutParty};
use saml::metadata::Endpoint;
use saml::name_id::NameId;
use saml::native::Native;
use saml::peer::IdentityProviderPeer;
use saml::response::Status;
use saml::service_provider::{Expectation, Login, Question, ResponseError, ServiceProvider};
use serde_json::{Value, json};

use crate::crypto::at_once;
use crate::keys::{IDP, SP, TestKey};
use crate::world::{Ask, Browser, TEAM, World};

/// An application, and what it knows of us.
pub struct Shop {
    pub sp: ServiceProvider,
    pub idp: IdentityProviderPeer,
    /// It signs with, and decrypts.
    pub key: &'static TestKey,
    pub signs: bool,
    count: u8,
}

impl Shop {
    /// The application `id`, at `https://{id}.test`.
    pub fn new(id: &str) -> Self {
        let sso = sso(id);
        let endpoint = |binding: &str, location: String| Endpoint {
            binding: binding.to_owned(),
            location,
            response_location: None,
        };
        Self {
            sp: ServiceProvider::new(
                &format!("https://{id}.test"),
                &format!("https://{id}.test/acs"),
            ),
            idp: IdentityProviderPeer {
                entity_id: sso.clone(),
                single_sign_on_services: vec![endpoint(HTTP_REDIRECT, sso.clone())],
                single_logout_services: vec![endpoint(HTTP_REDIRECT, format!("{sso}/logout"))],
                signing_keys: vec![IDP.public()],
                require_signed_responses: true,
                ..IdentityProviderPeer::default()
            },
            key: &SP,
            signs: false,
            count: 0,
        }
    }

    /// Asks by POST from now on.
    pub fn by_post(mut self) -> Self {
        HTTP_POST.clone_into(&mut self.idp.single_sign_on_services[0].binding);
        self
    }

    pub fn signing(mut self) -> Self {
        self.signs = true;
        self
    }

    /// A request, and its ID.
    pub fn ask(
        &mut self,
        world: &World,
        question: &Question,
        relay_state: Option<&str>,
    ) -> (String, Departure) {
        let signer = self.key.rsa_signer();
        let signer = self.signs.then_some(&signer);
        let mut random = self.random();
        let asked =
            self.sp.ask(&self.idp, question, relay_state, signer, &mut random, world.time());
        let asked = at_once(asked).unwrap();
        (asked.id, asked.departure)
    }

    /// The address of a request by Redirect, and its ID.
    pub fn url(&mut self, world: &World, relay_state: Option<&str>) -> (String, String) {
        self.url_of(world, &Question::default(), relay_state)
    }

    pub fn url_of(
        &mut self,
        world: &World,
        question: &Question,
        relay_state: Option<&str>,
    ) -> (String, String) {
        match self.ask(world, question, relay_state) {
            (id, Departure::Redirect(url)) => (id, url),
            (_, Departure::Post(form)) => panic!("a form for {}", form.action),
        }
    }

    /// What the application makes of a page that is posted to it: `expected` is the ID of its
    /// request.
    pub fn read(
        &self,
        world: &World,
        page: &Response,
        expected: Option<&str>,
    ) -> Result<Login, ResponseError> {
        let posted = posted(page);
        assert_eq!(posted.action, self.sp.assertion_consumer_service);
        let incoming = post::decode(&posted.body()).unwrap();
        let expectation = Expectation { in_response_to: expected, ..Expectation::default() };
        let decrypters = [self.key.decrypter()];
        let read = self.sp.read_response(
            &incoming,
            &self.idp,
            &expectation,
            &decrypters,
            &Native,
            world.time(),
        );
        at_once(read).map(saml::signature::Verified::into_inner)
    }

    /// As far as logging out goes.
    pub fn logout_party(&self) -> LogoutParty {
        LogoutParty::new(&self.sp.entity_id, &format!("{}/slo", self.sp.entity_id))
    }

    /// Asks us to sign somebody out.
    pub fn ask_logout(
        &mut self,
        world: &World,
        name_id: &NameId,
        indexes: &[String],
        relay_state: Option<&str>,
    ) -> (String, Departure) {
        let (us, signer) = (self.logout_party(), self.key.rsa_signer());
        let mut random = self.random();
        let peer = self.idp.logout();
        let now = world.time();
        let asked = us.ask(peer, name_id, indexes, relay_state, &signer, &mut random, now);
        at_once(asked).unwrap()
    }

    /// What we answered to that.
    pub fn read_logout(&self, world: &World, url: &str, id: &str) -> Result<Status, LogoutError> {
        let (at, query) = url.split_once('?').unwrap();
        assert_eq!(at, format!("{}/slo", self.sp.entity_id));
        let incoming = redirect::decode(query).unwrap();
        let us = self.logout_party();
        let read = us.read_response(&incoming, self.idp.logout(), id, &Native, world.time());
        at_once(read).map(|response| response.into_inner().status)
    }

    /// Answers what we ask: the address to go on at.
    pub fn answer_logout(&mut self, world: &World, url: &str, status: &Status) -> String {
        let (at, query) = url.split_once('?').unwrap();
        assert_eq!(at, format!("{}/slo", self.sp.entity_id));
        let incoming = redirect::decode(query).unwrap();
        let (us, signer) = (self.logout_party(), self.key.rsa_signer());
        let peer = self.idp.logout();
        let decrypters = [self.key.decrypter()];
        let read = us.read_request(&incoming, peer, &decrypters, &Native, world.time());
        let request = at_once(read).unwrap().into_inner();
        let mut random = self.random();
        let state = request.relay_state.as_deref();
        let now = world.time();
        let answer =
            us.answer(self.idp.logout(), &request.id, status, state, &signer, &mut random, now);
        match at_once(answer).unwrap() {
            Departure::Redirect(url) => url,
            Departure::Post(form) => panic!("a form for {}", form.action),
        }
    }

    /// Bytes that are others each time.
    pub fn random(&mut self) -> impl FnMut(&mut [u8]) + use<> {
        self.count += 1;
        let (which, seed) = (self.count, self.sp.entity_id.len());
        let mut at = u8::try_from(seed).unwrap();
        move |bytes: &mut [u8]| {
            for byte in bytes {
                at = at.wrapping_mul(5).wrapping_add(113) ^ which;
                *byte = at;
            }
        }
    }
}

/// The single sign-on endpoint of an application.
pub fn sso(id: &str) -> String {
    format!("https://{TEAM}/access/sso/saml/{id}")
}

/// A certificate, as records have it.
pub fn base64(key: &TestKey) -> String {
    STANDARD.encode(key.certificate.der())
}

/// A form as a browser would post it.
#[derive(Clone, Debug)]
pub struct Posted {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Posted {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn body(&self) -> String {
        access::encoding::query(self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())))
    }
}

impl From<&Form> for Posted {
    fn from(form: &Form) -> Self {
        let fields = form.fields.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
        Self { action: form.action.clone(), fields }
    }
}

/// The one form of a page.
pub fn posted(page: &Response) -> Posted {
    let (_, form) = page.body.split_once("<form").unwrap_or_else(|| panic!("{}", page.body));
    let (form, _) = form.split_once("</form>").unwrap();
    let (head, inside) = form.split_once('>').unwrap();
    assert!(head.contains("method=\"post\""), "{head}");
    let inputs = inside.split("<input").skip(1);
    let inputs = inputs.map(|input| (attribute(input, "name"), attribute(input, "value")));
    Posted { action: attribute(head, "action"), fields: inputs.collect() }
}

fn attribute(element: &str, name: &str) -> String {
    let (_, rest) =
        element.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{element}"));
    let value = rest.split('"').next().unwrap();
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    value.replace("&amp;", "&")
}

impl World {
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.now.unsigned_abs())
    }

    /// Another point of presence: the same records and the same control plane, and nothing that was
    /// remembered here.
    pub fn elsewhere(&mut self) -> Self {
        let mut other = Self::new();
        other.records.clone_from(&self.records);
        other.saml_keys.clone_from(&self.saml_keys);
        other.now = self.now;
        other.control = std::mem::take(&mut self.control);
        other
    }

    /// Registers the application `id` of [`Shop::new`], open to all of `example.com`.
    pub fn put_shop(&mut self, id: &str) {
        let policies = self.records["app:wiki"]["policies"].clone();
        self.put(
            &format!("app:{id}"),
            json!({
                "id": id, "auth_domain": TEAM, "aud": format!("aud-{id}"), "name": id,
                "type": "saas", "session_seconds": 3_600, "app_launcher_visible": true,
                "policies": policies,
                "saml": {
                    "entity_id": sso(id),
                    "service_provider": {
                        "entity_id": format!("https://{id}.test"),
                        "assertion_consumer_services": [{
                            "binding": HTTP_POST, "location": format!("https://{id}.test/acs"),
                        }],
                        "single_logout_services": [{
                            "binding": HTTP_REDIRECT, "location": format!("https://{id}.test/slo"),
                        }],
                        "signing_certificates": [base64(&SP)],
                        "encryption_certificates": [base64(&SP)],
                    },
                },
            }),
        );
        self.put_saml_keys(id, &[("first", "signing", &IDP)]);
        self.edit(&format!("org:{TEAM}"), |org| {
            org["applications"].as_array_mut().unwrap().push(id.into());
        });
    }

    /// Our keys of an application or a provider: `(kid, use, key)`.
    pub fn put_saml_keys(&mut self, id: &str, keys: &[(&str, &str, &'static TestKey)]) {
        let record: Vec<Value> = keys
            .iter()
            .map(|(kid, usage, key)| {
                json!({
                    "kid": kid, "use": usage, "certificate": base64(key),
                    "private_key": "1.k.x.x",
                })
            })
            .collect();
        self.put(
            &format!("saml_keys:{id}"),
            json!({ "id": id, "auth_domain": TEAM, "keys": record }),
        );
        for (kid, _, key) in keys {
            self.saml_keys.insert((id.to_owned(), (*kid).to_owned()), key);
        }
    }

    /// Changes what an application is told.
    pub fn edit_shop(&mut self, id: &str, change: impl FnOnce(&mut Value)) {
        self.edit(&format!("app:{id}"), |app| change(&mut app["saml"]));
    }

    /// A form that another site posts.
    pub fn post_from_elsewhere(&mut self, browser: &mut Browser, form: &Posted) -> Response {
        let headers = vec![
            ("origin", "https://shop.test".to_owned()),
            ("sec-fetch-site", "cross-site".to_owned()),
        ];
        let body = Some(form.body());
        self.send(browser, &Ask { method: Method::POST, url: &form.action, form: body, headers })
    }

    /// A request by POST, and where it leads.
    pub fn follow_post(&mut self, browser: &mut Browser, form: &Posted) -> (String, Response) {
        use crate::world::Reading as _;
        let response = self.post_from_elsewhere(browser, form);
        match response.location().map(str::to_owned) {
            Some(next) => {
                let next = self.resolve(&form.action, &next);
                self.follow(browser, &next)
            }
            None => (form.action.clone(), response),
        }
    }
}
