//! Client certificates: who is asked, against what they are verified, and what the worker hears.

use std::path::Path;

use edge_state::KeyType::P256;
use edge_state::access::ClientAuthorityRecord;
use edge_state::access::client_authority::ClientAuthority;
use edge_state::{Key, Record as _};
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::visitor::{Visitor, json, request};
use crate::support::{Lintel, name};

const HOST: &str = "mtls.customer.com";
const PLAIN: &str = "plain.customer.com";
const FOREVER: (i32, u8, u8) = (2099, 1, 1);

fn record(hostname: &str, authority: &Authority, forward: bool) -> ClientAuthorityRecord {
    let certificate = authority.root_pem();
    let authority = ClientAuthority { id: "1".into(), name: "staff".into(), certificate };
    ClientAuthorityRecord { hostname: name(hostname), authorities: vec![authority], forward }
}

async fn lintel(authority: &Authority) -> Lintel {
    let lintel = Lintel::start().await;
    for hostname in [HOST, PLAIN] {
        lintel.host(hostname, &[P256]).await;
    }
    lintel.feed.put(&record(HOST, authority, false));
    lintel.caught_up().await;
    lintel
}

/// What the worker hears of the visitor's certificate.
async fn heard(visitor: &Visitor, hostname: &str) -> Value {
    json(&visitor.get(hostname, "/").await)["cf"]["tlsClientAuth"].clone()
}

/// Whether an alert ends the connection, at the handshake or (TLS 1.3) right after it.
async fn is_refused(visitor: &Visitor, hostname: &str) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let Ok(mut stream) = visitor.handshake(hostname).await else { return true };
    let request = format!("GET / HTTP/1.1\r\nHost: {hostname}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(request.as_bytes()).await;
    let error = stream.read_to_string(&mut String::new()).await.err();
    error.is_some_and(|error| error.to_string().contains("received fatal alert"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_hostnames_ca_is_told_to_the_worker() {
    let staff = Authority::new();
    let lintel = lintel(&staff).await;
    let alice = staff.client("Alice", FOREVER);
    for version in [&TLS12, &TLS13] {
        let visitor = lintel.visitor().only(&[version]);
        let none = json!({ "certPresented": "0", "certVerified": "NONE" });
        assert_eq!(heard(&visitor, HOST).await, none, "{version:?}");
    }
    let visitor = lintel.visitor().showing(&alice);
    let told = heard(&visitor, HOST).await;
    assert_eq!(told["certPresented"], "1");
    assert_eq!(told["certVerified"], "SUCCESS");
    assert_eq!(told["certSubjectDNRFC2253"], "CN=Alice,O=Example\\, Inc.");
    assert_eq!(told["certFingerprintSHA256"].as_str().unwrap().len(), 64);
    assert_eq!(told["certRFC9440"], Value::Null);
    assert_eq!(heard(&visitor, PLAIN).await, Value::Null, "another hostname does not ask");

    lintel.feed.put(&record(HOST, &staff, true));
    lintel.caught_up().await;
    let told = heard(&visitor, HOST).await;
    assert!(told["certRFC9440"].as_str().is_some_and(|text| text.starts_with(":MII")), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_other_certificate_ends_the_handshake() {
    let (staff, others) = (Authority::new(), Authority::new());
    let lintel = lintel(&staff).await;
    for (certificate, what) in [
        (others.client("Alice", FOREVER), "another CA"),
        (lintel.authority.client("Alice", FOREVER), "the CA of our own certificates"),
        (staff.client("Alice", (2020, 1, 1)), "expired"),
    ] {
        let visitor = lintel.visitor().showing(&certificate);
        assert!(is_refused(&visitor, HOST).await, "{what}");
        assert_eq!(visitor.get(PLAIN, "/").await.status(), 200, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hostname_has_its_own_authorities() {
    let (staff, others) = (Authority::new(), Authority::new());
    let lintel = lintel(&staff).await;
    lintel.feed.put(&record("*.customer.com", &others, false));
    lintel.caught_up().await;
    let (ours, theirs) = (staff.client("Alice", FOREVER), others.client("Bob", FOREVER));
    let (ours, theirs) = (lintel.visitor().showing(&ours), lintel.visitor().showing(&theirs));
    assert_eq!(heard(&ours, HOST).await["certVerified"], "SUCCESS");
    assert_eq!(heard(&theirs, PLAIN).await["certVerified"], "SUCCESS", "by the wildcard's record");
    assert!(is_refused(&ours, PLAIN).await && is_refused(&theirs, HOST).await);
    let misdirected = ours.send(HOST, request(PLAIN, "/")).await;
    assert_eq!(misdirected.status(), 421, "a connection is for one name");
}

/// `openssl s_client` with a session kept in a file: what it said of resumption.
async fn resumed(visitor: &Visitor, hostname: &str, session: &Path, keep: bool) -> bool {
    let file = session.to_str().unwrap();
    let way = if keep { "-sess_out" } else { "-sess_in" };
    let said = visitor.openssl(&["-servername", hostname, "-tls1_2", way, file]).await;
    assert!(said.contains("New, ") || said.contains("Reused, "), "{said}");
    said.contains("Reused, ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_resumed_across_a_change_of_policy() {
    let staff = Authority::new();
    let lintel = lintel(&staff).await;
    let folder = tempfile::tempdir().unwrap();
    let (plain, mutual) = (folder.path().join("plain"), folder.path().join("mutual"));
    let visitor = lintel.visitor();
    assert!(!resumed(&visitor, PLAIN, &plain, true).await);
    assert!(resumed(&visitor, PLAIN, &plain, false).await, "so this test can see resumption");
    assert!(!resumed(&visitor, HOST, &mutual, true).await);
    assert!(!mutual.exists(), "where certificates are asked for there is no session to resume");
    lintel.feed.put(&record(PLAIN, &staff, false));
    lintel.caught_up().await;
    assert!(!resumed(&visitor, PLAIN, &plain, false).await, "a ticket of before the policy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authorities_that_change_end_what_was_verified_before() {
    let (staff, others) = (Authority::new(), Authority::new());
    let lintel = lintel(&staff).await;
    let visitor = lintel.visitor().showing(&staff.client("Alice", FOREVER)).alpn(&["http/1.1"]);
    let stream = visitor.handshake(HOST).await.unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let mut verified = async || {
        let request = http::Request::get("/").header("host", HOST);
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        body["cf"]["tlsClientAuth"]["certVerified"].as_str().unwrap().to_owned()
    };
    assert_eq!(verified().await, "SUCCESS");
    lintel.feed.put(&record(HOST, &others, false));
    lintel.caught_up().await;
    assert!(verified().await.starts_with("FAILED:"));
    assert!(is_refused(&visitor, HOST).await, "and a new connection is judged anew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_without_a_usable_ca_accepts_nobody() {
    let staff = Authority::new();
    let lintel = lintel(&staff).await;
    let broken = ClientAuthority { id: "1".into(), name: "x".into(), certificate: "junk".into() };
    let record = ClientAuthorityRecord { authorities: vec![broken], ..record(HOST, &staff, false) };
    lintel.feed.put(&record);
    lintel.caught_up().await;
    let visitor = lintel.visitor().showing(&staff.client("Alice", FOREVER));
    assert_eq!(heard(&visitor, HOST).await["certVerified"], "NONE");
    assert_eq!(Key::ClientAuthorities(name(HOST)), record.key());
}
