//! Which header fields pass: what only we may say is removed under every spelling, and what
//! concerns one connection ends there (RFC 9110 §7.6.1).

use std::net::IpAddr;

use edge_state::{Hostname, InvalidHostname};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Version};

/// Names that visitors may not speak under, lower case, with `-`.
const OURS: [&str; 6] =
    ["cf-blob", "cf-connecting-ip", "cf-ray", "forwarded", "true-client-ip", "x-real-ip"];
const OUR_PREFIXES: [&str; 2] = ["x-forwarded-", "x-lintel-"];

/// Names that frame or route a message: under another spelling (`Content_Length`) some servers
/// would take them for the real ones.
const FRAMING: [&str; 5] = ["connection", "content-length", "host", "transfer-encoding", "upgrade"];

/// Of one connection alone, beside what `Connection` names.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const HOP_BY_HOP_OLD: [&str; 3] = ["keep-alive", "proxy-connection", "http2-settings"];

/// Why a request is answered 400, or 404 where it names an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// RFC 9112 §3.2.
    #[error("a request names its host exactly once")]
    Host,
    /// Not a hostname.
    #[error("the host is no hostname")]
    Hostname,
    /// An address, where a visitor may well come, but which is nobody's hostname.
    #[error("no hostname of this server is an address")]
    Address,
    /// Absolute form, `*`, or a `CONNECT`: we are no forward proxy.
    #[error("the request target must be a path")]
    Target,
}

/// The host that a request is for, and the text of its `Host` for those behind us.
pub fn host<B>(request: &Request<B>) -> Result<(Hostname, HeaderValue), Malformed> {
    let uri = request.uri();
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    if another.is_some() {
        return Err(Malformed::Host);
    }
    if *request.method() == Method::CONNECT || !uri.path().starts_with('/') {
        return Err(Malformed::Target);
    }
    let text = if request.version() == Version::HTTP_2 {
        match (uri.authority(), host) {
            (Some(authority), Some(host)) if authority.as_str() != host => {
                return Err(Malformed::Host); // RFC 9113 §8.3.1
            }
            (Some(authority), _) => HeaderValue::from_str(authority.as_str()).ok(),
            (None, host) => host.cloned(),
        }
    } else if uri.authority().is_some() || uri.scheme().is_some() {
        return Err(Malformed::Target);
    } else {
        host.cloned()
    };
    let text = text.ok_or(Malformed::Host)?;
    let name = without_port(text.to_str().map_err(|_| Malformed::Hostname)?)?;
    match Hostname::parse(name) {
        Ok(name) => Ok((name, text)),
        Err(InvalidHostname::Address) => Err(Malformed::Address),
        Err(_) => Err(Malformed::Hostname),
    }
}

fn without_port(host: &str) -> Result<&str, Malformed> {
    match host.split_once(':') {
        None => Ok(host),
        Some((name, port)) => {
            let number = port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
            number.then_some(name).ok_or(Malformed::Hostname)
        }
    }
}

/// Whether the request asks to speak another protocol (RFC 9110 §7.8).
#[must_use]
pub fn is_upgrade(version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_11
        && headers.contains_key(header::UPGRADE)
        && named_by_connection(headers).iter().any(|name| name == "upgrade")
}

