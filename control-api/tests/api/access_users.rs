//! `/access/users`, seats and revocation.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::access_world::{CORP, DOMAIN, OPEN, nonce, organization, record, sign_in};
use crate::lab::{NOW, lab, labs};

#[tokio::test]
async fn a_user_is_made_changed_found_and_deleted() {
    for lab in labs().await {
        let (own, other) = (lab.tenant("own.com").await, lab.tenant("other.com").await);
        organization(&lab, &own).await;
        let users = format!("/accounts/{}/access/users", own.account);
        let body = json!({"email": "Ann@Corp.com", "name": "Ann"});
        let made = lab.operator("POST", &users, body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.id();
        let expected = json!({"id": id, "uid": id, "email": "ann@corp.com", "name": "Ann",
            "access_seat": false, "gateway_seat": false, "active_device_count": 0,
            "seat_uid": made.result()["seat_uid"], "created_at": made.result()["created_at"],
            "updated_at": made.result()["created_at"]});
        assert_eq!(made.result(), &expected);
        assert_eq!(lab.operator("POST", &users, body).await.outcome(), (409, 1061));
        for (body, field) in [
            (json!({}), "/email"),
            (json!({"email": "x"}), "/email"),
            (json!({"email": "a@b.com", "risk_score": "huge"}), "/risk_score"),
            (json!({"email": "a@b.com", "nickname": "x"}), "/nickname"),
        ] {
            let refused = lab.operator("POST", &users, body).await;
            assert_eq!(refused.status, 400, "{}", refused.text);
            assert_eq!(refused.body["errors"][0]["source"]["pointer"], field);
        }
        let path = format!("{users}/{id}");
        let elsewhere = format!("/accounts/{}/access/users/{id}", other.account);
        assert_eq!(lab.operator("GET", &elsewhere, Value::Null).await.status, 404);
        assert_eq!(lab.operator("DELETE", &elsewhere, Value::Null).await.status, 404);
        let body = json!({"email": "ann@corp.com", "name": "Anne", "risk_score": "high"});
        let changed = lab.operator("PUT", &path, body).await;
        assert_eq!(changed.result()["risk_score"], "high", "{}", changed.text);
        // Signing in finds her, keeps what was set, and takes a seat.
        let session = sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        assert_eq!(session["outcome"], "session");
        let found = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(found.result()["access_seat"], true);
        assert!(found.result()["last_successful_login"].is_string());
        let seen = format!("{path}/last_seen_identity");
        let identity = lab.operator("GET", &seen, Value::Null).await;
        for (member, value) in [
            ("email", json!("ann@corp.com")),
            ("user_uuid", json!(id)),
            ("risk_score", json!("high")),
            ("idp", json!({"id": CORP, "type": "oidc"})),
            ("geo", json!({"country": "DE"})),
            ("amr", json!(["pwd"])),
            ("ip", json!("192.0.2.1")),
        ] {
            assert_eq!(identity.result()[member], value, "{}", identity.text);
        }
        let sessions = format!("{path}/active_sessions");
        let active = lab.operator("GET", &sessions, Value::Null).await;
        let expires = NOW / 1000 + 3600;
        let expected = json!([{"name": nonce("n1"), "expiration": expires, "metadata": {
            "apps": {}, "expires": expires, "iat": NOW / 1000, "nonce": nonce("n1"),
            "ttl": 3600}}]);
        assert_eq!(active.result(), &expected);
        let one = lab.operator("GET", &format!("{sessions}/{}", nonce("n1")), Value::Null).await;
        assert_eq!(
            (&one.result()["isActive"], &one.result()["user_uuid"]),
            (&true.into(), &id.clone().into())
        );
        // Lists.
        for (query, count) in [
            ("", 1),
            ("?email=ANN@corp.com", 1),
            ("?email=ann", 0),
            ("?name=Ann", 0),
            ("?search=nN", 1),
            ("?search=%25", 0),
            ("?page=2", 0),
        ] {
            let listed = lab.operator("GET", &format!("{users}{query}"), Value::Null).await;
            assert_eq!(listed.result().as_array().unwrap().len(), count, "{query}");
        }
        let deleted = lab.operator("DELETE", &path, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (200, id.clone()));
        assert_eq!(lab.operator("GET", &path, Value::Null).await.status, 404);
        assert!(record(&lab, &format!("session:{}", nonce("n1"))).await.is_none());
        let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
        assert_eq!(revoked["users"][&id]["not_after"], NOW / 1000);
        let session = sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n2")).await;
        assert_eq!(session["outcome"], "session", "they may sign in as new");
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_until_enabled() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        let users = format!("/accounts/{}/access/users", own.account);
        let listed = lab.operator("GET", &users, Value::Null).await;
        let id = listed.result()[0]["id"].as_str().unwrap().to_owned();
        let put = async |body| lab.operator("PUT", &format!("{users}/{id}"), body).await;
        let off = put(json!({"email": "ann@corp.com", "enabled": false})).await;
        assert_eq!(off.result()["enabled"], false, "{}", off.text);
        let refused = sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n2")).await;
        assert_eq!(refused, json!({"outcome": "disabled"}));
        assert!(record(&lab, &format!("session:{}", nonce("n1"))).await.is_none());
        let disabled = json!({"not_after": NOW / 1000, "disabled": true});
        let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
        assert_eq!(revoked["users"][&id], disabled);
        // A client that knows nothing of it does not undo it, and time does not either.
        let renamed = put(json!({"email": "ann@corp.com", "name": "Ann"})).await;
        assert_eq!(renamed.result()["enabled"], false, "{}", renamed.text);
        lab.clock.advance(std::time::Duration::from_hours(40 * 24));
        lab.people.tidy().await.unwrap();
        let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
        assert_eq!(revoked["users"][&id], disabled);
        let on = put(json!({"email": "ann@corp.com", "enabled": true})).await;
        assert!(on.result()["enabled"].is_null(), "{}", on.text);
        let session = sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n3")).await;
        assert_eq!(session["outcome"], "session");
        let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
        assert_eq!(revoked["users"][&id], json!({"not_after": NOW / 1000}), "old tokens stay dead");
    }
}

#[tokio::test]
async fn another_address_ends_what_says_the_old_one() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        sign_in(&lab, CORP, "s2", "bob@corp.com", &nonce("n2")).await;
        let users = format!("/accounts/{}/access/users", own.account);
        let found = lab.operator("GET", &format!("{users}?email=ann@corp.com"), Value::Null).await;
        let id = found.result()[0]["id"].as_str().unwrap().to_owned();
        let path = format!("{users}/{id}");
        let taken = lab.operator("PUT", &path, json!({"email": "bob@corp.com"})).await;
        assert_eq!(taken.outcome(), (409, 1061));
        let moved = lab.operator("PUT", &path, json!({"email": "anne@corp.com"})).await;
        assert_eq!(moved.result()["email"], "anne@corp.com", "{}", moved.text);
        assert!(record(&lab, &format!("session:{}", nonce("n1"))).await.is_none());
        sign_in(&lab, CORP, "s1", "anne@corp.com", &nonce("n3")).await;
        let found = lab.operator("GET", &format!("{users}?email=anne@corp.com"), Value::Null).await;
        assert_eq!(found.result()[0]["id"], id.as_str());
        sign_in(&lab, CORP, "s9", "ann@corp.com", &nonce("n4")).await;
        let found = lab.operator("GET", &format!("{users}?email=ann@corp.com"), Value::Null).await;
        assert_ne!(found.result()[0]["id"], id.as_str(), "the old address is somebody else's now");
    }
}

