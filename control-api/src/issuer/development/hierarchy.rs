//! The development CA's own certificates: an RSA root, which signs RSA certificates itself, and a
//! P-256 intermediate for the others. So a client that knows RSA alone meets nothing else, and
//! `ssl.certificates[].signature` tells the two apart, as with public CAs.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize,
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What signs.
pub(super) struct Hierarchy {
    root: Issuer<'static, KeyPair>,
    intermediate: Issuer<'static, KeyPair>,
    intermediate_pem: String,
}

impl Hierarchy {
    /// Under this root. The intermediate is made anew with each process: it comes with each chain.
    pub(super) fn open(root_pem: &str, key: KeyPair) -> Result<Self, rcgen::Error> {
        let root = Issuer::from_ca_cert_pem(root_pem, key)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let params = authority("Lintel development E1", 0);
        let intermediate_pem = params.signed_by(&key, &root)?.pem();
        let intermediate = Issuer::from_ca_cert_pem(&intermediate_pem, key)?;
        Ok(Self { root, intermediate, intermediate_pem })
    }

    /// The chain for a request whose parameters are the CA's own: leaf first, without the root.
    pub(super) fn issue(
        &self,
        request: &CertificateSigningRequestParams,
    ) -> Result<String, rcgen::Error> {
        if request.public_key.algorithm() == &PKCS_ECDSA_P256_SHA256 {
            let leaf = request.signed_by(&self.intermediate)?;
            Ok(leaf.pem() + &self.intermediate_pem)
        } else {
            Ok(request.signed_by(&self.root)?.pem())
        }
    }
}

/// A new root (PEM) with its key. Two machines' roots are told apart by name in a browser's list.
pub(super) fn new_root() -> Result<(String, KeyPair), rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let suffix = &Uuid::new_v4().simple().to_string()[..8];
    let params = authority(&format!("Lintel development CA {suffix}"), 1);
    Ok((params.self_signed(&key)?.pem(), key))
}

fn authority(name: &str, path_length: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Lintel Development");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(path_length));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    // Clocks differ; CAs backdate as well.
    params.not_before = OffsetDateTime::now_utc() - Duration::from_hours(1);
    params.not_after = params.not_before + LIFETIME;
    params
}

const LIFETIME: Duration = Duration::from_hours(3652 * 24);
