//! XML Encryption 1.1, in the profile of SAML core §6: one element, under a content key that
//! RSA-OAEP wraps. GCM is read and written; CBC, which tells nobody whether a text was altered, is
//! read where an operator allows it for one peer. RSA with PKCS#1 v1.5 padding is neither.

use aes::{Aes128, Aes256};
use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes128Gcm, Aes256Gcm, KeyInit as _};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use zeroize::Zeroizing;

use crate::base64::{decode, encode};
use crate::key::{Decrypter, Encrypter, KeyError, KeyTransport, PublicKey, Random};
use crate::signature::DigestAlgorithm;
use crate::xml::vocabulary::{DS, XENC, XENC11};
use crate::xml::{Document, Element, Limits, ShapeError, UnwritableText, Writer, ns};

const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// How content is encrypted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ContentEncryption {
    /// AES-128 in GCM.
    Aes128Gcm,
    /// AES-256 in GCM.
    #[default]
    Aes256Gcm,
    /// AES-128 in CBC: read only.
    Aes128Cbc,
    /// AES-256 in CBC: read only.
    Aes256Cbc,
}

impl ContentEncryption {
    /// Its name in `EncryptionMethod`.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        [Self::Aes128Gcm, Self::Aes256Gcm, Self::Aes128Cbc, Self::Aes256Cbc]
            .into_iter()
            .find(|algorithm| algorithm.uri() == uri)
    }

    /// Whether it shows that a text was altered.
    #[must_use]
    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }

    fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
        }
    }
}

/// Why nothing was decrypted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecryptionError {
    /// Not what the schema says.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// An algorithm that is not read.
    #[error("it is encrypted by {0}, which is not accepted")]
    Algorithm(String),
    /// CBC, and the peer has no leave for it.
    #[error("it is encrypted in CBC mode, which is not allowed for this peer")]
    Cbc,
    /// CBC, and no signature around it that was checked before.
    #[error("it is encrypted in CBC mode, and the message around it is not signed")]
    CbcNotSigned,
    /// No encrypted key, or too many.
    #[error("it comes with {0} encrypted keys")]
    Keys(usize),
    /// There is no key to decrypt with.
    #[error("there is no key to decrypt with")]
    NoDecrypter,
    /// One error for a wrong key, a wrong padding and an altered or unreadable text: telling them
    /// apart is what decrypts messages for attackers.
    #[error("it cannot be decrypted")]
    Failed,
}

/// Why nothing was encrypted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncryptError {
    /// The peer's key failed.
    #[error("the peer's encryption key failed: {0}")]
    Key(#[from] KeyError),
    /// A value that XML cannot hold.
    #[error(transparent)]
    Text(#[from] UnwritableText),
    /// CBC.
    #[error("nothing is encrypted in CBC mode")]
    Cbc,
    /// A text longer than the cipher can take.
    #[error("the cipher failed")]
    Cipher,
}

/// To whom something is encrypted, and how.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// An RSA key of the peer.
    pub key: PublicKey,
    /// How the content key is wrapped.
    pub transport: KeyTransport,
    /// How the content is encrypted.
    pub content: ContentEncryption,
}

