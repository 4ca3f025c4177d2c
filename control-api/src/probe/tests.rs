//! Handshakes with a real listener that chooses its certificate as edge-tls does.

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;

use super::*;

#[derive(Debug)]
struct Certificates(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if hello.server_name() != Some("app.customer.com") {
            return None;
        }
        let fits =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        self.0.iter().find(fits).cloned()
    }
}

fn certificate(key: &KeyPair, serial: u8) -> Arc<CertifiedKey> {
    let mut params = CertificateParams::new(["app.customer.com".to_owned()]).unwrap();
    params.serial_number = Some(vec![serial].into());
    let der = params.self_signed(key).unwrap().der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    Arc::new(CertifiedKey::from_der(vec![der], key, &provider).unwrap())
}

async fn listen(certificates: Vec<Arc<CertifiedKey>>) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates(certificates)));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(stream).await.map(drop) });
        }
    });
    address
}

fn hostname(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

fn ecdsa() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}

#[tokio::test]
async fn each_key_type_sees_its_own_certificate() {
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let address = listen(vec![certificate(&ecdsa(), 0x0a), certificate(&rsa, 0x0b)]).await;
    let name = hostname("app.customer.com");
    assert_eq!(served_serial(&address, &name, KeyType::P256).await.unwrap(), "0a");
    assert_eq!(served_serial(&address, &name, KeyType::Rsa2048).await.unwrap(), "0b");
}

#[tokio::test]
async fn what_is_not_served_is_told_apart() {
    let address = listen(vec![certificate(&ecdsa(), 1)]).await;
    let name = hostname("app.customer.com");
    let error = served_serial(&address, &name, KeyType::Rsa2048).await.unwrap_err();
    assert!(matches!(error, Error::Handshake { .. }), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = served_serial(&gone, &name, KeyType::P256).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }), "{error}");
}

/// rustls answers a name that its resolver does not know with `access_denied`, so the alert that
/// edge-tls sends is put on the wire by hand.
#[tokio::test]
async fn the_unrecognized_name_alert_is_heard() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 4096];
        let _ = stream.read(&mut hello).await;
        // Record: alert, TLS 1.2, two bytes: fatal, unrecognized_name (112).
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 112]).await;
        let _ = stream.read(&mut hello).await;
    });
    let error = served_serial(&address, &hostname("a.com"), KeyType::P256).await.unwrap_err();
    assert!(matches!(error, Error::UnrecognizedName(_)), "{error}");
}

#[tokio::test]
async fn a_silent_listener_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let limit = Duration::from_millis(50);
    let hostname = hostname("a.com");
    let error = served_within(limit, &address, &hostname, KeyType::P256).await.unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
}

#[test]
fn a_wildcard_is_probed_by_a_name_below_it() {
    let name = server_name(&hostname("*.customer.com")).unwrap();
    assert_eq!(name.to_str(), "lintel-probe.customer.com");
}
