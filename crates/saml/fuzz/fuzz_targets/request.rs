#![no_main]
//! Requests by POST, as if every signature were good.

use libfuzzer_sys::fuzz_target;
use saml::binding::Kind;
use saml::identity_provider::{IdentityProvider, Offer};
use saml_fuzz::{ACS, Credulous, IDP, now, posted, run, service_provider};

fuzz_target!(|xml: &[u8]| {
    let Some(incoming) = posted(Kind::Request, xml) else { return };
    let us = IdentityProvider::new(IDP, "https://idp.example/sso");
    let accepted = run(us.read_request(&incoming, &service_provider(), &Credulous, now()));
    if let Ok(accepted) = accepted {
        assert_eq!(accepted.target.location(), ACS);
        let offer = Offer { name_id: None, encrypts: false, class: "a", strength: &["a", "b"] };
        let _ = accepted.check(&offer);
    }
});
