//! A small world for the tests: records, requests, and a caller that reads what is missing.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::collections::BTreeMap;

use access::{Here, Known};
use edge_state::HostRecord;
use edge_state::access::gate::Door;
use edge_state::access::{ApplicationRecord, GateRecord, OrganizationRecord};
use edge_state::hostname::{CustomOrigin, Stage};
use edge_state::origin::OriginSni;
use edge_state::origin::{OriginTls, Scheme};
use edge_state::seal::{KeyRing, SealingKey};
use edge_state::tls::TlsSettings;
use edge_state::zone::Hsts;
use edge_state::{ChallengeRecord, Hostname, Key, Record, ZoneRecord};
use http::{HeaderMap, HeaderName, Method};
use routing::facts::{Authority, Target};
use routing::{Decision, Entry, Facts, MAX_READS, Need, decide};

pub const HOST: &str = "app.customer.com";
pub const OTHER: &str = "shop.other.com";
pub const TEAM: &str = "team.customer.com";
pub const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
pub const KEY_AUTHORIZATION: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD";
pub const ID: &str = "0d89c70d-ad9f-4843-b99f-6cc0252067e9";
/// Whose zone, organisation and application all are.
pub const ACCOUNT: &str = "a";
pub const OWNERSHIP: &str = "5cc07c04-ea62-4a5a-95f0-419334a875a4";

/// What the control plane has published.
#[derive(Default)]
pub struct World(BTreeMap<Key, String>);

impl World {
    pub fn with(mut self, record: &impl Record) -> Self {
        self.0.insert(record.key(), record.encode());
        self
    }

    /// Reads what is missing and asks again, as a shell does.
    pub fn decide(&self, request: &Facts) -> Decision {
        let mut known = Known::default();
        for _ in 0..MAX_READS {
            match decide(request, &known, &here(&keys())) {
                Ok(decision) => return decision,
                Err(Need::Record(key)) => known.insert_record(key.clone(), self.read(&key)),
                Err(Need::Records(keys)) => {
                    for key in keys {
                        known.insert_record(key.clone(), self.read(&key));
                    }
                }
                Err(need) => panic!("{need:?} is for Access's own tests"),
            }
        }
        panic!("more than {MAX_READS} rounds for {request:?}");
    }
}

impl World {
    fn read(&self, key: &Key) -> Entry {
        Entry::decode(key, self.0.get(key).map(String::as_str)).unwrap()
    }

    /// With an organisation, and an application of it before all of a hostname.
    pub fn with_access(self, hostname: &str) -> Self {
        let organization: OrganizationRecord = serde_json::from_str(&format!(
            r#"{{"account_id":"{ACCOUNT}","auth_domain":"{TEAM}","name":"T","session_seconds":60,
            "identity_providers":[]}}"#
        ))
        .unwrap();
        let application: ApplicationRecord = serde_json::from_str(&format!(
            r#"{{"id":"{ID}","auth_domain":"{TEAM}","aud":"aud","name":"A","type":"self_hosted",
            "session_seconds":60,"policies":[{{"id":"p","name":"P","decision":"allow",
            "include":[{{"everyone":{{}}}}]}}]}}"#
        ))
        .unwrap();
        let door = Door {
            application_id: ID.to_owned(),
            account_id: Some(ACCOUNT.to_owned()),
            host_pattern: hostname.to_owned(),
            path_pattern: String::new(),
        };
        let gate = GateRecord { hostname: name(hostname), doors: vec![door] };
        self.with(&organization).with(&application).with(&gate)
    }
}

pub fn keys() -> KeyRing {
    KeyRing::new(SealingKey::new("test", [7; 32]).unwrap(), [])
}

pub fn here(keys: &KeyRing) -> Here<'_> {
    Here { now_millis: 1_700_000_000_000, entropy: &[0; 32], keys, https_port: None }
}

pub fn name(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

pub fn host(hostname: &str) -> HostRecord {
    HostRecord {
        hostname: name(hostname),
        custom_hostname_id: ID.into(),
        zone_id: "023e105f4ecef8ad9ca31a8372d0c353".into(),
        stage: Stage::Active,
        ownership_token: OWNERSHIP.into(),
        custom_origin: None,
        tls: TlsSettings::default(),
    }
}

pub fn pending(hostname: &str) -> HostRecord {
    let stage = Stage::Pending { missing: vec!["Point it at customers.saas.com.".into()] };
    HostRecord { stage, ..host(hostname) }
}

pub fn with_origin(server: &str, sni: Option<OriginSni>) -> HostRecord {
    let server = server.parse().unwrap();
    HostRecord { custom_origin: Some(CustomOrigin { server, sni }), ..host(HOST) }
}

pub fn zone() -> ZoneRecord {
    ZoneRecord {
        zone_id: "023e105f4ecef8ad9ca31a8372d0c353".into(),
        account_id: Some(ACCOUNT.to_owned()),
        name: name("saas.com"),
        cname_target: name("customers.saas.com"),
        fallback_origin: Some("origin.saas.com".parse().unwrap()),
        ssl: OriginTls::Strict,
        always_use_https: false,
        min_tls_version: None,
        hsts: None,
        deny_unmatched: false,
    }
}

pub fn hsts() -> Hsts {
    Hsts { max_age: 31_536_000, include_subdomains: true, preload: true }
}

pub fn challenge(hostname: &str) -> ChallengeRecord {
    ChallengeRecord {
        token: TOKEN.into(),
        key_authorization: KEY_AUTHORIZATION.into(),
        hostname: name(hostname),
    }
}

/// A GET over plain HTTP.
pub fn get(host: &str, target: &str) -> Facts {
    Facts {
        method: Method::GET,
        scheme: Scheme::Http,
        authority: Authority::parse(host),
        target: Target::parse(target).unwrap(),
        headers: HeaderMap::new(),
        client: Some("192.0.2.7".parse().unwrap()),
        country: None,
        certificate: None,
        form: None,
        request_id: "5f2a1c0d9e8b7a66-HAM".into(),
        https_port: None,
    }
}

pub fn https(request: Facts) -> Facts {
    Facts { scheme: Scheme::Https, ..request }
}

pub fn with_header(mut request: Facts, name: &str, value: &str) -> Facts {
    request.headers.append(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    request
}

/// What the origin receives, header by header.
pub fn received(decision: &Decision, request: &Facts) -> BTreeMap<String, String> {
    let Decision::Proxy(upstream) = decision else { panic!("{decision:?} is no proxy") };
    let mut headers: BTreeMap<String, String> = request
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.retain(|name, _| !upstream.headers.remove.contains(name));
    for (name, value) in &upstream.headers.set {
        headers.insert(name.to_string(), value.clone());
    }
    headers
}
