//! The official SDKs against the program as it is deployed, on every database. Only their base URL
//! differs from what they are made for. The program runs with every log line on, and none of them
//! may hold a secret.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use control_api::store::Db;
use serde_json::json;

#[path = "support/databases.rs"]
mod databases;
#[path = "support/organization.rs"]
mod organization;
#[path = "support/server.rs"]
mod server;

use server::{BOOTSTRAP, EDGE_KEY, EDGE_TOKEN, MASTER_KEY, Server};

#[tokio::test]
async fn the_official_sdks_work_with_only_their_base_url_changed() {
    for fresh in databases::fresh().await {
        let server = Server::start(&fresh.url, &[]).await;
        let tenant = tenant(&server).await;
        let people = people(&server, &fresh.url).await;
        assert_eq!(status_of_large_header(&server).await, 431);
        for (language, program, suite) in suites() {
            let run = Command::new(&program)
                .arg(&suite)
                .env("LINTEL_API", server.api())
                .env("LINTEL_TOKEN", BOOTSTRAP)
                .env("LINTEL_ACCOUNT_ID", &tenant.0)
                .env("LINTEL_ZONE_ID", &tenant.1)
                .env("LINTEL_PEOPLE_ACCOUNT_ID", &people)
                .output();
            let run = run.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
            let said = String::from_utf8_lossy(&run.stdout);
            let complained = String::from_utf8_lossy(&run.stderr);
            println!("{language} on {}:\n{said}{complained}", fresh.name);
            assert!(run.status.success(), "{language} on {}", fresh.name);
        }
        let metrics = server.get(server.admin, "/metrics").await;
        let logs = server.stop();
        assert!(logs.contains("/client/v4/zones"), "the log says nothing");
        for (place, text) in [("log", logs), ("metrics", metrics)] {
            assert_no_secrets(place, &text);
        }
    }
}

/// Files of each language's folder.
const SUITES: [&str; 4] = ["suite", "objects", "applications", "people"];

/// Not one of ours, and no value of a token that a suite made.
fn assert_no_secrets(place: &str, text: &str) {
    let keys = [MASTER_KEY, EDGE_KEY].map(|key| key.trim_start_matches("k1:"));
    for secret in [BOOTSTRAP, EDGE_TOKEN, keys[0], keys[1]] {
        assert!(!text.contains(secret), "{place} holds {secret}");
    }
    for (at, _) in text.match_indices("cfast_") {
        let length = text[at + 6..].bytes().take_while(u8::is_ascii_alphanumeric).count();
        assert!(length < 48, "{place} holds a service token's secret");
    }
    for (at, _) in text.match_indices("lintel_") {
        let rest = text[at + 7..].bytes();
        let length = rest.take_while(|b| b.is_ascii_alphanumeric() || b"-_".contains(b)).count();
        assert!(length < 43, "{place} holds a token: {}", &text[at..at + 20]);
    }
}

fn suites() -> Vec<(&'static str, PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let node = std::env::var_os("LINTEL_NODE").map(PathBuf::from);
    let venv = std::env::var_os("LINTEL_VENV").map(PathBuf::from);
    let python = venv.map(|venv| venv.join("bin/python"));
    let mut suites = Vec::new();
    for (language, program, variable, folder, end) in [
        ("TypeScript", node, "LINTEL_NODE", "tests/sdk/typescript", "mjs"),
        ("Python", python, "LINTEL_VENV", "tests/sdk/python", "py"),
    ] {
        match program {
            Some(program) => suites.extend(SUITES.map(|suite| {
                let file = root.join(folder).join(format!("{suite}.{end}"));
                (language, program.clone(), file)
            })),
            None if std::env::var_os("CI").is_some() => panic!("{variable} is not set"),
            None => eprintln!("{variable} is not set (`make test` does): {language} is left out"),
        }
    }
    suites
}

/// What a header of 100 kB is answered with.
async fn status_of_large_header(server: &Server) -> u16 {
    let request = server.http.get(format!("{}/user", server.api()));
    let answer = request.header("x-large", "a".repeat(100_000)).send().await;
    answer.unwrap().status().as_u16()
}

/// An account and its zone.
async fn tenant(server: &Server) -> (String, String) {
    let account = server.post("/accounts", json!({"name": "SDK"})).await;
    let zone = json!({"name": "sdk.saas.com", "account": {"id": account}});
    let zone = server.post("/zones", zone).await;
    (account, zone)
}

/// An account whose people have signed in, two for each suite, and were refused once.
async fn people(server: &Server, database_url: &str) -> String {
    use organization::{APP, CORP, DOMAIN};
    let account = server.post("/accounts", json!({"name": "People"})).await;
    let db = Db::open(database_url).await.unwrap();
    organization::organization(&db, &account).await;
    db.close().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for who in ["ts-ann", "ts-bob", "py-ann", "py-bob"] {
        let email = format!("{who}@corp.com");
        let identity = json!({"email": email, "idp": {"id": CORP, "type": "oidc"}, "subject": who,
            "authenticated_at": now / 1000, "country": "DE", "amr": ["hwk"]});
        let sign_in = json!({"auth_domain": DOMAIN, "identity": identity, "session_seconds": 3600,
            "nonce": format!("{who:x<22}")});
        let signed_in = server.edge("access/sign_ins", sign_in).await;
        assert_eq!(signed_in["outcome"], "session", "{signed_in}");
        let line = |id: String, allowed: bool, code: Option<String>| {
            json!({"id": id, "auth_domain": DOMAIN, "at_millis": now, "action": "login",
                "allowed": allowed, "application_id": APP, "application_domain": "wiki.own.com",
                "application_type": "self_hosted", "identity_provider_id": CORP,
                "connection": "oidc", "user_email": email, "ip_address": "192.0.2.1",
                "country": "DE", "ray_id": format!("{who}-{allowed}"), "reason": "a rule",
                "code": code})
        };
        let code = who.replace('-', "").to_uppercase() + "77";
        let events = [
            line(uuid::Uuid::new_v4().to_string(), true, None),
            line(uuid::Uuid::new_v4().to_string(), false, Some(code)),
        ];
        assert_eq!(server.edge("access/logs", json!({"events": events})).await, json!({}));
    }
    account
}
