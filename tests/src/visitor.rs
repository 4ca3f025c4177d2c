//! Who comes to the edge: one connection per request, verified against the CA's root alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, Version, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lintel_dev::{Context as _, Failure};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Knows the edge's addresses and asks no DNS.
#[derive(Clone, Debug)]
pub struct Visitor {
    https: SocketAddr,
    http: SocketAddr,
    roots: Arc<RootCertStore>,
    protocol: Version,
    server_name: Option<String>,
    headers: HeaderMap,
    certificate: Option<Arc<(CertificateDer<'static>, PrivateKeyDer<'static>)>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Page {
    /// Of HTTP.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// HTTP/1.1 or HTTP/2.
    pub version: Version,
    /// Of an https request.
    pub tls: Option<Tls>,
}

/// What a handshake showed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// Of the leaf: lower-case hexadecimal.
    pub serial: String,
    /// Of the leaf: lower-case hexadecimal.
    pub public_key: String,
    /// TLS 1.2 or 1.3
    pub version: ProtocolVersion,
}

impl Page {
    /// The body as JSON; `Null` if it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Fails unless the status is this one, and shows the page.
    pub fn expect(self, status: u16) -> Result<Self, Failure> {
        if self.status == status {
            return Ok(self);
        }
        Err(Failure::new(format!("status {} instead of {status}: {}", self.status, self.text())))
    }
}

impl Visitor {
    /// Trusts the roots in this PEM text and nothing else.
    pub fn new(https: SocketAddr, http: SocketAddr, roots: &str) -> Result<Self, Failure> {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
            store.add(root?)?;
        }
        Ok(Self {
            https,
            http,
            roots: Arc::new(store),
            protocol: Version::HTTP_11,
            server_name: None,
            headers: HeaderMap::new(),
            certificate: None,
        })
    }

    /// Shows a certificate of its own, where it is asked for one.
    #[must_use]
    pub fn showing(
        &self,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Self {
        Self { certificate: Some(Arc::new((certificate, key))), ..self.clone() }
    }

    /// Speaks HTTP/2.
    #[must_use]
    pub fn http2(&self) -> Self {
        Self { protocol: Version::HTTP_2, ..self.clone() }
    }

    /// Names another server in the handshake than in the request.
    #[must_use]
    pub fn server_name(&self, name: &str) -> Self {
        Self { server_name: Some(name.to_owned()), ..self.clone() }
    }

    /// Sends this header too.
    #[must_use]
    pub fn header(&self, name: &'static str, value: &str) -> Self {
        let mut visitor = self.clone();
        if let Ok(value) = value.parse() {
            visitor.headers.insert(name, value);
        }
        visitor
    }

    /// Asks for a page.
    pub async fn get(&self, url: &str) -> Result<Page, Failure> {
        self.send(Method::GET, url, Bytes::new()).await
    }

    /// Sends a request; the URL names no port, for the Host to be as in real life.
    pub async fn send(&self, method: Method, url: &str, body: Bytes) -> Result<Page, Failure> {
        let sent = tokio::time::timeout(LIMIT, self.exchange(method, url, body)).await;
        sent.context(url.to_owned())?.context(url)
    }

    async fn exchange(&self, method: Method, url: &str, body: Bytes) -> Result<Page, Failure> {
        let url: Uri = url.parse()?;
        let host = url.host().unwrap_or_default().to_owned();
        let target = url.path_and_query().map_or("/", |path| path.as_str());
        let http2 = self.protocol == Version::HTTP_2;
        let uri: Uri = if http2 { url.clone() } else { target.parse()? };
        let mut request = Request::builder().method(method).uri(uri).body(Full::new(body))?;
        request.headers_mut().extend(self.headers.clone());
        if !http2 {
            request.headers_mut().insert(header::HOST, host.parse()?);
        }
        if url.scheme_str() == Some("http") {
            let stream = TcpStream::connect(self.http).await?;
            return converse(stream, request, false, None).await;
        }
        let protocol = if http2 { "h2" } else { "http/1.1" };
        let name = self.server_name.as_ref().unwrap_or(&host);
        let (stream, tls) = self.connect(name, protocol).await?;
        converse(stream, request, http2, Some(tls)).await
    }

    /// One handshake and no request. The error's text names the alert.
    pub async fn handshake(&self, server_name: &str) -> Result<Tls, Failure> {
        let connected = self.connect(server_name, "http/1.1");
        Ok(tokio::time::timeout(LIMIT, connected).await??.1)
    }

    async fn connect(
        &self,
        name: &str,
        protocol: &str,
    ) -> Result<(TlsStream<TcpStream>, Tls), Failure> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots.clone());
        let mut config = match self.certificate.as_deref() {
            Some((certificate, key)) => {
                config.with_client_auth_cert(vec![certificate.clone()], key.clone_key())?
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from(name.to_owned())?;
        let stream = TcpStream::connect(self.https).await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let connection = stream.get_ref().1;
        let leaf = connection.peer_certificates().and_then(|chain| chain.first());
        let leaf = leaf.ok_or_else(|| Failure::new("a handshake without a certificate"))?;
        let (_, leaf) = X509Certificate::from_der(leaf)?;
        let serial = hexadecimal(leaf.raw_serial());
        let public_key = hexadecimal(&leaf.public_key().subject_public_key.data);
        let version = connection.protocol_version().unwrap_or(ProtocolVersion::Unknown(0));
        Ok((stream, Tls { serial, public_key, version }))
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
    http2: bool,
    tls: Option<Tls>,
) -> Result<Page, Failure> {
    let stream = TokioIo::new(stream);
    let response = if http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    } else {
        let (mut sender, connection) = http1::handshake(stream).await?;
        tokio::spawn(connection);
        sender.send_request(request).await?
    };
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    let (status, headers, version) = (parts.status.as_u16(), parts.headers, parts.version);
    Ok(Page { status, headers, body, version, tls })
}

/// As the edge and `openssl` write a serial number, but in lower case and without leading zeros.
#[must_use]
pub fn hexadecimal(serial: &[u8]) -> String {
    let text: Vec<String> = serial.iter().map(|byte| format!("{byte:02x}")).collect();
    text.concat().trim_start_matches('0').to_owned()
}

/// For one request or handshake.
const LIMIT: Duration = Duration::from_mins(1);
