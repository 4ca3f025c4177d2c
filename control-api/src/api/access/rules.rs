//! `include`, `exclude`, `require`: lists of rules, each an object with exactly one key.

use std::net::IpAddr;

use edge_state::access::Rule;
use serde_json::Value;

use super::address;
use super::echo::{Sent, invalid};
use super::object::{Context, kind};
use crate::api::ApiError;
use crate::store::access::objects;

/// The three lists of a policy or group.
pub const LISTS: &[&str] = &["include", "exclude", "require"];

/// The rules of an object as the edge reads them.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// One of these must hold.
    pub include: Vec<Rule>,
    /// None of these may hold.
    pub exclude: Vec<Rule>,
    /// All of these must hold.
    pub require: Vec<Rule>,
}

impl Rules {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.include.iter().chain(&self.exclude).chain(&self.require)
    }

    /// Reads what [`judge`] let pass.
    pub fn stored(sent: &Sent) -> Result<Self, ApiError> {
        let mut sent = sent.clone();
        read(&mut sent)
    }
}

/// Reads the three lists, tidies `null` members out of them, and refuses the whole if one rule is
/// spoiled. What the rules name must exist in this account.
pub async fn judge(cx: &mut Context<'_>, sent: &mut Sent) -> Result<Rules, ApiError> {
    let rules = read(sent)?;
    for (list, rules) in
        [("include", &rules.include), ("exclude", &rules.exclude), ("require", &rules.require)]
    {
        for (index, rule) in rules.iter().enumerate() {
            let field = format!("{list}[{index}]");
            check(cx, &field, rule)?;
            for (kind, id) in references(rule) {
                if objects::find(cx.tx, cx.account_id, kind, id).await?.is_none() {
                    let message = format!("{field} names {id}, which is no {kind} of this account");
                    return Err(invalid(&field, message));
                }
            }
        }
    }
    Ok(rules)
}

fn read(sent: &mut Sent) -> Result<Rules, ApiError> {
    let mut rules = Rules::default();
    for list in LISTS {
        let Some(value) = sent.take(list) else { continue };
        let Value::Array(items) = value else {
            return Err(invalid(list, format!("{list} must be a list of rules")));
        };
        if items.len() > MAX_RULES {
            return Err(invalid(list, format!("{list} must not hold more than {MAX_RULES} rules")));
        }
        let (mut kept, mut read) = (Vec::new(), Vec::new());
        for (index, item) in items.into_iter().enumerate() {
            let (item, rule) = one(&format!("{list}[{index}]"), item)?;
            kept.push(item);
            read.push(rule);
        }
        sent.set(list, kept);
        match *list {
            "include" => rules.include = read,
            "exclude" => rules.exclude = read,
            _ => rules.require = read,
        }
    }
    Ok(rules)
}

fn one(field: &str, item: Value) -> Result<(Value, Rule), ApiError> {
    let Value::Object(mut members) = item else {
        return Err(invalid(field, format!("{field} must be an object with one key, as email")));
    };
    members.retain(|_, value| !value.is_null());
    for value in members.values_mut() {
        if let Value::Object(inner) = value {
            inner.retain(|_, value| !value.is_null());
        }
    }
    let mut names = members.iter();
    let (Some((name, value)), None) = (names.next(), names.next()) else {
        let message = format!("{field} must have exactly one key, as in {{\"email\":{{..}}}}");
        return Err(invalid(field, message));
    };
    let field = format!("{field}.{name}");
    let empty = value.as_object().and_then(|inner| {
        inner.iter().find(|(_, value)| value.as_str().is_some_and(str::is_empty)).map(|(n, _)| n)
    });
    if let Some(member) = empty {
        return Err(invalid(&format!("{field}.{member}"), format!("{field}.{member} is empty")));
    }
    let item = Value::Object(members.clone());
    let rule = serde_json::from_value(item.clone());
    let rule = rule.map_err(|error| invalid(&field, format!("{field}: {error}")))?;
    Ok((item, rule))
}

