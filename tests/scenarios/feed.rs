//! From a commit in the control plane to the edge's answer.

use std::time::Instant;

use lintel_tests::origin::Origin;
use lintel_tests::ports::loopback;
use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;

const SHOP: &str = "shop.customer.test";

#[tokio::test]
async fn a_change_reaches_the_edge() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    let shop = lintel.onboard(SHOP).await?;
    let visitor = lintel.visitor()?;
    let path = format!("/zones/{}/custom_hostnames/{}", lintel.zone, shop.id);
    let mut took = Vec::new();
    for number in 0..5 {
        let own = Origin::start(loopback(0), &format!("origin {number}")).await?;
        let server = format!("http://{}", own.address);
        let body = json!({ "custom_origin_server": server });
        let answer = lintel.api.call(Method::PATCH, &path, Some(body)).await?;
        assert!((200..300).contains(&answer.status), "{answer:?}");
        let committed = Instant::now();
        lintel
            .until("the new origin answers", async || {
                let page = visitor.get(&format!("https://{SHOP}/")).await?;
                if page.json()["greeting"] == own.greeting.as_str() {
                    return Ok(());
                }
                Err(Failure::new(format!("{} {}", page.status, page.text())))
            })
            .await?;
        took.push(committed.elapsed());
    }
    println!("from a commit to the edge's answer: {took:?}");
    Ok(())
}
