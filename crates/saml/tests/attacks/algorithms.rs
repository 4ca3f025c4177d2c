//! Signatures that are not what they seem: by other keys, over other things, by other means.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::identity_provider::Signed;
use saml::native::Native;
use saml::service_provider::ResponseError;
use saml::signature::SignatureError;
use saml::xml::ShapeError;

use super::surgery::{
    before_last, behind, cut, cut_assertion, cut_signature, evil, refused, sign_again,
    signed_response, unsigned,
};
use crate::assert_matches;
use crate::support::keys::{ECDSA, EVE, IDP};
use crate::support::world::{World, message};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// A response with a signed assertion, altered and then signed anew by the trusted key.
fn resigned(alter: impl Fn(&str) -> String) -> (World, String) {
    let (world, xml) = signed_response(Signed::Assertion);
    assert_eq!(sign_again(&xml, &IDP), xml, "the surgeon's knife leaves no trace");
    let altered = alter(&xml);
    assert_ne!(altered, xml);
    (world, sign_again(&altered, &IDP))
}

#[track_caller]
fn refused_algorithm(old: &str, new: &str) {
    let (world, xml) = resigned(|xml| xml.replacen(old, new, 1));
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::Algorithm(_) | SignatureError::Sha1)
    );
}

/// CVE-2025-25292 (ruby-saml), CVE-2025-66567: a `Signature` or `DigestValue` of another namespace,
/// or in another place, that one of two readers takes.
#[test]
fn namespace_confusion() {
    for (old, new) in [
        ("<ds:DigestValue>", "<ds:DigestValue xmlns:ds=\"urn:x\">"),
        ("<ds:SignedInfo>", "<ds:SignedInfo xmlns:ds=\"urn:x\">"),
        ("<ds:SignatureValue>", "<ds:SignatureValue xmlns:ds=\"urn:x\">"),
    ] {
        let (world, xml) = signed_response(Signed::Assertion);
        let error = refused(&world, &xml.replacen(old, new, 1));
        assert_matches!(error, ResponseError::Signature(SignatureError::Shape(_)));
    }
    // A signature of another namespace is none; and it has no place here.
    let (world, xml) = signed_response(Signed::Assertion);
    let xml = xml.replace("http://www.w3.org/2000/09/xmldsig#\"", "urn:x\"");
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::Missing { .. })
    );
    // A second DigestValue, in front, behind, and inside of a transform.
    let (world, xml) = signed_response(Signed::Assertion);
    let digest = "<ds:DigestValue>AAAA</ds:DigestValue>";
    for xml in [
        behind(&xml, "</ds:Transforms>", digest),
        behind(&xml, "</ds:DigestValue>", digest),
        xml.replacen("></ds:Transform>", &format!(">{digest}</ds:Transform>"), 1),
        behind(&xml, "</ds:SignedInfo>", digest),
    ] {
        let error = refused(&world, &xml);
        assert_matches!(error, ResponseError::Signature(SignatureError::Shape(_)));
    }
}

