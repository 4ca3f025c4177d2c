//! Checking signatures. What the signature covers is the element that was asked about, or nothing:
//! the reference is compared with that element's own ID, never looked up in the document.

use subtle::ConstantTimeEq as _;

use super::{DigestAlgorithm, ENVELOPED, EXCLUSIVE};
use crate::base64::decode;
use crate::key::{KeyError, PublicKey, SignatureAlgorithm, Verifier};
use crate::xml::{Canonicalization, Element, ShapeError, ns};

/// Whose signatures count. Keys in a message's `KeyInfo` never do.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// Any of these; none at all refuses everything.
    pub keys: &'a [PublicKey],
    /// Whether this one peer may still sign with SHA-1.
    pub sha1: bool,
}

/// What a trusted key has signed. Only the verifier makes one, and what is in it was read from the
/// node that the signature covers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// What was signed.
    #[must_use]
    pub fn get(&self) -> &T {
        &self.0
    }

    /// What was signed, no longer marked as such.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Reads more out of what was signed. `read` must take it from its argument alone.
    pub(crate) fn read<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U>, E> {
        read(self.0).map(Verified)
    }
}

/// Why a signature does not count.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignatureError {
    /// There is none where one is required.
    #[error("{element} is not signed")]
    Missing {
        /// The element.
        element: String,
    },
    /// More than one.
    #[error("{element} has more than one signature")]
    Several {
        /// The element.
        element: String,
    },
    /// A signature in a form that this profile has no use for.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// An algorithm, transform or canonicalisation outside of the profile.
    #[error("the signature uses {0}, which is not accepted")]
    Algorithm(String),
    /// SHA-1, and the peer has no leave for it.
    #[error("the signature rests on SHA-1, which is not allowed for this peer")]
    Sha1,
    /// The reference names something else than the element that holds the signature.
    #[error("the signature refers to {found:?}, not to the element that holds it")]
    Reference {
        /// The URI.
        found: String,
    },
    /// The digest differs: what was signed has been altered.
    #[error("the digest does not match: what was signed has been altered")]
    Digest,
    /// No trusted key made this signature.
    #[error("the signature is not by any of the {keys} trusted keys")]
    NotTrusted {
        /// How many keys of the right kind were tried.
        keys: usize,
    },
    /// An empty trust set.
    #[error("no key is trusted for this peer")]
    NoKeys,
    /// The check itself failed.
    #[error("the signature could not be checked: {0}")]
    Key(#[from] KeyError),
}

/// Whether an element has a `ds:Signature` of its own.
pub(crate) fn signature_of(element: Element<'_>) -> Result<Option<Element<'_>>, SignatureError> {
    let mut found = element.elements().filter(|child| child.is(ns::DS, "Signature"));
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(SignatureError::Several { element: element.local_name().to_owned() }),
    }
}

/// Checks the signature that `element` holds over itself.
pub(crate) async fn verify_enveloped<'d>(
    element: Element<'d>,
    trust: Trust<'_>,
    verifier: &impl Verifier,
) -> Result<Verified<Element<'d>>, SignatureError> {
    if trust.keys.is_empty() {
        return Err(SignatureError::NoKeys);
    }
    let signature = signature_of(element)?
        .ok_or_else(|| SignatureError::Missing { element: element.local_name().to_owned() })?;
    let mut children = signature.children()?;
    let signed_info = children.required(ns::DS, "SignedInfo")?;
    let value = bytes(children.required(ns::DS, "SignatureValue")?)?;
    children.optional(ns::DS, "KeyInfo"); // Whoever wrote the message wrote this too.
    children.end()?;

    let mut children = signed_info.children()?;
    let method = children.required(ns::DS, "CanonicalizationMethod")?;
    let prefixes = exclusive(method)?;
    let canonical =
        signed_info.canonical(&Canonicalization { prefixes: &prefixes, ..Default::default() });
    let method = children.required(ns::DS, "SignatureMethod")?;
    method.children()?.end()?; // No HMACOutputLength, nor anything else.
    let uri = method.required("Algorithm")?;
    let algorithm = algorithm(uri, trust)?;
    let reference = children.required(ns::DS, "Reference")?;
    children.end()?;

    check_reference(element, signature, reference, trust)?;
    check_value(trust, verifier, algorithm, canonical.as_bytes(), &value).await?;
    Ok(Verified(element))
}

