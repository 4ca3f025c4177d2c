//! What stands in a hostname's way ends in a documented status, with an error that names the
//! remedy; once it is mended, the hostname goes live by a retry or by PATCH.

use std::net::SocketAddr;

use lintel_dev::client::CustomHostname;
use lintel_tests::acme_proxy::{Moment, Step, problem};
use lintel_tests::origin::Origin;
use lintel_tests::pebble::Habits;
use lintel_tests::ports::CUSTOMERS_OWN;
use lintel_tests::{Failure, Lintel};
use reqwest::Method;
use serde_json::json;

const SHOP: &str = "shop.customer.test";
/// A base unit so long that nothing is tried again by itself.
const NEVER: &str = "3600000";

/// Waits until this status is shown with an error that says this.
async fn refused(
    lintel: &Lintel,
    id: &str,
    (status, ssl_status): (&str, &str),
    says: &[&str],
) -> Result<CustomHostname, Failure> {
    let what = format!("{status}, {ssl_status}, saying {says:?}");
    lintel
        .shows(id, &what, |hostname| {
            hostname.status == status
                && hostname.ssl_status() == ssl_status
                && says.iter().all(|text| hostname.errors().iter().any(|e| e.contains(text)))
        })
        .await
}

/// Waits until `is` holds, and says "check now" for as long as this error is shown: what was under
/// way when the cause was mended may fail once more.
async fn mended(
    lintel: &Lintel,
    id: &str,
    error: &str,
    is: impl Fn(&CustomHostname) -> bool,
) -> Result<CustomHostname, Failure> {
    lintel
        .until("what was mended is found", async || {
            let hostname = lintel.api.hostname(&lintel.zone, id).await?;
            if is(&hostname) {
                return Ok(hostname);
            }
            if hostname.errors().iter().any(|shown| shown.contains(error)) {
                check_now(lintel, id).await?;
            }
            Err(Failure::new(format!("{hostname:?}")))
        })
        .await
}

/// PATCH with the same `ssl`: check now.
async fn check_now(lintel: &Lintel, id: &str) -> Result<(), Failure> {
    let path = format!("/zones/{}/custom_hostnames/{id}", lintel.zone);
    let body = json!({ "ssl": { "method": "http", "type": "dv" } });
    let answer = lintel.api.call(Method::PATCH, &path, Some(body)).await?;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn a_missing_cname_is_named_and_a_retry_finds_it() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    let shop = lintel.api.create_hostname(&lintel.zone, SHOP, json!({})).await?;
    let remedy = format!("{SHOP} CNAME ");
    refused(&lintel, &shop.id, ("pending", "pending_validation"), &[&remedy]).await?;
    assert_eq!(lintel.acme.answered(Step::Challenge), 0, "the CA was not bothered");
    // The page on port 80 says so as well, once the edge has heard of it.
    let visitor = lintel.visitor()?.header("accept", "application/json");
    lintel
        .until("the page says it", async || {
            let page = visitor.get(&format!("http://{SHOP}/")).await?.expect(503)?;
            let says =
                page.json()["error"]["code"] == "pending_hostname" && page.text().contains(&remedy);
            if says { Ok(()) } else { Err(Failure::new(page.text())) }
        })
        .await?;
    lintel.dns.cname(SHOP, &lintel.target).await?;
    lintel.active(&shop.id).await?;
    Ok(())
}

#[tokio::test]
async fn a_missing_cname_that_was_added_is_found_at_once_by_patch() -> Result<(), Failure> {
    let slow = Lintel::builder().control_variable("LINTEL_RETRY_BASE_MILLIS", NEVER);
    let lintel = slow.start().await?;
    let shop = lintel.api.create_hostname(&lintel.zone, SHOP, json!({})).await?;
    refused(&lintel, &shop.id, ("pending", "pending_validation"), &["CNAME"]).await?;
    lintel.dns.cname(SHOP, &lintel.target).await?;
    mended(&lintel, &shop.id, "CNAME", |hostname| hostname.status == "active").await?;
    Ok(())
}

