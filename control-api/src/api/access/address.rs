//! URLs that Lintel itself will ask: identity providers, services that judge.

use url::{Host, Url};

use super::echo::invalid;
use crate::api::ApiError;
use crate::config::Config;

/// Reads a URL that will be asked. It must be `https` and public; where the operator allows private
/// networks, `http` and private hosts are taken too. What a public name stands for is looked at
/// again when it is asked.
pub fn judge(config: &Config, field: &str, text: &str) -> Result<Url, ApiError> {
    let wrong = |what: &str| Err(invalid(field, format!("{field} {what}")));
    let Ok(url) = Url::parse(text) else {
        return wrong("must be a URL, as https://idp.example.com/authorize");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("must not hold a user name or password");
    }
    if url.fragment().is_some() {
        return wrong("must not have a fragment");
    }
    match url.scheme() {
        "https" => {}
        "http" if config.allow_private_networks => {}
        _ => return wrong("must begin with https://"),
    }
    let public = match url.host() {
        Some(Host::Domain(name)) => is_public_name(name),
        Some(Host::Ipv4(address)) => is_public_address(address.into()),
        Some(Host::Ipv6(address)) => is_public_address(address.into()),
        None => return wrong("names no host"),
    };
    if !public && !config.allow_private_networks {
        return wrong("must be a public host (the operator can allow private networks)");
    }
    Ok(url)
}

fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let private = ["localhost", "local", "internal", "home.arpa"];
    name.contains('.')
        && !private.iter().any(|end| name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.')))
}

fn is_public_address(address: std::net::IpAddr) -> bool {
    edge_state::address::reach(address).is_allowed(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(private: &'static str) -> Config {
        Config::read(&|name| {
            let value = match name {
                "LINTEL_MASTER_KEY" | "LINTEL_EDGE_KEY" => {
                    "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
                }
                "LINTEL_EDGE_TOKEN" => "edge-token-for-tests",
                "LINTEL_ACME_AUTHORITIES" => "development",
                "LINTEL_ALLOW_PRIVATE_NETWORKS" => private,
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap()
    }

    #[test]
    fn what_is_asked_is_public_and_https() {
        let (production, development) = (config("off"), config("on"));
        for (text, public) in [
            ("https://idp.saas.com/authorize?a=b", true),
            ("https://8.8.8.8/", true),
            ("http://idp.saas.com/", false),
            ("https://localhost/", false),
            ("https://idp.LOCALHOST./", false),
            ("https://10.0.0.1/", false),
            ("https://0x7f000001/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]/", false),
            ("https://metadata/", false),
            ("http://127.0.0.1:9000/", false),
        ] {
            assert_eq!(judge(&production, "u", text).is_ok(), public, "{text}");
            assert!(judge(&development, "u", text).is_ok(), "{text}");
        }
        for text in
            ["", "idp", "ftp://idp.saas.com/", "https://u:p@idp.saas.com/", "https://a.b/#f"]
        {
            assert!(judge(&development, "u", text).is_err(), "{text}");
        }
    }
}
