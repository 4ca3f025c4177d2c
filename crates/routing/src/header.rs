//! Request headers on their way to an origin: what the edge says there, no visitor may say.
//!
//! A server behind CGI, WSGI or Rack reads `X_Forwarded_For` and `X-Forwarded-For` as one variable,
//! so headers are compared by normalised name (CVE-2025-64484).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header};

use crate::Facts;

/// Our name in `CDN-Loop` (RFC 8586).
const CDN_ID: &str = "lintel";

/// Changes to a request's headers: first remove, then set. The rest passes byte for byte.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HeaderEdits {
    /// Names as they arrived, lower case.
    pub remove: Vec<String>,
    /// Names and values.
    pub set: Vec<(Cow<'static, str>, String)>,
}

/// What an origin is told, besides the visitor's own words.
#[must_use]
pub fn forward(request: &Facts) -> HeaderEdits {
    let websocket = request.is_websocket();
    let named = named_by_connection(&request.headers);
    let goes = |name: &HeaderName| {
        let kept = websocket && (*name == header::UPGRADE || *name == header::CONNECTION);
        (is_reserved(name.as_str()) || is_hop_by_hop(name) || named.contains(name)) && !kept
    };
    let remove =
        request.headers.keys().filter(|name| goes(name)).map(ToString::to_string).collect();
    let set = told(request).into_iter().map(|(name, value)| (name.into(), value)).collect();
    HeaderEdits { remove, set }
}

fn told(request: &Facts) -> Vec<(&'static str, String)> {
    let mut set = vec![
        ("x-forwarded-proto", scheme(request).to_owned()),
        ("cdn-loop", appended_loop(&request.headers)),
        ("cf-ray", request.request_id.clone()),
    ];
    if let Some(hostname) = &request.authority.hostname {
        let port = request.authority.port.map(|port| format!(":{port}")).unwrap_or_default();
        set.push(("x-forwarded-host", format!("{hostname}{port}")));
    }
    // Where its CAs are told to be forwarded to origins; reserved, so nobody else can say this.
    if let Some(certificate) = &request.certificate
        && let Some(der) = &certificate.der
    {
        set.push(("cf-client-cert-der-base64", der.clone()));
        set.push(("cf-client-cert-sha256", certificate.sha256.clone()));
    }
    if let Some(client) = request.client {
        for name in ["x-forwarded-for", "x-real-ip", "cf-connecting-ip"] {
            set.push((name, client.to_string()));
        }
    }
    set
}

fn scheme(request: &Facts) -> &'static str {
    match request.scheme {
        edge_state::origin::Scheme::Http => "http",
        edge_state::origin::Scheme::Https => "https",
    }
}

/// Whether only the edge may say this to an origin, in whatever spelling: every character that is
/// neither letter nor digit counts as a hyphen.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let normal = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(normal).collect();
    RESERVED.contains(&name.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

const RESERVED: [&str; 7] = [
    "cdn-loop",
    "client-ip",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-real-ip",
];
const RESERVED_PREFIXES: [&str; 3] = ["cf-", "x-forwarded-", "x-lintel-"];

/// What an origin says of its own listener, which is not the one that the visitor is connected to.
pub const OF_THE_ORIGIN_ALONE: [&str; 3] = ["alt-svc", "keep-alive", "proxy-connection"];

/// RFC 9110 §7.6.1, and what older clients send in its place. `TE` goes too: trailers are not
/// carried on.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    const LIST: [HeaderName; 6] = [
        header::CONNECTION,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    LIST.contains(name) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// The headers that `Connection` declares to be for this hop alone. It cannot take away whom the
/// request is for, nor how long it is.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(header::CONNECTION).into_iter();
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let names = names.filter_map(|name| HeaderName::try_from(name.trim()).ok());
    names.filter(|name| *name != header::HOST && *name != header::CONTENT_LENGTH).collect()
}

/// Whether this request has been through here before (RFC 8586 §2).
#[must_use]
pub fn has_looped(headers: &HeaderMap) -> bool {
    loop_values(headers)
        .iter()
        .flat_map(|value| elements(value))
        .any(|element| cdn_id(element).eq_ignore_ascii_case(CDN_ID))
}

fn appended_loop(headers: &HeaderMap) -> String {
    let mut values = loop_values(headers);
    values.retain(|value| !value.trim().is_empty());
    values.push(CDN_ID);
    values.join(", ")
}

/// Only the header's own spelling counts: others are removed, as nothing that forwards sends them.
fn loop_values(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("cdn-loop").into_iter().filter_map(|value| value.to_str().ok()).collect()
}

/// The elements of a list, minding that a quoted parameter may hold commas (RFC 9110 §5.6.1).
fn elements(list: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ',' && !quoted
    })
}

/// `cdn-info = cdn-id *( OWS ";" OWS parameter )`
fn cdn_id(element: &str) -> &str {
    element.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let name = HeaderName::from_static("cdn-loop");
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn we_are_found_wherever_the_list_names_us() {
        for looped in [
            &["lintel"][..],
            &[
                "foo123.foocdn.example, barcdn.example; trace=\"a,b\"",
                "AnotherCDN; x=1, Lintel;v=2",
            ],
            &["a;b=\"x\\\",y\" , lintel"],
        ] {
            assert!(has_looped(&headers(looped)), "{looped:?}");
        }
    }

    #[test]
    fn a_name_that_only_contains_ours_is_another() {
        for foreign in [&[][..], &[""], &["lintel.example"], &["a; b=\"x, lintel\""], &["a;lintel"]]
        {
            assert!(!has_looped(&headers(foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn we_append_ourselves_to_those_before() {
        assert_eq!(appended_loop(&headers(&[])), "lintel");
        assert_eq!(appended_loop(&headers(&["a; b=c", "", "d"])), "a; b=c, d, lintel");
    }

    #[test]
    fn every_spelling_is_reserved() {
        for name in ["X_Forwarded_For", "x-forwarded_proto", "X.Real.IP", "CF_RAY", "cdn_loop"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["x-forward", "cfx", "host", "authorization", "x-real-ipx"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
