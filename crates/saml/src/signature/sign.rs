//! Making signatures. [`Writer`] writes canonical XML, so the bytes that are digested are the bytes
//! that are sent, but for the signature between them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{DigestAlgorithm, ENVELOPED, EXCLUSIVE};
use crate::certificate::Certificate;
use crate::key::{KeyError, SignatureAlgorithm, Signer};
use crate::xml::vocabulary::DS;
use crate::xml::{UnwritableText, Writer};

/// Why nothing was signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignError {
    /// The key failed.
    #[error("the signing key failed: {0}")]
    Key(#[from] KeyError),
    /// A value that XML cannot hold.
    #[error(transparent)]
    Text(#[from] UnwritableText),
    /// [`SignatureAlgorithm::RsaSha1`].
    #[error("SHA-1 signatures are not made")]
    Sha1,
}

/// An element that is complete but for its signature.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    /// Canonical.
    pub xml: String,
    pub id: String,
    /// Where the schema wants the signature, in bytes.
    pub signature_at: usize,
}

impl Draft {
    /// The element with its signature, still canonical.
    pub async fn sign(self, signer: &impl Signer) -> Result<String, SignError> {
        let algorithm = signer.algorithm();
        let digest = match algorithm {
            SignatureAlgorithm::RsaSha1 => return Err(SignError::Sha1),
            SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaSha256 => {
                DigestAlgorithm::Sha256
            }
            SignatureAlgorithm::RsaSha384 => DigestAlgorithm::Sha384,
            SignatureAlgorithm::RsaSha512 => DigestAlgorithm::Sha512,
        };
        let value = BASE64_STANDARD.encode(digest.digest(self.xml.as_bytes()));
        let signed_info = SignedInfo { id: &self.id, algorithm, digest, value: &value };
        let mut alone = Writer::new();
        signed_info.write(&mut alone);
        let signature = signer.sign(alone.finish()?.as_bytes()).await?;

        let mut writer = Writer::new();
        writer.open(DS, "Signature");
        signed_info.write(&mut writer);
        writer.leaf(DS, "SignatureValue", &BASE64_STANDARD.encode(signature));
        if let Some(certificate) = signer.certificate() {
            write_key_info(&mut writer, certificate);
        }
        let mut xml = self.xml;
        xml.insert_str(self.signature_at, &writer.finish()?);
        Ok(xml)
    }
}

struct SignedInfo<'a> {
    id: &'a str,
    algorithm: SignatureAlgorithm,
    digest: DigestAlgorithm,
    value: &'a str,
}

impl SignedInfo<'_> {
    fn write(&self, writer: &mut Writer) {
        writer.open(DS, "SignedInfo");
        writer.open(DS, "CanonicalizationMethod").attribute("Algorithm", EXCLUSIVE).close();
        writer.open(DS, "SignatureMethod").attribute("Algorithm", self.algorithm.uri()).close();
        writer.open(DS, "Reference").attribute("URI", &format!("#{}", self.id));
        writer.open(DS, "Transforms");
        for transform in [ENVELOPED, EXCLUSIVE] {
            writer.open(DS, "Transform").attribute("Algorithm", transform).close();
        }
        writer.close();
        writer.open(DS, "DigestMethod").attribute("Algorithm", self.digest.uri()).close();
        writer.leaf(DS, "DigestValue", self.value).close().close();
    }
}

/// `ds:KeyInfo` with one certificate.
pub(crate) fn write_key_info(writer: &mut Writer, certificate: &Certificate) {
    writer.open(DS, "KeyInfo").open(DS, "X509Data");
    writer.leaf(DS, "X509Certificate", &BASE64_STANDARD.encode(certificate.der()));
    writer.close().close();
}
