//! Assertions and names that are encrypted to us; and SECURITY: what attackers make of them, through
//! the callback.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::encryption::{ContentEncryption, Recipient};
use saml::identity_provider::Signed;
use saml::name_id::{NameId, format};
use serde_json::Value;

use crate::keys::{EVE, IDP_NEXT};
use crate::saml_case::{Case, WAYS, alices, says};
use crate::saml_idp::{SamlIdp, attribute, to_us, xml};
use crate::support::surgery::{cut, cut_assertion, evil, unsigned};

fn encrypting(signed: Signed) -> SamlIdp {
    SamlIdp { signed, encrypted_to: Some(to_us()), ..alices() }
}

/// Encryption is required.
fn required(config: &mut Value) {
    config["enable_encryption"] = true.into();
}

fn case(signed: Signed) -> Case {
    Case::with(encrypting(signed), |config| {
        required(config);
        config["allow_unsigned_assertion"] = (signed == Signed::Response).into();
    })
}

/// The content of the last `CipherValue`, altered.
fn altered(xml: &str, alter: impl Fn(&mut Vec<u8>)) -> String {
    let (begin, end) = ("<xenc:CipherValue>", "</xenc:CipherValue>");
    let from = xml.rfind(begin).unwrap() + begin.len();
    let to = xml.rfind(end).unwrap();
    let mut bytes = STANDARD.decode(&xml[from..to]).unwrap();
    alter(&mut bytes);
    [&xml[..from], &STANDARD.encode(bytes), &xml[to..]].concat()
}

#[test]
fn an_encrypted_assertion_signs_in() {
    for signed in WAYS {
        let mut case = case(signed);
        assert!(!case.xml().contains("alice"));
        case.signs_in();
    }
    // It may be encrypted also where it need not.
    Case::with(encrypting(Signed::Both), |_| {}).signs_in();
}

#[test]
fn an_encrypted_name_signs_in() {
    let name = NameId::new("ada-9", format::PERSISTENT);
    let idp = SamlIdp {
        name_id: Some(name),
        attributes: vec![attribute("email", &["alice@example.com"])],
        name_encrypted_to: Some(to_us()),
        ..alices()
    };
    let mut case = Case::with(idp, |_| {});
    assert!(!case.xml().contains("ada-9"));
    case.signs_in();
    let identity = case.world.log.last().unwrap().identity.clone().unwrap();
    assert_eq!(identity.subject, "ada-9");
    assert_eq!(identity.saml.unwrap().name_id, "ada-9");
}

#[test]
fn what_is_required_to_be_encrypted_is() {
    let mut case = Case::with(alices(), required);
    let form = case.form.clone();
    says(&case.refused(&form), &["the assertion is not encrypted"]);
}

#[test]
fn an_old_key_of_ours_opens_as_long_as_it_is_there() {
    let mut case = case(Signed::Both);
    case.world.edit("saml_keys:corp", |record| {
        let keys = record["keys"].as_array_mut().unwrap();
        let mut newer = keys[1].clone();
        newer["kid"] = "another".into();
        keys.insert(1, newer);
    });
    case.signs_in();
    let mut case = self::case(Signed::Both);
    case.world.edit("saml_keys:corp", |record| record["keys"][1]["kid"] = "another".into());
    let form = case.form.clone();
    says(&case.refused(&form), &["decrypt"]);
    // The keys of another organisation's record are none of ours.
    let mut case = self::case(Signed::Both);
    case.world.edit("saml_keys:corp", |record| record["auth_domain"] = "team.other.test".into());
    says(&case.refused(&form), &["decrypt", "another browser", "waits"]);
    let form = case.form.clone();
    says(&case.refused(&form), &["decrypt"]);
}

/// +16.
#[test]
fn row_16_wrapping_around_an_encrypted_assertion() {
    let plain = Case::new(Signed::Assertion).xml();
    let (_, assertion, _) = cut_assertion(&plain);
    let evil = evil(&unsigned(assertion));
    let parts = |xml: &str| {
        let (before, sealed, after) =
            cut(xml, "<saml:EncryptedAssertion ", "</saml:EncryptedAssertion>");
        [before, sealed, after].map(str::to_owned)
    };
    let two = case(Signed::Assertion).attacked(|xml| {
        let [before, sealed, after] = parts(xml);
        [before, evil.clone(), sealed, after].concat()
    });
    says(&two, &["holds 2 assertions"]);
    let twice = case(Signed::Assertion).attacked(|xml| {
        let [before, sealed, after] = parts(xml);
        [before, sealed.clone(), sealed, after].concat()
    });
    says(&twice, &["holds 2 assertions"]);
    let inside = case(Signed::Assertion).attacked(|xml| {
        let [before, sealed, after] = parts(xml);
        let inside = evil.replace("</saml:Assertion>", &format!("{sealed}</saml:Assertion>"));
        [before, inside, after].concat()
    });
    says(&inside, &["hides in the response"]);
}

/// +16: anybody can encrypt to us; what is decrypted is verified like any other.
#[test]
fn row_16_what_is_decrypted_is_verified() {
    let mut case = Case::with(encrypting(Signed::Response), required);
    let form = case.form.clone();
    says(&case.refused(&form), &["is not signed", "no signature", "has no"]);
    let idp = SamlIdp { key: &EVE, ..encrypting(Signed::Both) };
    let mut case = Case::with(idp, required);
    let form = case.form.clone();
    says(&case.refused(&form), &["trusted", "key"]);
    let idp = SamlIdp { key: &IDP_NEXT, ..encrypting(Signed::Assertion) };
    let mut case = Case::with(idp, required);
    let form = case.form.clone();
    says(&case.refused(&form), &["trusted", "key"]);
}

/// +16: one error and one page for all that fails, and CBC only with leave and under a signature.
#[test]
fn row_16_no_oracle() {
    let mut reasons = Vec::new();
    for alter in [
        |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1,
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
        |bytes: &mut Vec<u8>| bytes.truncate(13),
        |bytes: &mut Vec<u8>| bytes.clear(),
    ] {
        reasons.push(case(Signed::Assertion).attacked(|xml| altered(xml, alter)));
    }
    let other = Recipient { key: EVE.public(), ..to_us() };
    let mut foreign = Case::with(
        SamlIdp { encrypted_to: Some(other), ..encrypting(Signed::Assertion) },
        required,
    );
    let form = foreign.form.clone();
    reasons.push(foreign.refused(&form));
    reasons.dedup();
    assert_eq!(reasons.len(), 1, "{reasons:?}");

    let gcm = ContentEncryption::Aes256Gcm.uri();
    let cbc = ContentEncryption::Aes256Cbc.uri();
    let reason = case(Signed::Assertion).attacked(|xml| xml.replace(gcm, cbc));
    says(&reason, &["CBC"]);
    let allowed = Case::with(encrypting(Signed::Assertion), |config| {
        required(config);
        config["allow_cbc"] = true.into();
    });
    says(&allowed.attacked(|xml| xml.replace(gcm, cbc)), &["CBC"]);
}

/// +16: `RSA1_5` and others.
#[test]
fn row_16_weak_key_transport() {
    let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    for weak in
        ["http://www.w3.org/2001/04/xmlenc#rsa-1_5", "http://www.w3.org/2001/04/xmlenc#kw-aes256"]
    {
        says(&case(Signed::Assertion).attacked(|xml| xml.replace(oaep, weak)), &[weak]);
    }
    let xml = xml(&case(Signed::Assertion).form);
    assert!(xml.contains(oaep));
}
