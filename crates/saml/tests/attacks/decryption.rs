//! Encrypted assertions: wrapped, altered, padded, and not signed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::encryption::{ContentEncryption, DecryptionError, Recipient};
use saml::identity_provider::{Issue, Signed};
use saml::key::{Decrypter, KeyError, KeyTransport, NoDecrypter};
use saml::native::{DecryptionKey, Native};
use saml::service_provider::{Expectation, ResponseError};
use saml::signature::SignatureError;

use super::surgery::{cut, cut_assertion, evil, refused, unsigned};
use crate::assert_matches;
use crate::support::keys::{EVE, SP};
use crate::support::world::{World, incoming, message, recipient, run};

fn encrypted(signed: Signed) -> (World, String) {
    let mut world = World::default();
    world.idp_peer.require_encryption = true;
    world.idp_peer.require_signed_assertions = signed != Signed::Response;
    let to = recipient();
    let xml = message(&world.form(&Issue { encrypted_to: Some(&to), ..world.issue(signed) }));
    world.receive(&xml).unwrap();
    (world, xml)
}

fn cut_encrypted(xml: &str) -> (&str, &str, &str) {
    cut(xml, "<saml:EncryptedAssertion ", "</saml:EncryptedAssertion>")
}

/// The content of the last `CipherValue`, altered.
fn altered(xml: &str, alter: impl Fn(&mut Vec<u8>)) -> String {
    let (begin, end) = ("<xenc:CipherValue>", "</xenc:CipherValue>");
    let from = xml.rfind(begin).unwrap() + begin.len();
    let to = xml.rfind(end).unwrap();
    let mut bytes = BASE64_STANDARD.decode(&xml[from..to]).unwrap();
    alter(&mut bytes);
    [&xml[..from], &BASE64_STANDARD.encode(bytes), &xml[to..]].concat()
}

/// Anybody can encrypt to a service provider: what is decrypted is verified like any other.
#[test]
fn an_unsigned_assertion_that_is_encrypted() {
    let mut world = World::default();
    let to = recipient();
    let xml =
        message(&world.form(&Issue { encrypted_to: Some(&to), ..world.issue(Signed::Response) }));
    let error = refused(&world, &xml);
    assert_matches!(error, ResponseError::Signature(SignatureError::Missing { element }) if element == "Assertion");
    // Nor does a response vouch for it whose signature was taken off.
    world.idp_peer.require_signed_assertions = false;
    world.receive(&xml).unwrap();
    let error = refused(&world, &unsigned(&xml));
    assert_matches!(error, ResponseError::Signature(SignatureError::Missing { element }) if element == "Assertion");
    // Or by the wrong key.
    let issue = Issue { encrypted_to: Some(&to), ..world.issue(Signed::Both) };
    let xml = message(&world.form_by(&issue, &EVE.rsa_signer(), &Native));
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
    assert_matches!(
        refused(&world, &unsigned(&xml)),
        ResponseError::Signature(SignatureError::NotTrusted { .. })
    );
}

#[test]
fn wrapping_around_an_encrypted_assertion() {
    let (world, xml) = encrypted(Signed::Assertion);
    let (before, sealed, after) = cut_encrypted(&xml);
    let plain = World::default().response(Signed::Assertion);
    let (_, assertion, _) = cut_assertion(&plain);
    let evil = evil(&unsigned(assertion));
    for xml in [
        [before, &evil, sealed, after].concat(),
        [before, sealed, &evil, after].concat(),
        [before, sealed, sealed, after].concat(),
    ] {
        assert_matches!(refused(&world, &xml), ResponseError::Assertions(2));
    }
    let inside = evil.replace("</saml:Assertion>", &format!("{sealed}</saml:Assertion>"));
    assert_matches!(
        refused(&world, &[before, &inside, after].concat()),
        ResponseError::Misplaced(_)
    );
    let extensions = format!("<samlp:Extensions>{sealed}</samlp:Extensions>");
    let xml = xml.replacen("</saml:Issuer>", &format!("</saml:Issuer>{extensions}"), 1);
    assert_matches!(refused(&world, &xml), ResponseError::Misplaced(_));
}

#[test]
fn plain_text_where_encryption_is_required() {
    let (world, _) = encrypted(Signed::Both);
    let plain = World::default().response(Signed::Both);
    assert_matches!(refused(&world, &plain), ResponseError::NotEncrypted);
}

/// Whatever goes wrong behind the content key, the error is one and the same.
#[test]
fn one_error_for_all_that_fails() {
    let (world, xml) = encrypted(Signed::Assertion);
    let failed = |error: ResponseError| {
        assert_matches!(&error, ResponseError::Decryption(DecryptionError::Failed));
        error.to_string()
    };
    let mut texts = vec![
        failed(refused(&world, &altered(&xml, |bytes| *bytes.last_mut().unwrap() ^= 1))),
        failed(refused(&world, &altered(&xml, |bytes| bytes[0] ^= 1))),
        failed(refused(&world, &altered(&xml, |bytes| bytes.truncate(13)))),
        failed(refused(&world, &altered(&xml, Vec::clear))),
    ];
    // A content key for somebody else.
    let other = Recipient { key: EVE.public(), ..recipient() };
    let issue = Issue { encrypted_to: Some(&other), ..world.issue(Signed::Assertion) };
    texts.push(failed(refused(&world, &message(&world.form(&issue)))));
    // One of the wrong length.
    let other = Recipient { content: ContentEncryption::Aes128Gcm, ..recipient() };
    let issue = Issue { encrypted_to: Some(&other), ..world.issue(Signed::Assertion) };
    let xml = message(&world.form(&issue)).replace("aes128-gcm", "aes256-gcm");
    texts.push(failed(refused(&world, &xml)));
    texts.dedup();
    assert_eq!(texts.len(), 1);
}

