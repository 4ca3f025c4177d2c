//! Chains as CAs send them, and as they must not.

use ::time::OffsetDateTime;
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SerialNumber,
};

use super::*;

const NOW: i64 = 1_800_000_000_000;
const DAY: i64 = 86_400_000;

/// A root, an intermediate, and what it issues.
struct Authority {
    root: String,
    intermediate: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(key: KeyPair) -> Self {
        let params = |organization: Option<&str>, common_name: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, common_name);
            if let Some(organization) = organization {
                params.distinguished_name.push(DnType::OrganizationName, organization);
            }
            params
        };
        let root_key = KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(params(None, "Root"), root_key).unwrap();
        let params = params(Some("Let's Test"), "R1");
        let intermediate = CertifiedIssuer::signed_by(params, key, &root).unwrap();
        Self { root: root.pem(), intermediate }
    }

    fn issue(&self, leaf: &Leaf) -> String {
        let mut params = CertificateParams::new(leaf.names.clone()).unwrap();
        params.not_before = at(leaf.not_before);
        params.not_after = at(leaf.not_after);
        params.serial_number = Some(SerialNumber::from_slice(&leaf.serial));
        params.is_ca = leaf.is_ca;
        params.signed_by(&leaf.key, &self.intermediate).unwrap().pem()
    }

    fn chain(&self, leaf: &Leaf) -> String {
        self.issue(leaf) + &self.intermediate.pem()
    }
}

struct Leaf {
    key: KeyPair,
    names: Vec<String>,
    not_before: i64,
    not_after: i64,
    serial: Vec<u8>,
    is_ca: IsCa,
}

fn at(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(millis / 1000).unwrap()
}

fn authority() -> Authority {
    Authority::new(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
}

fn leaf() -> Leaf {
    Leaf {
        key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
        names: vec!["app.customer.com".into()],
        not_before: NOW - DAY,
        not_after: NOW + 89 * DAY,
        serial: vec![0xfe, 0x01],
        is_ca: IsCa::NoCa,
    }
}

fn look(pem: &str, leaf: &Leaf) -> Result<Facts, ChainError> {
    let hostname = Hostname::parse("app.customer.com").unwrap();
    inspect(pem, leaf.key.serialized_der(), &hostname, NOW)
}

#[test]
fn a_good_chain_is_described_as_cloudflare_does() {
    let (authority, leaf) = (authority(), leaf());
    let pem = authority.chain(&leaf);
    let facts = look(&pem, &leaf).unwrap();
    assert_eq!(facts.serial, "fe01");
    assert_eq!(facts.issuer, "LetsTest");
    assert_eq!(facts.signature, "ECDSAWithSHA256");
    assert_eq!((facts.not_before, facts.not_after), (NOW - DAY, NOW + 89 * DAY));
    assert_eq!(facts.fingerprint_sha256.len(), 64);
    assert_eq!(facts.chain, pem.replace("\r\n", "\n"));
}

#[test]
fn an_rsa_authority_signs_an_rsa_key() {
    let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let (authority, leaf) = (Authority::new(rsa()), Leaf { key: rsa(), ..leaf() });
    assert_eq!(look(&authority.chain(&leaf), &leaf).unwrap().signature, "SHA256WithRSA");
}

#[test]
fn the_root_is_not_served() {
    let (authority, leaf) = (authority(), leaf());
    let pem = authority.chain(&leaf);
    let without = look(&pem, &leaf).unwrap();
    let with = look(&(pem + &authority.root), &leaf).unwrap();
    assert_eq!(with, without);
}

#[test]
fn text_around_certificates_is_dropped() {
    let (authority, leaf) = (authority(), leaf());
    let pem = format!("issued for you\n\n{}", authority.chain(&leaf));
    assert!(look(&pem, &leaf).unwrap().chain.starts_with("-----BEGIN CERTIFICATE-----\n"));
}

#[test]
fn a_foreign_leaf_is_refused() {
    let (authority, ours) = (authority(), leaf());
    assert_eq!(look(&authority.chain(&leaf()), &ours), Err(ChainError::ForeignKey));
}

#[test]
fn other_more_or_no_names_are_refused() {
    for names in [vec!["shop.customer.com"], vec!["app.customer.com", "b.com"], vec![]] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let leaf = Leaf { names: names.clone(), ..leaf() };
        let Err(ChainError::WrongNames { names: seen, .. }) =
            look(&authority().chain(&leaf), &leaf)
        else {
            panic!("{names:?} was accepted");
        };
        assert_eq!(seen, names);
    }
}

