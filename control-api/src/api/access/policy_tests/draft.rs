//! Policies that are not saved: ids of saved ones, or whole policies.

use edge_state::access::Policy;
use serde_json::{Map, Value};

use crate::api::ApiError;
use crate::api::access::applications::check::invalid;
use crate::api::access::applications::record;
use crate::api::access::applications::stored::{self, Application};
use crate::api::access::echo::Body;
use crate::api::access::object::{Context, kind};
use crate::api::access::policies::{attach, body};
use crate::store::access::objects;

/// Reads a list as an application's `policies` has it; a whole policy with the id of a saved one
/// stands for what that one shall be. In the order in which they are asked.
pub async fn read(cx: &mut Context<'_>, list: &Value) -> Result<Vec<Policy>, ApiError> {
    let Some(list) = list.as_array().filter(|list| list.len() <= MAX_POLICIES) else {
        let message = format!("must be a list of at most {MAX_POLICIES} ids or policies");
        return Err(invalid("policies", &message));
    };
    let (mut policies, mut number) = (Vec::with_capacity(list.len()), 0);
    for (index, item) in list.iter().enumerate() {
        let field = format!("policies[{index}]");
        let (policy, precedence) = one(cx, &field, item).await?;
        number = precedence.unwrap_or(number + 1);
        policies.push((number, policy));
    }
    policies.sort_by_key(|(precedence, _)| *precedence);
    Ok(policies.into_iter().map(|(_, policy)| policy).collect())
}

async fn one(
    cx: &mut Context<'_>,
    field: &str,
    item: &Value,
) -> Result<(Policy, Option<i64>), ApiError> {
    let mut members = match item {
        Value::String(id) => return Ok((saved(cx, field, id).await?, None)),
        Value::Object(members) => members.clone(),
        _ => return Err(invalid(field, "must be an id, {id, precedence} or a policy")),
    };
    let id = members.remove("id").and_then(|id| id.as_str().map(str::to_owned));
    let ours = |name: &str| body::FIELDS.read_only.contains(&name) || name == "precedence";
    let only_id = members.keys().all(|name| ours(name));
    if let (Some(id), true) = (&id, only_id) {
        let precedence = members.get("precedence").and_then(Value::as_i64).filter(|n| *n > 0);
        return Ok((saved(cx, field, id).await?, precedence));
    }
    let within = |error| attach::within(field, error);
    let sent = body::FIELDS.whole(Body(members)).map_err(within)?;
    let judged = body::judge(cx, sent).await.map_err(within)?;
    let id = id.unwrap_or_else(|| format!("draft:{field}"));
    Ok((body::of_sent(&id, &judged.sent)?, judged.precedence))
}

async fn saved(cx: &mut Context<'_>, field: &str, id: &str) -> Result<Policy, ApiError> {
    match objects::find(cx.tx, cx.account_id, kind::POLICY, id).await? {
        Some(row) => body::record(&row),
        None => Err(invalid(field, &format!("names {id}, which is no policy of this account"))),
    }
}

/// The policies of a saved application.
pub async fn of_application(
    cx: &mut Context<'_>,
    application: &Application,
) -> Result<Vec<Policy>, ApiError> {
    let auth_domain = stored::auth_domain(cx).await?;
    Ok(record::of(cx, application, &auth_domain).await?.policies)
}

/// Policies as they are asked about: of `application_id`, or those of `policies`.
pub async fn asked(
    cx: &mut Context<'_>,
    sent: &Map<String, Value>,
) -> Result<(Option<Application>, Vec<Policy>), ApiError> {
    let application = match sent.get("application_id").and_then(Value::as_str) {
        Some(id) => {
            let found = objects::find(cx.tx, cx.account_id, kind::APPLICATION, id).await?;
            let message = format!("names {id}, which is no application of this account");
            let row = found.ok_or_else(|| invalid("application_id", &message))?;
            Some(Application::read(row)?)
        }
        None => None,
    };
    let policies = match (sent.get("policies"), &application) {
        (Some(list), _) => read(cx, list).await?,
        (None, Some(application)) => of_application(cx, application).await?,
        (None, None) => {
            return Err(invalid("policies", "is missing: write policies or application_id"));
        }
    };
    Ok((application, policies))
}

const MAX_POLICIES: usize = 200;
