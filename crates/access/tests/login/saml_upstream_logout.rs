//! Logging out together with a SAML provider: it asks, or is asked.

use saml::binding::{Departure, HTTP_POST, HTTP_REDIRECT, Incoming, redirect};
use saml::logout::{LogoutParty, LogoutRequest, LogoutResponse};
use saml::metadata::Endpoint;
use saml::name_id::{NameId, format};
use saml::native::Native;
use saml::peer::ServiceProviderPeer;
use saml::response::Status;
use serde_json::{Value, json};
use url::Url;

use crate::crypto::at_once;
use crate::keys::{EVE, IDP, IDP_NEXT, TestKey};
use crate::saml_idp::{SamlIdp, moment, random};
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

use access::Response;

const CALLBACK: &str = "https://team.example.com/access/callback/corp";

/// The provider's side.
pub struct Side {
    pub party: LogoutParty,
    pub peer: ServiceProviderPeer,
    pub key: &'static TestKey,
}

pub fn side() -> Side {
    let idp = SamlIdp::corp();
    let endpoint = |binding: &str| Endpoint {
        binding: binding.to_owned(),
        location: CALLBACK.to_owned(),
        response_location: None,
    };
    let mut peer = idp.peer();
    peer.single_logout_services = vec![endpoint(HTTP_REDIRECT)];
    Side { party: LogoutParty::new(&idp.entity_id, "https://idp.corp.test/slo"), peer, key: &IDP }
}

impl Side {
    fn by_post(mut self) -> Self {
        HTTP_POST.clone_into(&mut self.peer.single_logout_services[0].binding);
        self
    }

    /// Asks to log out `name` of these sessions.
    pub fn ask(&self, name: &NameId, indexes: &[&str], now: i64) -> Departure {
        let indexes: Vec<_> = indexes.iter().map(|index| (*index).to_owned()).collect();
        let (signer, mut random) = (self.key.rsa_signer(), random());
        let state = Some("state of the provider");
        let asking = self.party.ask(
            self.peer.logout(),
            name,
            &indexes,
            state,
            &signer,
            &mut random,
            moment(now),
        );
        at_once(asking).unwrap().1
    }

    pub fn read_request(&self, incoming: &Incoming, now: i64) -> LogoutRequest {
        let none: [saml::key::NoDecrypter; 0] = [];
        let reading =
            self.party.read_request(incoming, self.peer.logout(), &none, &Native, moment(now));
        at_once(reading).unwrap().into_inner()
    }

    pub fn read_response(&self, incoming: &Incoming, request: &str, now: i64) -> LogoutResponse {
        let reading =
            self.party.read_response(incoming, self.peer.logout(), request, &Native, moment(now));
        at_once(reading).unwrap().into_inner()
    }

    /// Answers a request of ours.
    pub fn answer(&self, request: &LogoutRequest, status: &Status, now: i64) -> Departure {
        let (signer, mut random) = (self.key.rsa_signer(), random());
        let answering = self.party.answer(
            self.peer.logout(),
            &request.id,
            status,
            request.relay_state.as_deref(),
            &signer,
            &mut random,
            moment(now),
        );
        at_once(answering).unwrap()
    }
}

/// It takes part in logging out.
pub fn with_logout(config: &mut Value) {
    config["single_logout_services"] = json!([
        { "binding": HTTP_REDIRECT, "location": "https://idp.corp.test/slo" },
    ]);
}

/// Ada, signed in by her provider.
pub fn signed_in(config: impl FnOnce(&mut Value)) -> (World, Browser) {
    let (mut world, mut browser) = (World::with_saml(config), Browser::default());
    let (at, _) = world.sign_in_by(&mut browser, &format!("{WIKI}/x"), &SamlIdp::corp());
    assert_eq!(at, format!("{WIKI}/x"));
    world.log.clear();
    (world, browser)
}

pub fn ada() -> NameId {
    NameId::new("ada-7", format::PERSISTENT)
}

pub fn is_signed_in(world: &mut World, browser: &mut Browser) -> bool {
    world.get(browser, &format!("https://{TEAM}/access/get-identity")).status == 200
}

impl World {
    /// The browser carries it to us.
    fn carry(&mut self, browser: &mut Browser, departure: &Departure) -> Response {
        match departure {
            Departure::Redirect(url) => self.get(browser, url),
            Departure::Post(form) => self.deliver(browser, form),
        }
    }

    /// As [`Self::carry`], and on through our own addresses until we send it elsewhere.
    pub fn carried(&mut self, browser: &mut Browser, departure: &Departure) -> Response {
        let mut response = self.carry(browser, departure);
        while let Some(next) = response.location().filter(|next| next.starts_with('/')) {
            let url = format!("https://{TEAM}{next}");
            response = self.get(browser, &url);
        }
        response
    }
}