#[test]
fn what_is_not_valid_now_is_refused() {
    let expired = Leaf { not_before: NOW - 3 * DAY, not_after: NOW - DAY, ..leaf() };
    assert_eq!(look(&authority().chain(&expired), &expired), Err(ChainError::Expired));
    let future = Leaf { not_before: NOW + DAY, ..leaf() };
    assert_eq!(look(&authority().chain(&future), &future), Err(ChainError::NotYetValid));
    let skewed = Leaf { not_before: NOW + 60_000, ..leaf() };
    assert!(look(&authority().chain(&skewed), &skewed).is_ok());
}

#[test]
fn a_leaf_that_may_sign_is_refused() {
    let leaf = Leaf { is_ca: IsCa::Ca(BasicConstraints::Unconstrained), ..leaf() };
    assert_eq!(look(&authority().chain(&leaf), &leaf), Err(ChainError::Authority));
}

#[test]
fn a_chain_that_does_not_hold_is_refused() {
    let (one, other, leaf) = (authority(), authority(), leaf());
    let foreign = one.issue(&leaf) + &other.intermediate.pem();
    assert_eq!(look(&foreign, &leaf), Err(ChainError::Order(1)));
    let turned = one.intermediate.pem() + &one.issue(&leaf);
    assert_eq!(look(&turned, &leaf), Err(ChainError::ForeignKey));
    let gap = one.issue(&leaf) + &one.root;
    assert_eq!(look(&gap, &leaf), Err(ChainError::Order(1)));
    let long = one.issue(&leaf) + &one.intermediate.pem().repeat(8);
    assert_eq!(look(&long, &leaf), Err(ChainError::TooLong));
}

#[test]
fn nothing_and_garbage_are_refused() {
    let leaf = leaf();
    assert_eq!(look("", &leaf), Err(ChainError::Empty));
    assert_eq!(look("{\"type\":\"about:blank\"}", &leaf), Err(ChainError::Empty));
    let garbage = to_pem(b"garbage");
    assert_eq!(look(&garbage, &leaf), Err(ChainError::Malformed));
    let key = inspect(&authority().chain(&leaf), b"no key", &hostname(), NOW);
    assert_eq!(key, Err(ChainError::PrivateKey));
}

fn hostname() -> Hostname {
    Hostname::parse("app.customer.com").unwrap()
}

proptest! {
    #[test]
    fn a_truncated_chain_is_refused_or_a_whole_shorter_one(at in 0.0..1.0_f64) {
        let (authority, leaf) = (authority(), leaf());
        let pem = authority.chain(&leaf);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let cut = (pem.len() as f64 * at) as usize;
        let first = pem.find("-----END CERTIFICATE-----").unwrap() + 25;
        let seen = look(&pem[..cut], &leaf);
        // Between two certificates nothing shows that one is missing; clients tell.
        let boundary = cut >= first && cut < first + 2 + "-----BEGIN CERTIFICATE-----".len();
        prop_assert!(seen.is_err() || boundary || cut + 2 >= pem.len(), "{cut} of {}", pem.len());
    }

    #[test]
    fn no_changed_byte_passes_unnoticed(index in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let (authority, leaf) = (authority(), leaf());
        let pem = authority.issue(&leaf);
        let mut der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec();
        let at = index.index(der.len());
        der[at] ^= 1 << bit;
        let pem = to_pem(&der) + &authority.intermediate.pem();
        prop_assert!(look(&pem, &leaf).is_err(), "byte {at} of {}", der.len());
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(look(&to_pem(&bytes), &leaf()).is_err());
    }
}
