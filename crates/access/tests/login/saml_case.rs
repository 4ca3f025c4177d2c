//! Alice before the wiki, her provider's answer in her browser's hands, and what an attacker makes of
//! it.

use saml::binding::post::Form;
use saml::identity_provider::Signed;
use saml::name_id::{NameId, format};
use serde_json::Value;

use crate::keys::IDP;
use crate::saml_idp::{SamlIdp, attribute, with_xml, xml};
use crate::support::surgery::{cut_assertion, sign_element, unsigned};
use crate::world::{Browser, TEAM, WIKI, World};

pub struct Case {
    pub world: World,
    pub browser: Browser,
    pub idp: SamlIdp,
    /// Genuine, and not delivered yet.
    pub form: Form,
}

/// All three ways to sign.
pub const WAYS: [Signed; 3] = [Signed::Both, Signed::Assertion, Signed::Response];

/// Ada's provider, about Alice.
pub fn alices() -> SamlIdp {
    SamlIdp {
        name_id: Some(NameId::new("alice@example.com", format::EMAIL)),
        attributes: vec![attribute("groups", &["staff"])],
        ..SamlIdp::corp()
    }
}

impl Case {
    /// The provider signs this way, and has to.
    pub fn new(signed: Signed) -> Self {
        Self::with(SamlIdp { signed, ..alices() }, |config| {
            config["require_signed_response"] = (signed != Signed::Assertion).into();
            config["allow_unsigned_assertion"] = (signed == Signed::Response).into();
        })
    }

    pub fn with(idp: SamlIdp, config: impl FnOnce(&mut Value)) -> Self {
        let (mut world, mut browser) = (World::with_saml(config), Browser::default());
        let form = world.asked(&mut browser, &format!("{WIKI}/x"), &idp);
        world.log.clear();
        Self { world, browser, idp, form }
    }

    pub fn xml(&self) -> String {
        xml(&self.form)
    }

    /// Delivers this in place of the genuine answer; why it signs nobody in.
    #[track_caller]
    pub fn refused(&mut self, form: &Form) -> String {
        refused(&mut self.world, &mut self.browser.clone(), form)
    }

    /// As [`Self::refused`]; the genuine answer is good all the while, and good once.
    #[track_caller]
    pub fn attacked(mut self, attack: impl FnOnce(&str) -> String) -> String {
        let genuine = self.xml();
        let altered = attack(&genuine);
        assert_ne!(altered, genuine, "nothing was altered");
        let reason = self.refused(&with_xml(&self.form, &altered));
        self.signs_in();
        reason
    }

    /// The genuine answer does sign in.
    #[track_caller]
    pub fn signs_in(&mut self) {
        let (at, page) = self.world.arrive(&mut self.browser, &self.form);
        let seen = (at.as_str(), page.status, page.body.as_str());
        let wanted = (&*format!("{WIKI}/x"), 200, "alice@example.com");
        assert_eq!(seen, wanted, "{:?}", self.world.log);
    }
}

/// Nobody is signed in by this, and the log says why.
#[track_caller]
pub fn refused(world: &mut World, browser: &mut Browser, form: &Form) -> String {
    let sessions = world.control.sessions.len();
    world.log.clear();
    let page = world.deliver(browser, form);
    assert_eq!(world.control.sessions.len(), sessions, "somebody is signed in: {:?}", world.log);
    for (name, value) in page.headers.iter().filter(|(name, _)| *name == "set-cookie") {
        assert!(!value.starts_with("CF_Authorization"), "{name}: {value}");
    }
    let event = world.log.last().unwrap_or_else(|| panic!("nothing is logged: {page:?}"));
    assert!(!event.allowed && event.code.is_some(), "{event:?}");
    let reason = event.reason.clone();
    // Who sent it learns that it was refused, and no more.
    assert!(!page.body.contains(&reason) && matches!(page.status, 303 | 400 | 403), "{page:?}");
    let identity = world.get(browser, &format!("https://{TEAM}/access/get-identity"));
    assert_eq!(identity.status == 200, sessions > 0);
    reason
}

/// A case whose assertion says something else, and is signed for it.
pub fn issued(change: impl Fn(&str) -> String) -> (Case, Form) {
    let case = Case::new(Signed::Assertion);
    let xml = case.xml();
    let (before, assertion, after) = cut_assertion(&xml);
    let altered = change(assertion);
    assert_ne!(altered, assertion, "nothing was altered");
    let signed = sign_element(&unsigned(&altered), &IDP);
    let form = with_xml(&case.form, &[before, &signed, after].concat());
    (case, form)
}

/// What is said of an assertion that says something else, and is signed for it.
#[track_caller]
pub fn refused_as_issued(alter: impl Fn(&str) -> String) -> String {
    let (mut case, form) = issued(alter);
    let reason = case.refused(&form);
    case.signs_in();
    reason
}

/// It is refused for this.
#[track_caller]
pub fn says(reason: &str, any: &[&str]) {
    assert!(any.iter().any(|text| reason.contains(text)), "{reason:?} says none of {any:?}");
}