/// What only looks at the rule itself.
fn check(cx: &Context<'_>, field: &str, rule: &Rule) -> Result<(), ApiError> {
    let wrong = |member: &str, what: &str| {
        Err(invalid(&format!("{field}.{member}"), format!("{field}.{member} {what}")))
    };
    match rule {
        Rule::Email { email } if !email.contains('@') => {
            wrong("email.email", "must be an address, as ann@example.com")
        }
        Rule::EmailDomain { domain } if domain.contains('@') || domain.contains(' ') => {
            wrong("email_domain.domain", "must be a domain without @")
        }
        Rule::Ip { ip } if !is_network(ip) => {
            wrong("ip.ip", "must be an address or a network, as 192.0.2.0/24")
        }
        Rule::Geo { country_code }
            if country_code.len() != 2
                || !country_code.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            wrong("geo.country_code", "must be an ISO 3166-1 alpha-2 code, as DE")
        }
        Rule::UserRiskScore { user_risk_score } => {
            let known = ["low", "medium", "high", "unscored"];
            let fits = !user_risk_score.is_empty()
                && user_risk_score.iter().all(|score| known.contains(&score.as_str()));
            if fits {
                Ok(())
            } else {
                wrong("user_risk_score.user_risk_score", "must list low, medium, high or unscored")
            }
        }
        Rule::ExternalEvaluation { evaluate_url, keys_url } => {
            let config = &cx.app.config;
            let field = format!("{field}.external_evaluation");
            address::judge(config, &format!("{field}.evaluate_url"), evaluate_url)?;
            address::judge(config, &format!("{field}.keys_url"), keys_url)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether a text is an address or a network in CIDR notation.
pub(crate) fn is_network(text: &str) -> bool {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let longest: u8 = if address.is_ipv4() { 32 } else { 128 };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    length.is_none_or(|length| {
        digits(length) && length.parse::<u8>().is_ok_and(|length| length <= longest)
    })
}

/// The objects of this account that a rule names: kind and id.
#[must_use]
pub fn references(rule: &Rule) -> Vec<(&'static str, &str)> {
    match rule {
        Rule::EmailList { id } | Rule::IpList { id } => vec![(kind::LIST, id)],
        Rule::Group { id } => vec![(kind::GROUP, id)],
        Rule::LoginMethod { id } => vec![(kind::IDENTITY_PROVIDER, id)],
        Rule::AuthContext { identity_provider_id, .. }
        | Rule::AzureAd { identity_provider_id, .. }
        | Rule::GithubOrganization { identity_provider_id, .. }
        | Rule::Gsuite { identity_provider_id, .. }
        | Rule::Okta { identity_provider_id, .. }
        | Rule::Saml { identity_provider_id, .. }
        | Rule::Oidc { identity_provider_id, .. } => {
            vec![(kind::IDENTITY_PROVIDER, identity_provider_id)]
        }
        Rule::ServiceToken { token_id } => vec![(kind::SERVICE_TOKEN, token_id)],
        Rule::LinkedAppToken { app_uid } => vec![(kind::APPLICATION, app_uid)],
        Rule::DevicePosture { integration_uid, .. } => vec![(kind::POSTURE_RULE, integration_uid)],
        Rule::Email { .. }
        | Rule::EmailDomain { .. }
        | Rule::Everyone {}
        | Rule::Ip { .. }
        | Rule::Geo { .. }
        | Rule::AuthMethod { .. }
        | Rule::Certificate {}
        | Rule::CommonName { .. }
        | Rule::AnyValidServiceToken {}
        | Rule::ExternalEvaluation { .. }
        | Rule::UserRiskScore { .. }
        | Rule::CloudflareAccountMember { .. } => Vec::new(),
    }
}

const MAX_RULES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> String {
        let mut sent = Sent::read(text).unwrap();
        read(&mut sent).unwrap_err().to_string()
    }

    #[test]
    fn a_rule_has_exactly_one_key_with_all_that_belongs_to_it() {
        for (text, field) in [
            (r#"{"include":[{"email_domain":{}}]}"#, "include[0].email_domain"),
            (r#"{"include":[{"everyone":{}},{"email":{}}]}"#, "include[1].email"),
            (r#"{"require":[{"email":{"email":""}}]}"#, "require[0].email.email"),
            (r#"{"exclude":[{}]}"#, "exclude[0]"),
            (r#"{"exclude":[null]}"#, "exclude[0]"),
            (r#"{"exclude":[{"email":null}]}"#, "exclude[0]"),
            (r#"{"include":[{"everyone":{},"certificate":{}}]}"#, "include[0]"),
            (r#"{"include":[{"emial":{"email":"a@b.c"}}]}"#, "include[0].emial"),
            (r#"{"include":[{"ip":{"ip":"::1","also":1}}]}"#, "include[0].ip"),
            (r#"{"include":{}}"#, "include"),
        ] {
            assert!(named(text).starts_with(field), "{text}: {}", named(text));
        }
    }

    #[test]
    fn null_members_are_forgiven_and_not_kept() {
        let text = r#"{"include":[{"email":{"email":"A@b.c"},"group":null},
            {"github-organization":{"name":"o","identity_provider_id":"i","team":null}}]}"#;
        let mut sent = Sent::read(text).unwrap();
        let rules = read(&mut sent).unwrap();
        assert_eq!(rules.include.len(), 2);
        let kept = r#"{"include":[{"email":{"email":"A@b.c"}},{"github-organization":{"identity_provider_id":"i","name":"o"}}]}"#;
        assert_eq!(sent.to_json(), kept);
    }

    #[test]
    fn networks_are_networks() {
        for (text, fits) in [
            ("192.0.2.0/24", true),
            ("192.0.2.1", true),
            ("2001:db8::/32", true),
            ("192.0.2.0/33", false),
            ("192.0.2.0/+1", false),
            ("192.0.2/24", false),
            ("example.com", false),
        ] {
            assert_eq!(is_network(text), fits, "{text}");
        }
    }
}
