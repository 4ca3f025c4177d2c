//! SECURITY: signatures that are not what they seem, through the callback.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::identity_provider::Signed;
use serde_json::json;

use crate::keys::{ECDSA, EVE, IDP, IDP_NEXT, SP};
use crate::saml_case::{Case, WAYS, alices, says};
use crate::saml_idp::{SamlIdp, with_xml, xml};
use crate::support::surgery::{cut, cut_signature, sign_again, unsigned};

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Altered, and then signed anew by the trusted key.
#[track_caller]
fn resigned(alter: impl Fn(&str) -> String, reasons: &[&str]) {
    let reason = Case::new(Signed::Assertion).attacked(|xml| sign_again(&alter(xml), &IDP));
    says(&reason, reasons);
}

/// +10.
#[test]
fn row_10_signature_exclusion() {
    for signed in WAYS {
        let reason = Case::new(signed).attacked(|xml| {
            let mut bare = xml.to_owned();
            while bare.contains("<ds:Signature ") {
                bare = unsigned(&bare);
            }
            bare
        });
        says(&reason, &["is not signed", "no signature", "has no"]);
        let reason = Case::new(signed).attacked(|xml| {
            let (before, _, after) = cut_signature(xml);
            let empty = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
            [before, empty, after].concat()
        });
        says(&reason, &["Signature", "SignedInfo"]);
    }
}

/// "missing means allowed": what is configured is required, and who trusts nobody believes nobody.
#[test]
fn an_empty_trust_set_and_a_missing_signature_refuse() {
    for certificates in [json!([]), json!(["", "not a certificate"])] {
        for signed in WAYS {
            let mut case = Case::new(signed);
            case.world.edit("idp:corp", |record| {
                record["protocol"]["saml"]["idp_public_certs"] = certificates.clone();
            });
            let form = case.form.clone();
            says(&case.refused(&form), &["no key", "keys"]);
        }
    }
    // One signature where two are wanted.
    for (has, config) in [
        (Signed::Assertion, json!({ "require_signed_response": true })),
        (Signed::Response, json!({})),
        (Signed::Response, json!({ "require_signed_response": true })),
    ] {
        let idp = SamlIdp { signed: has, ..alices() };
        let mut case = Case::with(idp, |saml| {
            for (name, value) in config.as_object().unwrap() {
                saml[name] = value.clone();
            }
        });
        let form = case.form.clone();
        says(&case.refused(&form), &["is not signed", "no signature", "has no"]);
    }
}

/// Of several certificates each will do; an unreadable one among them is none.
#[test]
fn either_key_of_a_provider_signs_during_a_roll_over() {
    for key in [&*IDP, &*IDP_NEXT] {
        let certificates = [&*IDP, &*IDP_NEXT].map(|key| key.certificate.pem());
        let idp = SamlIdp { key, ..alices() };
        let mut case = Case::with(idp, |saml| {
            saml["idp_public_certs"] = json!(["broken", certificates[0], certificates[1]]);
        });
        case.signs_in();
    }
    let mut case = Case::with(SamlIdp { key: &EVE, ..alices() }, |_| {});
    let form = case.form.clone();
    says(&case.refused(&form), &["trusted", "key"]);
}

