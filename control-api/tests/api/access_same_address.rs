//! Two people with one address: who may be called by it.

use std::time::Duration;

use serde_json::Value;

use crate::access_world::{CORP, OPEN, PIN, nonce, organization, sign_in};
use crate::lab::{Lab, Tenant, labs};

/// Signs somebody in; whether their address is held to be somebody else's.
async fn is_anothers(
    lab: &Lab,
    own: &Tenant,
    (provider, subject, email): (&str, &str, &str),
    mark: &str,
) -> bool {
    lab.clock.advance(Duration::from_secs(1));
    let answer = sign_in(lab, provider, subject, email, &nonce(mark)).await;
    assert_eq!(answer["outcome"], "session", "{answer}");
    let mut tx = lab.db.read().await.unwrap();
    let filter = control_api::store::users::Filter::default();
    let users = control_api::store::users::list(&mut tx, &own.account, &filter, (100, 0));
    let identities = users.await.unwrap().into_iter().filter_map(|user| user.last_identity);
    let identities = identities.map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let mine =
        |identity: &Value| identity["subject"] == subject && identity["idp"]["id"] == provider;
    identities.into_iter().find(mine).unwrap()["email_is_anothers"] == true
}

#[tokio::test]
async fn who_had_an_address_first_has_it() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let ann = (OPEN, "ann", "ann@other.com");
        let eve = (OPEN, "eve", "ann@other.com");
        assert!(!is_anothers(&lab, &own, ann, "n1").await, "{}", lab.name);
        assert!(is_anothers(&lab, &own, eve, "n2").await, "{}", lab.name);
        assert!(!is_anothers(&lab, &own, ann, "n3").await, "the first stays the first");
        // Who was there before, but under another address, is no better.
        let bob = (OPEN, "bob", "bob@other.com");
        assert!(!is_anothers(&lab, &own, bob, "n4").await);
        let carol = (OPEN, "carol", "carol@other.com");
        assert!(!is_anothers(&lab, &own, carol, "n5").await);
        assert!(is_anothers(&lab, &own, (OPEN, "bob", "Carol@Other.com"), "n6").await);
        assert!(!is_anothers(&lab, &own, carol, "n7").await);
        assert!(!is_anothers(&lab, &own, bob, "n8").await, "with his own again");
        assert!(!is_anothers(&lab, &own, (OPEN, "nobody", ""), "n9").await);
        assert!(!is_anothers(&lab, &own, (OPEN, "noone", ""), "n10").await);
    }
}

#[tokio::test]
async fn who_is_known_by_an_address_has_it_although_another_came_first() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        // A provider speaks for the domain: who has never signed in loses nothing.
        let eve = (OPEN, "eve", "Ann@corp.com");
        assert!(is_anothers(&lab, &own, eve, "n1").await, "{}", lab.name);
        assert!(!is_anothers(&lab, &own, (CORP, "ann", "ann@corp.com"), "n2").await);
        assert!(is_anothers(&lab, &own, eve, "n3").await, "{}", lab.name);
        assert!(!is_anothers(&lab, &own, (OPEN, "eve", "eve@sub.corp.com"), "n7").await);
        // A mailbox that was proven.
        let mallory = (OPEN, "mallory", "bob@other.com");
        assert!(!is_anothers(&lab, &own, mallory, "n4").await);
        assert!(!is_anothers(&lab, &own, (PIN, "bob@other.com", "bob@other.com"), "n5").await);
        assert!(is_anothers(&lab, &own, mallory, "n6").await, "{}", lab.name);
    }
}

#[tokio::test]
async fn of_many_at_once_one_at_most_has_the_address() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let subjects: Vec<_> = (0..8).map(|n| format!("subject-{n}")).collect();
        let all = subjects.iter().map(|subject| async {
            let nonce = nonce(subject.trim_start_matches("subject-"));
            sign_in(&lab, OPEN, subject, "ann@other.com", &nonce).await
        });
        for answer in futures_util::future::join_all(all).await {
            assert_eq!(answer["outcome"], "session", "{answer}");
        }
        let mut tx = lab.db.read().await.unwrap();
        let filter = control_api::store::users::Filter::default();
        let users = control_api::store::users::list(&mut tx, &own.account, &filter, (100, 0));
        let identities = users.await.unwrap().into_iter().filter_map(|user| user.last_identity);
        let owners = identities.filter(|text| !text.contains("email_is_anothers")).count();
        assert!(owners <= 1, "{}: {owners}", lab.name);
    }
}
