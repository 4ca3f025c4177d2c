//! `/access/service_tokens`.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::lab::{Answer, NOW, lab, labs};

fn hash(secret: &str) -> String {
    let digits =
        Sha256::digest(secret).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    digits.concat()
}

fn secret(answer: &Answer) -> String {
    let secret = answer.result()["client_secret"].as_str();
    secret.unwrap_or_else(|| panic!("a secret: {}", answer.text)).to_owned()
}

#[tokio::test]
async fn a_secret_is_told_once_and_kept_as_a_hash() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("service_tokens");
        // As the legacy SDK sends it.
        let made =
            lab.operator("POST", &path, json!({"name": "CI", "client_secret_version": 0})).await;
        assert_eq!(made.status, 201, "{}", made.text);
        made.repeats(&json!({"name": "CI", "duration": "8760h"}));
        let client_id = made.result()["client_id"].as_str().unwrap().to_owned();
        assert!(client_id.len() == 39 && client_id.ends_with(".access"), "{client_id}");
        let first = secret(&made);
        let record = lab.record(&format!("service_token:{client_id}")).await;
        assert_eq!(record["secrets"], json!([{"sha256": hash(&first)}]));
        assert_eq!(record["expires_at"], NOW / 1000 + 8760 * 3600);
        let one = format!("{path}/{}", made.id());
        let read = lab.operator("GET", &one, Value::Null).await;
        let listed = lab.operator("GET", &path, Value::Null).await;
        assert_eq!(&listed.result()[0], read.result());
        for name in ["client_id", "duration", "expires_at", "name"] {
            assert_eq!(read.result()[name], made.result()[name], "{name}");
        }
        for answer in [&read, &listed] {
            assert!(!answer.text.contains("client_secret"), "{}", answer.text);
        }
        let deleted = lab.operator("DELETE", &one, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.id()), (200, made.id()));
        assert_eq!(lab.operator("GET", &one, Value::Null).await.status, 404);
        assert_eq!(lab.record(&format!("service_token:{client_id}")).await, Value::Null);
    }
}

#[tokio::test]
async fn a_higher_version_makes_a_new_secret_and_the_same_one_none() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("service_tokens");
        let body = json!({"name": "CI", "duration": "8760h", "client_secret_version": 1});
        let made = lab.operator("POST", &path, body.clone()).await;
        made.repeats(&body);
        let (one, first) = (format!("{path}/{}", made.id()), secret(&made));
        let key = format!("service_token:{}", made.result()["client_id"].as_str().unwrap());
        let same = lab.operator("PUT", &one, body.clone()).await;
        assert!(same.result().get("client_secret").is_none(), "{}", same.text);
        let next = json!({"name": "CI", "duration": "8760h", "client_secret_version": 2,
            "previous_client_secret_expires_at": "2026-09-21T15:33:20Z"});
        let grown = lab.operator("PUT", &one, next.clone()).await;
        let second = secret(&grown);
        grown.repeats(&next);
        assert_ne!(first, second);
        let end = NOW / 1000 + 3600 * 24;
        let both = json!([{"sha256": hash(&second)}, {"sha256": hash(&first), "expires_at": end}]);
        let record = lab.record(&key).await;
        assert_eq!(record["secrets"][0], both[0]);
        assert_eq!(record["secrets"][1]["sha256"], both[1]["sha256"]);
        assert_eq!(grown.result()["expires_at"], made.result()["expires_at"]);
        let again = lab.operator("PUT", &one, next).await;
        assert!(again.result().get("client_secret").is_none(), "{}", again.text);
        let back = lab.operator("PUT", &one, body).await;
        assert_eq!(back.refused(), "/client_secret_version");
        let off = json!({"name": "CI", "enabled": false, "client_secret_version": 2});
        lab.operator("PUT", &one, off.clone()).await.repeats(&off);
        assert_eq!(lab.record(&key).await["enabled"], false);
    }
}

#[tokio::test]
async fn a_token_is_rotated_and_refreshed() {
    for lab in labs().await {
        let own = lab.organization("own.com").await;
        let path = own.access("service_tokens");
        let made = lab.operator("POST", &path, json!({"name": "CI", "duration": "24h"})).await;
        let one = format!("{path}/{}", made.id());
        let key = format!("service_token:{}", made.result()["client_id"].as_str().unwrap());
        let rotated = lab.operator("POST", &format!("{one}/rotate"), json!({})).await;
        let second = secret(&rotated);
        assert_eq!(lab.record(&key).await["secrets"], json!([{"sha256": hash(&second)}]));
        let soon = json!({"previous_client_secret_expires_at": "2099-01-01T00:00:00Z"});
        let rotated = lab.operator("POST", &format!("{one}/rotate"), soon).await;
        let record = lab.record(&key).await;
        assert_eq!(record["secrets"][0]["sha256"], hash(&secret(&rotated)));
        assert_eq!(record["secrets"][1]["sha256"], hash(&second));
        // No body, yet a content type: not bad JSON.
        let json = [("content-type", "application/json")];
        let rotate = format!("{one}/rotate");
        let empty = lab.ask_with(crate::lab::BOOTSTRAP, "POST", &rotate, Value::Null, &json).await;
        assert_eq!(empty.status, 200, "{}", empty.text);
        lab.clock.advance(Duration::from_hours(48));
        let refreshed = lab.operator("POST", &format!("{one}/refresh"), Value::Null).await;
        assert!(refreshed.result().get("client_secret").is_none(), "{}", refreshed.text);
        let end = NOW / 1000 + (48 + 8760) * 3600;
        assert_eq!(lab.record(&key).await["expires_at"], end);
        let spoiled = json!({"previous_client_secret_expires_at": "tomorrow"});
        let refused = lab.operator("POST", &format!("{one}/rotate"), spoiled).await;
        assert_eq!(refused.refused(), "/previous_client_secret_expires_at");
    }
}

#[tokio::test]
async fn lengths_are_judged_and_for_ever_has_no_end() {
    let lab = lab().await;
    let own = lab.organization("own.com").await;
    let path = own.access("service_tokens");
    let body = json!({"name": "CI", "duration": "forever"});
    let made = lab.operator("POST", &path, body.clone()).await;
    assert!(made.repeats(&body).get("expires_at").is_none(), "{}", made.text);
    for wrong in ["0h", "-1h", "a year", "1d"] {
        let refused = lab.operator("POST", &path, json!({"name": "CI", "duration": wrong})).await;
        assert_eq!(refused.refused(), "/duration", "{wrong}");
    }
}
