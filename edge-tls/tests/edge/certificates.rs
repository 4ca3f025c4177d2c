//! Which certificate a visitor sees, and how it is agreed upon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use edge_state::Key;
use edge_state::KeyType::{P256, Rsa2048};
use edge_state::certificate::{CertificateRecord, EdgeCertificate, sealing_context};
use edge_state::seal::SealEntropy;
use edge_state::tls::{TlsSettings, TlsVersion};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::aws_lc_rs;
use rustls::{HandshakeKind, NamedGroup};
use rustls_pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;

use crate::support::visitor::{Visitor, json, read_to_end};
use crate::support::{Lintel, name, until, zone};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostname_is_served_over_both_versions_of_http() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256, Rsa2048]).await;
    for (alpn, protocol) in [("h2", "HTTP/2"), ("http/1.1", "HTTP/1.1")] {
        let page = lintel.visitor().alpn(&[alpn]).get("shop.customer.com", "/a?b=%20c").await;
        assert_eq!(page.status(), 200);
        let seen = json(&page);
        assert_eq!(seen["url"], "http://shop.customer.com/a?b=%20c");
        assert_eq!(seen["cf"]["httpProtocol"], protocol);
        assert_eq!(seen["cf"]["tlsVersion"], "TLSv1.3");
        assert_eq!(seen["cf"]["tlsCipher"], "AEAD-AES256-GCM-SHA384");
        assert_eq!(seen["cf"]["colo"], "test1");
        assert_eq!(seen["headers"]["host"], "shop.customer.com");
        assert_eq!(seen["headers"]["cf-connecting-ip"], "127.0.0.1");
        assert_eq!(seen["headers"]["x-forwarded-proto"], "https");
        assert_eq!(seen["headers"]["cf-ray"], page.headers()["cf-ray"].to_str().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clients_algorithms_choose_the_certificate() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[Rsa2048, P256]).await;
    lintel.host("rsa.customer.com", &[Rsa2048]).await;
    let visitor = lintel.visitor();
    let signed_by = async |server_name: &str, arguments: &[&str]| {
        let mut all = vec!["-servername", server_name, "-verify_return_error"];
        all.extend(arguments);
        let said = visitor.openssl(&all).await;
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        let signature = said.lines().find(|line| line.starts_with("Peer signature type: "));
        signature.unwrap().trim_start_matches("Peer signature type: ").to_owned()
    };
    let rsa_only = "RSA-PSS+SHA256:RSA+SHA256:RSA-PSS+SHA384";
    for version in ["-tls1_2", "-tls1_3"] {
        let all = signed_by("shop.customer.com", &[version]).await;
        assert_eq!(all, "ECDSA", "preferred {version}");
        let rsa = signed_by("shop.customer.com", &[version, "-sigalgs", rsa_only]).await;
        assert_eq!(rsa, "RSA-PSS", "{version}");
        assert_eq!(signed_by("rsa.customer.com", &[version]).await, "RSA-PSS", "{version}");
    }
    // A client that could verify neither (RFC 8446 §4.2.3), or speaks no cipher of ours.
    for nothing in [["-sigalgs", "ed25519"], ["-cipher", "AES128-SHA"]] {
        let arguments = [&["-servername", "shop.customer.com", "-tls1_2"], &nothing[..]].concat();
        let said = visitor.openssl(&arguments).await;
        assert!(said.contains("alert number 40"), "handshake_failure: {said}");
    }
    let by_cipher = ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"];
    assert_eq!(signed_by("shop.customer.com", &by_cipher).await, "RSA-PSS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hybrid_group_is_chosen_and_alpn_answered() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256]).await;
    let stream = lintel.visitor().handshake("shop.customer.com").await.unwrap();
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    let stream = lintel.visitor().with(provider).handshake("shop.customer.com").await.unwrap();
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519);

    let visitor = lintel.visitor();
    for (offered, chosen) in [
        ("h2,http/1.1", "ALPN protocol: h2"),
        ("http/1.1,h2", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
    ] {
        let said = visitor.openssl(&["-servername", "shop.customer.com", "-alpn", offered]).await;
        assert!(said.contains(chosen), "{offered}: {said}");
    }
    // RFC 8737: a validation of a CA that we do not take part in; never HTTP.
    let said = visitor.openssl(&["-servername", "shop.customer.com", "-alpn", "acme-tls/1"]).await;
    assert!(said.contains("alert number 120"), "no_application_protocol: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_not_ours_gets_an_alert_and_no_certificate() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256]).await;
    let visitor = lintel.visitor();
    for arguments in [
        &["-noservername"][..],
        &["-servername", "unknown.customer.com"],
        &["-servername", "shop.customer.com.evil.com"],
        &["-servername", "customer.com"],
        &["-servername", "a.shop.customer.com"],
        &["-servername", "shop_.customer.com"],
    ] {
        for version in ["-tls1_2", "-tls1_3"] {
            let said = visitor.openssl(&[arguments, &[version]].concat()).await;
            assert!(said.contains("alert number 112"), "{arguments:?} {version}: {said}");
            assert!(said.contains("no peer certificate available"), "{arguments:?}: {said}");
        }
    }
    for arguments in [
        &["-servername", "127.0.0.1"][..],
        &["-servername", "*.customer.com"],
        &["-servername", "xn--.customer.com"],
        &["-servername", "shop.customer.com\u{1}"],
        &["-servername", "shop..customer.com"],
    ] {
        let said = visitor.openssl(arguments).await;
        assert!(said.contains("no peer certificate available"), "{arguments:?}: {said}");
    }
    assert_eq!(lintel.edge().certificates().counts(), (0, 0), "and no key was touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_alert_is_one_record_and_the_end() {
    let lintel = Lintel::start().await;
    // The greeting of a real client, taken down by a listener that only listens.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut visitor = lintel.visitor();
    visitor.addresses.https = listener.local_addr().unwrap();
    let greeting = tokio::select! {
        _ = visitor.handshake("unknown.customer.com") => unreachable!("nobody answers"),
        greeting = async {
            let mut stream = listener.accept().await.unwrap().0;
            read_record(&mut stream).await
        } => greeting,
    };
    let mut stream = lintel.visitor().tcp().await;
    stream.write_all(&greeting).await.unwrap();
    assert_eq!(read_to_end_bytes(&mut stream).await, [21, 3, 3, 0, 2, 2, 112]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spellings_and_wildcards_of_a_name() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256]).await;
    lintel.host("*.wild.com", &[P256]).await;
    lintel.host("exact.wild.com", &[P256]).await;
    let visitor = lintel.visitor();
    let subject = async |server_name: &str| {
        let said = visitor.openssl(&["-servername", server_name, "-showcerts"]).await;
        said.contains("BEGIN CERTIFICATE")
    };
    for spelling in ["shop.customer.com", "SHOP.Customer.COM", "shop.customer.com.", "a.wild.com"] {
        assert!(subject(spelling).await, "{spelling}");
    }
    for spelling in ["wild.com", "a.b.wild.com"] {
        assert!(!subject(spelling).await, "{spelling}");
    }
    let (exact, any) =
        (visitor.serial("exact.wild.com").await, visitor.serial("any.wild.com").await);
    assert_ne!(exact, any, "the exact name comes before the wildcard");
    let page = visitor.get("any.wild.com", "/").await;
    assert_eq!(page.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_hostname_and_zone_are_kept() {
    let lintel = Lintel::start().await;
    let settings =
        |min_tls_version, http2, tls_1_3| TlsSettings { min_tls_version, http2, tls_1_3 };
    let host = async |name: &str, tls| lintel.host_with(name, &[P256], tls).await;
    host("default.customer.com", settings(None, None, None)).await;
    host("old.customer.com", settings(Some(TlsVersion::V1_0), None, None)).await;
    host("min13.customer.com", settings(Some(TlsVersion::V1_3), None, None)).await;
    host("no13.customer.com", settings(None, None, Some(false))).await;
    host("noh2.customer.com", settings(None, Some(false), None)).await;
    let visitor = lintel.visitor();
    let works = async |server_name: &str, version: &str| {
        let said =
            visitor.openssl(&["-servername", server_name, version, "-alpn", "h2,http/1.1"]).await;
        let protocol = said.lines().find(|line| line.starts_with("ALPN protocol: "));
        protocol.map(|line| line.trim_start_matches("ALPN protocol: ").to_owned())
    };
    let (h2, h1) = (Some("h2".to_owned()), Some("http/1.1".to_owned()));
    for (server_name, tls12, tls13) in [
        ("default.customer.com", &h2, &h2),
        ("old.customer.com", &h2, &h2),
        ("min13.customer.com", &None, &h2),
        ("no13.customer.com", &h2, &None),
        ("noh2.customer.com", &h1, &h1),
    ] {
        assert_eq!(works(server_name, "-tls1_2").await, *tls12, "{server_name}");
        assert_eq!(works(server_name, "-tls1_3").await, *tls13, "{server_name}");
        assert_eq!(works(server_name, "-tls1_1").await, None, "{server_name}");
    }
    // The zone's minimum, from now on and without a restart.
    lintel.feed.put(&zone(Some(TlsVersion::V1_3)));
    lintel.caught_up().await;
    assert_eq!(works("default.customer.com", "-tls1_2").await, None);
    assert_eq!(works("old.customer.com", "-tls1_2").await, h2, "the hostname's own is above it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_change_under_load_without_a_failed_handshake() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256]).await;
    let visitor = lintel.visitor();
    let stop = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (visitor, stop) = (visitor.clone(), stop.clone());
            tokio::spawn(async move {
                let mut handshakes = 0;
                while !stop.load(Ordering::Relaxed) {
                    visitor.handshake("shop.customer.com").await.unwrap();
                    handshakes += 1;
                }
                handshakes
            })
        })
        .collect();
    for _ in 0..100 {
        lintel.host("shop.customer.com", &[P256]).await;
    }
    let record =
        lintel.authority.record(&name("shop.customer.com"), &[P256], &lintel.config.edge_keys);
    lintel.feed.put(&record);
    lintel.caught_up().await;
    assert_eq!(visitor.serial("shop.customer.com").await, record.certificates[0].serial);
    stop.store(true, Ordering::Relaxed);
    for worker in load {
        assert!(worker.await.unwrap() > 0);
    }
    assert_eq!(lintel.edge().certificates().counts().0, 1, "replaced ones are not kept");

    lintel.feed.remove(&Key::Certificate(name("shop.customer.com")));
    lintel.caught_up().await;
    let refused = visitor.handshake("shop.customer.com").await.unwrap_err();
    assert!(refused.to_string().contains("UnrecognisedName"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_certificates_cost_nothing_until_asked_for() {
    let lintel = Lintel::prepare(|_| {}).await;
    let leaf = lintel.authority.leaf("many.customer.com", P256);
    let keys = &lintel.config.edge_keys;
    for number in 0..10_000 {
        let hostname = name(&format!("n{number}.many.customer.com"));
        let context = sealing_context(&hostname, &leaf.serial);
        let entropy = SealEntropy(std::array::from_fn(|_| rand::random()));
        let certificates = vec![EdgeCertificate {
            key_type: P256,
            serial: leaf.serial.clone(),
            not_after: 4_102_444_800,
            chain: leaf.chain.clone(),
            private_key: keys.seal(&leaf.key, &context, entropy),
        }];
        lintel.feed.put(&CertificateRecord { hostname, certificates });
    }
    let lintel = lintel.run().await;
    lintel.caught_up().await;
    let certificates = lintel.edge().certificates();
    assert_eq!(certificates.counts(), (0, 0), "nothing is read ahead");
    let find = |number: usize| certificates.find(&name(&format!("n{number}.many.customer.com")));
    for _ in 0..3 {
        assert!((0..3).all(|number| find(number).is_some()));
    }
    assert_eq!(certificates.counts(), (3, 3), "each is read once");
    assert!((0..5_000).all(|number| find(number).is_some()));
    let (kept, read) = certificates.counts();
    assert!(kept <= 4096, "{kept} are kept");
    assert_eq!(read, 5_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_cannot_be_used_leaves_the_other_one() {
    let lintel = Lintel::start().await;
    let hostname = name("shop.customer.com");
    let mut record = lintel.authority.record(&hostname, &[P256, Rsa2048], &lintel.config.edge_keys);
    record.certificates[0].serial = "00".into(); // sealed for another place
    lintel.feed.put(&record);
    lintel.caught_up().await;
    assert_eq!(lintel.visitor().serial("shop.customer.com").await, record.certificates[1].serial);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_resumed_for_its_own_name_alone() {
    let lintel = Lintel::start().await;
    lintel.host("a.customer.com", &[P256]).await;
    lintel.host("b.customer.com", &[P256]).await;
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let store = Arc::new(OneSession::default());
        let mut visitor = lintel.visitor().only(versions);
        visitor.config.resumption = Resumption::store(store.clone());
        let kind = async |visitor: &Visitor, server_name: &str| {
            let mut stream = visitor.handshake(server_name).await.unwrap();
            let head =
                format!("GET / HTTP/1.1\r\nHost: {server_name}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"), "tickets arrive");
            stream.get_ref().1.handshake_kind().unwrap()
        };
        assert_eq!(kind(&visitor, "a.customer.com").await, HandshakeKind::Full);
        assert_eq!(kind(&visitor, "a.customer.com").await, HandshakeKind::Resumed);
        assert_eq!(kind(&visitor, "b.customer.com").await, HandshakeKind::Full, "another name");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_are_counted_by_outcome() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256]).await;
    assert!(lintel.visitor().handshake("unknown.customer.com").await.is_err());
    assert_eq!(lintel.visitor().get("shop.customer.com", "/").await.status(), 200);
    let admin = lintel.edge().addresses().admin;
    until("the metrics show it", async || {
        let text =
            reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
        text.contains("lintel_edge_handshakes_total{outcome=\"done\"}")
            && text.contains("lintel_edge_handshakes_total{outcome=\"unrecognized_name\"}")
            && text.contains("lintel_edge_requests_total{status=\"200\"}")
            && text.contains("lintel_edge_replica_sequence")
    })
    .await;
    let ready = reqwest::get(format!("http://{admin}/readyz")).await.unwrap();
    assert_eq!(ready.status(), 200);
}

/// One record (RFC 8446 §5.1), as it came.
async fn read_record(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).await.unwrap();
    [&head[..], &body].concat()
}

async fn read_to_end_bytes(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// Offers the last session to everyone, whatever the name: what no client should do.
#[derive(Debug, Default)]
struct OneSession {
    tls12: std::sync::Mutex<Option<Tls12ClientSessionValue>>,
    tls13: std::sync::Mutex<Option<Tls13ClientSessionValue>>,
}

impl ClientSessionStore for OneSession {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        *self.tls12.lock().unwrap() = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.tls12.lock().unwrap().clone()
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        *self.tls12.lock().unwrap() = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        *self.tls13.lock().unwrap() = Some(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tls13.lock().unwrap().take()
    }
}
