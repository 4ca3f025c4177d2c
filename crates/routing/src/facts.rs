//! One request, as the decision sees it. Its URL is parsed here and nowhere else.

use std::net::IpAddr;

use access::ClientCertificate;
use edge_state::Hostname;
use edge_state::origin::Scheme;
use http::{HeaderMap, Method, header};

/// A request.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The method.
    pub method: Method,
    /// How the visitor reached the edge.
    pub scheme: Scheme,
    /// Whom the request is for.
    pub authority: Authority,
    /// Path and query.
    pub target: Target,
    /// All headers, as the visitor sent them.
    pub headers: HeaderMap,
    /// The visitor's address, as the listener saw it.
    pub client: Option<IpAddr>,
    /// The visitor's country, ISO 3166-1 alpha-2 in upper case, as the platform knows it.
    pub country: Option<String>,
    /// A client certificate that verified.
    pub certificate: Option<ClientCertificate>,
    /// The body, where it is a form that [`access::Need::Form`] asked for.
    pub form: Option<String>,
    /// Names this request in logs, on pages and to the origin.
    pub request_id: String,
    /// Where the edge listens for HTTPS, if not on 443.
    pub https_port: Option<u16>,
}

/// A URL that is no request to this edge: RFC 9112 §3.2 wants an absolute path in visible ASCII.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the request target is not an absolute path with an optional query")]
pub struct InvalidTarget;

/// The `Host` of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authority {
    /// `None` if the text was no hostname: an address, for example.
    pub hostname: Option<Hostname>,
    /// Given only where the request names one.
    pub port: Option<u16>,
}

/// Path and query as they arrived, byte for byte: dot segments, empty segments and percent
/// encoding stay. What is judged by [`Self::path`] is what [`Self::as_str`] forwards.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    text: String,
    path_length: usize,
}

impl Facts {
    /// Whether the request asks to become a WebSocket (RFC 6455 §4.1).
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        let upgrade = self.headers.get_all(header::UPGRADE).into_iter();
        self.method == Method::GET
            && upgrade
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
    }

    /// The request as Access sees it; `None`: it is for no hostname.
    #[must_use]
    pub fn visit(&self) -> Option<access::Request<'_>> {
        let target = self.target.as_str();
        let path = self.target.path();
        Some(access::Request {
            method: &self.method,
            host: self.authority.hostname.as_ref()?,
            owner: None,
            port: self.authority.port,
            path,
            query: target.get(path.len() + 1..),
            headers: &self.headers,
            form: self.form.as_deref(),
            ip: self.client,
            country: self.country.as_deref(),
            certificate: self.certificate.as_ref(),
            ray_id: &self.request_id,
        })
    }

    /// Whether the method is one that only reads and that anyone may repeat: GET or HEAD.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// Splits an absolute URL as it arrived, changing nothing. For a caller whose upstream takes the
/// target byte for byte.
pub fn split(url: &str) -> Result<(Authority, Target), InvalidTarget> {
    let (_, rest) = url.split_once("://").ok_or(InvalidTarget)?;
    let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    Ok((Authority::parse(authority), Target::parse(target)?))
}

/// Splits an absolute URL after parsing it by the WHATWG rules, which resolve dot segments. For a
/// caller whose upstream is a `fetch` that does the same: so this is what it forwards.
pub fn split_normalised(url: &str) -> Result<(Authority, Target), InvalidTarget> {
    let mut url = url::Url::parse(url).map_err(|_| InvalidTarget)?;
    url.set_fragment(None);
    split(url.as_str())
}

impl Authority {
    /// Reads `host[:port]`. Everything that is no hostname is nobody, which is no error: the
    /// visitor gets the page of an unknown hostname.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let nobody = Self { hostname: None, port: None };
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(port) if port > 0 => (host, Some(port)),
                _ => return nobody,
            },
            None => (text, None),
        };
        match Hostname::parse(host) {
            Ok(hostname) if !hostname.is_wildcard() => Self { hostname: Some(hostname), port },
            _ => nobody,
        }
    }
}

impl Target {
    /// Reads a request target in origin form (RFC 9112 §3.2.1). Characters beyond ASCII are
    /// percent-encoded, as every client should have done; nothing else is changed.
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        if !text.starts_with('/') {
            return Err(InvalidTarget);
        }
        let mut target = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '#' => return Err(InvalidTarget), // A fragment is never sent; who reads on differs.
                '!'..='~' => target.push(character),
                '\u{80}'.. => percent_encode(character, &mut target),
                _ => return Err(InvalidTarget),
            }
        }
        let path_length = target.find('?').unwrap_or(target.len());
        Ok(Self { text: target, path_length })
    }

    /// Path and query.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// All before the first `?`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.text[..self.path_length]
    }
}

fn percent_encode(character: char, out: &mut String) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        out.push('%');
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_and_not_changed() {
        for target in
            ["/", "/?", "//a//b", "/a/../b?c=%20+d?e", "/%2e%2e/%zz;x=1", "/a\\b|^`{}[]\"<>"]
        {
            let (authority, split) =
                split(&format!("http://App.Customer.com.:8443{target}")).unwrap();
            assert_eq!(authority.hostname, Hostname::parse("app.customer.com").ok());
            assert_eq!(authority.port, Some(8443));
            assert_eq!(split.as_str(), target);
        }
    }

    #[test]
    fn what_no_client_may_send_is_refused() {
        for url in ["", "/a", "http://a.com", "http://a.com*", "http://a.com?a", "http://a.com/a#b"]
        {
            assert_eq!(split(url), Err(InvalidTarget), "{url}");
        }
        for target in ["", "*", "a.com:443", "/a b", "/a\tb", "/a\r\nb", "/\0", "/\u{7f}"] {
            assert_eq!(Target::parse(target), Err(InvalidTarget), "{target:?}");
        }
    }

    #[test]
    fn characters_beyond_ascii_are_percent_encoded() {
        assert_eq!(Target::parse("/bücher?ü").unwrap().as_str(), "/b%C3%BCcher?%C3%BC");
    }

    #[test]
    fn the_path_ends_at_the_first_question_mark() {
        assert_eq!(Target::parse("/a;b?c?d").unwrap().path(), "/a;b");
        assert_eq!(Target::parse("/a%3fb").unwrap().path(), "/a%3fb");
    }

    #[test]
    fn what_is_no_hostname_is_nobody() {
        for text in ["", "127.0.0.1", "[::1]:80", "a.com:0", "a.com:", "a.com:x", "*.a.com", "a b"]
        {
            assert_eq!(Authority::parse(text).hostname, None, "{text:?}");
        }
    }

    #[test]
    fn the_normalised_target_is_a_fixed_point() {
        let (_, target) = split_normalised("https://a.com/x/../y/%2e%2E/z\\w?q='\"#f").unwrap();
        assert_eq!(target.as_str(), "/z/w?q=%27%22");
        let (_, again) = split_normalised(&format!("https://a.com{}", target.as_str())).unwrap();
        assert_eq!(again, target);
    }
}
