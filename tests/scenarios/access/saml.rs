//! The SAML suite: real service providers and a real identity provider, in a browser, under workerd
//! behind edge-tls and under miniflare.

use lintel_tests::Failure;
use lintel_tests::lintel::root;
use lintel_tests::miniflare::run_script;
use lintel_tests::team::provider::PASSWORD;
use lintel_tests::team::saml::{Library, Peer};
use lintel_tests::team::{Team, allow};
use serde_json::{Value, json};

#[tokio::test]
async fn saml_works_with_others() -> Result<(), Failure> {
    let screenshots = root().join("target/screenshots");
    std::fs::create_dir_all(&screenshots)?;
    suite(&Team::start().await?, "SAML, workerd behind edge-tls", json!(screenshots)).await
}

#[tokio::test]
async fn saml_works_with_others_under_miniflare() -> Result<(), Failure> {
    suite(&Team::start_under_miniflare().await?, "SAML, miniflare", Value::Null).await
}

async fn suite(team: &Team, name: &str, screenshots: Value) -> Result<(), Failure> {
    let mut running = Vec::new();
    let mut peers = json!({});
    for library in Library::ALL {
        let peer = Peer::service_provider(&team.lintel, library).await?;
        peers[peer.name] = described(&peer);
        running.push(peer);
    }
    let provider = Peer::identity_provider(&team.lintel).await?;
    let origin = format!("http://{}", team.origin.address);
    let intranet = team.hostname(INTRANET, &origin).await?;
    let everybody = allow(&json!([{ "everyone": {} }]));
    team.application(INTRANET, json!({ "policies": everybody })).await?;
    let launcher = json!({ "type": "app_launcher", "name": "Launcher", "domain": null, "policies": everybody });
    team.application("launcher", launcher).await?;
    let world = json!({
        "name": name,
        "team": team.url,
        "apps": { "intranet": intranet },
        "providers": team.providers,
        "password": PASSWORD,
        "mails": team.mailbox.log(),
        "api": {
            "url": team.lintel.api.base(),
            "token": team.lintel.api.token(),
            "account": team.lintel.account,
        },
        "screenshots": screenshots,
        "saml": { "peers": peers, "provider": described(&provider) },
    });
    let variables = [("LINTEL_BROWSER", world.to_string())];
    let said = run_script("tests/browser/saml_suite.mjs", &variables).await;
    let logs = || team.lintel.log_tails().unwrap_or_default();
    println!("{}", said.map_err(|failure| Failure::new(format!("{failure}\n{}", logs())))?);
    Ok(())
}

/// What the suite may know of a peer.
fn described(peer: &Peer) -> Value {
    json!({ "url": peer.url, "encryption_key": peer.settings["encryption_key"] })
}

const INTRANET: &str = "intranet.saas.test";
