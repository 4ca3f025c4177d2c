#![no_main]
//! Logout messages, as if every signature were good.

use libfuzzer_sys::fuzz_target;
use saml::binding::Kind;
use saml::logout::LogoutParty;
use saml_fuzz::{Credulous, IDP, identity_provider, now, posted, run, service_provider};

fuzz_target!(|xml: &[u8]| {
    let us = LogoutParty::new(IDP, "https://idp.example/slo");
    if let Some(incoming) = posted(Kind::Request, xml) {
        let peer = service_provider();
        let _ = run(us.read_request(&incoming, peer.logout(), &[Credulous], &Credulous, now()));
    }
    if let Some(incoming) = posted(Kind::Response, xml) {
        let peer = identity_provider();
        let _ = run(us.read_response(&incoming, peer.logout(), "_request", &Credulous, now()));
    }
});
