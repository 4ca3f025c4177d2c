//! xmlsec1 checks what we sign and encrypt, and we check what it signs and encrypts. It is always
//! told which keys may come along: without `--enabled-key-data` it trusts a key in the message.

use std::path::PathBuf;

use saml::encryption::{ContentEncryption, Recipient};
use saml::identity_provider::{Issue, Signed};
use saml::key::SignatureAlgorithm;
use saml::metadata::Metadata;
use saml::native::Native;
use saml::signature::Trust;
use saml::xml::{Document, Limits};

use super::schema::entity;
use crate::support::keys::{ECDSA, EVE, IDP, SP, TestKey};
use crate::support::tools::{Files, program};
use crate::support::world::{World, message, recipient, run};

const IDS: [&str; 6] = [
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:protocol:Response",
    "--id-attr:ID",
    "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
];

/// Whether xmlsec1 accepts the signature of `parent` in `xml` as by `key`.
fn accepts(xmlsec: &PathBuf, xml: &str, parent: &str, key: &TestKey) -> (bool, String) {
    let files = Files::new(&[("file.xml", xml), ("key.pem", &key.certificate.pem())]);
    let path = format!("//*[local-name()='{parent}']/*[local-name()='Signature']");
    let arguments = [
        &["--verify", "--pubkey-cert-pem", "key.pem", "--enabled-key-data", "raw-x509-cert"],
        &IDS[..],
        &["--node-xpath", &path, "file.xml"],
    ];
    files.run(xmlsec, &arguments.concat())
}

#[test]
fn every_signature_that_we_make_is_accepted() {
    let Some(xmlsec) = program("xmlsec1") else { return };
    let world = World::default();
    for algorithm in [
        SignatureAlgorithm::RsaSha256,
        SignatureAlgorithm::RsaSha384,
        SignatureAlgorithm::RsaSha512,
        SignatureAlgorithm::EcdsaSha256,
    ] {
        let key = if algorithm == SignatureAlgorithm::EcdsaSha256 { &ECDSA } else { &IDP };
        let issue = world.issue(Signed::Both);
        let xml = message(&world.form_by(&issue, &key.signer(algorithm), &Native));
        for parent in ["Response", "Assertion"] {
            let (accepted, said) = accepts(&xmlsec, &xml, parent, key);
            assert!(accepted, "{parent}, {algorithm:?}: {said}\n{xml}");
            let (accepted, _) = accepts(&xmlsec, &xml.replace("staff", "stuff"), parent, key);
            assert!(!accepted, "xmlsec1 sees nothing");
            let (accepted, _) = accepts(&xmlsec, &xml, parent, &EVE);
            assert!(!accepted, "xmlsec1 trusts whom it should not");
        }
    }
    let metadata = run(entity().to_signed_xml("_m", &IDP.rsa_signer())).unwrap();
    let (accepted, said) = accepts(&xmlsec, &metadata, "EntityDescriptor", &IDP);
    assert!(accepted, "{said}");
}

/// `xml` with a signature by xmlsec1 behind its first `after`.
fn sign(xmlsec: &PathBuf, xml: &str, template: &str, after: &str, key: &TestKey) -> String {
    let at = xml.find(after).unwrap() + after.len();
    let xml = [&xml[..at], template, &xml[at..]].concat();
    let pem = [key.pkcs8_pem(), key.certificate.pem()];
    let files = Files::new(&[("file.xml", &xml), ("key.pem", &pem[0]), ("cert.pem", &pem[1])]);
    let arguments = [
        &["--sign", "--privkey-pem", "key.pem,cert.pem"],
        &IDS[..],
        &["--output", "out.xml", "file.xml"],
    ];
    let (signed, said) = files.run(xmlsec, &arguments.concat());
    assert!(signed, "{said}\n{xml}");
    files.read("out.xml")
}

fn template(algorithm: &str, digest: &str, prefixes: &str, id: &str) -> String {
    let inclusive = format!(
        "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" \
         PrefixList=\"{prefixes}\"/>"
    );
    format!(
        "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\n <SignedInfo>\
         <CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">{inclusive}\
         </CanonicalizationMethod><SignatureMethod Algorithm=\"{algorithm}\"/>\
         <Reference URI=\"#{id}\"><Transforms>\
         <Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
         <Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">{inclusive}</Transform>\
         </Transforms><DigestMethod Algorithm=\"{digest}\"/><DigestValue/></Reference></SignedInfo>\
         <SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature>"
    )
}

