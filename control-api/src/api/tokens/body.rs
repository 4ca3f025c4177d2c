//! What a client writes to make or change a token.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::error::{ApiError, code};
use crate::api::json::Body;
use crate::api::page::given;
use crate::api::permission::{Group, Policy, StoredGroup, StoredPolicy};
use crate::api::{accounts, new_id};
use crate::clock::parse_rfc3339;
use crate::store::tokens::TokenRow;

/// `POST` and `PUT`. A token's id and dates may stand in it, as declarative clients repeat them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    /// 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// At least one.
    #[schema(min_items = 1, max_items = 100)]
    policies: Vec<PolicyBody>,
    /// RFC 3339; before that the token does nothing.
    #[serde(default)]
    not_before: Option<String>,
    /// RFC 3339; from then on the token does nothing.
    #[serde(default)]
    expires_on: Option<String>,
    /// `active` or `disabled`.
    #[serde(default)]
    status: Option<String>,
    /// Conditions on the client's address are not judged here, so none may be set.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    condition: Option<Value>,
    /// Ignored.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: serde::de::IgnoredAny,
    /// Ignored.
    #[serde(default, rename = "issued_on")]
    #[schema(ignore)]
    _issued_on: serde::de::IgnoredAny,
    /// Ignored.
    #[serde(default, rename = "modified_on")]
    #[schema(ignore)]
    _modified_on: serde::de::IgnoredAny,
    /// Ignored.
    #[serde(default, rename = "last_used_on")]
    #[schema(ignore)]
    _last_used_on: serde::de::IgnoredAny,
}

/// A policy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct PolicyBody {
    /// `allow` or `deny`; a denial beats every permission.
    effect: String,
    /// `com.cloudflare.api.account.<id>`, `com.cloudflare.api.account.zone.<id>`,
    /// `com.cloudflare.api.user.<id>`, each with the value `*`.
    #[schema(value_type = Object)]
    resources: Map<String, Value>,
    /// At least one.
    #[schema(min_items = 1)]
    permission_groups: Vec<GroupBody>,
    /// Ignored.
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: serde::de::IgnoredAny,
}

/// A permission group, by id or by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct GroupBody {
    /// 32 hexadecimal digits.
    #[serde(default)]
    id: Option<String>,
    /// As in `permission_groups`.
    #[serde(default)]
    name: Option<String>,
    /// Ignored.
    #[serde(default, rename = "meta")]
    #[schema(ignore)]
    _meta: serde::de::IgnoredAny,
}

impl Body for TokenBody {}

/// A body that has been judged.
pub(super) struct Terms {
    pub name: String,
    pub judged: Vec<Policy>,
    /// JSON.
    pub stored: String,
    pub status: &'static str,
    pub not_before: Option<i64>,
    pub expires_at: Option<i64>,
}

impl Terms {
    pub fn read(body: TokenBody) -> Result<Self, ApiError> {
        let invalid = |field: &str, message: &str| ApiError::invalid(code::JSON, field, message);
        if body.condition.as_ref().is_some_and(says_something) {
            let message = "condition: addresses are not judged here, so a condition would not hold; leave it out";
            return Err(invalid("condition", message));
        }
        if !(1..=100).contains(&body.policies.len()) {
            return Err(invalid("policies", "policies: a token needs 1 to 100 policies"));
        }
        let status = match given(body.status.as_deref()) {
            None | Some("active" | "expired") => "active",
            Some("disabled") => "disabled",
            Some(_) => return Err(invalid("status", "status must be `active` or `disabled`")),
        };
        let stored =
            body.policies.into_iter().enumerate().map(|(index, policy)| store(index, policy));
        let stored = stored.collect::<Result<Vec<_>, _>>()?;
        let not_before = moment("not_before", body.not_before.as_deref())?;
        let expires_at = moment("expires_on", body.expires_on.as_deref())?;
        if let (Some(begin), Some(end)) = (not_before, expires_at)
            && begin >= end
        {
            return Err(invalid("expires_on", "expires_on must come after not_before"));
        }
        Ok(Self {
            name: accounts::label("name", &body.name)?,
            judged: judged(&stored)?,
            stored: serde_json::to_string(&stored).map_err(|_| ApiError::Internal)?,
            status,
            not_before,
            expires_at,
        })
    }
}

fn store(index: usize, policy: PolicyBody) -> Result<StoredPolicy, ApiError> {
    let group = |(at, group): (usize, GroupBody)| {
        let text = given(group.id.as_deref()).or(given(group.name.as_deref()));
        if let Some(group) = text.and_then(Group::find) {
            return Ok(StoredGroup { id: group.id.to_owned(), name: group.name.to_owned() });
        }
        let field = format!("policies[{index}].permission_groups[{at}].id");
        let message = format!("{field} must be one that GET /user/tokens/permission_groups lists");
        Err(ApiError::invalid(code::JSON, &field, message))
    };
    let groups = policy.permission_groups.into_iter().enumerate().map(group);
    Ok(StoredPolicy {
        id: new_id(),
        effect: policy.effect,
        resources: policy.resources,
        permission_groups: groups.collect::<Result<_, _>>()?,
    })
}

/// The policies of a stored token.
pub(super) fn stored(row: &TokenRow) -> Result<Vec<StoredPolicy>, ApiError> {
    StoredPolicy::read_all(&row.policies).map_err(|error| {
        tracing::error!(token = row.id, error, "stored policies cannot be read");
        ApiError::Internal
    })
}

/// Judges policies; the error names the one that cannot be.
pub(super) fn judged(stored: &[StoredPolicy]) -> Result<Vec<Policy>, ApiError> {
    let judge = |(index, policy)| {
        Policy::try_from(policy).map_err(|message| {
            ApiError::invalid(
                code::JSON,
                &format!("policies[{index}]"),
                format!("policies[{index}]: {message}"),
            )
        })
    };
    stored.iter().enumerate().map(judge).collect()
}

/// Older SDKs send empty objects and lists for what is not set.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(members) => members.values().any(says_something),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn moment(field: &str, text: Option<&str>) -> Result<Option<i64>, ApiError> {
    let Some(text) = given(text) else { return Ok(None) };
    let message = format!("{field} must be a time in RFC 3339, as 2026-12-31T23:59:59Z");
    parse_rfc3339(text).map(Some).ok_or_else(|| ApiError::invalid(code::JSON, field, message))
}
