//! What the client set about a hostname, as far as it concerns machines and edge.

use edge_state::Hostname;
use edge_state::hostname::CustomOrigin;
use edge_state::origin::OriginSni;
use edge_state::tls::{TlsSettings, TlsVersion};
use lifecycle::Authority;
use serde_json::Value;

/// `custom_hostnames.requested`: the client's words, kept as they were sent. Absent, `null` and
/// empty all mean unset.
pub(super) struct Requested(Value);

impl Requested {
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// `ssl.certificate_authority`: the one that the client insists on.
    pub(super) fn authority(&self) -> Option<Authority> {
        self.text("/ssl/certificate_authority").map(Authority::new)
    }

    pub(super) fn custom_origin(&self) -> Option<CustomOrigin> {
        let server = self.text("/custom_origin_server")?.parse().ok()?;
        let sni = self.text("/custom_origin_sni").and_then(|sni| match sni {
            ":request_host_header:" => Some(OriginSni::RequestHost),
            name => Hostname::parse(name).ok().map(OriginSni::Name),
        });
        Some(CustomOrigin { server, sni })
    }

    pub(super) fn tls(&self) -> TlsSettings {
        let version = |text: &str| match text {
            "1.0" => Some(TlsVersion::V1_0),
            "1.1" => Some(TlsVersion::V1_1),
            "1.2" => Some(TlsVersion::V1_2),
            "1.3" => Some(TlsVersion::V1_3),
            _ => None,
        };
        TlsSettings {
            min_tls_version: self.text("/ssl/settings/min_tls_version").and_then(version),
            http2: self.switch("/ssl/settings/http2"),
            tls_1_3: self.switch("/ssl/settings/tls_1_3"),
        }
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.0.pointer(path)?.as_str().filter(|text| !text.is_empty())
    }

    fn switch(&self, path: &str) -> Option<bool> {
        match self.text(path)? {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unset_stays_unset() {
        for text in [
            "{}",
            r#"{"ssl":null,"custom_origin_server":null}"#,
            r#"{"ssl":{"certificate_authority":"","settings":{}},"custom_origin_server":""}"#,
        ] {
            let requested = Requested::parse(text).unwrap();
            assert_eq!(requested.authority(), None);
            assert_eq!(requested.custom_origin(), None);
            assert_eq!(requested.tls(), TlsSettings::default());
        }
    }

    #[test]
    fn what_is_set_reaches_the_edge() {
        let text = r#"{"ssl":{"certificate_authority":"google","settings":
            {"min_tls_version":"1.3","http2":"off","tls_1_3":"on"}},
            "custom_origin_server":"origin.saas.net","custom_origin_sni":":request_host_header:"}"#;
        let requested = Requested::parse(text).unwrap();
        assert_eq!(requested.authority(), Some(Authority::new("google")));
        let origin = requested.custom_origin().unwrap();
        assert_eq!(origin.server.to_string(), "origin.saas.net");
        assert_eq!(origin.sni, Some(OriginSni::RequestHost));
        let tls = requested.tls();
        assert_eq!(tls.min_tls_version, Some(TlsVersion::V1_3));
        assert_eq!((tls.http2, tls.tls_1_3), (Some(false), Some(true)));
    }
}
