//! Mail goes out through a real mail server, protected as the operator says, and nothing of a code is
//! left behind.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine as _;
use control_api::store::Db;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType};
use serde_json::{Value, json};
use tempfile::TempDir;

#[path = "support/databases.rs"]
mod databases;
#[path = "support/organization.rs"]
mod organization;
#[path = "support/server.rs"]
mod server;

use organization::{APP, DOMAIN, PIN};
use server::Server;

#[tokio::test]
async fn a_code_goes_by_mail_and_is_nowhere_else() {
    for fresh in databases::fresh().await {
        let Some(mailbox) = Mailbox::start("plain", None) else { return };
        let url = format!("smtp://127.0.0.1:{}", mailbox.port);
        let server = Server::start(&fresh.url, &[("LINTEL_SMTP_URL", &url), FROM]).await;
        set_up(&server, &fresh.url).await;
        // Not by any policy: this one gets no mail, and hears the same.
        assert_eq!(ask(&server, "eve@else.com", "a1").await, json!({"outcome": "accepted"}));
        until(&server, r#"lintel_access_mails_total{outcome="not_to_be_sent"} 1"#).await;
        assert_eq!(ask(&server, "ann@corp.com", "a2").await, json!({"outcome": "accepted"}));
        let mail = mailbox.next();
        assert_eq!(mail["to"], json!(["ann@corp.com"]));
        assert_eq!(mail["from"], "lintel@saas.com");
        let text = text(&mail);
        let code =
            text.lines().map(str::trim_end).find(|it| it.len() == 8 && it.parse::<u32>().is_ok());
        let code = code.unwrap_or_else(|| panic!("{text}"));
        for header in [
            "From: Lintel <lintel@saas.com>",
            "To: ann@corp.com",
            &format!("Subject: {code} is your code for Own Inc."),
            "Auto-Submitted: auto-generated",
            "Message-ID: <",
            "Date: ",
            "multipart/alternative",
            "text/html; charset=utf-8",
        ] {
            assert!(text.contains(header), "{header}: {text}");
        }
        let check = json!({"auth_domain": DOMAIN, "attempt": "a2", "browser": "b", "code": code});
        let stored = everything(&fresh.url).await;
        assert!(stored.contains("ann@corp.com"), "{}", fresh.name);
        let right = server.edge("access/pins/check", check).await;
        assert_eq!(right, json!({"outcome": "right", "email": "ann@corp.com"}));
        let metrics = server.get(server.admin, "/metrics").await;
        let log = server.stop();
        for (place, text) in [("log", &log), ("database", &stored), ("metrics", &metrics)] {
            assert!(!text.contains(code), "{place} on {} holds the code", fresh.name);
        }
        assert!(!log.contains("ann@corp.com"), "the log names who asked");
        assert!(log.contains("/edge/v1/access/pins"), "the log says nothing");
    }
}

#[tokio::test]
async fn a_mail_server_elsewhere_is_spoken_with_under_tls_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::new(&folder, "0.0.0.0");
    let other = Tls::new(&folder, "192.0.2.1");
    for (mode, files, scheme, trusted, arrives) in [
        ("implicit", Some(&tls), "smtps", &tls, true),
        ("starttls", Some(&tls), "smtp", &tls, true),
        // Of a CA that nobody knows; of another name; without TLS, where it is wanted.
        ("starttls", Some(&tls), "smtp", &other, false),
        ("implicit", Some(&other), "smtps", &other, false),
        ("plain", None, "smtp", &tls, false),
    ] {
        let Some(mailbox) = Mailbox::start(mode, files) else { return };
        // Seen from outside 0.0.0.0 is not this machine: so it must be protected.
        let url = format!("{scheme}://lintel:canary-password@0.0.0.0:{}", mailbox.port);
        let roots = trusted.root.to_str().unwrap();
        let fresh = databases::sqlite();
        let more = [("LINTEL_SMTP_URL", url.as_str()), FROM, ("SSL_CERT_FILE", roots)];
        let server = Server::start(&fresh.url, &more).await;
        set_up(&server, &fresh.url).await;
        assert_eq!(ask(&server, "ann@corp.com", "a1").await, json!({"outcome": "accepted"}));
        if arrives {
            let mail = mailbox.next();
            assert_eq!((&mail["encrypted"], &mail["authenticated"]), (&true.into(), &true.into()));
            until(&server, r#"lintel_access_mails_total{outcome="sent"} 1"#).await;
        } else {
            until(&server, r#"lintel_access_mails_total{outcome="later"}"#).await;
            assert!(mailbox.mails.try_recv().is_err(), "{mode}: a mail went out");
        }
        assert!(!server.stop().contains("canary-password"), "the log holds the password");
    }
}

async fn set_up(server: &Server, database_url: &str) {
    let account = server.post("/accounts", json!({"name": "Own"})).await;
    let db = Db::open(database_url).await.unwrap();
    organization::organization(&db, &account).await;
    db.close().await;
}

async fn ask(server: &Server, email: &str, attempt: &str) -> Value {
    let ask = json!({"auth_domain": DOMAIN, "identity_provider_id": PIN, "application_id": APP,
        "email": email, "attempt": attempt, "browser": "b", "ip": "192.0.2.9", "country": "DE"});
    server.edge("access/pins", ask).await
}

/// Waits for a line of the metrics.
async fn until(server: &Server, line: &str) {
    let limit = Instant::now() + Duration::from_secs(90);
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    loop {
        pause.tick().await;
        let metrics = server.get(server.admin, "/metrics").await;
        if metrics.contains(line) {
            return;
        }
        assert!(Instant::now() < limit, "no {line} in {metrics}\n{}", server.log());
    }
}

/// All that is stored of people, as text.
async fn everything(database_url: &str) -> String {
    if let Some(path) = database_url.strip_prefix("sqlite:") {
        let files = ["", "-wal"].map(|end| std::fs::read(format!("{path}{end}")).unwrap());
        return files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    }
    let Db::Postgres(pool) = Db::open(database_url).await.unwrap() else {
        panic!("not PostgreSQL")
    };
    let rows: Vec<String> = sqlx::query_scalar(
        "SELECT p::text FROM access_pins p UNION ALL SELECT m::text FROM access_mails m
         UNION ALL SELECT c::text FROM access_counts c UNION ALL SELECT e::text FROM edge_changes e",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    rows.concat()
}

/// The mail as text, with its parts decoded.
fn text(mail: &Value) -> String {
    let data = base64::engine::general_purpose::STANDARD.decode(mail["data"].as_str().unwrap());
    String::from_utf8(data.unwrap()).unwrap().replace("=\r\n", "")
}

const FROM: (&str, &str) = ("LINTEL_MAIL_FROM", "Lintel <lintel@saas.com>");

/// aiosmtpd.
struct Mailbox {
    process: Child,
    port: u16,
    mails: Receiver<Value>,
}

impl Mailbox {
    fn start(mode: &str, tls: Option<&Tls>) -> Option<Self> {
        let Some(venv) = std::env::var_os("LINTEL_VENV").map(PathBuf::from) else {
            assert!(std::env::var_os("CI").is_none(), "LINTEL_VENV is not set");
            eprintln!("LINTEL_VENV is not set (`make test` does): no mail server is at hand");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/mailbox.py");
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(script).arg(mode);
        if let Some(tls) = tls {
            command.arg(&tls.certificate).arg(&tls.key);
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let (sender, mails) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Some(Self { process, port, mails })
    }

    fn next(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(90)).expect("a mail")
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// A certificate for an address, of a CA of its own.
struct Tls {
    root: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    fn new(folder: &TempDir, address: &str) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::IpAddress(address.parse().unwrap())];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let file = |name: &str, text: String| {
            let path = folder.path().join(format!("{address}-{name}"));
            std::fs::write(&path, text).unwrap();
            path
        };
        Self {
            root: file("root.pem", root.pem()),
            certificate: file("certificate.pem", certificate.pem()),
            key: file("key.pem", key.serialize_pem()),
        }
    }
}