#[tokio::test]
async fn a_wrong_token_at_the_customers_own_server_is_named() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    let port = lintel.edges[0].http.port();
    let own = Origin::start(SocketAddr::new(CUSTOMERS_OWN, port), "the customer's own").await?;
    lintel.dns.address(SHOP, CUSTOMERS_OWN).await?;
    let shop = lintel.api.create_hostname(&lintel.zone, SHOP, json!({})).await?;
    let pending = ("pending", "pending_validation");
    let shop = refused(&lintel, &shop.id, pending, &["answered 404, not the token"]).await?;
    let records = shop.ssl.as_ref().map(|ssl| ssl.validation_records.clone()).unwrap_or_default();
    let record = records.first().cloned().unwrap_or_default();
    let path = record.http_url.replace(&format!("http://{SHOP}"), "");
    assert!(path.starts_with("/.well-known/acme-challenge/"), "{record:?}");
    own.put(&path, "something else");
    refused(&lintel, &shop.id, pending, &["answered 200, not the token", "http_body"]).await?;
    assert_eq!(lintel.acme.answered(Step::Challenge), 0, "the CA was not bothered");

    // The customer's own server proves control and ownership before any traffic is moved.
    own.put(&path, &record.http_body);
    let ownership = shop.ownership_verification_http.clone();
    let ownership = ownership.ok_or_else(|| Failure::new("no ownership_verification_http"))?;
    own.put(&ownership.http_url.replace(&format!("http://{SHOP}"), ""), &ownership.http_body);
    lintel.active(&shop.id).await?;
    let page = lintel.visitor()?.get(&format!("https://{SHOP}/")).await?.expect(200)?;
    assert_eq!(page.json()["greeting"], lintel.origin.greeting);
    Ok(())
}

#[tokio::test]
async fn a_name_that_the_ca_never_issues_for_is_told() -> Result<(), Failure> {
    let habits = Habits { blocked: vec!["blocked.test".into()], ..Habits::default() };
    let lintel = Lintel::builder().habits(habits).start().await?;
    let shop = lintel.create("shop.blocked.test", json!({})).await?;
    let says = ["rejectedIdentifier", "choose another `certificate_authority`"];
    refused(&lintel, &shop.id, ("active", "initializing"), &says).await?;
    Ok(())
}

#[tokio::test]
async fn a_ca_that_refuses_and_then_relents_is_asked_again() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    lintel.acme.refuse(Step::NewOrder, 0, problem::REJECTED);
    let shop = lintel.create(SHOP, json!({})).await?;
    refused(&lintel, &shop.id, ("active", "initializing"), &["policy forbids"]).await?;
    lintel.acme.heal();
    mended(&lintel, &shop.id, "policy forbids", CustomHostname::is_active).await?;
    Ok(())
}

#[tokio::test]
async fn a_ca_that_is_down_is_waited_for() -> Result<(), Failure> {
    let lintel = Lintel::start().await?;
    lintel.acme.take_down();
    let shop = lintel.create(SHOP, json!({})).await?;
    let says = ["cannot be reached", "tried again by itself"];
    refused(&lintel, &shop.id, ("active", "initializing"), &says).await?;
    lintel.acme.heal();
    lintel.active(&shop.id).await?;
    Ok(())
}

#[tokio::test]
async fn a_refused_second_order_does_not_keep_the_hostname_from_being_live() -> Result<(), Failure>
{
    let lintel = Lintel::start().await?;
    // When the first certificate is there to be fetched, no more orders are needed for it.
    let fetched = lintel.acme.hold(Moment::Before, Step::Certificate);
    let shop = lintel.create(SHOP, json!({})).await?;
    fetched.reached().await?;
    lintel.acme.refuse_orders(SHOP, problem::RATE_LIMITED);
    fetched.release();
    lintel.active(&shop.id).await?;
    let limited = ("active", "active");
    let shop =
        refused(&lintel, &shop.id, limited, &["RSA certificate: ", "limits how often"]).await?;
    assert_eq!(shop.ssl.map(|ssl| ssl.certificates.len()), Some(1));
    lintel.visitor()?.http2().get(&format!("https://{SHOP}/")).await?.expect(200)?;
    lintel.acme.heal();
    let both = |hostname: &CustomHostname| {
        hostname.ssl.as_ref().is_some_and(|ssl| ssl.certificates.len() == 2)
    };
    mended(&lintel, &shop.id, "limits how often", both).await?;
    Ok(())
}
