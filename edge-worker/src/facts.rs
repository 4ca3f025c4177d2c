//! A request of the platform, as `routing` sees it.

use access::ClientCertificate;
use access::platform::{self, TlsClientAuth};
use edge_state::origin::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use routing::facts::{Facts, split, split_normalised};
use routing::page::{Reader, prefers_json};
use wasm_bindgen::JsValue;
use worker::js_sys::{Array, Math, Reflect};
use worker::web_sys::Request;

use crate::settings::Settings;

/// A request that no decision can be made on, with what its page says all the same.
pub struct Unreadable {
    request_id: String,
    json: bool,
}

impl Unreadable {
    /// Whom the page is for.
    pub fn reader(&self) -> Reader<'_> {
        Reader { hostname: None, request_id: &self.request_id, json: self.json }
    }
}

/// Reads all that decisions go by.
pub fn read(request: &Request, settings: &Settings) -> Result<Facts, Unreadable> {
    let headers = headers(request);
    let request_id = request_id(&headers, settings);
    let url = request.url();
    // The platform's own fetch resolves dot segments: there that is done first, and then judged.
    let split = if settings.has_egress { split(&url) } else { split_normalised(&url) };
    let method = Method::from_bytes(request.method().as_bytes());
    let (Ok((authority, target)), Ok(method)) = (split, method) else {
        let json = prefers_json(&headers);
        return Err(Unreadable { request_id, json });
    };
    let cf = property(request, "cf");
    Ok(Facts {
        method,
        scheme: scheme(&url, &headers, settings),
        authority,
        target,
        client: text(&headers, "cf-connecting-ip").and_then(|address| address.parse().ok()),
        headers,
        country: cf
            .as_ref()
            .and_then(|cf| platform::country(&property(cf, "country")?.as_string()?)),
        certificate: cf.as_ref().and_then(certificate),
        form: None,
        request_id,
        https_port: settings.https_port,
    })
}

/// All headers in one call over the boundary. One whose value `http` does not take is judged by its
/// name alone, as if it were empty.
fn headers(request: &Request) -> HeaderMap {
    let entries = Array::from(&request.headers());
    let mut headers = HeaderMap::with_capacity(entries.length() as usize);
    for entry in entries.iter() {
        let entry = Array::from(&entry);
        let (Some(name), Some(value)) = (entry.get(0).as_string(), entry.get(1).as_string()) else {
            continue;
        };
        if let Ok(name) = HeaderName::try_from(name.as_str()) {
            let value = HeaderValue::try_from(value);
            headers.append(name, value.unwrap_or_else(|_| HeaderValue::from_static("")));
        }
    }
    headers
}

/// A client certificate that verified, as the platform says.
fn certificate(cf: &JsValue) -> Option<ClientCertificate> {
    let said = property(cf, "tlsClientAuth")?;
    let text = |name| property(&said, name).and_then(|value| value.as_string());
    let presented = text("certPresented").filter(|presented| presented == "1")?;
    let shown = TlsClientAuth {
        presented,
        verified: text("certVerified").unwrap_or_default(),
        subject: text("certSubjectDNRFC2253").unwrap_or_default(),
        sha256: text("certFingerprintSHA256").unwrap_or_default(),
        rfc9440: text("certRFC9440").filter(|text| !text.is_empty()),
    };
    shown.certificate()
}

fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    let value = Reflect::get(of, &JsValue::from_str(name)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Behind edge-tls every request arrives as plain HTTP, and edge-tls says how it arrived there.
fn scheme(url: &str, headers: &HeaderMap, settings: &Settings) -> Scheme {
    let https = match settings.pop {
        Some(_) => text(headers, "x-forwarded-proto") == Some("https"),
        None => url.starts_with("https:"),
    };
    if https { Scheme::Https } else { Scheme::Http }
}

/// `CF-Ray`, which whoever stands in front sets; else one of the same form.
fn request_id(headers: &HeaderMap, settings: &Settings) -> String {
    let fits = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if let Some(id) = text(headers, "cf-ray").filter(fits) {
        return id.to_owned();
    }
    let mantissa = || (1.0 + Math::random()).to_bits() << 12; // 52 random bits, and 12 of zero.
    let pop = settings.pop.as_deref().unwrap_or("local");
    format!("{:016x}-{pop}", mantissa() ^ (mantissa() >> 52))
}
