//! A look at a customer's hostname from outside, as a CA looks: resolve, check all addresses,
//! connect to these very addresses, follow a few redirects within http and https.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edge_state::Hostname;
use http::header::{HOST, LOCATION, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::dns::{DnsError, Resolver};
use crate::net::{self, NotPublic};
use crate::probe;

/// The user agent of Cloudflare's ownership checks, which customers' rules may let through.
pub const OWNERSHIP_AGENT: &str = "Cloudflare Custom Hostname Verification";
/// The user agent of other look-ups.
pub const AGENT: &str = concat!("lintel/", env!("CARGO_PKG_VERSION"));

/// How to look.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `LINTEL_VALIDATION_HTTP_PORT`.
    pub http_port: u16,
    /// `LINTEL_ALLOW_PRIVATE_NETWORKS`.
    pub allow_private: bool,
}

/// What was answered in the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The first [`MAX_BODY`] bytes of the body.
    pub body: Bytes,
    /// The URL that answered, after redirects.
    pub url: String,
    /// Who answered.
    pub address: SocketAddr,
}

impl Answer {
    /// Whether the body is exactly this text; a CA allows white space at the end (RFC 8555 §8.3).
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.status == 200 && self.body.trim_ascii_end() == text.as_bytes()
    }
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The name does not resolve.
    #[error(transparent)]
    Dns(#[from] DnsError),
    /// It points into a private network.
    #[error("{hostname} points to {}, which is not a public address", .address.0)]
    Private {
        /// The name, perhaps a redirect's.
        hostname: Hostname,
        /// Where it points to.
        address: NotPublic,
    },
    /// No address could be connected to.
    #[error("{url}: no connection to {address}: {reason}")]
    Connect {
        /// What was asked for.
        url: String,
        /// The last address tried.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
    /// Too slow.
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// Not an HTTP answer.
    #[error("{url} did not answer in HTTP: {reason}")]
    Http {
        /// What was asked for.
        url: String,
        /// Why.
        reason: String,
    },
    /// A redirect that a CA would not follow either.
    #[error("{url} redirects to {location:?}: {reason}")]
    Redirect {
        /// Who redirects.
        url: String,
        /// Where to.
        location: String,
        /// Why it is not followed.
        reason: &'static str,
    },
    /// A point of presence's address is none.
    #[error("{0:?} is not an address of the form host:port")]
    Address(String),
}

/// Looks at public hostnames. Cheap to clone.
#[derive(Clone)]
pub struct PublicHttp {
    resolver: Resolver,
    settings: Settings,
    tls: Arc<ClientConfig>,
    hop_timeout: Duration,
}

impl PublicHttp {
    /// Looks with this resolver.
    #[must_use]
    pub fn new(resolver: Resolver, settings: Settings) -> Self {
        let tls = Arc::new(probe::unverified(probe::ANY));
        Self { resolver, settings, tls, hop_timeout: HOP_TIMEOUT }
    }

    /// `GET http://{hostname}{path}` as the public sees it. Redirects are followed as CAs follow
    /// them: at most ten, by http and https on the usual ports, without looking at certificates.
    ///
    /// # Errors
    /// See [`CheckError`].
    pub async fn get(
        &self,
        hostname: &Hostname,
        path: &str,
        agent: &str,
    ) -> Result<Answer, CheckError> {
        let start = match self.settings.http_port {
            80 => format!("http://{hostname}{path}"),
            port => format!("http://{hostname}:{port}{path}"),
        };
        let follow = self.follow(start.clone(), agent);
        tokio::time::timeout(TOTAL_TIMEOUT, follow).await.map_err(|_| CheckError::Timeout(start))?
    }

    /// `GET {path}` with this `Host` from one point of presence (`host:port`), which is the
    /// operator's own and may be anywhere. Redirects are answers.
    ///
    /// # Errors
    /// See [`CheckError`].
    pub async fn get_at(
        &self,
        address: &str,
        hostname: &Hostname,
        path: &str,
    ) -> Result<Answer, CheckError> {
        let url = format!("http://{hostname}{path}");
        let url = Url::parse(&url).map_err(|_| CheckError::Address(address.to_owned()))?;
        let look = async {
            let addresses = tokio::net::lookup_host(address).await;
            let addresses = addresses.map_err(|_| CheckError::Address(address.to_owned()))?;
            let addresses: Vec<SocketAddr> = addresses.collect();
            let (stream, peer) = self.connect(&url, &addresses).await?;
            Fetched::new(self.exchange(stream, &url, AGENT).await?, peer).answer(&url).await
        };
        let timeout = tokio::time::timeout(self.hop_timeout, look);
        timeout.await.map_err(|_| CheckError::Timeout(format!("{url} at {address}")))?
    }

    async fn follow(&self, start: String, agent: &str) -> Result<Answer, CheckError> {
        let http = |reason: &str| CheckError::Http { url: start.clone(), reason: reason.into() };
        let mut url = Url::parse(&start).map_err(|error| http(&error.to_string()))?;
        for _ in 0..=MAX_REDIRECTS {
            let hop = tokio::time::timeout(self.hop_timeout, self.fetch(&url, agent));
            let fetched = hop.await.map_err(|_| CheckError::Timeout(url.to_string()))??;
            match fetched.location() {
                None => return fetched.answer(&url).await,
                Some(location) => url = self.target(&url, &location)?,
            }
        }
        let location = url.to_string();
        Err(CheckError::Redirect { url: start, location, reason: "more than ten redirects" })
    }

    async fn fetch(&self, url: &Url, agent: &str) -> Result<Fetched, CheckError> {
        let hostname = host(url).ok_or_else(|| CheckError::Address(url.to_string()))?;
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses: Vec<IpAddr> = self.resolver.addresses(&hostname).await?;
        let private = |address| CheckError::Private { hostname: hostname.clone(), address };
        net::check_all(&addresses, self.settings.allow_private).map_err(private)?;
        let addresses: Vec<_> = addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let (stream, peer) = self.connect(url, &addresses).await?;
        if url.scheme() == "http" {
            return Ok(Fetched::new(self.exchange(stream, url, agent).await?, peer));
        }
        let failed = |reason: String| CheckError::Http { url: url.to_string(), reason };
        let name = ServerName::try_from(hostname.to_string());
        let name = name.map_err(|error| failed(error.to_string()))?;
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await;
        let stream = stream.map_err(|error| failed(error.to_string()))?;
        Ok(Fetched::new(self.exchange(stream, url, agent).await?, peer))
    }

    /// The first address that accepts, in the resolver's order.
    async fn connect(
        &self,
        url: &Url,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, SocketAddr), CheckError> {
        let mut failure = CheckError::Address(url.to_string());
        for &address in addresses {
            let connect = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
            let reason = match connect.await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer in time".to_owned(),
            };
            failure = CheckError::Connect { url: url.to_string(), address, reason };
        }
        Err(failure)
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        url: &Url,
        agent: &str,
    ) -> Result<Response<Incoming>, CheckError> {
        let failed = |reason: String| CheckError::Http { url: url.to_string(), reason };
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let request = Request::get(target)
            .header(HOST, authority)
            .header(USER_AGENT, agent)
            .body(Empty::<Bytes>::new())
            .map_err(|error| failed(error.to_string()))?;
        let mut connection = http1::Builder::new();
        connection.max_buf_size(MAX_HEAD);
        let handshake = connection.handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(error.to_string()))?;
        // Ends by itself when `sender` and the answer's body are dropped.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(|error| failed(error.to_string()))
    }

    fn target(&self, url: &Url, location: &str) -> Result<Url, CheckError> {
        let refuse = |reason| CheckError::Redirect {
            url: url.to_string(),
            location: location.chars().take(200).collect(),
            reason,
        };
        let target = url.join(location).map_err(|_| refuse("not a URL"))?;
        if !matches!(target.scheme(), "http" | "https") {
            return Err(refuse("only http and https are followed"));
        }
        let port = target.port_or_known_default().unwrap_or_default();
        if ![80, 443, self.settings.http_port].contains(&port) {
            return Err(refuse("only the ports 80 and 443 are followed"));
        }
        if host(&target).is_none() {
            return Err(refuse("only hostnames are followed"));
        }
        if !target.username().is_empty() || target.password().is_some() {
            return Err(refuse("a URL with credentials is not followed"));
        }
        Ok(target)
    }
}

