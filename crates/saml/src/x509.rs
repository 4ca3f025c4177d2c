//! As much of X.509 as SAML has a use for: the key, and for people the names and dates. Extensions
//! and signatures decide nothing here, so they are not even read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, UintRef, UtcTime};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// The types that names are made of, in their short forms (RFC 4514 §3).
const NAMES: [(&str, &str); 8] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// What a public key is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// RSA, with the length of its modulus.
    Rsa {
        /// In bits.
        bits: usize,
    },
    /// ECDSA on the curve P-256.
    P256,
}

pub(crate) struct Certificate<'d> {
    pub spki: &'d [u8],
    pub subject: String,
    pub issuer: String,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
}

/// Reads a certificate (RFC 5280 §4.1) of any version.
pub(crate) fn certificate(der: &[u8]) -> Option<Certificate<'_>> {
    let mut outer = sequence(AnyRef::from_der(der).ok()?)?;
    let mut reader = sequence(AnyRef::decode(&mut outer).ok()?)?;
    let first = AnyRef::decode(&mut reader).ok()?;
    if first.tag() != Tag::Integer {
        AnyRef::decode(&mut reader).ok()?; // The first was the version, this is the serial number.
    }
    AnyRef::decode(&mut reader).ok()?; // The algorithm of the signature.
    let issuer = name(AnyRef::decode(&mut reader).ok()?)?;
    let mut validity = sequence(AnyRef::decode(&mut reader).ok()?)?;
    let not_before = time(validity.tlv_bytes().ok()?)?;
    let not_after = time(validity.tlv_bytes().ok()?)?;
    let subject = name(AnyRef::decode(&mut reader).ok()?)?;
    let spki = reader.tlv_bytes().ok()?;
    Some(Certificate { spki, subject, issuer, not_before, not_after })
}

/// What a `SubjectPublicKeyInfo` holds: nothing where it is none, and inside of that nothing where
/// it is of a kind that is of no use here.
#[expect(clippy::option_option, reason = "two ways to be nothing")]
pub(crate) fn key_kind(spki: &[u8]) -> Option<Option<KeyKind>> {
    let mut reader = sequence(AnyRef::from_der(spki).ok()?)?;
    let mut algorithm = sequence(AnyRef::decode(&mut reader).ok()?)?;
    let key = BitStringRef::decode(&mut reader).ok()?;
    if !reader.is_finished() {
        return None;
    }
    let kind = ObjectIdentifier::decode(&mut algorithm).ok()?;
    if kind == RSA_ENCRYPTION {
        let mut numbers = sequence(AnyRef::from_der(key.as_bytes()?).ok()?)?;
        let modulus = UintRef::decode(&mut numbers).ok()?;
        let modulus = modulus.as_bytes();
        let unused = modulus.first()?.leading_zeros() as usize;
        return Some(Some(KeyKind::Rsa { bits: modulus.len() * 8 - unused }));
    }
    let is_p256 = kind == EC_PUBLIC_KEY
        && ObjectIdentifier::decode(&mut algorithm).is_ok_and(|curve| curve == P256);
    Some(is_p256.then_some(KeyKind::P256))
}

fn sequence(any: AnyRef<'_>) -> Option<SliceReader<'_>> {
    if any.tag() == Tag::Sequence { SliceReader::new(any.value()).ok() } else { None }
}

/// A distinguished name as text, with its most specific part first, as RFC 4514 has it.
fn name(any: AnyRef<'_>) -> Option<String> {
    let mut parts = Vec::new();
    let mut names = sequence(any)?;
    while !names.is_finished() {
        let relative = AnyRef::decode(&mut names).ok()?;
        let mut relative = SliceReader::new(relative.value()).ok()?;
        while !relative.is_finished() {
            let mut pair = sequence(AnyRef::decode(&mut relative).ok()?)?;
            let kind: ObjectIdentifier = pair.decode().ok()?;
            let kind = kind.to_string();
            let value = AnyRef::decode(&mut pair).ok()?;
            let known = NAMES.iter().find(|(oid, _)| *oid == kind);
            let kind = known.map_or(&*kind, |(_, short)| short);
            parts.push(format!("{kind}={}", String::from_utf8_lossy(value.value())));
        }
    }
    parts.reverse();
    Some(parts.join(", "))
}

fn time(tlv: &[u8]) -> Option<SystemTime> {
    let since_1970: Duration = match UtcTime::from_der(tlv) {
        Ok(time) => time.to_unix_duration(),
        Err(_) => GeneralizedTime::from_der(tlv).ok()?.to_unix_duration(),
    };
    UNIX_EPOCH.checked_add(since_1970)
}
