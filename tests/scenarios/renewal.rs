//! Certificates are renewed by themselves, and no visitor notices.

use std::collections::BTreeSet;

use lintel_tests::acme_proxy::Step;
use lintel_tests::pebble::Habits;
use lintel_tests::{Failure, Lintel};

const SHOP: &str = "shop.customer.test";

#[tokio::test]
async fn a_certificate_is_renewed_with_a_new_key_before_it_expires() -> Result<(), Failure> {
    // Renewal begins at half of it: the other half is for a machine that is busy.
    let habits = Habits { validity: 60, ..Habits::default() };
    let lintel = Lintel::builder().habits(habits).start().await?;
    let shop = lintel.onboard(SHOP).await?;
    let visitor = lintel.visitor()?;
    let (mut serials, mut keys) = (BTreeSet::new(), BTreeSet::new());
    lintel
        .until("two renewals", async || {
            let tls = visitor.handshake(SHOP).await.inspect_err(|failure| {
                let refused = failure.to_string().contains("invalid peer certificate");
                assert!(!refused, "an expired certificate was served: {failure}");
            })?;
            serials.insert(tls.serial);
            keys.insert(tls.public_key);
            let hostname = lintel.api.hostname(&lintel.zone, &shop.id).await?;
            assert_eq!(hostname.status, "active");
            assert!(
                ["active", "pending_deployment"].contains(&hostname.ssl_status()),
                "{hostname:?}"
            );
            if serials.len() > 2 { Ok(()) } else { Err(Failure::new(format!("{hostname:?}"))) }
        })
        .await?;
    assert_eq!(keys.len(), serials.len(), "a key is never used again");
    assert!(lintel.acme.finalized().values().all(|times| *times == 1));
    one_order_at_a_time(&lintel);
    Ok(())
}

/// Let's Encrypt answers a second `newOrder` for a name with the order that is pending for it.
fn one_order_at_a_time(lintel: &Lintel) {
    let mut pending = false;
    for exchange in lintel.acme.exchanges().iter().filter(|exchange| exchange.status < 300) {
        match exchange.step {
            Step::NewOrder => assert!(!std::mem::replace(&mut pending, true), "two at a time"),
            Step::Challenge => pending = false,
            _ => {}
        }
    }
}
