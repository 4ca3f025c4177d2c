//! An organisation with providers, an application and lists, as the edge knows them.

#![allow(
    clippy::expect_used,
    dead_code,
    reason = "a test fails by panicking, and takes what it needs"
)]

use control_api::store::access::objects::{self, ObjectRow};
use control_api::store::{Db, changes};
use edge_state::{Hostname, Key};
use serde_json::{Value, json};

pub const DOMAIN: &str = "team.own.com";
/// A provider of codes by mail.
pub const PIN: &str = "00000000-0000-4000-8000-0000000000a1";
/// Speaks for `corp.com`.
pub const CORP: &str = "00000000-0000-4000-8000-0000000000a2";
/// Speaks for nobody.
pub const OPEN: &str = "00000000-0000-4000-8000-0000000000a3";
/// Is off.
pub const OFF: &str = "00000000-0000-4000-8000-0000000000a4";
pub const APP: &str = "00000000-0000-4000-8000-0000000000b1";
pub const POLICY: &str = "00000000-0000-4000-8000-0000000000c1";

/// Writes records and what the control plane goes by beside them.
pub async fn organization(db: &Db, account: &str) {
    let row = ObjectRow {
        id: "00000000-0000-4000-8000-0000000000d1".to_owned(),
        account_id: account.to_owned(),
        kind: "organization".to_owned(),
        name: "Own".to_owned(),
        handle: Some(DOMAIN.to_owned()),
        body: json!({"name": "Own", "auth_domain": DOMAIN}).to_string(),
        owned: "{}".to_owned(),
        created_at: 0,
        updated_at: 0,
        ..ObjectRow::default()
    };
    let mut tx = db.begin().await.expect("a transaction");
    assert!(objects::insert(&mut tx, &row).await.expect("a row"));
    tx.commit().await.expect("a commit");
    publish(db, organization_record(account, true)).await;
    let oidc = json!({"oidc": {"client_id": "c", "scopes": [], "email_claim_name": "email",
        "groups_claim_name": "groups"}});
    for (id, kind, protocol, more) in [
        (PIN, "onetimepin", json!({"one_time_pin": {}}), json!({})),
        (CORP, "oidc", oidc.clone(), json!({"email_domains": ["corp.com"]})),
        (OPEN, "oidc", oidc.clone(), json!({})),
        (OFF, "oidc", oidc, json!({"enabled": false})),
    ] {
        let record = json!({"id": id, "auth_domain": DOMAIN, "name": kind, "type": kind,
            "revision": 1, "protocol": protocol});
        publish(db, (Key::IdentityProvider(id.to_owned()), merged(record, more))).await;
    }
    let include = json!([{"email_domain": {"domain": "corp.com"}}]);
    publish(db, application(&json!([allow(&include, json!({}))]))).await;
}

/// The organisation's record, on or off.
pub fn organization_record(account: &str, enabled: bool) -> (Key, Value) {
    let provider = |id: &str, kind: &str, enabled: bool| json!({"id": id, "name": kind, "kind": kind, "enabled": enabled});
    let providers = json!([
        provider(PIN, "onetimepin", true),
        provider(CORP, "oidc", true),
        provider(OPEN, "oidc", true),
        provider(OFF, "oidc", false)
    ]);
    let record = json!({"account_id": account, "auth_domain": DOMAIN, "name": "Own Inc.",
        "enabled": enabled, "session_seconds": 86_400, "identity_providers": providers,
        "applications": [APP]});
    (Key::Organization(Hostname::parse(DOMAIN).expect("a hostname")), record)
}

/// The one application, with these policies.
pub fn application(policies: &Value) -> (Key, Value) {
    let record = json!({"id": APP, "auth_domain": DOMAIN, "aud": "a".repeat(64), "name": "Wiki",
        "type": "self_hosted", "domain": "wiki.own.com", "session_seconds": 86_400,
        "policies": policies});
    (Key::Application(APP.to_owned()), record)
}

/// A policy that lets in.
pub fn allow(include: &Value, more: Value) -> Value {
    let policy = json!({"id": POLICY, "name": "Staff", "decision": "allow", "include": include});
    merged(policy, more)
}

/// Puts a record where edges find it.
pub async fn publish(db: &Db, (key, record): (Key, Value)) {
    let record = merged(json!({"v": 1}), record);
    let mut tx = db.begin().await.expect("a transaction");
    let text = record.to_string();
    changes::put(&mut tx, &key, Some(&text), 0).await.expect("a change");
    tx.commit().await.expect("a commit");
}

/// What edges have under a key.
pub async fn record(db: &Db, key: &str) -> Option<Value> {
    let key = key.parse().expect("a key");
    let mut tx = db.read().await.expect("a transaction");
    let text = changes::value(&mut tx, &key).await.expect("a look");
    text.map(|text| serde_json::from_str(&text).expect("JSON"))
}

fn merged(mut object: Value, more: Value) -> Value {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}
