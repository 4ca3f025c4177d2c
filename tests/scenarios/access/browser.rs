//! The browser suite, under workerd behind edge-tls and under miniflare.

use lintel_dev::child::Program;
use lintel_tests::lintel::root;
use lintel_tests::miniflare::node;
use lintel_tests::process::Process;
use lintel_tests::team::Team;
use lintel_tests::{Failure, until};
use serde_json::{Value, json};

use super::suite::{INTRANET, Suite, everybody, intranet, launcher};

/// What the suite signs in to.
struct Applications {
    urls: Value,
    _single_page: Process,
}

#[tokio::test]
async fn people_sign_in_with_a_browser() -> Result<(), Failure> {
    run(&Team::start().await?, "workerd behind edge-tls", true).await
}

#[tokio::test]
async fn people_sign_in_with_a_browser_under_miniflare() -> Result<(), Failure> {
    run(&Team::start_under_miniflare().await?, "miniflare", false).await
}

async fn run(team: &Team, name: &str, screenshots: bool) -> Result<(), Failure> {
    let applications = applications(team).await?;
    let suite = Suite { name, script: "suite.mjs", screenshots };
    suite.run(team, json!({ "apps": applications.urls })).await
}

async fn applications(team: &Team) -> Result<Applications, Failure> {
    let port = team.lintel.port()?;
    let program = Program::new("single-page", &node(), &team.lintel.log_folder())
        .argument(root().join("tests/browser/single_page_origin.mjs").display().to_string())
        .argument(port.to_string());
    let single_page = Process::start(program)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://127.0.0.1:{port}");
    until("the single-page application answers", async || {
        client.get(format!("{url}/app")).send().await?.error_for_status()?;
        Ok(())
    })
    .await?;
    let intranet = intranet(team).await?;
    let spa = team.hostname(SPA, &url).await?;
    let more = json!({ "policies": everybody(), "session_duration": "8s" });
    team.application(SPA, more).await?;
    let engineers = json!([{
        "name": "Engineers",
        "decision": "allow",
        "include": [{ "oidc": {
            "claim_name": "groups",
            "claim_value": "engineering",
            "identity_provider_id": team.providers["acme"],
        } }],
        "require": [{ "auth_method": { "auth_method": "mfa" } }],
    }]);
    team.application(&format!("{INTRANET}/engineering"), json!({ "policies": engineers })).await?;
    let bookmark = json!({
        "type": "bookmark", "name": "Company handbook", "domain": "https://handbook.saas.test/",
        "app_launcher_visible": true,
    });
    team.application("handbook", bookmark).await?;
    launcher(team).await?;
    let urls = json!({
        "intranet": intranet, "engineering": format!("{intranet}/engineering"), "spa": spa,
    });
    Ok(Applications { urls, _single_page: single_page })
}

const SPA: &str = "spa.saas.test";
