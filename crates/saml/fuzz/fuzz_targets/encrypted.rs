#![no_main]
//! Whatever is in an encrypted assertion.

use libfuzzer_sys::fuzz_target;
use saml::assertion::AuthnStatement;
use saml::authn_request::ConsumerService;
use saml::binding::Kind;
use saml::identity_provider::{IdentityProvider, Issue, Signed};
use saml::key::KeyTransport;
use saml::name_id::NameId;
use saml::service_provider::{Expectation, ServiceProvider};
use saml_fuzz::{ACS, Credulous, IDP, SP, identity_provider, now, posted, run, service_provider};

fuzz_target!(|input: (Vec<u8>, bool)| {
    let (sealed, name) = input;
    let peer = service_provider();
    let to = saml::encryption::Recipient {
        key: peer.signing_keys[0].clone(),
        transport: KeyTransport::OaepSha1,
        content: saml::encryption::ContentEncryption::Aes128Gcm,
    };
    let authn = AuthnStatement {
        authn_instant: now(),
        session_index: None,
        session_not_on_or_after: None,
        class: None,
    };
    let name_id = NameId { value: "alice".to_owned(), ..NameId::default() };
    let issue = Issue {
        name_id: Some(&name_id),
        authn: &authn,
        attributes: &[],
        signed: Signed::Both,
        encrypted_to: (!name).then_some(&to),
        name_encrypted_to: name.then_some(&to),
    };
    let us = IdentityProvider::new(IDP, "https://idp.example/sso");
    let target =
        peer.target(&ConsumerService::Default, Some("_request"), None).expect("registered");
    let mut random = |bytes: &mut [u8]| bytes.fill(7);
    let form = run(us.issue(&target, &issue, &Credulous, &Credulous, &mut random, now()));
    let mut xml = decode(&form.expect("issued").fields[0].1);
    if !sealed.is_empty() {
        let begin =
            xml.rfind("<xenc:CipherValue>").expect("encrypted") + "<xenc:CipherValue>".len();
        let end = xml.rfind("</xenc:CipherValue>").expect("encrypted");
        xml.replace_range(begin..end, &String::from_utf8_lossy(&sealed).replace(['<', '&'], ""));
    }
    let Some(incoming) = posted(Kind::Response, xml.as_bytes()) else { return };
    let sp = ServiceProvider::new(SP, ACS);
    let expectation = Expectation { in_response_to: Some("_request"), authenticated_since: None };
    let _ = run(sp.read_response(
        &incoming,
        &identity_provider(),
        &expectation,
        &[Credulous],
        &Credulous,
        now(),
    ));
});

fn decode(text: &str) -> String {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.decode(text).expect("base64");
    String::from_utf8(bytes).expect("UTF-8")
}
