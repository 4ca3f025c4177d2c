//! The HTTP Redirect binding with DEFLATE encoding (SAML bindings §3.4).

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{BindingError, Detached, Incoming, Kind, Parameters};
use crate::base64;
use crate::key::Signer;
use crate::signature::SignError;
use crate::xml::{Document, Limits, ns};

const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// All but what RFC 3986 §2.3 leaves as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Reads a message out of the query of an address, as it came: without the question mark, and
/// not decoded, because the signature is over the escapes too.
pub fn decode(query: &str) -> Result<Incoming, BindingError> {
    let parameters = Parameters::read(query)?;
    let kind = parameters.kind()?;
    if let Some(encoding) = parameters.decoded("SAMLEncoding")?.filter(|name| name != DEFLATE) {
        return Err(BindingError::Encoding(encoding));
    }
    let detached = detached(&parameters, kind)?;
    let name = kind.parameter();
    let compressed = parameters.bytes(name)?.ok_or(BindingError::NoMessage)?;
    let limits = &Limits::REQUEST;
    let xml = inflate(&compressed, limits.bytes)?;
    let document = Document::parse(&xml, limits)?;
    if document.root().elements().any(|child| child.is(ns::DS, "Signature")) {
        return Err(BindingError::SignedInside);
    }
    let relay_state = parameters.decoded("RelayState")?;
    Ok(Incoming { document, kind, relay_state, detached, by_redirect: true })
}

fn detached(parameters: &Parameters<'_>, kind: Kind) -> Result<Option<Detached>, BindingError> {
    let algorithm = parameters.decoded("SigAlg")?;
    let signature = parameters.bytes("Signature")?;
    let (algorithm, signature) = match (algorithm, signature) {
        (Some(algorithm), Some(signature)) => (algorithm, signature),
        (None, None) => return Ok(None),
        _ => return Err(BindingError::HalfSigned),
    };
    let order = [kind.parameter(), "RelayState", "SigAlg"];
    let signed: Vec<_> = parameters.found.iter().filter(|(name, _)| order.contains(name)).collect();
    let due = order.into_iter().filter(|name| parameters.raw(name).is_some());
    if !due.eq(signed.iter().map(|(name, _)| *name)) {
        return Err(BindingError::Order);
    }
    let octets: Vec<_> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Ok(Some(Detached { algorithm, signature, octets: octets.join("&") }))
}

/// Inflates up to `limit` bytes, and nothing may follow.
fn inflate(compressed: &[u8], limit: usize) -> Result<Vec<u8>, BindingError> {
    let mut output = vec![0; limit];
    let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) =
        decompress(&mut DecompressorOxide::new(), compressed, &mut output, 0, flags);
    match status {
        TINFLStatus::Done if read == compressed.len() => {
            output.truncate(written);
            Ok(output)
        }
        TINFLStatus::HasMoreOutput => Err(BindingError::TooLong(limit)),
        _ => Err(BindingError::Deflate),
    }
}

/// The address that carries a message to `location`. Any signature is made here: the message
/// itself has none.
pub async fn encode(
    location: &str,
    kind: Kind,
    xml: &str,
    relay_state: Option<&str>,
    signer: Option<&impl Signer>,
) -> Result<String, SignError> {
    let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let message = base64::encode(&compress_to_vec(xml.as_bytes(), 6));
    let mut query = format!("{}={}", kind.parameter(), escape(&message));
    if let Some(relay_state) = relay_state {
        query += "&RelayState=";
        query += &escape(relay_state);
    }
    if let Some(signer) = signer {
        if signer.algorithm() == crate::key::SignatureAlgorithm::RsaSha1 {
            return Err(SignError::Sha1);
        }
        query += "&SigAlg=";
        query += &escape(signer.algorithm().uri());
        let signature = signer.sign(query.as_bytes()).await?;
        query += "&Signature=";
        query += &escape(&base64::encode(&signature));
    }
    let join = if location.contains('?') { '&' } else { '?' };
    Ok(format!("{location}{join}{query}"))
}
