//! An origin that answers with what it saw.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use edge_state::KeyType;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;

pub struct Origin {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    close: watch::Sender<()>,
}

impl Origin {
    pub async fn plain() -> Self {
        Self::start(None).await
    }

    /// With a certificate for `hostname`; it takes any SNI.
    pub async fn tls(authority: &Authority, hostname: &str) -> Self {
        let leaf = authority.leaf(hostname, KeyType::P256);
        let chain = CertificateDer::from_pem_slice(leaf.chain.as_bytes()).unwrap();
        let key = PrivateKeyDer::Pkcs8(leaf.key.into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (close, closed) = watch::channel(());
        let (connections, open) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counter, counter_open) = (connections.clone(), open.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let (tls, mut closed, open) = (tls.clone(), closed.clone(), counter_open.clone());
                closed.mark_unchanged();
                open.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let served = async {
                        match tls {
                            None => serve(stream, String::new()).await,
                            Some(tls) => {
                                let Ok(stream) = tls.accept(stream).await else { return };
                                let sni = stream.get_ref().1.server_name().unwrap_or_default();
                                let sni = sni.to_owned();
                                serve(stream, sni).await;
                            }
                        }
                    };
                    tokio::select! {
                        () = served => {}
                        _ = closed.changed() => {}
                    }
                    open.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Self { address, connections, open, close }
    }

    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections there ever were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    pub fn close_connections(&self) {
        self.close.send_replace(());
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, sni: String) {
    let service = service_fn(move |request| {
        let sni = sni.clone();
        async move { answer(request, &sni).await }
    });
    let builder = hyper::server::conn::http1::Builder::new();
    let _ = builder.serve_connection(TokioIo::new(io), service).with_upgrades().await;
}

async fn answer(
    mut request: Request<Incoming>,
    sni: &str,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    if request.headers().contains_key("sec-websocket-key") {
        tokio::spawn(echo(hyper::upgrade::on(&mut request)));
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header(
                "sec-websocket-accept",
                accept(request.headers()["sec-websocket-key"].as_bytes()),
            );
        return Ok(response.body(Full::default()).unwrap());
    }
    let target = request.uri().to_string();
    let method = request.method().to_string();
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers: BTreeMap<_, _> = request.headers().iter().map(header).collect();
    let body = request.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body);
    let seen =
        json!({ "method": method, "target": target, "headers": headers, "sni": sni, "body": body });
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("x-origin", "yes")
        .header("x-lintel-upstream-error", "dns")
        .header("keep-alive", "timeout=30");
    Ok(response.body(Full::from(seen.to_string())).unwrap())
}

/// RFC 6455 §4.2.2.
fn accept(key: &[u8]) -> String {
    use base64::Engine as _;
    let guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        &[key, &guid[..]].concat(),
    );
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// Short text frames come back unmasked.
async fn echo(upgraded: hyper::upgrade::OnUpgrade) {
    let Ok(upgraded) = upgraded.await else { return };
    let mut stream = TokioIo::new(upgraded);
    let mut head = [0; 6];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[1] & 0x7f);
        let mut text = vec![0; length];
        if stream.read_exact(&mut text).await.is_err() {
            return;
        }
        for (i, byte) in text.iter_mut().enumerate() {
            *byte ^= head[2 + i % 4];
        }
        let frame = [&[head[0], head[1] & 0x7f], text.as_slice()].concat();
        if stream.write_all(&frame).await.is_err() {
            return;
        }
    }
}
