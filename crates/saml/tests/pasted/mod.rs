//! Keys in whatever form people paste them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use saml::certificate::CertificateError;
use saml::key::{KeyKind, PublicKeyError};
use saml::pasted::{FoundKey, PastedError, read_keys};

use crate::assert_matches;
use crate::interop::schema::entity;
use crate::support::keys::{ECDSA, IDP, IDP_NEXT};
use crate::support::tools::{Files, program};

fn keys(pasted: &str) -> Vec<Vec<u8>> {
    let found = read_keys(pasted.as_bytes()).unwrap_or_else(|error| panic!("{error}: {pasted}"));
    found.iter().map(|key| key.public_key().spki().to_vec()).collect()
}

fn error(pasted: &str) -> PastedError {
    read_keys(pasted.as_bytes()).expect_err(pasted)
}

fn wrapped(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

#[test]
fn one_certificate_in_every_form() {
    let pem = IDP.certificate.pem();
    let dense = BASE64_STANDARD.encode(IDP.certificate.der());
    let spki = IDP.public().spki().to_vec();
    for pasted in [
        pem.clone(),
        pem.replace('\n', "\r\n"),
        format!("\u{feff}  \n{pem}\n\n"),
        format!("Bag Attributes\n  friendlyName: idp\n{pem}"),
        pem.replace('\n', "\\n"),
        format!("\"{}\"", pem.replace('\n', "\\n")),
        pem.replace("BEGIN CERTIFICATE", "BEGIN X509 CERTIFICATE")
            .replace("END CERTIFICATE", "END X509 CERTIFICATE"),
        pem.lines().collect::<Vec<_>>().join(" "),
        dense.clone(),
        dense.trim_end_matches('=').to_owned(),
        format!("{}\n{}", &dense[..64], &dense[64..]),
        BASE64_STANDARD.encode(&pem),
        wrapped("PUBLIC KEY", &spki),
        BASE64_STANDARD.encode(&spki),
        format!(
            "<ds:X509Certificate xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n{dense}\n</ds:X509Certificate>"
        ),
    ] {
        assert_eq!(keys(&pasted), [spki.as_slice()], "{pasted}");
    }
    let der = read_keys(IDP.certificate.der()).unwrap();
    assert_eq!(der, [FoundKey::Certificate(IDP.certificate.clone())]);
    let FoundKey::Certificate(found) = &der[0] else { panic!() };
    assert_eq!(found.subject(), "CN=idp");
    assert!(found.validity().0 < found.validity().1);
    assert_matches!(found.public_key().kind(), KeyKind::Rsa { bits: 2048 });
    let p256 = read_keys(ECDSA.certificate.pem().as_bytes()).unwrap();
    assert_matches!(p256[0].public_key().kind(), KeyKind::P256);
}

#[test]
fn several_certificates_and_metadata() {
    let both = IDP.certificate.pem() + &IDP_NEXT.certificate.pem();
    let expected = [IDP.public().spki().to_vec(), IDP_NEXT.public().spki().to_vec()];
    assert_eq!(keys(&both), expected);
    let metadata = entity();
    let signing = keys(&metadata.to_xml().unwrap());
    assert_eq!(signing[..2], expected);
    assert_eq!(signing.len(), 3, "and the service provider's");
}

/// Of a chain the end alone: whoever trusts a certificate has not trusted its authority's others.
#[test]
fn a_chain() {
    let Some(openssl) = program("openssl") else { return };
    let files = Files::new(&[]);
    let run = |arguments: &str| {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let (done, said) = files.run(&openssl, &arguments);
        assert!(done, "{said}");
    };
    run(
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /C=XX/O=Authority/CN=ca -days 9",
    );
    run("req -newkey rsa:2048 -nodes -keyout end.key -out end.csr -subj /CN=end");
    run("x509 -req -in end.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out end.crt -days 9");
    run("pkcs7 -help");
    run("crl2pkcs7 -nocrl -certfile end.crt -out end.p7b");
    run("rsa -in end.key -RSAPublicKey_out -out end.rsa");
    run("req -x509 -newkey rsa:1024 -nodes -keyout weak.key -out weak.crt -subj /CN=weak -days 9");
    run(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -nodes -keyout p384.key -out p384.crt -subj /CN=p384 -days 9",
    );
    let (end, ca) = (files.read("end.crt"), files.read("ca.crt"));
    let alone = keys(&end);
    for chain in [end.clone() + &ca, ca.clone() + &end] {
        assert_eq!(keys(&chain), alone);
    }
    assert_ne!(keys(&ca), alone);
    let FoundKey::Certificate(authority) = &read_keys(ca.as_bytes()).unwrap()[0] else { panic!() };
    assert_eq!(authority.subject(), "CN=ca, O=Authority, C=XX");
    assert_eq!(keys(&files.read("end.rsa")), alone);

    assert_eq!(error(&files.read("end.key")), PastedError::PrivateKey);
    assert_eq!(error(&files.read("end.csr")), PastedError::Request);
    assert_matches!(error(&files.read("end.p7b")), PastedError::Container(_));
    assert_eq!(
        error(&files.read("weak.crt")),
        PastedError::Certificate(CertificateError::Key(PublicKeyError::TooShort(1024)))
    );
    assert_eq!(
        error(&files.read("p384.crt")),
        PastedError::Certificate(CertificateError::Key(PublicKeyError::Kind))
    );
    assert_eq!(error(&(end + &files.read("end.key"))), PastedError::PrivateKey);
}

#[test]
fn what_is_wrong_is_explained() {
    let pem = IDP.certificate.pem();
    for (pasted, expected) in [
        ("", PastedError::Empty),
        ("\u{feff} \n", PastedError::Empty),
        ("\"\"", PastedError::Empty),
        ("hello, world", PastedError::Certificate(CertificateError::Unreadable)),
        ("aGVsbG8gd29ybGQ=", PastedError::Certificate(CertificateError::NotACertificate)),
        ("https://idp.example/metadata", PastedError::Address),
        (&pem[..200], PastedError::Truncated("CERTIFICATE".to_owned())),
        (&pem.replace("MII", "!II"), PastedError::Certificate(CertificateError::Unreadable)),
        (&wrapped("ENCRYPTED PRIVATE KEY", b"x"), PastedError::PrivateKey),
        (
            &wrapped("RSA PUBLIC KEY", b"x"),
            PastedError::Certificate(CertificateError::Key(PublicKeyError::Unreadable)),
        ),
        ("<html></html>", PastedError::Certificate(CertificateError::NoCertificate)),
    ] {
        assert_eq!(error(pasted), expected, "{pasted}");
    }
    assert_matches!(error("<html><body></html>"), PastedError::Xml(_));
    assert_matches!(
        error("<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\"/>"),
        PastedError::Metadata(_)
    );
    let cut = &IDP.certificate.der()[..100];
    assert_matches!(
        read_keys(cut).unwrap_err(),
        PastedError::Certificate(CertificateError::NotACertificate | CertificateError::Unreadable)
    );
    let longer = [IDP.certificate.der(), b"x"].concat();
    assert_eq!(
        error(&wrapped("CERTIFICATE", &longer)),
        PastedError::Certificate(CertificateError::NotACertificate)
    );
}
