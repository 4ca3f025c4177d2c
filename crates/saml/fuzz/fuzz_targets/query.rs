#![no_main]
//! Messages by Redirect.

use libfuzzer_sys::fuzz_target;
use saml::identity_provider::IdentityProvider;
use saml_fuzz::{Credulous, IDP, now, run, service_provider};

fuzz_target!(|query: &str| {
    let Ok(incoming) = saml::binding::redirect::decode(query) else { return };
    let _ = (incoming.name(), incoming.claimed_issuer(), incoming.claimed_in_response_to());
    let us = IdentityProvider::new(IDP, "https://idp.example/sso");
    let _ = run(us.read_request(&incoming, &service_provider(), &Credulous, now()));
});
