//! One scene, seen by policies: the table of selectors, the order of policies, properties.
#![expect(clippy::needless_pass_by_value, reason = "rules are written where they are used")]

mod external;
mod order;
mod properties;
mod table;

use std::net::IpAddr;

use edge_state::access::{Identity, OrganizationRecord, Policy, ServiceTokenRecord};
use edge_state::seal::{KeyRing, SealingKey};
use edge_state::{Entry, Key};
use serde_json::{Value, json};

use super::*;
use crate::ClientCertificate;

const NOW: i64 = 1_800_000_000;

/// Who comes, and from where.
#[derive(Clone)]
struct Scene {
    identity: Option<Identity>,
    service_token: Option<ServiceTokenRecord>,
    linked_app_tokens: Vec<String>,
    ip: Option<IpAddr>,
    country: Option<String>,
    certificate: Option<ClientCertificate>,
    org: OrganizationRecord,
    known: Known,
}

impl Scene {
    /// Ada, at home.
    fn new() -> Self {
        let identity = json!({
            "user_id": "u1", "email": "ada@example.com", "subject": "1",
            "idp": {"id": "okta-1", "type": "okta"}, "authenticated_at": NOW,
            "amr": ["pwd"],
        });
        let org = json!({
            "account_id": "a1", "auth_domain": "team.example.com", "name": "Example",
            "session_seconds": 86_400, "identity_providers": [],
        });
        Self {
            identity: Some(serde_json::from_value(identity).unwrap()),
            service_token: None,
            linked_app_tokens: Vec::new(),
            ip: Some("192.0.2.7".parse().unwrap()),
            country: Some("AT".to_owned()),
            certificate: None,
            org: serde_json::from_value(org).unwrap(),
            known: Known::default(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn record(&mut self, key: &str, record: Option<Value>) {
        let key: Key = key.parse().unwrap();
        let text = record.map(|mut record| {
            record["v"] = json!(1);
            record.to_string()
        });
        let entry = Entry::decode(&key, text.as_deref()).unwrap();
        self.known.insert_record(key, entry);
    }

    fn group(&mut self, id: &str, criteria: Value) {
        let mut record = json!({"id": id, "name": format!("Group {id}"), "include": []});
        record.as_object_mut().unwrap().extend(criteria.as_object().unwrap().clone());
        self.record(&format!("group:{id}"), Some(record));
    }

    fn list(&mut self, id: &str, kind: &str, values: &[&str]) {
        let record = json!({"id": id, "type": kind, "values": values});
        self.record(&format!("list:{id}"), Some(record));
    }

    fn ask<T>(
        &self,
        ask: impl FnOnce(&Subject<'_>, &Circumstances<'_>, &Here<'_>) -> Result<T, Need>,
    ) -> Result<T, Need> {
        let keys = KeyRing::new(SealingKey::new("k", [1; 32]).unwrap(), []);
        let here =
            Here { now_millis: NOW * 1000, entropy: &[7; 32], keys: &keys, https_port: None };
        let subject = Subject {
            identity: self.identity.as_ref(),
            service_token: self.service_token.as_ref(),
            linked_app_tokens: &self.linked_app_tokens,
        };
        let circumstances = Circumstances {
            ip: self.ip,
            country: self.country.as_deref(),
            certificate: self.certificate.as_ref(),
        };
        ask(&subject, &circumstances, &here)
    }

    fn try_judge(&self, policies: &[Policy]) -> Result<Verdict, Need> {
        self.ask(|subject, circumstances, here| {
            evaluate(policies, subject, circumstances, &self.known, here, &self.org)
        })
    }

    fn judge(&self, policies: &[Policy]) -> Verdict {
        self.try_judge(policies).unwrap()
    }

    fn outcome(&self, policies: &[Policy]) -> Outcome {
        self.judge(policies).outcome
    }
}

/// `decision`, and the rules as in the contract.
fn policy(decision: &str, include: Value, require: Value, exclude: Value) -> Policy {
    serde_json::from_value(json!({
        "id": format!("p-{decision}"), "name": format!("Some {decision}"), "decision": decision,
        "include": include, "require": require, "exclude": exclude,
    }))
    .unwrap()
}

fn allow(include: Value) -> Policy {
    policy("allow", include, json!([]), json!([]))
}

fn deny(include: Value) -> Policy {
    policy("deny", include, json!([]), json!([]))
}

fn everyone() -> Value {
    json!([{"everyone": {}}])
}
