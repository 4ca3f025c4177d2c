//! To whom it is encrypted, and by which of a service provider's keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_state::access::saml::{Encrypted, SamlApplication};
use saml::certificate::Certificate;
use saml::encryption::{ContentEncryption, Recipient};
use saml::key::{KeyKind, KeyTransport, PublicKey};

/// Keys as records have them, in certificates or bare; what cannot be read is no key.
pub(crate) fn public_keys(keys: &[String]) -> Vec<PublicKey> {
    let read = |text: &String| {
        let der = STANDARD.decode(text).ok()?;
        let certificate = Certificate::from_der(&der).map(|found| found.public_key().clone());
        certificate.ok().or_else(|| PublicKey::from_spki(&der).ok())
    };
    keys.iter().filter_map(read).collect()
}

/// To whom an application's assertion, or the name in it, is encrypted. `None`: to nobody.
///
/// # Errors
/// What must be encrypted cannot be, and so is not sent at all: why, in words.
pub fn recipient(saml: &SamlApplication) -> Result<Option<Recipient>, &'static str> {
    if saml.encrypted == Encrypted::Nothing {
        return Ok(None);
    }
    let record = &saml.service_provider;
    let mut keys = public_keys(&record.encryption_certificates).into_iter();
    let Some(key) = keys.find(|key| matches!(key.kind(), KeyKind::Rsa { .. })) else {
        return Err("the application has no RSA certificate to encrypt to");
    };
    let methods = &record.encryption_methods;
    let named = |uri: &str| methods.iter().any(|method| method == uri);
    let said = methods.iter().any(|method| method.contains("aes"));
    let content = match (said, methods.iter().find_map(|uri| gcm(uri))) {
        (false, _) => ContentEncryption::Aes256Gcm,
        (true, Some(content)) => content,
        (true, None) => {
            return Err("the application decrypts CBC alone, which is not encrypted in");
        }
    };
    let sha256 = named("http://www.w3.org/2009/xmlenc11#rsa-oaep")
        && !named("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p");
    let transport = if sha256 { KeyTransport::OaepSha256 } else { KeyTransport::OaepSha1 };
    Ok(Some(Recipient { key, transport, content }))
}

fn gcm(uri: &str) -> Option<ContentEncryption> {
    ContentEncryption::from_uri(uri).filter(|content| content.is_authenticated())
}
