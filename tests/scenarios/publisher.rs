//! Records reach Workers KV as they reach an edge of one's own.

use lintel_tests::miniflare::Miniflare;
use lintel_tests::ports::Ports;
use lintel_tests::visitor::Visitor;
use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;

const SHOP: &str = "shop.customer.test";

#[tokio::test]
async fn the_worker_serves_a_hostname_from_workers_kv() -> Result<(), Failure> {
    let (folder, ports) = (tempfile::tempdir()?, Ports::reserve()?);
    let cloud = Miniflare::start(&ports, folder.path()).await?;
    let lintel = Lintel::builder()
        .control_variable("LINTEL_WORKERS_KV_URL", cloud.kv_url())
        .control_variable("LINTEL_WORKERS_KV_TOKEN", "token-of-the-namespace")
        .start()
        .await?;
    let shop = lintel.onboard(SHOP).await?;
    let visitor = Visitor::new(cloud.http, cloud.http, &lintel.pebble.root)?;
    let url = format!("http://{SHOP}/a?b=c");
    let page = lintel.until("the origin answers through miniflare", async || {
        visitor.get(&url).await?.expect(200)
    });
    let echo = page.await?.json();
    assert_eq!(echo["greeting"], lintel.origin.greeting);
    assert_eq!(echo["target"], "/a?b=c");
    assert_eq!(echo["headers"]["x-forwarded-host"], SHOP);

    let path = format!("/zones/{}/custom_hostnames/{}", lintel.zone, shop.id);
    assert_eq!(lintel.api.call(Method::DELETE, &path, None).await?.status, 200);
    lintel
        .until("miniflare knows the name no more", async || {
            let page = visitor.header("accept", "application/json").get(&url).await?.expect(404)?;
            assert_eq!(page.json()["error"]["code"], json!("unknown_hostname"));
            Ok(())
        })
        .await
}
