//! Requests of the edge's own to somebody outside: an identity provider, a service that evaluates.
//! They leave by the same way as those to origins, so that its guard against private addresses
//! stands before them too.

use edge_state::Hostname;
use edge_state::origin::{Origin, OriginHost, OriginTls, Scheme};
use url::{Host, Url};

use crate::upstream::Directions;

/// One request to somebody outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outside {
    /// For an egress that is ours.
    pub directions: Directions,
    /// The URL towards such an egress: its authority becomes the `Host`.
    pub url: String,
}

impl Outside {
    /// Whether others on the way can read and change what is said.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.directions.origin.scheme == Some(Scheme::Http)
    }
}

/// Nowhere that the edge sends anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the URL is not http(s):// with a host, without user and password")]
pub struct InvalidUrl;

/// Where a request to `url` goes, on behalf of a hostname of ours.
pub fn to(url: &str, hostname: &Hostname) -> Result<Outside, InvalidUrl> {
    let url = Url::parse(url).map_err(|_| InvalidUrl)?;
    let scheme = match url.scheme() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(InvalidUrl),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidUrl);
    }
    let host = match url.host().ok_or(InvalidUrl)? {
        Host::Domain(name) => OriginHost::Name(Hostname::parse(name).map_err(|_| InvalidUrl)?),
        Host::Ipv4(address) => OriginHost::Address(address.into()),
        Host::Ipv6(address) => OriginHost::Address(address.into()),
    };
    let named = Origin { scheme: None, host, port: url.port() };
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}{query}", url.path());
    Ok(Outside {
        url: format!("http://{named}{target}"),
        directions: Directions {
            origin: Origin { scheme: Some(scheme), port: url.port_or_known_default(), ..named },
            ssl: OriginTls::Strict,
            sni: None,
            hostname: hostname.clone(),
            target,
            outside: true,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Hostname {
        Hostname::parse("team.example.com").unwrap()
    }

    #[test]
    fn the_port_is_said_and_the_host_is_as_others_write_it() {
        for (url, towards, origin) in [
            ("https://idp.example", "http://idp.example/", "https://idp.example:443"),
            (
                "https://idp.example:8443/a?b",
                "http://idp.example:8443/a?b",
                "https://idp.example:8443",
            ),
            ("http://127.0.0.1:9000/t", "http://127.0.0.1:9000/t", "http://127.0.0.1:9000"),
            ("http://[::1]/t", "http://[::1]/t", "http://[::1]:80"),
            ("http://0x7f.1/", "http://127.0.0.1/", "http://127.0.0.1:80"),
        ] {
            let outside = to(url, &ours()).unwrap();
            assert_eq!(outside.url, towards, "{url}");
            assert_eq!(outside.directions.origin.to_string(), origin, "{url}");
            assert_eq!(outside.directions.ssl, OriginTls::Strict);
            assert_eq!(outside.is_plain(), url.starts_with("http:"), "{url}");
            assert!(outside.directions.to_header().contains(r#""outside":true"#));
        }
        assert_eq!(to("https://a.com/x/../y?q#f", &ours()).unwrap().directions.target, "/y?q");
    }

    #[test]
    fn other_urls_lead_nowhere() {
        for url in
            ["", "idp.example", "ftp://a.com", "file:///etc/passwd", "https://u:p@a.com", "data:,x"]
        {
            assert_eq!(to(url, &ours()), Err(InvalidUrl), "{url}");
        }
    }
}