/// Encrypts one element, in canonical form, to `xenc:EncryptedData`.
pub(crate) async fn encrypt(
    element: &str,
    recipient: &Recipient,
    encrypter: &impl Encrypter,
    random: &mut impl Random,
) -> Result<String, EncryptError> {
    let mut key = Zeroizing::new(vec![0; recipient.content.key_length()]);
    random.fill(&mut key);
    let mut nonce = [0; 12];
    random.fill(&mut nonce);
    let sealed = match recipient.content {
        ContentEncryption::Aes128Gcm => Aes128Gcm::new_from_slice(&key)
            .map_err(|_| EncryptError::Cipher)?
            .encrypt(&nonce.into(), element.as_bytes()),
        ContentEncryption::Aes256Gcm => Aes256Gcm::new_from_slice(&key)
            .map_err(|_| EncryptError::Cipher)?
            .encrypt(&nonce.into(), element.as_bytes()),
        ContentEncryption::Aes128Cbc | ContentEncryption::Aes256Cbc => {
            return Err(EncryptError::Cbc);
        }
    };
    let sealed = sealed.map_err(|_| EncryptError::Cipher)?;
    let wrapped = encrypter.wrap_key(&recipient.key, recipient.transport, &key).await?;

    let mut writer = Writer::new();
    writer.open(XENC, "EncryptedData").attribute("Type", ELEMENT);
    writer.open(XENC, "EncryptionMethod").attribute("Algorithm", recipient.content.uri()).close();
    writer.open(DS, "KeyInfo").open(XENC, "EncryptedKey");
    let (method, digest, mgf) = match recipient.transport {
        KeyTransport::OaepSha1 => (OAEP_MGF1P, DigestAlgorithm::Sha1, None),
        KeyTransport::OaepSha256 => (OAEP, DigestAlgorithm::Sha256, Some(MGF1_SHA256)),
    };
    writer.open(XENC, "EncryptionMethod").attribute("Algorithm", method);
    writer.open(DS, "DigestMethod").attribute("Algorithm", digest.uri()).close();
    if let Some(mgf) = mgf {
        writer.open(XENC11, "MGF").attribute("Algorithm", mgf).close();
    }
    writer.close();
    write_value(&mut writer, &wrapped);
    writer.close().close();
    write_value(&mut writer, &[&nonce, sealed.as_slice()].concat());
    Ok(writer.finish()?)
}

fn write_value(writer: &mut Writer, bytes: &[u8]) {
    writer.open(XENC, "CipherData").leaf(XENC, "CipherValue", &encode(bytes)).close();
}

/// Whether CBC is read. Decrypting what a stranger has altered, and telling them how that went, in
/// words or in time, is how CBC gives texts away (Jager and Somorovsky, CCS 2011): so only what a
/// signature covers is decrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cbc {
    /// The peer has no leave for it.
    Refused,
    /// The peer has, but no signature covers it.
    NotSigned,
    /// It is read.
    Allowed,
}

impl Cbc {
    /// Of a peer with leave or without, where a signature was checked.
    pub fn signed(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Refused }
    }
}

/// Decrypts what `element` (an `EncryptedAssertion` or `EncryptedID`) holds. The document element
/// of the result is a mere wrapper with the namespaces of where the encrypted element stood.
pub(crate) async fn decrypt(
    element: Element<'_>,
    decrypters: &[impl Decrypter],
    cbc: Cbc,
) -> Result<Document, DecryptionError> {
    let mut children = element.children()?;
    let data = children.required(ns::XENC, "EncryptedData")?;
    let mut keys = children.many(ns::XENC, "EncryptedKey");
    children.end()?;

    let mut children = data.children()?;
    let uri = children.required(ns::XENC, "EncryptionMethod")?.required("Algorithm")?;
    let content = ContentEncryption::from_uri(uri)
        .ok_or_else(|| DecryptionError::Algorithm(uri.to_owned()))?;
    match cbc {
        Cbc::Refused if !content.is_authenticated() => return Err(DecryptionError::Cbc),
        Cbc::NotSigned if !content.is_authenticated() => {
            return Err(DecryptionError::CbcNotSigned);
        }
        _ => {}
    }
    if let Some(key_info) = children.optional(ns::DS, "KeyInfo") {
        keys.extend(key_info.elements().filter(|e| e.is(ns::XENC, "EncryptedKey")));
    }
    let sealed = read_value(children.required(ns::XENC, "CipherData")?)?;
    children.end()?;

    if decrypters.is_empty() {
        return Err(DecryptionError::NoDecrypter);
    }
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(DecryptionError::Keys(keys.len()));
    }
    let mut wrapped = Vec::new();
    for key in keys {
        wrapped.push(read_key(key)?);
    }
    for (transport, wrapped) in &wrapped {
        for decrypter in decrypters {
            // A key that does not unwrap is replaced, so that both ways take the same steps.
            let key = match decrypter.unwrap_key(*transport, wrapped).await {
                Ok(key) if key.len() == content.key_length() => key,
                _ => Zeroizing::new(vec![0; content.key_length()]),
            };
            let Some(text) = open(content, &key, &sealed) else { continue };
            let around = element.wrap(&text);
            if let Some(document) =
                around.and_then(|text| Document::parse(text.as_bytes(), &Limits::MESSAGE).ok())
            {
                return Ok(document);
            }
        }
    }
    Err(DecryptionError::Failed)
}