/// The message in an address that we send the browser to.
pub fn sent(response: &Response, to: &str) -> Incoming {
    let location = response.location().unwrap_or_else(|| panic!("{response:?}"));
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, to);
    redirect::decode(query).unwrap()
}

#[test]
fn whoever_signs_out_at_the_provider_is_signed_out_here() {
    for (side, indexes) in [
        (side(), vec!["session-1"]),
        (side(), vec![]),
        (side(), vec!["other", "session-1"]),
        (side().by_post(), vec!["session-1"]),
    ] {
        let (mut world, mut browser) = signed_in(with_logout);
        let request = side.ask(&ada(), &indexes, world.now);
        let answer = world.carried(&mut browser, &request);
        let incoming = sent(&answer, "https://idp.corp.test/slo");
        assert_eq!(incoming.relay_state(), Some("state of the provider"));
        let id = request_id(&request);
        let read = side.read_response(&incoming, &id, world.now);
        assert!(read.status.is_success() && read.status.subcode.is_none(), "{:?}", read.status);
        assert!(!is_signed_in(&mut world, &mut browser));
        assert!(world.control.sessions.is_empty());
        let reasons: Vec<_> = world.log.iter().map(|event| event.reason.as_str()).collect();
        assert!(
            reasons.iter().any(|r| r.contains("signed out, as the provider asked")),
            "{reasons:?}"
        );
    }
}

