//! What tests of Access have in common.

use control_api::store::access::objects::{self, ObjectRow};
use edge_state::Key;
use serde_json::{Value, json};

use crate::lab::{Lab, NOW, Tenant};

/// Gives an account its organisation.
pub async fn organization(lab: &Lab, tenant: &Tenant, auth_domain: &str) {
    insert(lab, tenant, "organization", "Team", Some(auth_domain)).await;
    let record = edge_state::access::OrganizationRecord {
        account_id: tenant.account.clone(),
        auth_domain: edge_state::Hostname::parse(auth_domain).unwrap(),
        name: "Team".to_owned(),
        enabled: true,
        session_seconds: 86_400,
        auto_redirect_to_identity: false,
        strict_service_token_auth: false,
        login_design: edge_state::access::organization::LoginDesign::default(),
        identity_providers: Vec::new(),
        launcher: None,
        origin_headers: Vec::new(),
        applications: Vec::new(),
        identity_denied_html: None,
        forbidden_html: None,
    };
    let mut tx = lab.db.begin().await.unwrap();
    let (key, text) = (edge_state::Record::key(&record), edge_state::Record::encode(&record));
    control_api::store::changes::put(&mut tx, &key, Some(&text), NOW).await.unwrap();
    tx.commit().await.unwrap();
}

/// An object that only has to be there.
pub async fn object(lab: &Lab, tenant: &Tenant, kind: &str, name: &str) -> String {
    insert(lab, tenant, kind, name, None).await
}

async fn insert(
    lab: &Lab,
    tenant: &Tenant,
    kind: &str,
    name: &str,
    handle: Option<&str>,
) -> String {
    let row = ObjectRow {
        id: uuid::Uuid::new_v4().to_string(),
        account_id: tenant.account.clone(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        handle: handle.map(str::to_owned),
        body: json!({"name": name}).to_string(),
        owned: "{}".to_owned(),
        created_at: NOW,
        updated_at: NOW,
        ..ObjectRow::default()
    };
    let mut tx = lab.db.begin().await.unwrap();
    assert!(objects::insert(&mut tx, &row).await.unwrap());
    tx.commit().await.unwrap();
    row.id
}

/// What the edge has under a key.
pub async fn record(lab: &Lab, key: &Key) -> Option<Value> {
    let mut tx = lab.db.read().await.unwrap();
    let text = control_api::store::changes::value(&mut tx, key).await.unwrap();
    text.map(|text| serde_json::from_str(&text).unwrap())
}