/// Checks a signature over octets, as the Redirect binding has it.
pub(crate) async fn verify_detached<T>(
    signed: T,
    octets: &[u8],
    algorithm_uri: &str,
    signature: &[u8],
    trust: Trust<'_>,
    verifier: &impl Verifier,
) -> Result<Verified<T>, SignatureError> {
    if trust.keys.is_empty() {
        return Err(SignatureError::NoKeys);
    }
    let algorithm = algorithm(algorithm_uri, trust)?;
    check_value(trust, verifier, algorithm, octets, signature).await?;
    Ok(Verified(signed))
}

fn algorithm(uri: &str, trust: Trust<'_>) -> Result<SignatureAlgorithm, SignatureError> {
    match SignatureAlgorithm::from_uri(uri) {
        None => Err(SignatureError::Algorithm(uri.to_owned())),
        Some(SignatureAlgorithm::RsaSha1) if !trust.sha1 => Err(SignatureError::Sha1),
        Some(algorithm) => Ok(algorithm),
    }
}

async fn check_value(
    trust: Trust<'_>,
    verifier: &impl Verifier,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let (mut keys, mut failure) = (0, None);
    for key in trust.keys.iter().filter(|key| key.fits(algorithm)) {
        keys += 1;
        match verifier.verify(key, algorithm, message, signature).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => failure = Some(error), // The next key may still be the one.
        }
    }
    Err(failure.map_or(SignatureError::NotTrusted { keys }, SignatureError::Key))
}

/// XML Signature §4.4.3, held to SAML core §5.4.2 and §5.4.4.
fn check_reference(
    element: Element<'_>,
    signature: Element<'_>,
    reference: Element<'_>,
    trust: Trust<'_>,
) -> Result<(), SignatureError> {
    let found = reference.attribute("URI").unwrap_or_default();
    let id = element.required("ID")?;
    if id.is_empty() || found.strip_prefix('#') != Some(id) {
        return Err(SignatureError::Reference { found: found.to_owned() });
    }
    let mut children = reference.children()?;
    let mut transforms = children.required(ns::DS, "Transforms")?.children()?;
    let enveloped = transforms.required(ns::DS, "Transform")?;
    let uri = enveloped.required("Algorithm")?;
    if uri != ENVELOPED {
        return Err(SignatureError::Algorithm(uri.to_owned()));
    }
    enveloped.children()?.end()?;
    // Without this one the digest would be over inclusive C14N, which depends on the surroundings.
    let prefixes = exclusive(transforms.required(ns::DS, "Transform")?)?;
    transforms.end()?;

    let method = children.required(ns::DS, "DigestMethod")?;
    method.children()?.end()?;
    let uri = method.required("Algorithm")?;
    let digest = match DigestAlgorithm::from_uri(uri) {
        None => return Err(SignatureError::Algorithm(uri.to_owned())),
        Some(DigestAlgorithm::Sha1) if !trust.sha1 => return Err(SignatureError::Sha1),
        Some(digest) => digest,
    };
    let expected = bytes(children.required(ns::DS, "DigestValue")?)?;
    children.end()?;

    let canonical = element.canonical(&Canonicalization {
        prefixes: &prefixes,
        without: Some(signature),
        ..Default::default()
    });
    let actual = digest.digest(canonical.as_bytes());
    if bool::from(actual.ct_eq(&expected)) { Ok(()) } else { Err(SignatureError::Digest) }
}

/// The `InclusiveNamespaces` of an element that must name exclusive C14N without comments.
fn exclusive(method: Element<'_>) -> Result<Vec<&str>, SignatureError> {
    let uri = method.required("Algorithm")?;
    if uri != EXCLUSIVE {
        return Err(SignatureError::Algorithm(uri.to_owned()));
    }
    let mut children = method.children()?;
    let list = children.optional(ns::EC, "InclusiveNamespaces");
    children.end()?;
    let prefixes: Vec<_> = list
        .and_then(|element| element.attribute("PrefixList"))
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    // Each is looked for at each element.
    if prefixes.len() > MOST_PREFIXES {
        return Err(SignatureError::Algorithm(format!("{} prefixes", prefixes.len())));
    }
    Ok(prefixes)
}

const MOST_PREFIXES: usize = 16;

fn bytes(element: Element<'_>) -> Result<Vec<u8>, SignatureError> {
    decode(element.text()?).ok_or_else(|| {
        let what = element.local_name().to_owned();
        ShapeError::Value { what, expected: "base64" }.into()
    })
}
