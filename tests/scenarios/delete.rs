//! DELETE takes a hostname off the edge; the name is free again at once.

use std::time::{Duration, Instant};

use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;

const SHOP: &str = "shop.customer.test";

#[tokio::test]
async fn a_deleted_hostname_is_gone_everywhere_and_can_come_again() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    let shop = lintel.onboard(SHOP).await?;
    lintel.visitor()?.get(&format!("https://{SHOP}/")).await?.expect(200)?;
    let mut took = vec![delete(&lintel, SHOP, &shop.id).await?];
    // News is pushed, not fetched now and then: whatever else this machine is busy with, it is not
    // so busy every time that a push takes as long.
    for number in 0..9 {
        if took.iter().min().is_some_and(|took| *took < Duration::from_secs(1)) {
            break;
        }
        let hostname = format!("shop-{number}.customer.test");
        let another = lintel.onboard(&hostname).await?;
        took.push(delete(&lintel, &hostname, &another.id).await?);
    }
    println!("from DELETE's answer to the edge's refusal: {took:?}");
    assert!(took.iter().min().is_some_and(|took| *took < Duration::from_secs(1)), "{took:?}");

    let again = lintel.api.create_hostname(&lintel.zone, SHOP, json!({})).await?;
    assert_ne!(again.id, shop.id);
    lintel.active(&again.id).await?;
    let page = lintel.visitor()?.get(&format!("https://{SHOP}/")).await?;
    page.expect(200)?;
    Ok(())
}

/// Deletes a hostname. Tells how long the edge served it after that was answered.
async fn delete(lintel: &Lintel, hostname: &str, id: &str) -> Result<Duration, Failure> {
    let visitor = lintel.visitor()?;
    let path = format!("/zones/{}/custom_hostnames/{id}", lintel.zone);
    let answer = lintel.api.call(Method::DELETE, &path, None).await?;
    let deleted = Instant::now();
    assert_eq!((answer.status, answer.body["id"].as_str()), (200, Some(id)));
    let answer = lintel.api.call(Method::GET, &path, None).await?;
    assert_eq!((answer.status, answer.code()), (404, Some(1436)));
    lintel
        .until("the edge refuses the name", async || match visitor.handshake(hostname).await {
            Err(refused) if refused.to_string().contains("UnrecognisedName") => Ok(()),
            other => Err(Failure::new(format!("{other:?}"))),
        })
        .await?;
    Ok(deleted.elapsed())
}

/// Whatever it was waiting for, nothing more is asked of the CA.
#[tokio::test]
async fn a_hostname_that_waits_for_its_owner_can_be_deleted() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    let shop = lintel.api.create_hostname(&lintel.zone, SHOP, json!({})).await?;
    let pending = "pending_validation";
    lintel.shows(&shop.id, pending, |hostname| hostname.ssl_status() == pending).await?;
    let path = format!("/zones/{}/custom_hostnames/{}", lintel.zone, shop.id);
    assert_eq!(lintel.api.call(Method::DELETE, &path, None).await?.status, 200);
    let visitor = lintel.visitor()?.header("accept", "application/json");
    lintel
        .until("port 80 knows the name no more", async || {
            let page = visitor.get(&format!("http://{SHOP}/")).await?;
            match page.json()["error"]["code"].as_str() {
                Some("unknown_hostname") => Ok(()),
                _ => Err(Failure::new(page.text())),
            }
        })
        .await
}
