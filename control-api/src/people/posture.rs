//! What devices are like, as a service of the operator's says (`custom_s2s`): asked at sign-in, within
//! a bounded time. Whoever does not answer has said that the rule is not met.

use std::collections::BTreeMap;
use std::time::Duration;

use ::http::Method;
use edge_state::access::Identity;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Error, digest};
use crate::api::access::object::kind;
use crate::config::Config;
use crate::metrics::POSTURE;
use crate::net::http::{self, Outside};
use crate::store::access::{objects, secrets};
use crate::store::{Db, Tx};
use crate::vault::{Place, Vault};

/// Asks integrations. Cheap to clone.
#[derive(Clone)]
pub(super) struct Client {
    outside: Outside,
}

/// A posture rule of type `custom_s2s`, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    input: Option<Input>,
}

#[derive(Debug, Default, Deserialize)]
struct Input {
    #[serde(default)]
    connection_id: String,
    #[serde(default)]
    operator: String,
    #[serde(default)]
    score: f64,
}

/// An integration, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Integration {
    #[serde(rename = "type")]
    kind: String,
    config: IntegrationConfig,
}

#[derive(Debug, Deserialize)]
struct IntegrationConfig {
    api_url: String,
    #[serde(default)]
    access_client_id: String,
}

/// A service to be asked.
struct Service {
    id: String,
    url: String,
    client_id: String,
    client_secret: Option<SecretString>,
}

/// The question: one person, who stands for their device.
#[derive(Serialize)]
struct Question<'a> {
    devices: [Device<'a>; 1],
}

#[derive(Serialize)]
struct Device<'a> {
    device_id: &'a str,
    email: &'a str,
}

/// The answer, by `device_id`.
#[derive(Deserialize)]
struct Answer {
    result: BTreeMap<String, Score>,
}

#[derive(Deserialize)]
struct Score {
    score: f64,
}

impl Client {
    pub(super) fn configured(config: &Config) -> Self {
        Self { outside: Outside::configured(config) }
    }

    /// Which rules of the account are met: by rule id. Empty, and nobody asked, where there are none.
    pub(super) async fn ask(
        &self,
        db: &Db,
        vault: &Vault,
        account_id: &str,
        identity: &Identity,
    ) -> Result<BTreeMap<String, bool>, Error> {
        let mut tx = db.read().await?;
        let rules = rules(&mut tx, account_id).await?;
        let mut services = Vec::new();
        for (_, rule) in &rules {
            let known = services.iter().any(|service: &Service| service.id == rule.connection_id);
            if !known && services.len() < MOST_SERVICES {
                services.extend(service(&mut tx, vault, account_id, &rule.connection_id).await?);
            }
        }
        drop(tx);
        let device = digest(&[account_id, &identity.idp.id, &identity.subject]);
        let device = uuid::Builder::from_slice(device.get(..16).unwrap_or_default());
        let device = device.map(uuid::Builder::into_uuid).unwrap_or_default().to_string();
        let asked = services.iter().map(|service| self.score(service, &device, &identity.email));
        let scores = futures_util::future::join_all(asked).await;
        let scores: BTreeMap<_, _> =
            services.iter().map(|service| service.id.as_str()).zip(scores).collect();
        let met = |rule: &Input| {
            let score = scores.get(rule.connection_id.as_str()).copied().flatten();
            score.is_some_and(|score| compare(score, &rule.operator, rule.score))
        };
        Ok(rules.iter().map(|(id, rule)| (id.clone(), met(rule))).collect())
    }

    async fn score(&self, service: &Service, device: &str, email: &str) -> Option<f64> {
        let result = tokio::time::timeout(TIME_LIMIT, self.exchange(service, device, email)).await;
        let result = result.unwrap_or_else(|_| Err("it did not answer in time".to_owned()));
        let outcome = if result.is_ok() { "answered" } else { "failed" };
        metrics::counter!(POSTURE, "outcome" => outcome).increment(1);
        match result {
            Ok(score) => score,
            Err(reason) => {
                let integration = &service.id;
                tracing::warn!(integration, reason, "a posture integration did not answer");
                None
            }
        }
    }

    async fn exchange(
        &self,
        service: &Service,
        device: &str,
        email: &str,
    ) -> Result<Option<f64>, String> {
        let url = Url::parse(&service.url).map_err(|_| "its api_url is no URL".to_owned())?;
        let request = self.outside.request(Method::POST, url).map_err(|error| error.to_string())?;
        let question = Question { devices: [Device { device_id: device, email }] };
        let mut request = request.timeout(TIME_LIMIT).json(&question);
        if let Some(secret) = &service.client_secret {
            request = request
                .header("CF-Access-Client-Id", &service.client_id)
                .header("CF-Access-Client-Secret", secret.expose_secret());
        }
        let response = request.send().await.map_err(|error| error.without_url().to_string())?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status().as_u16()));
        }
        let body = http::body(response, MAX_ANSWER).await.map_err(|error| error.to_string())?;
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| "its answer has another form".to_owned())?;
        Ok(answer.result.get(device).map(|device| device.score))
    }
}

async fn rules(tx: &mut Tx, account_id: &str) -> Result<Vec<(String, Input)>, Error> {
    let rows = objects::all(tx, account_id, kind::POSTURE_RULE).await?;
    let rules = rows.into_iter().filter_map(|row| {
        let rule: Rule = serde_json::from_str(&row.body).ok()?;
        (rule.kind == CUSTOM).then_some((row.id, rule.input?))
    });
    Ok(rules.collect())
}

async fn service(
    tx: &mut Tx,
    vault: &Vault,
    account_id: &str,
    id: &str,
) -> Result<Option<Service>, Error> {
    let row = objects::find(tx, account_id, kind::POSTURE_INTEGRATION, id).await?;
    let Some(row) = row else { return Ok(None) };
    let Ok(integration) = serde_json::from_str::<Integration>(&row.body) else { return Ok(None) };
    if integration.kind != CUSTOM {
        return Ok(None);
    }
    let client_secret = match secrets::find(tx, id, SECRET).await? {
        Some(sealed) => {
            let place = Place::Access { id: secrets::id(id, SECRET) };
            let secret = vault.open(&place, &sealed)?;
            Some(SecretString::from(String::from_utf8_lossy(&secret).into_owned()))
        }
        None => None,
    };
    let IntegrationConfig { api_url, access_client_id } = integration.config;
    let service = Service { id: row.id, url: api_url, client_id: access_client_id, client_secret };
    Ok(Some(service))
}

fn compare(score: f64, operator: &str, wanted: f64) -> bool {
    match operator {
        "<" => score < wanted,
        "<=" => score <= wanted,
        ">" => score > wanted,
        ">=" => score >= wanted,
        #[expect(clippy::float_cmp, reason = "both are written down, not computed")]
        "==" => score == wanted,
        _ => false,
    }
}

const CUSTOM: &str = "custom_s2s";
/// The secret's field.
const SECRET: &str = "access_client_secret";
const TIME_LIMIT: Duration = Duration::from_secs(3);
const MAX_ANSWER: usize = 64 * 1024;
const MOST_SERVICES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_compare_as_the_rule_says() {
        for (operator, below, equal, above) in [
            ("<", true, false, false),
            ("<=", true, true, false),
            (">", false, false, true),
            (">=", false, true, true),
            ("==", false, true, false),
            ("", false, false, false),
        ] {
            let results = [1.0, 2.0, 3.0].map(|score| compare(score, operator, 2.0));
            assert_eq!(results, [below, equal, above], "{operator}");
        }
    }
}