/// CVE-2025-29774: two `SignedInfo`. CVE-2025-29775: a comment in the digest.
#[test]
fn two_signed_infos_and_a_comment_in_the_digest() {
    let (world, xml) = signed_response(Signed::Assertion);
    let (_, signed_info, _) = cut(&xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    for mark in ["</ds:SignedInfo>", "</ds:SignatureValue>", "xmldsig#\">"] {
        let error = refused(&world, &behind(&xml, mark, signed_info));
        assert_matches!(error, ResponseError::Signature(SignatureError::Shape(_)));
    }
    for (mark, comment) in [
        ("<ds:DigestValue>", "<!-- x -->"),
        ("<ds:DigestValue>", "AAAA<!-- x -->"),
        ("<ds:SignatureValue>", "<!-- x -->"),
    ] {
        let error = refused(&world, &behind(&xml, mark, comment));
        let ResponseError::Signature(SignatureError::Shape(shape)) = error else {
            panic!("{error:?}")
        };
        assert_matches!(shape, ShapeError::NotPlainText { .. });
    }
}

/// All signatures stripped; or an empty one left.
#[test]
fn signature_exclusion() {
    for signed in [Signed::Both, Signed::Assertion, Signed::Response] {
        let (world, xml) = signed_response(signed);
        let mut bare = xml.clone();
        while bare.contains("<ds:Signature ") {
            bare = unsigned(&bare);
        }
        let error = refused(&world, &bare);
        assert_matches!(error, ResponseError::Signature(SignatureError::Missing { .. }));

        let (before, _, after) = cut_signature(&xml);
        let empty = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
        let error = refused(&world, &[before, empty, after].concat());
        assert_matches!(error, ResponseError::Signature(SignatureError::Shape(_)));
    }
}

/// Nobody is trusted until somebody is; and what is required is required.
#[test]
fn an_empty_trust_set_refuses() {
    for signed in [Signed::Both, Signed::Assertion, Signed::Response] {
        let (mut world, xml) = signed_response(signed);
        world.idp_peer.signing_keys.clear();
        assert_matches!(refused(&world, &xml), ResponseError::Signature(SignatureError::NoKeys));
    }
}

#[test]
fn what_is_required_is_required() {
    let (mut world, xml) = signed_response(Signed::Assertion);
    world.idp_peer.require_signed_responses = true;
    let error = refused(&world, &xml);
    assert_matches!(error, ResponseError::Signature(SignatureError::Missing { element }) if element == "Response");
    let (mut world, xml) = signed_response(Signed::Response);
    world.idp_peer.require_signed_assertions = true;
    let error = refused(&world, &xml);
    assert_matches!(error, ResponseError::Signature(SignatureError::Missing { element }) if element == "Assertion");
}

/// A signature that is there counts, also where none is required.
#[test]
fn one_bad_signature_of_two() {
    let (mut world, xml) = signed_response(Signed::Both);
    world.idp_peer.require_signed_assertions = false;
    world.idp_peer.require_signed_responses = false;
    let bad = |xml: &str| {
        let at = xml.find("<ds:SignatureValue>").unwrap() + 40;
        let other = if &xml[at..=at] == "A" { "B" } else { "A" };
        [&xml[..at], other, &xml[at + 1..]].concat()
    };
    assert_matches!(
        refused(&world, &bad(&xml)),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
    let (before, assertion, after) = cut_assertion(&xml);
    let inner = unsigned(&[before, &bad(assertion), after].concat());
    assert_matches!(
        refused(&world, &inner),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
    let inner = [before, &bad(assertion), after].concat();
    assert_matches!(refused(&world, &inner), ResponseError::Signature(SignatureError::Digest));
}

#[test]
fn references_to_something_else() {
    let (_, xml) = signed_response(Signed::Assertion);
    let id = xml.split("URI=\"#").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let old = format!("URI=\"#{id}\"");
    for new in [
        "URI=\"\"",
        "URI=\"#\"",
        "",
        "URI=\"#_other\"",
        "URI=\"http://evil.test/\"",
        "URI=\"#xpointer(/)\"",
        &format!("URI=\"#xpointer(id('{id}'))\""),
        &format!("URI=\"{id}\""),
        &format!("URI=\"##{id}\""),
        &format!("URI=\" #{id}\""),
        &format!("URI=\"x#{id}\""),
        &format!("URI=\"#{}\"", id.to_uppercase()),
    ] {
        let (world, xml) = resigned(|xml| xml.replace(&old, new));
        let error = refused(&world, &xml);
        assert_matches!(error, ResponseError::Signature(SignatureError::Reference { .. }));
    }
    // The response's ID, by the assertion's signature.
    let response = xml.split("ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let (world, xml) = resigned(|xml| xml.replace(&old, &format!("URI=\"#{response}\"")));
    let error = refused(&world, &xml);
    assert_matches!(error, ResponseError::Signature(SignatureError::Reference { .. }));
}

#[test]
fn two_references_or_none() {
    let twice = |xml: &str| {
        let (before, reference, after) = cut(xml, "<ds:Reference ", "</ds:Reference>");
        [before, reference, reference, after].concat()
    };
    let none = |xml: &str| {
        let (before, _, after) = cut(xml, "<ds:Reference ", "</ds:Reference>");
        [before, after].concat()
    };
    for alter in [&twice as &dyn Fn(&str) -> String, &none] {
        let (world, xml) = resigned(alter);
        let error = refused(&world, &xml);
        assert_matches!(error, ResponseError::Signature(SignatureError::Shape(_)));
    }
}

#[test]
fn transforms() {
    let enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
    for other in [
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/2006/12/xml-c14n11",
        "",
    ] {
        refused_algorithm(enveloped, other);
        let old = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\">");
        refused_algorithm(&old, &format!("<ds:Transform Algorithm=\"{other}\">"));
        let old = format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\">");
        refused_algorithm(&old, &format!("<ds:CanonicalizationMethod Algorithm=\"{other}\">"));
    }
    // One too many, one too few, none, in the other order, with a parameter.
    let first = format!("<ds:Transform Algorithm=\"{enveloped}\"></ds:Transform>");
    let second = format!("<ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform>");
    let both = [&*first, &second].concat();
    for new in [
        [&*both, &second].concat(),
        first.clone(),
        second.clone(),
        String::new(),
        [&*second, &first].concat(),
        both.replace("></ds:Transform>", "><ds:XPath>self::*</ds:XPath></ds:Transform>"),
    ] {
        let (world, xml) = resigned(|xml| xml.replace(&both, &new));
        let error = refused(&world, &xml);
        assert_matches!(
            error,
            ResponseError::Signature(SignatureError::Shape(_) | SignatureError::Algorithm(_))
        );
    }
    let prefixes: String = (0..100).map(|n| format!("p{n} ")).collect();
    let list = format!(
        "<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{prefixes}\"/></ds:Transform>"
    );
    let (world, xml) =
        resigned(|xml| xml.replace(&second, &second.replace("</ds:Transform>", &list)));
    assert_matches!(refused(&world, &xml), ResponseError::Signature(SignatureError::Algorithm(_)));
}