/// CBC is read of no peer without leave, and never where anybody may have altered it (the padding
/// oracle of Jager and Somorovsky). The interoperability tests show when it is.
#[test]
fn cbc_padding_oracle() {
    let (mut world, xml) = encrypted(Signed::Assertion);
    let cbc = xml
        .replace("http://www.w3.org/2009/xmlenc11#aes256-gcm", ContentEncryption::Aes256Cbc.uri());
    assert_matches!(refused(&world, &cbc), ResponseError::Decryption(DecryptionError::Cbc));
    world.idp_peer.allow_cbc = true;
    for last in 0..=255 {
        let xml = altered(&cbc, |bytes| *bytes.last_mut().unwrap() ^= last);
        assert_matches!(
            refused(&world, &xml),
            ResponseError::Decryption(DecryptionError::CbcNotSigned)
        );
    }
}

#[test]
fn other_algorithms() {
    let (world, xml) = encrypted(Signed::Assertion);
    let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    for (old, new) in [
        (oaep, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
        (oaep, "http://www.w3.org/2001/04/xmlenc#kw-aes256"),
        (
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
        ),
        (
            "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            "http://www.w3.org/2009/xmlenc11#aes192-gcm",
        ),
        ("http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmlenc#sha256"),
    ] {
        let xml = xml.replace(old, new);
        assert_matches!(
            refused(&world, &xml),
            ResponseError::Decryption(DecryptionError::Algorithm(_))
        );
    }
    let parameters = "<xenc:OAEPparams>AAAA</xenc:OAEPparams><ds:DigestMethod";
    let xml = xml.replacen("<ds:DigestMethod", parameters, 1);
    assert_matches!(
        refused(&world, &xml),
        ResponseError::Decryption(DecryptionError::Algorithm(_))
    );
}

#[test]
fn shapes_of_encrypted_data() {
    let (world, xml) = encrypted(Signed::Assertion);
    let (head, key, tail) = cut(&xml, "<xenc:EncryptedKey>", "</xenc:EncryptedKey>");
    let without = [head, tail].concat();
    assert_matches!(refused(&world, &without), ResponseError::Decryption(DecryptionError::Keys(0)));
    let many = [head, &key.repeat(4), tail].concat();
    assert_matches!(refused(&world, &many), ResponseError::Decryption(DecryptionError::Keys(4)));
    for (old, new) in [
        (
            "<xenc:CipherValue>",
            "<xenc:CipherReference URI=\"http://evil.test/\"/><xenc:CipherValue>",
        ),
        ("</xenc:EncryptedData>", "<xenc:EncryptionProperties/></xenc:EncryptedData>"),
        ("</xenc:EncryptedData>", "</xenc:EncryptedData>text"),
    ] {
        let error = refused(&world, &xml.replace(old, new));
        assert_matches!(error, ResponseError::Decryption(DecryptionError::Shape(_)));
    }
}

/// A peer's text that would leave the wrapper that it is parsed in.
struct Planted(&'static str);

impl Decrypter for Planted {
    async fn unwrap_key(
        &self,
        _: KeyTransport,
        _: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, KeyError> {
        Ok(zeroize::Zeroizing::new(self.0.as_bytes().to_vec()))
    }
}

#[test]
fn plain_texts_that_are_no_assertion() {
    use aes_gcm::aead::Aead as _;
    use aes_gcm::{Aes256Gcm, KeyInit as _};
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let (world, xml) = encrypted(Signed::Assertion);
    for plain in [
        "",
        "text",
        "</wrapper><wrapper>",
        "<a/>",
        "<!DOCTYPE a><a/>",
        "<?xml version=\"1.0\"?><a/>",
        "<saml:Assertion/><saml:Assertion/>",
        "<saml:Assertion xmlns:saml=\"urn:x\"/>",
        "\u{1}",
    ] {
        let cipher = Aes256Gcm::new_from_slice(KEY.as_bytes()).unwrap();
        let nonce = [7; 12];
        let sealed = cipher.encrypt(&nonce.into(), plain.as_bytes()).unwrap();
        let xml = altered(&xml, |bytes| *bytes = [&nonce[..], &sealed].concat());
        let (incoming, keys) = (incoming(&xml), [Planted(KEY)]);
        let expectation = Expectation { in_response_to: world.expected, ..Expectation::default() };
        let reading = world.sp.read_response(
            &incoming,
            &world.idp_peer,
            &expectation,
            &keys,
            &Native,
            world.now,
        );
        let error = run(reading).unwrap_err();
        assert_matches!(error, ResponseError::Decryption(_) | ResponseError::Message(_));
    }
}

#[test]
fn without_a_key_nothing_is_decrypted() {
    let (world, xml) = encrypted(Signed::Assertion);
    let incoming = incoming(&xml);
    let expectation = Expectation { in_response_to: world.expected, ..Expectation::default() };
    let none: [DecryptionKey; 0] = [];
    let reading =
        world.sp.read_response(&incoming, &world.idp_peer, &expectation, &none, &Native, world.now);
    assert_matches!(
        run(reading).unwrap_err(),
        ResponseError::Decryption(DecryptionError::NoDecrypter)
    );
    let reading = world.sp.read_response(
        &incoming,
        &world.idp_peer,
        &expectation,
        &[NoDecrypter],
        &Native,
        world.now,
    );
    assert_matches!(run(reading).unwrap_err(), ResponseError::Decryption(DecryptionError::Failed));
    // During a roll-over either key will do.
    let keys = [EVE.decrypter(), SP.decrypter()];
    let reading =
        world.sp.read_response(&incoming, &world.idp_peer, &expectation, &keys, &Native, world.now);
    run(reading).unwrap();
}