/// +11.
#[test]
fn row_11_reference_tricks() {
    let uri = |new: String| {
        move |xml: &str| {
            let id = xml.split("URI=\"#").nth(1).unwrap().split('"').next().unwrap();
            xml.replace(&format!("URI=\"#{id}\""), &new.replace("{id}", id))
        }
    };
    for new in [
        "URI=\"\"",
        "",
        "URI=\"#_other\"",
        "URI=\"http://evil.test/\"",
        "URI=\"#xpointer(/)\"",
        "URI=\"#xpointer(id('{id}'))\"",
        "URI=\" #{id}\"",
    ] {
        resigned(uri(new.to_owned()), &["refer", "URI"]);
    }
    // The response's own ID, by the assertion's signature.
    let of_response = |xml: &str| {
        let response = xml.split("ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        uri(format!("URI=\"#{response}\""))(xml)
    };
    resigned(of_response, &["refer", "URI"]);
    let twice = |xml: &str| {
        let (before, reference, after) = cut(xml, "<ds:Reference ", "</ds:Reference>");
        [before, reference, reference, after].concat()
    };
    resigned(twice, &["Reference"]);
    for transform in [
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
    ] {
        resigned(
            |xml| xml.replacen(ENVELOPED, transform, 1),
            &["algorithm", "Transform", transform],
        );
    }
    // IDs that occur twice.
    let reason = Case::new(Signed::Assertion).attacked(|xml| {
        let id = xml.split("URI=\"#").nth(1).unwrap().split('"').next().unwrap().to_owned();
        xml.replacen("<samlp:Status>", &format!("<samlp:Status ID=\"{id}\">"), 1)
    });
    says(&reason, &["an ID occurs twice"]);
}

/// +12.
#[test]
fn row_12_algorithm_confusion() {
    for method in [
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    ] {
        resigned(|xml| xml.replacen(RSA_SHA256, method, 1), &["algorithm", "SHA-1", method]);
    }
    for digest in
        ["http://www.w3.org/2001/04/xmldsig-more#md5", "http://www.w3.org/2000/09/xmldsig#sha1"]
    {
        resigned(|xml| xml.replacen(SHA256, digest, 1), &["algorithm", "SHA-1", digest]);
    }
    let comments = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
    let canonical = format!("<ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\">");
    let with_comments = canonical.replace(EXCLUSIVE, comments);
    resigned(|xml| xml.replacen(&canonical, &with_comments, 1), &["algorithm", comments]);
    let truncated = "><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>";
    resigned(|xml| xml.replacen("></ds:SignatureMethod>", truncated, 1), &["HMACOutputLength"]);
    // A key of another kind.
    let mut case = Case::with(alices(), |saml| {
        saml["idp_public_certs"] = json!([STANDARD.encode(ECDSA.certificate.der())]);
    });
    let form = case.form.clone();
    says(&case.refused(&form), &["trusted", "key"]);
}

/// +13.
#[test]
fn row_13_keys_in_the_message() {
    let mut case = Case::new(Signed::Both);
    let evil = SamlIdp { key: &EVE, signed: Signed::Both, ..alices() };
    let id =
        case.xml().split("InResponseTo=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let target = evil.target(Some(&id), Some(&case.form.fields[1].1));
    let signed = xml(&evil.answer(&target, case.world.now));
    let own = STANDARD.encode(EVE.certificate.der());
    let right = STANDARD.encode(IDP.certificate.der());
    for info in [
        format!("<ds:X509Data><ds:X509Certificate>{own}</ds:X509Certificate></ds:X509Data>"),
        format!("<ds:X509Data><ds:X509Certificate>{right}</ds:X509Certificate></ds:X509Data>"),
        "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>\
         </ds:RSAKeyValue></ds:KeyValue>"
            .to_owned(),
        "<ds:RetrievalMethod URI=\"http://evil.test/key\"/>".to_owned(),
    ] {
        let (head, signature, tail) = cut_signature(&signed);
        let (inner, _, end) = cut(signature, "<ds:KeyInfo>", "</ds:KeyInfo>");
        let xml = [head, inner, "<ds:KeyInfo>", &info, "</ds:KeyInfo>", end, tail].concat();
        let form = with_xml(&case.form, &xml);
        says(&case.refused(&form), &["trusted", "key"]);
    }
    case.signs_in();
}

/// Our own key signs nothing that we believe.
#[test]
fn our_own_key_is_nobodys_provider() {
    let mut case = Case::with(SamlIdp { key: &SP, ..alices() }, |_| {});
    let form = case.form.clone();
    says(&case.refused(&form), &["trusted", "key"]);
}