/// Each is tried with every decrypter, and each time all of the content is decrypted: for whoever asks,
/// before any signature is checked.
const MOST_KEYS: usize = 3;

/// The algorithm and content of an `EncryptedKey`.
fn read_key(element: Element<'_>) -> Result<(KeyTransport, Vec<u8>), DecryptionError> {
    let mut children = element.children()?;
    let method = children.required(ns::XENC, "EncryptionMethod")?;
    children.optional(ns::DS, "KeyInfo");
    let wrapped = read_value(children.required(ns::XENC, "CipherData")?)?;
    children.optional(ns::XENC, "ReferenceList");
    children.optional(ns::XENC, "CarriedKeyName");
    children.end()?;

    let uri = method.required("Algorithm")?;
    let unknown = |uri: &str| DecryptionError::Algorithm(uri.to_owned());
    let (mut digest, mut mgf) = (DigestAlgorithm::Sha1.uri(), MGF1_SHA1);
    for parameter in method.elements() {
        match (parameter.namespace(), parameter.local_name()) {
            (ns::DS, "DigestMethod") => digest = parameter.required("Algorithm")?,
            (ns::XENC11, "MGF") if uri == OAEP => mgf = parameter.required("Algorithm")?,
            (ns::XENC, "KeySize") => {}
            (_, name) => return Err(unknown(name)),
        }
    }
    let transport = match (uri, DigestAlgorithm::from_uri(digest), mgf) {
        (OAEP_MGF1P | OAEP, Some(DigestAlgorithm::Sha1), MGF1_SHA1) => KeyTransport::OaepSha1,
        (OAEP, Some(DigestAlgorithm::Sha256), MGF1_SHA256) => KeyTransport::OaepSha256,
        (OAEP_MGF1P | OAEP, _, _) => return Err(unknown(&format!("{uri} with {digest}, {mgf}"))),
        _ => return Err(unknown(uri)),
    };
    Ok((transport, wrapped))
}

fn read_value(element: Element<'_>) -> Result<Vec<u8>, DecryptionError> {
    let mut children = element.children()?;
    let value = children.required(ns::XENC, "CipherValue")?;
    children.end()?;
    decode(value.text()?).ok_or(DecryptionError::Failed)
}

fn open(algorithm: ContentEncryption, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let nonce_length = if algorithm.is_authenticated() { 12 } else { 16 };
    let (nonce, text) = sealed.split_at_checked(nonce_length)?;
    let opened = match algorithm {
        ContentEncryption::Aes128Gcm => {
            Aes128Gcm::new_from_slice(key).ok()?.decrypt(nonce.try_into().ok()?, text).ok()?
        }
        ContentEncryption::Aes256Gcm => {
            Aes256Gcm::new_from_slice(key).ok()?.decrypt(nonce.try_into().ok()?, text).ok()?
        }
        ContentEncryption::Aes128Cbc => {
            let cipher = cbc::Decryptor::<Aes128>::new_from_slices(key, nonce).ok()?;
            unpad(cipher.decrypt_padded_vec::<NoPadding>(text).ok()?)?
        }
        ContentEncryption::Aes256Cbc => {
            let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, nonce).ok()?;
            unpad(cipher.decrypt_padded_vec::<NoPadding>(text).ok()?)?
        }
    };
    Some(Zeroizing::new(opened))
}

/// XML Encryption §5.2.1: the last byte counts the padding, whose other bytes may be anything.
fn unpad(mut text: Vec<u8>) -> Option<Vec<u8>> {
    let padding = usize::from(*text.last()?);
    if !(1..=16).contains(&padding) {
        return None;
    }
    text.truncate(text.len().checked_sub(padding)?);
    Some(text)
}
