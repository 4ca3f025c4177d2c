//! A CA with its root.

use std::sync::OnceLock;

use edge_state::certificate::{CertificateRecord, EdgeCertificate, sealing_context};
use edge_state::seal::{KeyRing, SealEntropy};
use edge_state::{Hostname, KeyType};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rcgen::{KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SerialNumber};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// One leaf with its key, in the clear.
pub struct Leaf {
    pub serial: String,
    pub chain: String,
    pub key: Vec<u8>,
}

/// A client's certificate and its key.
pub struct ClientCertificate {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

/// Making RSA keys takes a while; these tests are not about their secrecy.
static RSA: OnceLock<Vec<u8>> = OnceLock::new();

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Edge test root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// For a person or a machine, valid until then.
    pub fn client(&self, name: &str, until: (i32, u8, u8)) -> ClientCertificate {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        ClientCertificate { chain: vec![certificate.der().clone()], key }
    }

    pub fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    pub fn root_pem(&self) -> String {
        self.issuer.pem()
    }

    pub fn leaf(&self, hostname: &str, key_type: KeyType) -> Leaf {
        let key = match key_type {
            KeyType::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap(),
            KeyType::Rsa2048 => rsa(),
        };
        let serial: [u8; 16] = std::array::from_fn(|i| if i == 0 { 1 } else { rand::random() });
        let mut params = CertificateParams::new([hostname.to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let serial = u128::from_be_bytes(serial);
        let serial = format!("{serial:032x}");
        Leaf { serial, chain: certificate.pem(), key: key.serialize_der() }
    }

    /// What the control plane publishes for one hostname.
    pub fn record(
        &self,
        hostname: &Hostname,
        key_types: &[KeyType],
        keys: &KeyRing,
    ) -> CertificateRecord {
        let certificate = |key_type: &KeyType| {
            let leaf = self.leaf(hostname.as_str(), *key_type);
            let context = sealing_context(hostname, &leaf.serial);
            let entropy = SealEntropy(std::array::from_fn(|_| rand::random()));
            EdgeCertificate {
                key_type: *key_type,
                private_key: keys.seal(&leaf.key, &context, entropy),
                serial: leaf.serial,
                not_after: 4_102_444_800,
                chain: leaf.chain,
            }
        };
        let certificates = key_types.iter().map(certificate).collect();
        CertificateRecord { hostname: hostname.clone(), certificates }
    }
}

fn rsa() -> KeyPair {
    let der = RSA.get_or_init(|| {
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_der()
    });
    KeyPair::from_pkcs8_der_and_sign_algo(&der.as_slice().into(), &PKCS_RSA_SHA256).unwrap()
}
