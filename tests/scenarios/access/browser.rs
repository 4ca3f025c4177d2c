//! The browser suite, under workerd behind edge-tls and under miniflare.

use lintel_dev::child::Program;
use lintel_tests::lintel::root;
use lintel_tests::miniflare::{node, run_script};
use lintel_tests::process::Process;
use lintel_tests::team::provider::PASSWORD;
use lintel_tests::team::{Team, allow};
use lintel_tests::{Failure, until};
use serde_json::{Value, json};

/// What the suite signs in to.
struct Applications {
    urls: Value,
    _single_page: Process,
}

#[tokio::test]
async fn people_sign_in_with_a_browser() -> Result<(), Failure> {
    let screenshots = root().join("target/screenshots");
    std::fs::create_dir_all(&screenshots)?;
    suite(&Team::start().await?, "workerd behind edge-tls", json!(screenshots)).await
}

#[tokio::test]
async fn people_sign_in_with_a_browser_under_miniflare() -> Result<(), Failure> {
    suite(&Team::start_under_miniflare().await?, "miniflare", Value::Null).await
}

async fn suite(team: &Team, name: &str, screenshots: Value) -> Result<(), Failure> {
    let applications = applications(team).await?;
    let world = json!({
        "name": name,
        "team": team.url,
        "apps": applications.urls,
        "providers": team.providers,
        "password": PASSWORD,
        "mails": team.mailbox.log(),
        "api": {
            "url": team.lintel.api.base(),
            "token": team.lintel.api.token(),
            "account": team.lintel.account,
        },
        "screenshots": screenshots,
    });
    let variables = [("LINTEL_BROWSER", world.to_string())];
    let said = run_script("tests/browser/suite.mjs", &variables).await;
    let logs = || team.lintel.log_tails().unwrap_or_default();
    println!("{}", said.map_err(|failure| Failure::new(format!("{failure}\n{}", logs())))?);
    Ok(())
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
    let intranet = team.hostname(INTRANET, &format!("http://{}", team.origin.address)).await?;
    let spa = team.hostname(SPA, &url).await?;
    let everybody = allow(&json!([{ "everyone": {} }]));
    team.application(INTRANET, json!({ "policies": everybody })).await?;
    let more = json!({ "policies": everybody, "session_duration": "8s" });
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
    let launcher = json!({ "type": "app_launcher", "name": "Launcher", "domain": null, "policies": everybody });
    team.application("launcher", launcher).await?;
    let urls = json!({
        "intranet": intranet, "engineering": format!("{intranet}/engineering"), "spa": spa,
    });
    Ok(Applications { urls, _single_page: single_page })
}

const INTRANET: &str = "intranet.saas.test";
const SPA: &str = "spa.saas.test";
