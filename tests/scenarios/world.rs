//! The parts around Lintel do what the scenarios take for granted.

use lintel_tests::acme_proxy::{AcmeProxy, Moment, Step, problem};
use lintel_tests::authority::Authority;
use lintel_tests::dns::Dns;
use lintel_tests::pebble::{Habits, Pebble};
use lintel_tests::ports::{Ports, loopback};
use lintel_tests::postgres::Postgres;
use lintel_tests::{Failure, until};

#[tokio::test]
async fn the_proxy_counts_refuses_holds_and_goes_down() -> Result<(), Failure> {
    let (folder, ports, authority) = (tempfile::tempdir()?, Ports::reserve()?, Authority::new()?);
    authority.write(folder.path())?;
    let dns = Dns::start(&ports, folder.path()).await?;
    let vacant = (ports.next()?, dns.port);
    let pebble =
        Pebble::start(&Habits::default(), &authority, vacant, &ports, folder.path()).await?;
    let log = folder.path().join("log/acme-proxy.log");
    let acme = AcmeProxy::start(loopback(ports.next()?), pebble.address(), &authority, log).await?;
    let client = authority.client()?;

    let directory: serde_json::Value = client.get(acme.directory()).send().await?.json().await?;
    let order = directory["newOrder"].as_str().unwrap_or_default();
    let through_the_proxy = acme.directory().replace("/dir", "/order-plz");
    assert_eq!(order, through_the_proxy);

    let status = async || Ok::<u16, Failure>(client.post(order).send().await?.status().as_u16());
    assert_eq!(status().await?, 415, "no JWS");
    acme.refuse(Step::NewOrder, 0, problem::RATE_LIMITED);
    assert_eq!(status().await?, 429);
    assert_eq!(acme.answered(Step::NewOrder), 2);
    acme.heal();
    assert_ne!(status().await?, 429);

    let hold = acme.hold(Moment::Before, Step::NewOrder);
    let (answer, ()) = tokio::join!(status(), async {
        let reached = hold.reached().await;
        assert_eq!(acme.answered(Step::NewOrder), 3);
        hold.release();
        reached.unwrap();
    });
    assert_ne!(answer?, 429);

    let hold = acme.hold(Moment::After, Step::NewOrder);
    let (answer, ()) = tokio::join!(status(), async {
        hold.reached().await.unwrap();
        assert_eq!(acme.answered(Step::NewOrder), 5);
        drop(hold);
    });
    assert!(answer.is_err(), "the answer was cut off");

    acme.lose_answers(Step::NewOrder, 0);
    assert!(status().await.is_err());
    acme.take_down();
    assert!(client.get(acme.directory()).send().await.is_err());
    acme.heal();
    assert!(client.get(acme.directory()).send().await?.status().is_success());
    Ok(())
}

#[tokio::test]
async fn a_postgresql_server_starts_beside_the_tests() -> Result<(), Failure> {
    let ports = Ports::reserve()?;
    let postgres = Postgres::start(&ports).await?;
    assert!(postgres.url.starts_with("postgres"), "{}", postgres.url);
    let address = postgres.url.split('@').next_back().and_then(|rest| rest.split('/').next());
    let address = address.unwrap_or_default().to_owned();
    until("the server takes connections", async || {
        Ok(tokio::net::TcpStream::connect(&address).await.map(drop)?)
    })
    .await
}
