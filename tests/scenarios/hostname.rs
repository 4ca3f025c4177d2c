//! A customer's hostname goes live: one API call to HTTPS at the edge.

use http::Version;
use lintel_dev::client::CustomHostname;
use lintel_dev::state::{BOOTSTRAP_TOKEN, EDGE_KEY, EDGE_TOKEN, MASTER_KEY};
use lintel_tests::acme_proxy::{Moment, Step};
use lintel_tests::lintel::Builder;
use lintel_tests::openssl::s_client;
use lintel_tests::pebble::Habits;
use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;

const SHOP: &str = "shop.customer.test";

#[tokio::test]
async fn a_hostname_goes_live_on_sqlite() -> Result<(), Failure> {
    goes_live(Lintel::builder()).await
}

#[tokio::test]
async fn a_hostname_goes_live_on_postgresql() -> Result<(), Failure> {
    goes_live(Lintel::builder().on_postgres()).await
}

async fn goes_live(builder: Builder) -> Result<(), Failure> {
    let lintel = builder.start().await?;
    let shop = through_every_state(&lintel).await?;
    pages_come_from_the_origin(&lintel).await?;
    let shop = lintel.both_certificates(&shop.id).await?;
    both_chains_are_served(&lintel, &shop).await?;
    assert_eq!(lintel.acme.orders(SHOP), 2, "one order for each key type");
    assert!(lintel.acme.finalized().values().all(|times| *times == 1));
    no_secret_is_in_clear(&lintel)
}

/// The CA and a point of presence that serves nothing hold the certificate in each state.
async fn through_every_state(lintel: &Lintel) -> Result<CustomHostname, Failure> {
    let ghost = json!({
        "https_address": format!("127.0.0.1:{}", lintel.port()?),
        "http_address": lintel.edges[0].http.to_string(),
    });
    let status = lintel.point_of_presence(Method::PUT, "ghost", Some(ghost)).await?;
    assert!((200..300).contains(&status), "{status}");
    let order = lintel.acme.hold(Moment::Before, Step::NewOrder);
    let challenge = lintel.acme.hold(Moment::Before, Step::Challenge);
    let finalize = lintel.acme.hold(Moment::Before, Step::Finalize);
    let shows = async |id: &str, state: &str| {
        lintel.shows(id, state, |hostname| hostname.ssl_status() == state).await
    };

    let shop = lintel.create(SHOP, json!({})).await?;
    assert_eq!(shop.ssl_status(), "initializing");
    assert_eq!(shop.status, "pending");
    order.reached().await?;
    shows(&shop.id, "initializing").await?;
    order.release();

    challenge.reached().await?;
    let pending = shows(&shop.id, "pending_validation").await?;
    let records = pending.ssl.map(|ssl| ssl.validation_records).unwrap_or_default();
    let record = records.first().ok_or_else(|| Failure::new("no validation_records"))?;
    let page = lintel.visitor()?.get(&record.http_url).await?.expect(200)?;
    assert_eq!(page.text(), record.http_body);
    challenge.release();

    finalize.reached().await?;
    shows(&shop.id, "pending_issuance").await?;
    finalize.release();

    let pending = shows(&shop.id, "pending_deployment").await?;
    assert!(!pending.is_active());
    lintel.point_of_presence(Method::DELETE, "ghost", None).await?;
    lintel.active(&shop.id).await
}

async fn pages_come_from_the_origin(lintel: &Lintel) -> Result<(), Failure> {
    let visitor = lintel.visitor()?;
    for (visitor, version) in
        [(visitor.clone(), Version::HTTP_11), (visitor.http2(), Version::HTTP_2)]
    {
        let page = visitor.get(&format!("https://{SHOP}/cart?item=1")).await?.expect(200)?;
        assert_eq!(page.version, version);
        let echo = page.json();
        assert_eq!(echo["greeting"], lintel.origin.greeting);
        assert_eq!(echo["host"], SHOP);
        assert_eq!(echo["target"], "/cart?item=1");
        assert_eq!(echo["headers"]["x-forwarded-proto"], "https");
        assert_eq!(echo["headers"]["x-forwarded-for"], "127.0.0.1");
    }
    Ok(())
}

/// By openssl, for one name: ECDSA for who can, RSA for who cannot.
async fn both_chains_are_served(lintel: &Lintel, shop: &CustomHostname) -> Result<(), Failure> {
    let (edge, root) = (lintel.edges[0].https, lintel.root_file());
    let modern = s_client(edge, SHOP, &root, &[]).await?;
    assert!(modern.verified, "{}", modern.output);
    assert_eq!((modern.key_bits, modern.signature.as_str()), (256, "ECDSA"), "{}", modern.output);
    assert_eq!(modern.chain_length, 2, "leaf and intermediate: {}", modern.output);
    // Active is seen for the second certificate as well, so it is served by now.
    for (arguments, signature) in [
        (&["-sigalgs", "RSA+SHA256:RSA-PSS+SHA256"][..], "RSA-PSS"),
        (&["-tls1_2", "-sigalgs", "RSA+SHA256"][..], "RSA"),
    ] {
        let old = lintel.until("the RSA chain", async || {
            let handshake = s_client(edge, SHOP, &root, arguments).await?;
            if handshake.verified { Ok(handshake) } else { Err(Failure::new(handshake.output)) }
        });
        let old = old.await?;
        assert_eq!((old.key_bits, old.signature.as_str()), (2048, signature), "{}", old.output);
    }
    let certificates = shop.ssl.as_ref().map(|ssl| ssl.certificates.clone()).unwrap_or_default();
    assert_eq!(certificates.len(), 2, "{shop:?}");
    assert_ne!(certificates[0].serial_number, certificates[1].serial_number);
    Ok(())
}

/// Neither logs nor the database show a key or a token.
fn no_secret_is_in_clear(lintel: &Lintel) -> Result<(), Failure> {
    let mut secrets = vec![lintel.api.token().to_owned(), "PRIVATE KEY".to_owned()];
    for name in [MASTER_KEY, EDGE_KEY, EDGE_TOKEN, BOOTSTRAP_TOKEN] {
        let text = lintel.state().read(name)?.unwrap_or_default();
        secrets.push(text.trim_start_matches("dev1:").to_owned());
    }
    let mut files = lintel.logs()?;
    files.extend(["control.db", "control.db-wal"].map(|name| lintel.state().path(name)));
    for file in files.iter().filter(|file| file.exists()) {
        let bytes = std::fs::read(file)?;
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret in clear", file.display());
        }
    }
    Ok(())
}

/// Real CAs refuse good nonces and reuse proofs.
#[tokio::test]
async fn a_moody_ca_delays_nothing_but_requests() -> Result<(), Failure> {
    let habits = Habits { nonces_refused: 50, proofs_reused: 100, ..Habits::default() };
    let lintel = Lintel::builder().habits(habits).start().await?;
    let shop = lintel.onboard(SHOP).await?;
    lintel.both_certificates(&shop.id).await?;
    assert!(lintel.acme.finalized().values().all(|times| *times == 1));
    Ok(())
}
