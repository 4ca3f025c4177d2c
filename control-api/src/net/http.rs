//! HTTP to where customers say: posture services, metadata. To public addresses alone, unless the
//! operator says otherwise; redirects are not followed, answers are bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use edge_state::Hostname;
use http::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::NotPublic;
use crate::config::Config;
use crate::dns::{self, Resolver};

/// Asks others' servers. Cheap to clone.
#[derive(Clone)]
pub struct Outside {
    /// `None`: neither the configured nor the system's resolvers can be used.
    http: Option<reqwest::Client>,
    allow_private: bool,
}

/// Why nothing can be asked there, or its answer cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The URL names an address.
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    /// The configuration of this machine.
    #[error("no DNS resolver can be used")]
    NoResolver,
    /// More than anybody needs.
    #[error("the answer is larger than {} KiB", .0 / 1024)]
    TooLarge(usize),
    /// It broke off.
    #[error("the answer broke off: {0}")]
    Broken(String),
}

impl Outside {
    /// As the operator set it.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        let allow_private = config.allow_private_networks;
        let settings = dns::Settings {
            servers: config.dns_servers.clone(),
            loopback_names: config.loopback_names,
        };
        let http = Resolver::new(&settings).ok().and_then(|resolver| {
            let resolver = PublicResolver { resolver: Arc::new(resolver), allow_private };
            let client = reqwest::Client::builder()
                .dns_resolver(Arc::new(resolver))
                .https_only(!allow_private)
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TIME_LIMIT)
                .no_proxy()
                .build();
            client.ok()
        });
        Self { http, allow_private }
    }

    /// A request, which ends after ten seconds if nothing else is said. Its URL has been judged by
    /// `api::access::address`.
    ///
    /// # Errors
    /// The URL names an address that is not public, or names cannot be resolved at all.
    pub fn request(
        &self,
        method: Method,
        url: Url,
    ) -> Result<reqwest::RequestBuilder, OutsideError> {
        // Names are judged where they are resolved.
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(ip) = literal {
            super::check_all(&[ip], self.allow_private)?;
        }
        let http = self.http.as_ref().ok_or(OutsideError::NoResolver)?;
        Ok(http.request(method, url))
    }
}

/// The body of an answer.
///
/// # Errors
/// It is longer than `most` bytes, or broke off.
pub async fn body(mut response: reqwest::Response, most: usize) -> Result<Vec<u8>, OutsideError> {
    let mut body = Vec::new();
    let broken = |error: reqwest::Error| OutsideError::Broken(reason(&error.without_url()));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > most {
            return Err(OutsideError::TooLarge(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What lies at the bottom of an error, for people: the top says only that there was one.
#[must_use]
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// Names whose addresses may all be connected to; the connection goes to these very addresses.
struct PublicResolver {
    resolver: Arc<Resolver>,
    allow_private: bool,
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, allow_private) = (self.resolver.clone(), self.allow_private);
        Box::pin(async move {
            let hostname = Hostname::parse(name.as_str())?;
            let addresses = resolver.addresses(&hostname).await?;
            super::check_all(&addresses, allow_private)?;
            let addresses: Vec<_> =
                addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

const TIME_LIMIT: Duration = Duration::from_secs(10);
