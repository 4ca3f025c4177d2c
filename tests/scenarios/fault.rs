//! `kill -9` of control-api at each state: it goes on where it was, and nothing is ordered twice.

use std::time::Instant;

use lintel_tests::acme_proxy::{Moment, Step};
use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;

/// Before and after the CA has seen each request.
#[tokio::test]
async fn control_api_is_killed_around_every_request_to_the_ca() -> Result<(), Failure> {
    let mut lintel = Lintel::start().await?;
    let steps = [Step::NewOrder, Step::Challenge, Step::Finalize, Step::Certificate];
    let moments = [Moment::Before, Moment::After];
    for (number, (step, moment)) in
        steps.iter().flat_map(|step| moments.map(|moment| (*step, moment))).enumerate()
    {
        let hostname = format!("kill-{number}.customer.test");
        let hold = lintel.acme.hold(moment, step);
        let created = lintel.create(&hostname, json!({})).await?;
        hold.reached().await?;
        lintel.control_api.kill().await?;
        drop(hold);
        lintel.control_api.restart().await?;
        lintel.control_api_ready().await?;
        let live = lintel.both_certificates(&created.id).await;
        live.map_err(|failure| Failure::new(format!("killed {moment:?} {step:?}: {failure}")))?;
        // An order whose answer nobody has heard may be placed once more; it is never finalized.
        let spare = usize::from(step == Step::NewOrder && moment == Moment::After);
        let orders = lintel.acme.orders(&hostname);
        assert!(orders <= 2 + spare, "killed {moment:?} {step:?}: {orders} orders");
    }
    let finalized = lintel.acme.finalized();
    assert!(finalized.values().all(|times| *times == 1), "finalized twice: {finalized:?}");
    assert_eq!(finalized.len(), 2 * steps.len() * moments.len(), "one certificate of each kind");
    Ok(())
}

#[tokio::test]
async fn control_api_is_killed_while_a_certificate_is_being_deployed() -> Result<(), Failure> {
    let mut lintel = Lintel::start().await?;
    let ghost = json!({
        "https_address": format!("127.0.0.1:{}", lintel.port()?),
        "http_address": lintel.edges[0].http.to_string(),
    });
    lintel.point_of_presence(Method::PUT, "ghost", Some(ghost)).await?;
    let shop = lintel.create("shop.customer.test", json!({})).await?;
    let deploying = "pending_deployment";
    lintel.shows(&shop.id, deploying, |hostname| hostname.ssl_status() == deploying).await?;
    lintel.control_api.kill().await?;
    lintel.control_api.restart().await?;
    lintel.control_api_ready().await?;
    lintel.shows(&shop.id, deploying, |hostname| hostname.ssl_status() == deploying).await?;
    lintel.point_of_presence(Method::DELETE, "ghost", None).await?;
    lintel.both_certificates(&shop.id).await?;
    assert_eq!(lintel.acme.orders("shop.customer.test"), 2);
    Ok(())
}

/// Where others may share the database, the jobs of who was killed are free when its leases end.
#[tokio::test]
async fn on_postgresql_jobs_in_hand_are_taken_up_again_after_a_kill() -> Result<(), Failure> {
    let mut lintel = Lintel::builder().on_postgres().start().await?;
    let finalize = lintel.acme.hold(Moment::After, Step::Finalize);
    let shop = lintel.create("shop.customer.test", json!({})).await?;
    finalize.reached().await?;
    lintel.control_api.kill().await?;
    drop(finalize);
    lintel.control_api.restart().await?;
    let killed = Instant::now();
    lintel.control_api_ready().await?;
    lintel.active(&shop.id).await?;
    println!("from the restart to the hostname that is live: {:?}", killed.elapsed());
    lintel.both_certificates(&shop.id).await?;
    assert_eq!(lintel.acme.orders("shop.customer.test"), 2);
    let finalized = lintel.acme.finalized();
    assert!(finalized.values().all(|times| *times == 1), "finalized twice: {finalized:?}");
    Ok(())
}

/// What the API has acknowledged is there after a kill in the same moment.
#[tokio::test]
async fn what_was_acknowledged_survives() -> Result<(), Failure> {
    let mut lintel = Lintel::start().await?;
    let mut ids = Vec::new();
    for number in 0..5 {
        let hostname = format!("customer-{number}.test");
        ids.push(lintel.create(&hostname, json!({})).await?.id);
        lintel.control_api.kill().await?;
        lintel.control_api.restart().await?;
        lintel.control_api_ready().await?;
    }
    for id in &ids {
        lintel.active(id).await?;
    }
    Ok(())
}

/// The CA acts, and its answers are lost.
#[tokio::test]
async fn lost_answers_of_the_ca_cost_no_second_certificate() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    lintel.acme.lose_answers(Step::Finalize, 0);
    let shop = lintel.create("shop.customer.test", json!({})).await?;
    lintel
        .until("a lost answer", async || match lintel.acme.answered(Step::Finalize) {
            0 => Err(Failure::new("nothing finalized so far")),
            _ => Ok(()),
        })
        .await?;
    lintel.acme.heal();
    lintel.both_certificates(&shop.id).await?;
    let finalized = lintel.acme.finalized();
    assert!(finalized.values().all(|times| *times == 1), "finalized twice: {finalized:?}");
    assert_eq!(finalized.len(), 2);
    Ok(())
}
