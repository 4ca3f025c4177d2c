//! `active` means seen: by a real handshake at every registered point of presence.

use lintel_tests::authority::Authority;
use lintel_tests::ports::loopback;
use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const SHOP: &str = "shop.customer.test";

#[tokio::test]
async fn a_point_of_presence_that_serves_nothing_keeps_it_pending() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    stays_pending(&lintel, lintel.port()?, "ghost").await
}

#[tokio::test]
async fn a_point_of_presence_that_serves_another_certificate_keeps_it_pending()
-> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    let listener = TcpListener::bind(loopback(0)).await?;
    let port = listener.local_addr()?.port();
    let acceptor = TlsAcceptor::from(Authority::new()?.server()?);
    let impostor = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = acceptor.accept(stream).await;
            });
        }
    });
    stays_pending(&lintel, port, "serves the certificate").await?;
    impostor.abort();
    Ok(())
}

async fn stays_pending(lintel: &Lintel, port: u16, says: &str) -> Result<(), Failure> {
    let ghost = json!({
        "https_address": format!("127.0.0.1:{port}"),
        "http_address": lintel.edges[0].http.to_string(),
    });
    lintel.point_of_presence(Method::PUT, "ghost", Some(ghost)).await?;
    let shop = lintel.create(SHOP, json!({})).await?;
    let what = format!("pending_deployment, saying `{says}`");
    let shop = lintel
        .shows(&shop.id, &what, |hostname| {
            hostname.ssl_status() == "pending_deployment"
                && hostname.errors().iter().any(|error| error.contains(says))
                && hostname.errors().iter().any(|error| error.contains("ghost"))
        })
        .await?;
    lintel
        .until("a metric tells it", async || {
            let metrics = lintel.metrics(lintel.admin).await?;
            let told = |line: &&str| !line.starts_with('#') && line.contains("ghost");
            metrics.lines().find(told).map(str::to_owned).ok_or(Failure::new(metrics.clone()))
        })
        .await?;
    // The first point of presence serves it all along, as soon as it has heard of it.
    let visitor = lintel.visitor()?;
    lintel.until("the real one serves it", async || visitor.handshake(SHOP).await).await?;
    lintel.point_of_presence(Method::DELETE, "ghost", None).await?;
    lintel.active(&shop.id).await?;
    Ok(())
}

/// Also where a registered point of presence is real.
#[tokio::test]
async fn with_two_points_of_presence_both_serve_it_when_it_is_active() -> Result<(), Failure> {
    let lintel = Lintel::builder().more_edges(1).start().await?;
    for number in 0..3 {
        let hostname = format!("shop-{number}.customer.test");
        lintel.onboard(&hostname).await?;
        let (one, other) = (lintel.visitor_at(0)?, lintel.visitor_at(1)?);
        let serial = one.handshake(&hostname).await?.serial;
        assert_eq!(other.handshake(&hostname).await?.serial, serial);
    }
    Ok(())
}
