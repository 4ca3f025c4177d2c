//! Clients: TLS with any settings, HTTP/1.1 and HTTP/2 over it, raw bytes, and OpenSSL's.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edge_tls::edge::Addresses;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authority::{Authority, ClientCertificate};

const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub struct Visitor {
    pub addresses: Addresses,
    pub config: ClientConfig,
    roots: Arc<RootCertStore>,
    root_pem: String,
}

impl Visitor {
    pub fn new(addresses: Addresses, authority: &Authority) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.root()).unwrap();
        let roots = Arc::new(roots);
        let config = config(aws_lc_rs::default_provider(), &roots);
        Self { addresses, config, roots, root_pem: authority.root_pem() }
    }

    /// With another set of algorithms.
    pub fn with(mut self, provider: CryptoProvider) -> Self {
        self.config = config(provider, &self.roots);
        self
    }

    pub fn only(mut self, versions: &[&'static SupportedProtocolVersion]) -> Self {
        self.config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        self
    }

    /// Shows a client certificate: chain and key.
    pub fn showing(mut self, certificate: &ClientCertificate) -> Self {
        let chain = certificate.chain.clone();
        self.config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_client_auth_cert(chain, certificate.key.clone_key())
            .unwrap();
        self
    }

    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        self
    }

    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.addresses.https).await.unwrap()
    }

    pub async fn handshake(&self, server_name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let name = ServerName::try_from(server_name.to_owned()).unwrap();
        connector.connect(name, self.tcp().await).await
    }

    /// The leaf's serial, as records spell it.
    pub async fn serial(&self, server_name: &str) -> String {
        let stream = self.handshake(server_name).await.unwrap();
        let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        leaf.raw_serial_as_string().replace(':', "")
    }

    /// `GET` over HTTPS, by HTTP/2 if ALPN chose it.
    pub async fn get(&self, hostname: &str, path: &str) -> Response<Bytes> {
        self.send(hostname, request(hostname, path)).await
    }

    pub async fn send(&self, server_name: &str, request: Request<Full<Bytes>>) -> Response<Bytes> {
        self.try_send(server_name, request).await.unwrap()
    }

    /// Where the edge may end the connection first: under a limit so short that a busy machine is
    /// too slow for it.
    pub async fn try_send(
        &self,
        server_name: &str,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
        let stream = self.handshake(server_name).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        let response = if http2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        } else {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
            tokio::spawn(connection);
            sender.send_request(origin_form(request)).await?
        };
        collect(response).await
    }

    /// Whether a page is answered as it should be, in time.
    pub async fn is_served(&self, hostname: &str) -> bool {
        let answer = self.try_send(hostname, request(hostname, "/")).await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    /// Over the plain port.
    pub async fn send_plain(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let stream = TcpStream::connect(self.addresses.http).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        collect(sender.send_request(origin_form(request)).await.unwrap()).await.unwrap()
    }

    /// Sends bytes to the plain port and reads until the edge closes.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addresses.http).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }

    /// `openssl s_client` with further arguments; what it printed, both ways.
    pub async fn openssl(&self, arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root.pem");
        std::fs::write(&root, &self.root_pem).unwrap();
        let output = tokio::process::Command::new("openssl")
            .args(["s_client", "-connect", &self.addresses.https.to_string(), "-CAfile"])
            .arg(&root)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        [output.stdout, output.stderr]
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .concat()
    }
}

/// `GET` in the form that both versions of HTTP take.
pub fn request(hostname: &str, path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("https://{hostname}{path}")).body(Full::default()).unwrap()
}

pub async fn read_to_end(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    // However it is closed, what was said before counts.
    let _ = read.expect("the edge closes the connection");
    String::from_utf8_lossy(&bytes).into_owned()
}

pub fn json(response: &Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(response.body()).unwrap()
}

fn origin_form(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    if let Some(authority) = request.uri().authority() {
        let host = authority.as_str().parse().unwrap();
        request.headers_mut().entry("host").or_insert(host);
        *request.uri_mut() = request.uri().path_and_query().unwrap().clone().into();
    }
    request
}

async fn collect(
    response: Response<hyper::body::Incoming>,
) -> Result<Response<Bytes>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = response.into_parts();
    let body = tokio::time::timeout(PATIENCE, body.collect()).await??;
    Ok(Response::from_parts(parts, body.to_bytes()))
}

fn config(provider: CryptoProvider, roots: &Arc<RootCertStore>) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth()
}