/// Also where the list of prefixes names the default namespace, which lxml cannot be asked.
#[test]
fn every_signature_that_it_makes_is_accepted() {
    let Some(xmlsec) = program("xmlsec1") else { return };
    let sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    let unsigned = World::default()
        .response(Signed::Response)
        .replace("<saml:Subject>", "<saml:Subject xmlns:xs=\"urn:xs\" xmlns=\"urn:d\">")
        .replace("xmlns:samlp=", "xmlns=\"urn:e\" xmlns:xs=\"urn:other\" xmlns:samlp=");
    let begin = unsigned.find("<ds:Signature").unwrap();
    let end = unsigned.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let unsigned = [&unsigned[..begin], &unsigned[end..]].concat();
    let id = unsigned.split("<saml:Assertion").nth(1).unwrap().split("ID=\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap();
    for (algorithm, key) in [
        (SignatureAlgorithm::RsaSha256, &IDP),
        (SignatureAlgorithm::RsaSha512, &IDP),
        (SignatureAlgorithm::EcdsaSha256, &ECDSA),
    ] {
        for prefixes in ["", "xs", "#default", "#default xs saml"] {
            let template = template(algorithm.uri(), sha256, prefixes, id);
            let issuer = "</saml:Issuer>";
            let (head, assertion) = unsigned.split_at(unsigned.find("<saml:Assertion").unwrap());
            let at = head.len() + assertion.find(issuer).unwrap() + issuer.len();
            let signed = sign(&xmlsec, &unsigned, &template, &unsigned[head.len()..at], key);
            let mut world = World::default();
            world.idp_peer.signing_keys = vec![key.public()];
            let login = world.receive(&signed);
            assert!(login.is_ok(), "{algorithm:?} {prefixes:?}: {login:?}\n{signed}");
            assert!(world.receive(&signed.replace("staff", "stuff")).is_err());
        }
    }
}

/// The operator's switch for one peer, and that it is off otherwise.
#[test]
fn sha1_is_accepted_where_an_operator_allows_it() {
    let Some(xmlsec) = program("xmlsec1") else { return };
    let rsa = SignatureAlgorithm::RsaSha256.uri();
    let (rsa_sha1, sha1) =
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1");
    let entity = entity().to_xml().unwrap().replace("entityID", "ID=\"_m\" entityID");
    let start = &entity[..=entity.find('>').unwrap()];
    for (algorithm, digest) in [(rsa_sha1, sha1), (rsa, sha1)] {
        let template = template(algorithm, digest, "", "_m");
        let signed = sign(&xmlsec, &entity, &template, start, &IDP);
        let document = Document::parse(signed.as_bytes(), &Limits::METADATA).unwrap();
        for allowed in [true, false] {
            let trust = Trust { keys: &[IDP.public()], sha1: allowed };
            let checked = run(Metadata::verify(&document, trust, &Native));
            assert_eq!(checked.is_ok(), allowed, "{checked:?}");
        }
    }
}

#[test]
fn what_we_encrypt_is_decrypted() {
    let Some(xmlsec) = program("xmlsec1") else { return };
    let world = World::default();
    for content in [ContentEncryption::Aes128Gcm, ContentEncryption::Aes256Gcm] {
        let to = Recipient { content, ..recipient() };
        let issue = Issue { encrypted_to: Some(&to), ..world.issue(Signed::Assertion) };
        let xml = message(&world.form(&issue));
        let files = Files::new(&[("file.xml", &xml), ("key.pem", &SP.pkcs8_pem())]);
        let (done, said) = files.run(
            &xmlsec,
            &["--decrypt", "--privkey-pem", "key.pem", "--output", "out.xml", "file.xml"],
        );
        assert!(done, "{content:?}: {said}\n{xml}");
        assert!(files.read("out.xml").contains("alice@example.com"));
    }
}

#[test]
fn what_it_encrypts_is_decrypted() {
    let Some(xmlsec) = program("xmlsec1") else { return };
    let mut world = World::default();
    world.idp_peer.allow_cbc = true;
    world.idp_peer.require_encryption = true;
    let oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
    for content in [
        ContentEncryption::Aes128Gcm,
        ContentEncryption::Aes256Gcm,
        ContentEncryption::Aes128Cbc,
        ContentEncryption::Aes256Cbc,
    ] {
        let bits = if content.uri().contains("128") { "aes-128" } else { "aes-256" };
        let response = world.response(Signed::Assertion);
        let template = format!(
            "<EncryptedData xmlns=\"http://www.w3.org/2001/04/xmlenc#\" \
             Type=\"http://www.w3.org/2001/04/xmlenc#Element\"><EncryptionMethod Algorithm=\"{}\"/>\
             <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\">\
             <EncryptedKey xmlns=\"http://www.w3.org/2001/04/xmlenc#\">\
             <EncryptionMethod Algorithm=\"{oaep}\"/><CipherData><CipherValue/></CipherData>\
             </EncryptedKey></KeyInfo><CipherData><CipherValue/></CipherData></EncryptedData>",
            content.uri()
        );
        let public = SP.certificate.pem();
        let files = Files::new(&[("f.xml", &response), ("t.xml", &template), ("c.pem", &public)]);
        let (done, said) = files.run(
            &xmlsec,
            &[
                "--encrypt",
                "--pubkey-cert-pem",
                "c.pem",
                "--session-key",
                bits,
                "--xml-data",
                "f.xml",
                "--node-xpath",
                "//*[local-name()='Assertion']",
                "--output",
                "out.xml",
                "t.xml",
            ],
        );
        assert!(done, "{said}");
        let sealed = files
            .read("out.xml")
            .replace("<EncryptedData", "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"><EncryptedData")
            .replace("</EncryptedData>", "</EncryptedData></saml:EncryptedAssertion>");
        let login = world.receive(&sealed);
        // What anybody may have altered is not decrypted in CBC: see the attacks.
        assert_eq!(login.is_ok(), content.is_authenticated(), "{content:?}: {login:?}\n{sealed}");
        if !content.is_authenticated() {
            let id = sealed.split("ID=\"").nth(1).unwrap().split('"').next().unwrap();
            let rsa = SignatureAlgorithm::RsaSha256.uri();
            let template = self::template(rsa, "http://www.w3.org/2001/04/xmlenc#sha256", "", id);
            let signed = sign(&xmlsec, &sealed, &template, "</saml:Issuer>", &IDP);
            let login = world.receive(&signed);
            assert!(login.is_ok(), "{content:?}: {login:?}\n{signed}");
        }
    }
}