pub fn request_id(departure: &Departure) -> String {
    let xml = match departure {
        Departure::Redirect(url) => {
            let query = Url::parse(url).unwrap();
            let incoming = redirect::decode(query.query().unwrap()).unwrap();
            let none: [saml::key::NoDecrypter; 0] = [];
            let (us, idp) = (LogoutParty::new("", CALLBACK), crate::saml_idp::idp_peer());
            let reading =
                us.read_request(&incoming, idp.logout(), &none, &Native, moment(1_790_000_000));
            return at_once(reading).unwrap().into_inner().id;
        }
        Departure::Post(form) => crate::saml_idp::xml(form),
    };
    xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// SECURITY (SAML profiles §4.4.4.1): forged, unsigned, by another provider, about others, twice.
#[test]
fn nobody_is_signed_out_by_anybody_else() {
    let eve = Side { key: &EVE, ..side() };
    let acme = Side { key: &IDP_NEXT, ..side() };
    let twin = Side { party: LogoutParty::new("https://idp.acme.test/metadata", ""), ..side() };
    for (who, side) in [("forged", eve), ("by the key of another", acme), ("by another", twin)] {
        let side = side.by_post();
        let (mut world, mut browser) = signed_in(with_logout);
        let request = side.ask(&ada(), &["session-1"], world.now);
        let page = world.carried(&mut browser, &request);
        assert_eq!((page.status, page.location()), (400, None), "{who}");
        assert!(world.log.iter().any(|event| !event.allowed && event.code.is_some()));
        assert!(is_signed_in(&mut world, &mut browser), "{who}");
    }
    let (mut world, mut browser) = signed_in(with_logout);
    let Departure::Redirect(url) = side().ask(&ada(), &[], world.now) else { panic!() };
    for broken in [
        url.split("&SigAlg").next().unwrap().to_owned(),
        url.replace("RelayState=", "RelayState=x"),
        url.replace("/callback/corp", "/callback/acme"),
        url.replace("/callback/corp", "/callback/one"),
        url.replace("/callback/corp", "/callback/none"),
    ] {
        let page = world.get(&mut browser, &broken);
        assert_eq!((page.status, page.location()), (400, None), "{broken}");
        assert!(!world.log.last().unwrap().allowed);
        assert!(is_signed_in(&mut world, &mut browser), "{broken}");
    }
    // Too late.
    world.now += 14 * 60;
    assert_eq!(world.get(&mut browser, &url).status, 400);
    assert!(is_signed_in(&mut world, &mut browser));
}

#[test]
fn a_request_about_somebody_else_is_answered_and_ends_nothing() {
    for (name, indexes) in [
        (NameId::new("bob-8", format::PERSISTENT), vec![]),
        (NameId::new("ada-7", format::EMAIL), vec![]),
        (ada(), vec!["session-2"]),
        (
            NameId { name_qualifier: Some("x".into()), ..NameId::new("ADA-7", format::PERSISTENT) },
            vec![],
        ),
    ] {
        let (mut world, mut browser) = signed_in(with_logout);
        let request = side().ask(&name, &indexes, world.now);
        let answer = world.carried(&mut browser, &request);
        let incoming = sent(&answer, "https://idp.corp.test/slo");
        let status = side().read_response(&incoming, &request_id(&request), world.now).status;
        assert_eq!(status.subcode.as_deref(), Some(Status::UNKNOWN_PRINCIPAL), "{name:?}");
        assert!(is_signed_in(&mut world, &mut browser));
    }
    // A session that came from another provider is none of this one's.
    let (mut world, mut browser) = (World::with_saml(with_logout), Browser::default());
    world.sign_in(&mut browser, WIKI, "one");
    let request = side().ask(&ada(), &["session-1"], world.now);
    let answer = world.carried(&mut browser, &request);
    let incoming = sent(&answer, "https://idp.corp.test/slo");
    let status = side().read_response(&incoming, &request_id(&request), world.now).status;
    assert_eq!(status.subcode.as_deref(), Some(Status::UNKNOWN_PRINCIPAL));
    assert!(is_signed_in(&mut world, &mut browser));
}

#[test]
fn a_request_counts_once_and_is_answered_each_time() {
    let (mut world, mut browser) = signed_in(with_logout);
    let request = side().ask(&ada(), &["session-1"], world.now);
    world.carried(&mut browser, &request);
    // Nobody is signed in: it is done.
    let answer = world.carried(&mut browser, &request);
    let incoming = sent(&answer, "https://idp.corp.test/slo");
    let status = side().read_response(&incoming, &request_id(&request), world.now).status;
    assert!(status.is_success() && status.subcode.is_none());
    // She has signed in again, under the same names: the old request does not end that.
    world.sign_in_by(&mut browser, &format!("{WIKI}/x"), &SamlIdp::corp());
    let answer = world.carried(&mut browser, &request);
    let incoming = sent(&answer, "https://idp.corp.test/slo");
    let status = side().read_response(&incoming, &request_id(&request), world.now).status;
    assert_eq!(status.subcode.as_deref(), Some(Status::REQUEST_DENIED));
    assert!(is_signed_in(&mut world, &mut browser));
}

/// In a frame of the provider's, browsers send no cookies: whether somebody is signed in is not known.
#[test]
fn a_frame_is_told_that_it_may_not_be_all() {
    let (mut world, _) = signed_in(with_logout);
    let request = side().ask(&ada(), &["session-1"], world.now);
    let Departure::Redirect(url) = &request else { panic!() };
    let headers = vec![("sec-fetch-dest", "iframe".to_owned())];
    let ask = Ask { method: http::Method::GET, url, form: None, headers };
    let answer = world.send(&mut Browser::default(), &ask);
    let incoming = sent(&answer, "https://idp.corp.test/slo");
    let status = side().read_response(&incoming, &request_id(&request), world.now).status;
    assert_eq!(status.subcode.as_deref(), Some(Status::PARTIAL_LOGOUT));
    assert_eq!(world.control.sessions.len(), 1);
}

/// A provider that takes no answers: the person is told at least, and the session is over.
#[test]
fn without_an_address_for_answers_the_person_is_told() {
    let (mut world, mut browser) = signed_in(|_| {});
    let request = side().ask(&ada(), &["session-1"], world.now);
    let page = world.carried(&mut browser, &request);
    assert_eq!(page.status, 200);
    assert!(!is_signed_in(&mut world, &mut browser));
    assert!(world.log.iter().any(|event| event.reason.contains("not answered")));
}

/// Whoever is off or missing ends no session.
#[test]
fn a_provider_that_is_off_or_missing_ends_nothing() {
    type Off = fn(&mut World);
    let offs: [(&str, Off); 7] = [
        ("provider off", |w| w.edit("idp:corp", |r| r["enabled"] = false.into())),
        ("provider missing", |w| drop(w.records.remove("idp:corp"))),
        ("provider elsewhere", |w| w.edit("idp:corp", |r| r["auth_domain"] = "x.test".into())),
        ("provider not listed", |w| {
            w.edit(&format!("org:{TEAM}"), |r| r["identity_providers"] = json!([]));
        }),
        ("organization off", |w| {
            w.edit(&format!("org:{TEAM}"), |r| r["enabled"] = false.into());
        }),
        ("organization missing", |w| drop(w.records.remove(&format!("org:{TEAM}")))),
        ("of another kind", |w| {
            w.edit("idp:corp", |r| r["protocol"] = json!({ "one_time_pin": {} }));
        }),
    ];
    for (what, off) in offs {
        let (mut world, mut browser) = signed_in(with_logout);
        let request = side().ask(&ada(), &["session-1"], world.now);
        off(&mut world);
        let page = world.carried(&mut browser, &request);
        assert!((400..500).contains(&page.status), "{what}: {}", page.status);
        assert_eq!(world.control.sessions.len(), 1, "{what}");
    }
}
