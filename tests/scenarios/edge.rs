//! What the edge answers to whom.

use lintel_tests::acme_proxy::{Moment, Step};
use lintel_tests::openssl::s_client;
use lintel_tests::{Failure, Lintel};
use serde_json::json;

const SHOP: &str = "shop.customer.test";
const OTHER: &str = "other.customer.test";

#[tokio::test]
async fn a_request_for_another_name_than_the_handshakes_is_misdirected() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    lintel.onboard(SHOP).await?;
    lintel.onboard(OTHER).await?;
    let visitor = lintel.visitor()?;
    for visitor in [visitor.clone(), visitor.http2()] {
        visitor.get(&format!("https://{OTHER}/")).await?.expect(200)?;
        let page = visitor.server_name(SHOP).get(&format!("https://{OTHER}/")).await?;
        page.expect(421)?;
        let page = visitor.server_name(SHOP).get("https://nobody.customer.test/").await?;
        page.expect(421)?;
    }
    Ok(())
}

#[tokio::test]
async fn an_unknown_name_is_refused_in_the_handshake() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    lintel.onboard(SHOP).await?;
    let visitor = lintel.visitor()?;
    for name in ["nobody.customer.test", "deep.shop.customer.test", "customer.test", "127.0.0.1"] {
        let refused = visitor.handshake(name).await.unwrap_err().to_string();
        assert!(refused.contains("UnrecognisedName"), "{name}: {refused}");
    }
    let (edge, root) = (lintel.edges[0].https, lintel.root_file());
    for arguments in [&["-noservername"][..], &["-noservername", "-tls1_2"][..]] {
        let unnamed = s_client_unnamed(edge, &root, arguments).await?;
        assert!(unnamed.contains("unrecognized name"), "{unnamed}");
        assert!(!unnamed.contains("BEGIN CERTIFICATE"), "{unnamed}");
    }
    let named = s_client(edge, "SHOP.customer.TEST", &root, &[]).await?;
    assert!(named.output.contains("BEGIN CERTIFICATE"), "{}", named.output);
    Ok(())
}

/// `openssl s_client` refuses `-servername` beside `-noservername`.
async fn s_client_unnamed(
    edge: std::net::SocketAddr,
    root: &std::path::Path,
    arguments: &[&str],
) -> Result<String, Failure> {
    let output = tokio::process::Command::new("openssl")
        .args(["s_client", "-connect", &edge.to_string(), "-CAfile"])
        .arg(root)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .await?;
    let both = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&both).into_owned())
}

/// CAs look from many places, over plain HTTP, whatever else is switched on.
#[tokio::test]
async fn a_challenge_is_answered_alike_everywhere_and_never_redirected() -> Result<(), Failure> {
    let lintel = Lintel::builder().more_edges(1).start().await?;
    lintel.onboard(OTHER).await?;
    lintel.api.set(&lintel.zone, "always_use_https", json!("on")).await?;
    let hsts = json!({ "strict_transport_security": { "enabled": true, "max_age": 31_536_000 } });
    lintel.api.set(&lintel.zone, "security_header", hsts).await?;
    for edge in 0..lintel.edges.len() {
        let visitor = lintel.visitor_at(edge)?;
        lintel
            .until("plain HTTP is redirected", async || {
                let page = visitor.get(&format!("http://{OTHER}/a?b=c")).await?;
                match (page.status, page.header("location")) {
                    (301 | 308, location) if location.starts_with("https://") => Ok(()),
                    _ => Err(Failure::new(format!("{} {}", page.status, page.text()))),
                }
            })
            .await?;
        // A token that nobody knows belongs to the origin: it is redirected like all else.
        let url = format!("http://{OTHER}/.well-known/acme-challenge/unknown");
        assert!(matches!(visitor.get(&url).await?.status, 301 | 308 | 404));
    }

    let challenge = lintel.acme.hold(Moment::Before, Step::Challenge);
    let shop = lintel.create(SHOP, json!({})).await?;
    challenge.reached().await?;
    // What is held first may be the other hostname's second certificate: then this one's is still coming.
    let record = lintel.until("the challenge is announced", async || {
        let shop = lintel.api.hostname(&lintel.zone, &shop.id).await?;
        let records = shop.ssl.map(|ssl| ssl.validation_records).unwrap_or_default();
        let announced = records.into_iter().find(|record| !record.http_url.is_empty());
        announced.ok_or_else(|| Failure::new("no validation_records"))
    });
    let record = record.await?;
    for edge in 0..lintel.edges.len() {
        let visitor = lintel.visitor_at(edge)?;
        let page = lintel.until("the challenge is answered", async || {
            visitor.get(&record.http_url).await?.expect(200)
        });
        let page = page.await?;
        assert_eq!(page.text(), record.http_body);
        assert_eq!(page.header("strict-transport-security"), "");
    }
    challenge.release();
    lintel.active(&shop.id).await?;
    let page = lintel.visitor()?.get(&format!("https://{SHOP}/")).await?.expect(200)?;
    assert!(page.header("strict-transport-security").contains("max-age=31536000"));
    Ok(())
}
