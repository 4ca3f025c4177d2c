//! Cutting up signed XML, as text: ours is canonical, so each part is found by its tags.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::key::Signer as _;
use saml::xml::{Canonicalization, Document, Limits};
use sha2::{Digest as _, Sha256};

use super::keys::TestKey;
use super::world::run;

/// What stands before an element, the element, and what stands behind it.
pub fn cut<'x>(xml: &'x str, begin: &str, end: &str) -> (&'x str, &'x str, &'x str) {
    let from = xml.find(begin).unwrap_or_else(|| panic!("no {begin} in {xml}"));
    let to = xml.rfind(end).unwrap_or_else(|| panic!("no {end} in {xml}")) + end.len();
    (&xml[..from], &xml[from..to], &xml[to..])
}

pub fn cut_assertion(response: &str) -> (&str, &str, &str) {
    cut(response, "<saml:Assertion ", "</saml:Assertion>")
}

/// The first signature in it; the document order puts a response's before its assertion's.
pub fn cut_signature(xml: &str) -> (&str, &str, &str) {
    let from = xml.find("<ds:Signature ").unwrap_or_else(|| panic!("no signature in {xml}"));
    let end = "</ds:Signature>";
    let to = from + xml[from..].find(end).unwrap() + end.len();
    (&xml[..from], &xml[from..to], &xml[to..])
}

pub fn unsigned(xml: &str) -> String {
    let (before, _, after) = cut_signature(xml);
    [before, after].concat()
}

/// `xml` with `new` behind the first `mark`.
pub fn behind(xml: &str, mark: &str, new: &str) -> String {
    let at = xml.find(mark).unwrap_or_else(|| panic!("no {mark} in {xml}")) + mark.len();
    [&xml[..at], new, &xml[at..]].concat()
}

/// `xml` with `new` before the last `mark`.
pub fn before_last(xml: &str, mark: &str, new: &str) -> String {
    let at = xml.rfind(mark).unwrap_or_else(|| panic!("no {mark} in {xml}"));
    [&xml[..at], new, &xml[at..]].concat()
}

/// The attacker's version: another person, and an ID of its own.
pub fn evil(xml: &str) -> String {
    let id = xml.split("ID=\"").nth(1).unwrap().split('"').next().unwrap();
    let evil = xml.replace("alice@example.com", "eve@evil.test");
    evil.replacen(&format!("ID=\"{id}\""), "ID=\"_evil\"", 1)
}

/// `xml` with its first signature made anew over whatever its `SignedInfo` says now, by a key that
/// is trusted: what is refused of it is refused for what it says.
pub fn sign_again(xml: &str, key: &TestKey) -> String {
    let document = Document::parse(xml.as_bytes(), &Limits::METADATA).unwrap();
    let signed_info =
        document.root().descendants().find(|element| element.local_name() == "SignedInfo").unwrap();
    let canonical = signed_info.canonical(&Canonicalization::default());
    let signature = run(key.rsa_signer().sign(canonical.as_bytes())).unwrap();
    let (begin, end) = ("<ds:SignatureValue>", "</ds:SignatureValue>");
    let from = xml.find(begin).unwrap() + begin.len();
    let to = from + xml[from..].find(end).unwrap();
    [&xml[..from], &BASE64_STANDARD.encode(signature), &xml[to..]].concat()
}

/// `element`, which has no signature, with one by `key`, as an identity provider would make that
/// says such things.
pub fn sign_element(element: &str, key: &TestKey) -> String {
    let document = Document::parse(element.as_bytes(), &Limits::MESSAGE).unwrap();
    let canonical = document.root().canonical(&Canonicalization::default());
    let digest = BASE64_STANDARD.encode(Sha256::digest(canonical));
    let id = document.root().attribute("ID").unwrap_or_default();
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let signature = format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"{exclusive}\"/><ds:SignatureMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/><ds:Reference \
         URI=\"#{id}\"><ds:Transforms><ds:Transform \
         Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/><ds:Transform \
         Algorithm=\"{exclusive}\"/></ds:Transforms><ds:DigestMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>{digest}\
         </ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>\
         </ds:Signature>"
    );
    let mark = if element.contains("</saml:Issuer>") { "</saml:Issuer>" } else { ">" };
    sign_again(&behind(element, mark, &signature), key)
}
