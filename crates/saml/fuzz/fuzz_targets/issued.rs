#![no_main]
//! Whatever is said of a person is what the service provider reads, or it is not issued.

use libfuzzer_sys::fuzz_target;
use saml::assertion::{Attribute, AuthnStatement};
use saml::authn_request::ConsumerService;
use saml::binding::post;
use saml::identity_provider::{IdentityProvider, Issue, Signed};
use saml::key::NoEncrypter;
use saml::name_id::NameId;
use saml::service_provider::{Expectation, ServiceProvider};
use saml_fuzz::{ACS, Credulous, IDP, SP, identity_provider, now, run, service_provider};

fuzz_target!(|input: (String, String, Vec<String>)| {
    let (value, name, values) = input;
    if value.trim().is_empty() || value.len() + name.len() > 10_000 || values.len() > 100 {
        return;
    }
    let name_id = NameId { value, format: Some(name.clone()), ..NameId::default() };
    let attribute = Attribute { name, values, ..Attribute::default() };
    let authn = AuthnStatement {
        authn_instant: now(),
        session_index: None,
        session_not_on_or_after: None,
        class: None,
    };
    let issue = Issue {
        name_id: Some(&name_id),
        authn: &authn,
        attributes: std::slice::from_ref(&attribute),
        signed: Signed::Both,
        encrypted_to: None,
        name_encrypted_to: None,
    };
    let us = IdentityProvider::new(IDP, "https://idp.example/sso");
    let target = service_provider().target(&ConsumerService::Default, None, None);
    let mut count = 0_u8;
    let mut random = |bytes: &mut [u8]| {
        count += 1;
        bytes.fill(count);
    };
    let target = target.expect("registered");
    let Ok(form) = run(us.issue(&target, &issue, &Credulous, &NoEncrypter, &mut random, now()))
    else {
        return;
    };
    let body = format!("SAMLResponse={}", form.fields[0].1.replace('+', "%2B"));
    let Ok(incoming) = post::decode(&body) else { return };
    let sp = ServiceProvider::new(SP, ACS);
    let peer = identity_provider();
    let expectation = Expectation::default();
    let login =
        run(sp.read_response(&incoming, &peer, &expectation, &[Credulous], &Credulous, now()));
    let login = login.expect("what is issued is believed").into_inner();
    assert_eq!(login.name_id(), Some(&name_id));
    assert_eq!(login.assertion.attributes, [attribute]);
});
