//! What clients write about a policy, judged, shown, and as the edge has it.

use edge_state::access::policy::{ApprovalGroup, Decision};
use edge_state::access::{Policy, Rule};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::ApiError;
use crate::api::access::applications::body::{MAX_SESSION_SECONDS, MfaConfig};
use crate::api::access::applications::check::{self, duration, invalid, texts};
use crate::api::access::applications::kind::DEFAULT_SESSION;
use crate::api::access::echo::{Fields, Sent};
use crate::api::access::object::{self, Context, kind};
use crate::api::access::rules::{self, Rules};
use crate::duration as lengths;
use crate::store::access::objects::{self, ObjectRow};

/// The fields of a policy.
pub const FIELDS: Fields = Fields {
    required: &["name", "decision"],
    optional: &[
        "session_duration",
        "purpose_justification_required",
        "purpose_justification_prompt",
        "approval_required",
        "approval_groups",
        "isolation_required",
        "connection_rules",
        "mfa_config",
        "precedence",
    ],
    read_only: &["id", "uid", "app_count", "reusable", "created_at", "updated_at"],
    rules: rules::LISTS,
    zero_is_unset: &["precedence"],
};

/// A policy without its rules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyBody {
    name: String,
    decision: Decision,
    session_duration: Option<String>,
    purpose_justification_required: Option<bool>,
    purpose_justification_prompt: Option<String>,
    approval_required: Option<bool>,
    approval_groups: Option<Vec<ApprovalGroupBody>>,
    isolation_required: Option<bool>,
    #[serde(rename = "connection_rules")]
    _connection_rules: Option<Map<String, Value>>,
    mfa_config: Option<MfaConfig>,
    #[serde(rename = "include")]
    _include: Option<Value>,
    #[serde(rename = "exclude")]
    _exclude: Option<Value>,
    #[serde(rename = "require")]
    _require: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalGroupBody {
    #[serde(default, deserialize_with = "check::whole")]
    approvals_needed: Option<i64>,
    email_addresses: Option<Vec<String>>,
    email_list_uuid: Option<String>,
}

/// A policy that may be stored.
pub struct Judged {
    /// What was sent, tidied; without `precedence`, which is the application's.
    pub sent: Sent,
    /// For people.
    pub name: String,
    /// As the client numbered it.
    pub precedence: Option<i64>,
}

/// Refuses what cannot be, and what would not be enforced.
pub async fn judge(cx: &mut Context<'_>, mut sent: Sent) -> Result<Judged, ApiError> {
    let precedence = sent.integer("precedence", 1, i64::from(i32::MAX))?;
    sent.take("precedence");
    let rules = rules::judge(cx, &mut sent).await?;
    let body: PolicyBody = check::read(sent.members())?;
    body.judge()?;
    judge_rules(body.decision, &rules)?;
    for (index, group) in body.approval_groups.iter().flatten().enumerate() {
        let Some(id) = &group.email_list_uuid else { continue };
        if objects::find(cx.tx, cx.account_id, kind::LIST, id).await?.is_none() {
            let field = format!("approval_groups[{index}].email_list_uuid");
            return Err(invalid(&field, &format!("names {id}, which is no list of this account")));
        }
    }
    Ok(Judged { name: body.name, sent, precedence })
}

impl PolicyBody {
    fn judge(&self) -> Result<(), ApiError> {
        texts("name", [&self.name], 350)?;
        texts("purpose_justification_prompt", self.purpose_justification_prompt.iter(), 1024)?;
        duration("session_duration", self.session_duration.as_deref(), MAX_SESSION_SECONDS)?;
        if let Some(config) = &self.mfa_config {
            config.judge("mfa_config")?;
        }
        if self.isolation_required == Some(true) {
            let message = "would not be enforced: there is no browser isolation here";
            return Err(invalid("isolation_required", message));
        }
        let asks = self.approval_required == Some(true)
            || self.purpose_justification_required == Some(true);
        if asks && self.decision != Decision::Allow {
            let message =
                "must be allow where somebody is asked for a justification or an approval";
            return Err(invalid("decision", message));
        }
        let groups: Vec<_> = self.approval_groups.iter().flatten().collect();
        if self.approval_required == Some(true) && groups.is_empty() {
            return Err(invalid("approval_groups", "is missing: say who may approve"));
        }
        for (index, group) in groups.into_iter().enumerate() {
            group.judge(&format!("approval_groups[{index}]"))?;
        }
        Ok(())
    }
}

