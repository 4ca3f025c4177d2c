//! What tests of Access share: an organisation, and people who sign in.

use serde_json::{Value, json};

use crate::lab::{Lab, NOW, Tenant};
use crate::organization;

pub use organization::{APP, CORP, DOMAIN, OFF, OPEN, PIN, POLICY, allow, application};

/// Writes records and what the control plane goes by beside them.
pub async fn organization(lab: &Lab, own: &Tenant) {
    organization::organization(&lab.db, &own.account).await;
}

/// The organisation's record, on or off.
pub fn organization_record(own: &Tenant, enabled: bool) -> (edge_state::Key, Value) {
    organization::organization_record(&own.account, enabled)
}

/// Puts a record where edges find it.
pub async fn publish(lab: &Lab, record: (edge_state::Key, Value)) {
    organization::publish(&lab.db, record).await;
}

/// What edges have under a key.
pub async fn record(lab: &Lab, key: &str) -> Option<Value> {
    organization::record(&lab.db, key).await
}

/// Somebody comes by a provider; the answer.
pub async fn sign_in(lab: &Lab, provider: &str, subject: &str, email: &str, nonce: &str) -> Value {
    let kind = if provider == PIN { "onetimepin" } else { "oidc" };
    let identity = json!({"email": email, "idp": {"id": provider, "type": kind},
        "subject": subject, "authenticated_at": NOW / 1000, "country": "DE", "ip": "192.0.2.1",
        "amr": ["pwd"]});
    let ask = json!({"auth_domain": DOMAIN, "identity": identity, "session_seconds": 3600,
        "nonce": nonce});
    let answer = lab.edge("POST", "access/sign_ins", ask).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// 22 characters that no other test has.
pub fn nonce(mark: &str) -> String {
    format!("{mark:A<22}")
}
