//! The routing suite, which also runs under miniflare, against the real edge.

use lintel_dev::child::tail;
use lintel_dev::state::{EDGE_KEY, State};
use lintel_tests::feed::Feed;
use lintel_tests::lintel::edge_program;
use lintel_tests::miniflare::run_script;
use lintel_tests::ports::{Ports, loopback};
use lintel_tests::process::Process;
use lintel_tests::{Failure, until};
use serde_json::json;

/// Names with a certificate, for what the suite asks over HTTPS.
const CERTIFIED: [&str; 3] = ["active.routing.test", "https.routing.test", "pending.routing.test"];

#[tokio::test]
async fn the_worker_routes_behind_edge_tls() -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("lintel-routing-").tempdir()?;
    let state = State::open(&folder.path().join("state"))?;
    let (ports, feed) = (Ports::reserve()?, Feed::start(loopback(0)).await?);
    let ca = feed.certify(&CERTIFIED, &state.read(EDGE_KEY)?.unwrap_or_default())?;
    let [https, http, admin] =
        [loopback(ports.next()?), loopback(ports.next()?), loopback(ports.next()?)];
    let program = edge_program(("edge-tls", folder.path()), &state, (https, http, admin))
        .variable("LINTEL_CONTROL_URL", &format!("http://{}", feed.address));
    let edge = Process::start(program)?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let ready = until("edge-tls is ready", async || {
        if let Some(exit) = edge.ended() {
            return Err(Failure::new(format!("edge-tls ended: {exit}")));
        }
        let url = format!("http://{admin}/readyz");
        Ok(client.get(url).send().await?.error_for_status().map(drop)?)
    });
    let log = folder.path().join("log/edge-tls.log");
    ready.await.map_err(|failure| Failure::new(format!("{failure}\n{}", tail(&log))))?;

    let surroundings = json!({
        "name": "workerd behind edge-tls",
        "http": format!("http://{http}"),
        "https": format!("https://{https}"),
        "httpsPort": https.port(),
        "records": [feed.values()],
        "ca": ca,
        "transparent": true,
    });
    let variables = [("LINTEL_ROUTING", surroundings.to_string())];
    let said = run_script("tests/routing/suite.mjs", &variables).await;
    let said = said.map_err(|failure| Failure::new(format!("{failure}\n{}", tail(&log))))?;
    println!("{said}");
    Ok(())
}

#[tokio::test]
async fn the_same_worker_routes_under_miniflare() -> Result<(), Failure> {
    println!("{}", run_script("tests/routing/miniflare.mjs", &[]).await?);
    Ok(())
}

#[tokio::test]
async fn tokens_get_the_same_verdicts_inside_workerd() -> Result<(), Failure> {
    println!("{}", run_script("tests/vectors/workerd.mjs", &[]).await?);
    Ok(())
}

#[tokio::test]
async fn the_same_worker_is_accepted_by_wrangler_and_small() -> Result<(), Failure> {
    println!("{}", run_script("tests/routing/deploy.mjs", &[]).await?);
    Ok(())
}
