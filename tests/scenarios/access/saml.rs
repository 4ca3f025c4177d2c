//! The SAML suite: real service providers and a real identity provider, in a browser, under workerd
//! behind edge-tls and under miniflare.

use lintel_tests::Failure;
use lintel_tests::team::Team;
use lintel_tests::team::saml::{Library, Peer};
use serde_json::{Value, json};

use super::suite::{Suite, intranet, launcher};

#[tokio::test]
async fn saml_works_with_others() -> Result<(), Failure> {
    run(&Team::start().await?, "SAML, workerd behind edge-tls", true).await
}

#[tokio::test]
async fn saml_works_with_others_under_miniflare() -> Result<(), Failure> {
    run(&Team::start_under_miniflare().await?, "SAML, miniflare", false).await
}

async fn run(team: &Team, name: &str, screenshots: bool) -> Result<(), Failure> {
    let mut running = Vec::new();
    let mut peers = json!({});
    for library in Library::ALL {
        let peer = Peer::service_provider(&team.lintel, library).await?;
        peers[peer.name] = described(&peer);
        running.push(peer);
    }
    let provider = Peer::identity_provider(&team.lintel).await?;
    let intranet = intranet(team).await?;
    launcher(team).await?;
    let more = json!({
        "apps": { "intranet": intranet },
        "saml": { "peers": peers, "provider": described(&provider) },
    });
    Suite { name, script: "saml_suite.mjs", screenshots }.run(team, more).await
}

/// What the suite may know of a peer.
fn described(peer: &Peer) -> Value {
    json!({ "url": peer.url, "encryption_key": peer.settings["encryption_key"] })
}