#[test]
fn algorithms_that_are_weak_or_symmetric() {
    for method in [
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#RSA-SHA256",
        "",
    ] {
        refused_algorithm(RSA_SHA256, method);
    }
    for digest in
        ["http://www.w3.org/2001/04/xmldsig-more#md5", "http://www.w3.org/2000/09/xmldsig#sha1", ""]
    {
        refused_algorithm(SHA256, digest);
    }
}

/// A length that leaves one bit of a MAC, or an empty digest or signature.
#[test]
fn truncation() {
    for (old, new) in [
        (
            "></ds:SignatureMethod>",
            "><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>",
        ),
        ("></ds:DigestMethod>", "><ds:Length>1</ds:Length></ds:DigestMethod>"),
    ] {
        let (world, xml) = resigned(|xml| xml.replacen(old, new, 1));
        let error = refused(&world, &xml);
        assert_matches!(
            error,
            ResponseError::Signature(SignatureError::Shape(ShapeError::Unexpected { .. }))
        );
    }
    let (world, xml) = resigned(|xml| {
        let (before, _, after) = cut(xml, "<ds:DigestValue>", "</ds:DigestValue>");
        [before, "<ds:DigestValue></ds:DigestValue>", after].concat()
    });
    assert_matches!(refused(&world, &xml), ResponseError::Signature(SignatureError::Digest));
    // SHA-256 of nothing, as if the canonical form were empty.
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let (world, xml) = resigned(|xml| {
        let (before, _, after) = cut(xml, "<ds:DigestValue>", "</ds:DigestValue>");
        [before, "<ds:DigestValue>", empty, "</ds:DigestValue>", after].concat()
    });
    assert_matches!(refused(&world, &xml), ResponseError::Signature(SignatureError::Digest));
    let (world, xml) = signed_response(Signed::Assertion);
    let (before, _, after) = cut(&xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
    let xml = [before, "<ds:SignatureValue></ds:SignatureValue>", after].concat();
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
}

/// The attacker signs with a key of their own, which comes along in every form that `KeyInfo` has.
#[test]
fn keys_in_the_message() {
    let world = World::default();
    let issue = world.issue(Signed::Both);
    let xml = message(&world.form_by(&issue, &EVE.rsa_signer(), &Native));
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::NotTrusted { keys: 1 })
    );
    let der = BASE64_STANDARD.encode(EVE.certificate.der());
    for info in [
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>",
        "<ds:RetrievalMethod URI=\"http://evil.test/key\" Type=\"http://www.w3.org/2000/09/xmldsig#rawX509Certificate\"/>",
        "<ds:KeyName>idp</ds:KeyName>",
        &format!("<ds:X509Data><ds:X509Certificate>{der}</ds:X509Certificate></ds:X509Data>"),
    ] {
        let (head, signature, tail) = cut_signature(&xml);
        let (inner, _, end) = cut(signature, "<ds:KeyInfo>", "</ds:KeyInfo>");
        let xml = [head, inner, "<ds:KeyInfo>", info, "</ds:KeyInfo>", end, tail].concat();
        assert_matches!(
            refused(&world, &xml),
            ResponseError::Signature(SignatureError::NotTrusted { .. })
        );
    }
    // And the right certificate beside the wrong key helps as little.
    let right = BASE64_STANDARD.encode(IDP.certificate.der());
    let xml = xml.replacen(&der, &right, 1);
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
}

