#![no_main]
//! Responses, as if every signature were good.

use libfuzzer_sys::fuzz_target;
use saml::binding::Kind;
use saml::service_provider::{Expectation, ServiceProvider};
use saml_fuzz::{ACS, Credulous, SP, identity_provider, now, posted, run};

fuzz_target!(|xml: &[u8]| {
    let Some(incoming) = posted(Kind::Response, xml) else { return };
    let us = ServiceProvider::new(SP, ACS);
    let expectation = Expectation { in_response_to: Some("_request"), authenticated_since: None };
    let peer = identity_provider();
    let login =
        run(us.read_response(&incoming, &peer, &expectation, &[Credulous], &Credulous, now()));
    if let Ok(login) = login {
        assert!(!login.get().once.key.is_empty() && login.get().authn().is_some());
    }
});