#[tokio::test]
async fn seats_are_given_and_taken_all_or_none() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        let users = format!("/accounts/{}/access/users", own.account);
        let listed = lab.operator("GET", &users, Value::Null).await;
        let seat = listed.result()[0]["seat_uid"].clone();
        let path = format!("/accounts/{}/access/seats", own.account);
        let change = json!({"seat_uid": seat, "access_seat": false, "gateway_seat": false});
        let unknown = json!({"seat_uid": "none", "access_seat": false, "gateway_seat": false});
        let failed = lab.operator("PATCH", &path, json!([change, unknown])).await;
        assert_eq!(failed.status, 404, "{}", failed.text);
        let listed = lab.operator("GET", &users, Value::Null).await;
        assert_eq!(listed.result()[0]["access_seat"], true, "nothing was changed");
        let changed = lab.operator("PATCH", &path, json!([change])).await;
        assert_eq!(changed.result()[0]["access_seat"], false, "{}", changed.text);
        for body in [json!({}), json!([{}]), json!([null]), json!("x")] {
            let refused = lab.operator("PATCH", &path, body).await;
            assert_eq!(refused.outcome(), (400, 1400), "{}", refused.text);
        }
    }
}

#[tokio::test]
async fn a_seat_that_nobody_sits_on_is_taken() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        let path = format!("/accounts/{}/access/organizations", own.account);
        let body = json!({"name": "Own", "auth_domain": DOMAIN,
            "user_seat_expiration_inactive_time": "730h"});
        let set = lab.operator("PUT", &path, body).await;
        assert_eq!(set.status, 200, "{}", set.text);
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        lab.clock.advance(std::time::Duration::from_hours(700));
        sign_in(&lab, CORP, "s2", "bob@corp.com", &nonce("n2")).await;
        lab.clock.advance(std::time::Duration::from_hours(31));
        lab.people.tidy().await.unwrap();
        let users = format!("/accounts/{}/access/users", own.account);
        let listed = lab.operator("GET", &users, Value::Null).await;
        let seats: Vec<_> =
            listed.result().as_array().unwrap().iter().map(|user| &user["access_seat"]).collect();
        assert_eq!(seats, [false, true], "{}", lab.name);
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n3")).await;
        let listed = lab.operator("GET", &users, Value::Null).await;
        assert_eq!(listed.result()[0]["access_seat"], true, "who comes back gets one again");
    }
}