impl ApprovalGroupBody {
    fn judge(&self, field: &str) -> Result<(), ApiError> {
        let needed = self.approvals_needed.unwrap_or_default();
        if !(1..=1000).contains(&needed) {
            return Err(invalid(&format!("{field}.approvals_needed"), "must be 1 to 1000"));
        }
        let addresses = self.email_addresses.as_deref().unwrap_or_default();
        texts(&format!("{field}.email_addresses"), addresses, 254)?;
        if let Some(index) = addresses.iter().position(|address| !address.contains('@')) {
            let field = format!("{field}.email_addresses[{index}]");
            return Err(invalid(&field, "must be an address, as ann@example.com"));
        }
        let few = i64::try_from(addresses.len()).unwrap_or(i64::MAX) < needed;
        if few && self.email_list_uuid.is_none() {
            let message = "asks for more approvals than there are people to give them";
            return Err(invalid(&format!("{field}.approvals_needed"), message));
        }
        Ok(())
    }

    fn record(self) -> ApprovalGroup {
        ApprovalGroup {
            approvals_needed: self
                .approvals_needed
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(1),
            email_addresses: self.email_addresses.unwrap_or_default(),
            email_list_id: self.email_list_uuid,
        }
    }
}

/// Whoever is let in without signing in has no identity: a rule about it would hold for nobody, and
/// an exclusion by it would exclude nobody.
fn judge_rules(decision: Decision, rules: &Rules) -> Result<(), ApiError> {
    if !matches!(decision, Decision::Bypass | Decision::NonIdentity) {
        return Ok(());
    }
    let lists =
        [("include", &rules.include), ("exclude", &rules.exclude), ("require", &rules.require)];
    for (list, rules) in lists {
        if let Some(index) = rules.iter().position(needs_identity) {
            let field = format!("{list}[{index}]");
            let message = "asks who somebody is, but this decision lets in without signing in";
            return Err(invalid(&field, message));
        }
    }
    Ok(())
}

fn needs_identity(rule: &Rule) -> bool {
    match rule {
        Rule::Email { .. }
        | Rule::EmailDomain { .. }
        | Rule::EmailList { .. }
        | Rule::LoginMethod { .. }
        | Rule::AuthMethod { .. }
        | Rule::AuthContext { .. }
        | Rule::AzureAd { .. }
        | Rule::GithubOrganization { .. }
        | Rule::Gsuite { .. }
        | Rule::Okta { .. }
        | Rule::Saml { .. }
        | Rule::Oidc { .. }
        | Rule::UserRiskScore { .. }
        | Rule::CloudflareAccountMember { .. } => true,
        Rule::Everyone {}
        | Rule::Ip { .. }
        | Rule::IpList { .. }
        | Rule::Geo { .. }
        | Rule::Group { .. }
        | Rule::Certificate {}
        | Rule::CommonName { .. }
        | Rule::ServiceToken { .. }
        | Rule::AnyValidServiceToken {}
        | Rule::LinkedAppToken { .. }
        | Rule::DevicePosture { .. }
        | Rule::ExternalEvaluation { .. } => false,
    }
}

/// The answer, without what depends on where the policy stands.
pub fn shown(row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
    let mut answer = object::shown(row)?;
    answer.entry("session_duration").or_insert(DEFAULT_SESSION.into());
    answer.insert("reusable".to_owned(), row.parent_id.is_none().into());
    Ok(answer)
}

/// As the edge has it.
pub fn record(row: &ObjectRow) -> Result<Policy, ApiError> {
    of_sent(&row.id, &Sent::read(&row.body)?)
}

/// A policy that need not be stored, as the edge would have it.
pub fn of_sent(id: &str, sent: &Sent) -> Result<Policy, ApiError> {
    let rules = Rules::stored(sent)?;
    let body: PolicyBody = check::read(sent.members())?;
    let groups = body.approval_groups.unwrap_or_default();
    Ok(Policy {
        id: id.to_owned(),
        name: body.name,
        decision: body.decision,
        include: rules.include,
        require: rules.require,
        exclude: rules.exclude,
        session_seconds: body.session_duration.and_then(|text| lengths::seconds(&text).ok()),
        justification_required: body.purpose_justification_required == Some(true),
        justification_prompt: body.purpose_justification_prompt,
        approval_required: body.approval_required == Some(true),
        approval_groups: groups.into_iter().map(ApprovalGroupBody::record).collect(),
    })
}