/// No key is taken for a key of another kind.
#[test]
fn keys_of_another_kind() {
    let mut world = World::default();
    world.idp_peer.signing_keys = vec![ECDSA.public()];
    let xml = world.response(Signed::Both);
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::NotTrusted { keys: 0 })
    );
}

#[test]
fn signatures_in_the_wrong_place_or_number() {
    let (world, xml) = signed_response(Signed::Assertion);
    let (before, signature, after) = cut_signature(&xml);
    let bare = [before, after].concat();
    let twice = [before, signature, signature, after].concat();
    let error = refused(&world, &twice);
    assert_matches!(error, ResponseError::Signature(SignatureError::Several { .. }));
    // At the end of the assertion, where the schema has no place for it.
    let error = refused(&world, &before_last(&bare, "</saml:Assertion>", signature));
    assert_matches!(error, ResponseError::Message(_));
    // In the response, over the assertion.
    let error = refused(&world, &behind(&bare, "</saml:Issuer>", signature));
    assert_matches!(error, ResponseError::Signature(SignatureError::Reference { .. }));
    // In the subject.
    let error = refused(&world, &behind(&bare, "<saml:Subject>", signature));
    assert_matches!(error, ResponseError::Misplaced(_));
}

/// Whatever signed byte is altered, the signature breaks or the document does.
#[test]
fn any_altered_byte() {
    let (world, xml) = signed_response(Signed::Both);
    let (begin, end) = (xml.find("<samlp:Status>").unwrap(), xml.len());
    for at in (begin..end).step_by(7) {
        if !xml.is_char_boundary(at) || !xml.is_char_boundary(at + 1) {
            continue;
        }
        let new = if &xml[at..=at] == "x" { "y" } else { "x" };
        let altered = [&xml[..at], new, &xml[at + 1..]].concat();
        if saml::xml::Document::parse(altered.as_bytes(), &saml::xml::Limits::MESSAGE).is_ok() {
            refused(&world, &altered);
        }
    }
    assert_matches!(
        refused(&world, &evil(&xml)),
        ResponseError::Signature(SignatureError::Reference { .. })
    );
}