#[tokio::test]
async fn a_revoked_user_is_one_change_at_the_feed() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        sign_in(&lab, CORP, "s1", "ann@corp.com", &nonce("n1")).await;
        sign_in(&lab, OPEN, "s1", "ann@corp.com", &nonce("n2")).await;
        let before = lab.edge("GET", "changes?since=0", Value::Null).await;
        let since = before.body["next"].as_i64().unwrap();
        let bodies = [
            json!({"email": "ANN@corp.com"}),
            json!({"email": "ann@corp.com", "devices": true}),
            json!({"email": "ann@corp.com", "body_devices": true, "warp_session_reauth": false}),
        ];
        for (body, scope) in bodies.into_iter().zip(["accounts", "zones", "accounts"]) {
            let id = if scope == "zones" { &own.zone } else { &own.account };
            let path = format!("/{scope}/{id}/access/organizations/revoke_user?devices=true");
            let answer = lab.operator("POST", &path, body).await;
            assert_eq!(
                (answer.status.as_u16(), answer.result()),
                (200, &true.into()),
                "{}",
                answer.text
            );
        }
        let path = format!("/edge/v1/changes?since={since}");
        let changes = lab.edge("GET", &path["/edge/v1/".len()..], Value::Null).await;
        let changes = changes.body["changes"].as_array().unwrap().clone();
        let keys: Vec<_> = changes.iter().map(|change| change["key"].as_str().unwrap()).collect();
        let revoked = format!("revoked:{DOMAIN}");
        let mut expected = [
            revoked.as_str(),
            &format!("session:{}", nonce("n1")),
            &format!("session:{}", nonce("n2")),
        ];
        expected.sort_unstable();
        let mut found = keys.clone();
        found.sort_unstable();
        assert_eq!(found, expected, "asked three times, changed once: {}", lab.name);
        let value = changes.iter().find(|change| change["key"] == revoked.as_str()).unwrap();
        let value: Value = serde_json::from_str(value["value"].as_str().unwrap()).unwrap();
        let users = value["users"].as_object().unwrap();
        assert_eq!(users.len(), 2, "both of this address: {value}");
        assert!(users.values().all(|user| user["not_after"] == NOW / 1000), "{value}");
        let path = format!("/accounts/{}/access/organizations/revoke_user", own.account);
        let unknown = lab.operator("POST", &path, json!({"email": "no@corp.com"})).await;
        assert_eq!(unknown.status, 404, "{}", unknown.text);
        let nobody = lab.operator("POST", &path, json!({"devices": true})).await;
        assert_eq!(nobody.status, 400, "{}", nobody.text);
    }
}

#[tokio::test]
async fn of_many_revocations_at_once_none_is_lost() {
    for lab in labs().await {
        let own = lab.tenant("own.com").await;
        organization(&lab, &own).await;
        for n in 0..12 {
            let (subject, email) = (format!("s{n}"), format!("u{n}@corp.com"));
            sign_in(&lab, CORP, &subject, &email, &nonce(&format!("r{n}x"))).await;
        }
        let path = format!("/accounts/{}/access/organizations/revoke_user", own.account);
        let revoke =
            |n: usize| lab.operator("POST", &path, json!({"email": format!("u{n}@corp.com")}));
        let answers = join_all((0..12).map(revoke)).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{}", lab.name);
        let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
        assert_eq!(revoked["users"].as_object().unwrap().len(), 12, "{}: {revoked}", lab.name);
    }
}

#[tokio::test]
async fn an_application_s_tokens_are_revoked_beside_its_users() {
    let lab = lab().await;
    let own = lab.tenant("own.com").await;
    organization(&lab, &own).await;
    for (aud, at) in [("aud-1", NOW), ("aud-2", NOW), ("aud-1", NOW - 60_000)] {
        let mut tx = lab.db.begin().await.unwrap();
        let revoked = control_api::people::revocation::application(&mut tx, &own.account, aud, at);
        revoked.await.unwrap();
        tx.commit().await.unwrap();
    }
    let revoked = record(&lab, &format!("revoked:{DOMAIN}")).await.unwrap();
    let applications =
        json!({"aud-1": {"not_after": NOW / 1000}, "aud-2": {"not_after": NOW / 1000}});
    assert_eq!(revoked["applications"], applications, "never less than before");
}