/// An answer whose body is not read yet.
struct Fetched {
    response: Response<Incoming>,
    address: SocketAddr,
}

impl Fetched {
    fn new(response: Response<Incoming>, address: SocketAddr) -> Self {
        Self { response, address }
    }

    /// Where it redirects to. CAs do not follow a 303 (Baseline Requirements §3.2.2.4.19).
    fn location(&self) -> Option<String> {
        let redirects = [
            StatusCode::MOVED_PERMANENTLY,
            StatusCode::FOUND,
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        if !redirects.contains(&self.response.status()) {
            return None;
        }
        let location = self.response.headers().get(LOCATION)?;
        Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
    }

    async fn answer(self, url: &Url) -> Result<Answer, CheckError> {
        let failed = |reason: String| CheckError::Http { url: url.to_string(), reason };
        let status = self.response.status().as_u16();
        let mut body = self.response.into_body();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failed(error.to_string()))?;
            let Some(data) = frame.data_ref() else { continue };
            bytes.extend(data.iter().take(MAX_BODY - bytes.len()));
            if bytes.len() == MAX_BODY {
                break;
            }
        }
        Ok(Answer { status, body: bytes.into(), url: url.to_string(), address: self.address })
    }
}

/// An IP address is no hostname: no certificate is for it, so a CA does not follow it.
fn host(url: &Url) -> Option<Hostname> {
    Hostname::parse(url.domain()?).ok()
}

/// More than any challenge answer.
pub const MAX_BODY: usize = 4096;
const MAX_HEAD: usize = 16 * 1024;
const MAX_REDIRECTS: usize = 10;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const HOP_TIMEOUT: Duration = Duration::from_secs(5);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