/// Removes what concerns one connection alone. With `upgrade`, `Upgrade` itself is kept.
pub fn end_hop(headers: &mut HeaderMap, upgrade: bool) {
    let protocol = headers.get(header::UPGRADE).filter(|_| upgrade).cloned();
    for name in named_by_connection(headers) {
        if name != "host" && name != "content-length" {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    for name in HOP_BY_HOP_OLD {
        headers.remove(name);
    }
    if let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Removes what visitors may not say, however they spell it.
pub fn remove_ours(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
}

/// Removes what only the edge says, from what an origin answered.
pub fn remove_internal(headers: &mut HeaderMap) {
    let is_internal = |name: &&HeaderName| normalised(name).starts_with("x-lintel-");
    let internal: Vec<HeaderName> = headers.keys().filter(is_internal).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
}

fn is_ours(name: &HeaderName) -> bool {
    let normalised = normalised(name);
    OURS.contains(&normalised.as_str())
        || OUR_PREFIXES.iter().any(|prefix| normalised.starts_with(prefix))
        || (normalised != name.as_str() && FRAMING.contains(&normalised.as_str()))
}

/// CGI and its heirs cannot tell `_` from `-`.
fn normalised(name: &HeaderName) -> String {
    name.as_str().replace('_', "-")
}

fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let names = values.flat_map(|value| value.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

/// HTTP/2 cuts cookies into pieces; elsewhere there is one field (RFC 9113 §8.2.3).
pub fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, cookie);
    }
}

/// What the worker is told of the connection, beside `CF-Blob`.
pub fn say_who(headers: &mut HeaderMap, client: IpAddr, scheme: &'static str, ray: &HeaderValue) {
    if let Ok(client) = HeaderValue::from_str(&client.to_canonical().to_string()) {
        headers.insert("cf-connecting-ip", client);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    headers.insert("cf-ray", ray.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    fn host_of(version: Version, uri: &str, hosts: &[&str]) -> Result<String, Malformed> {
        let mut request = Request::builder().version(version).uri(uri);
        for value in hosts {
            request = request.header("host", *value);
        }
        host(&request.body(()).unwrap()).map(|(name, _)| name.to_string())
    }

    #[test]
    fn a_host_is_named_once() {
        let http1 = |uri, hosts: &[&str]| host_of(Version::HTTP_11, uri, hosts);
        assert_eq!(http1("/", &["App.Example.com.:443"]).as_deref(), Ok("app.example.com"));
        assert_eq!(http1("/", &[]), Err(Malformed::Host));
        assert_eq!(http1("/", &["a.com", "a.com"]), Err(Malformed::Host));
        assert_eq!(http1("http://a.com/", &["a.com"]), Err(Malformed::Target));
        assert_eq!(http1("*", &["a.com"]), Err(Malformed::Target));
        for bad in ["", "a.com:x", "a.com:80:80", "[::1]", "a b", "u@a.com", "a.com/"] {
            assert_eq!(http1("/", &[bad]), Err(Malformed::Hostname), "{bad}");
        }
        for address in ["127.0.0.1", "127.0.0.1:80", "127.1"] {
            assert_eq!(http1("/", &[address]), Err(Malformed::Address), "{address}");
        }
    }

    #[test]
    fn http2_has_an_authority() {
        let http2 = |uri, hosts: &[&str]| host_of(Version::HTTP_2, uri, hosts);
        assert_eq!(http2("https://a.com/", &[]).as_deref(), Ok("a.com"));
        assert_eq!(http2("https://a.com/", &["a.com"]).as_deref(), Ok("a.com"));
        assert_eq!(http2("https://a.com/", &["b.com"]), Err(Malformed::Host));
        assert_eq!(http2("/", &["a.com"]).as_deref(), Ok("a.com"));
        assert_eq!(http2("https://u@a.com/", &[]), Err(Malformed::Hostname));
    }

    #[test]
    fn no_spelling_of_ours_passes() {
        let mut map = headers(&[
            ("CF-Blob", "{}"),
            ("cf_blob", "{}"),
            ("Cf_Connecting-IP", "1"),
            ("CF-RAY", "1"),
            ("X_Forwarded_For", "1"),
            ("x-forwarded-proto", "https"),
            ("X-Lintel-Upstream", "{}"),
            ("x_lintel-anything", "1"),
            ("Forwarded", "for=1"),
            ("X_Real_IP", "1"),
            ("True-Client-IP", "1"),
            ("Content_Length", "7"),
            ("Transfer_Encoding", "chunked"),
            ("Content-Length", "3"),
            ("X-Custom_Header", "kept"),
            ("CDN-Loop", "lintel"),
        ]);
        remove_ours(&mut map);
        assert_eq!(names(&map), ["cdn-loop", "content-length", "x-custom_header"]);
    }

    #[test]
    fn a_hop_ends() {
        let all = [
            ("Connection", "keep-alive, X-Hop, Upgrade"),
            ("Connection", "Host"),
            ("Keep-Alive", "timeout=5"),
            ("X-Hop", "1"),
            ("TE", "trailers"),
            ("Upgrade", "websocket"),
            ("Host", "a.com"),
            ("Accept", "*/*"),
        ];
        let mut map = headers(&all);
        assert!(is_upgrade(Version::HTTP_11, &map));
        assert!(!is_upgrade(Version::HTTP_10, &map));
        end_hop(&mut map, false);
        assert_eq!(names(&map), ["accept", "host"]);
        let mut map = headers(&all);
        end_hop(&mut map, true);
        assert_eq!(names(&map), ["accept", "connection", "host", "upgrade"]);
        assert_eq!(map["connection"], "upgrade");
    }

    #[test]
    fn cookies_become_one_field() {
        let mut map = headers(&[("cookie", "a=1"), ("cookie", "b=2")]);
        join_cookies(&mut map);
        assert_eq!(map.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }
}
