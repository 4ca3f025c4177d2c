//! A customer's own SAML identity provider as the way in.

use crate::saml_idp::{SamlIdp, request_in};
use crate::world::{Browser, Reading as _, TEAM, WIKI, World};

#[test]
fn ada_signs_in_by_her_companys_provider() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let idp = SamlIdp::corp();
    let (at, page) = world.sign_in_by(&mut browser, &format!("{WIKI}/x?a=b"), &idp);
    assert_eq!((at.as_str(), page.status), (&*format!("{WIKI}/x?a=b"), 200), "{:?}", world.log);
    assert_eq!(page.body, "ada@example.com");
    let identity = world.log.last().unwrap().identity.clone().unwrap();
    assert_eq!((identity.subject.as_str(), identity.idp.id.as_str()), ("ada-7", "corp"));
    assert_eq!(identity.name.as_deref(), Some("Ada Lovelace"));
    let groups: Vec<_> = identity.groups.iter().filter_map(|g| g.name.as_deref()).collect();
    assert_eq!(groups, ["staff", "admins, all"]);
    assert_eq!(identity.claims["department"], "Engines");
    assert_eq!(identity.amr, ["pwd"]);
    let session = identity.saml.unwrap();
    assert_eq!(
        (session.name_id.as_str(), session.session_index.as_deref()),
        ("ada-7", Some("session-1"))
    );
}

#[test]
fn the_request_is_one_that_the_provider_takes() {
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    let departure = world.depart(&mut browser, WIKI, "corp");
    let location = departure.location().unwrap();
    assert!(location.starts_with("https://idp.corp.test/sso?SAMLRequest="), "{location}");
    let request = request_in(&departure);
    assert!(request.relay_state().unwrap().len() <= 80);
    let accepted = SamlIdp::corp().accept(&request, world.now);
    assert_eq!(accepted.target.location(), format!("https://{TEAM}/access/callback/corp"));
    assert!(!accepted.request.force_authn);
}
