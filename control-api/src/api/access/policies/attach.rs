//! `policies` of an application: ids, `{id, precedence}`, or whole policies of its own.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::body::{self, Judged};
use crate::api::ApiError;
use crate::api::access::applications::check::invalid;
use crate::api::access::echo::{self, Body};
use crate::api::access::object::{Context, kind};
use crate::store::access::links::{self, AttachedRow, LinkRow};
use crate::store::access::objects::{self, ObjectRow};

/// One member of the list.
struct Item {
    field: String,
    id: Option<String>,
    precedence: Option<i64>,
    /// A policy of its own, if more was said than which.
    body: Option<Map<String, Value>>,
}

/// Makes these, and only these, the policies of an application. Policies of its own that are not
/// among them are gone.
pub async fn replace(
    cx: &mut Context<'_>,
    application_id: &str,
    list: &Value,
) -> Result<(), ApiError> {
    let items = read(list)?;
    let before = links::attached(cx.tx, application_id).await?;
    let mut own: Vec<ObjectRow> = before.into_iter().map(|attached| attached.policy).collect();
    own.retain(|policy| policy.parent_id.is_some());
    let named = |policy: &ObjectRow| items.iter().any(|item| item.id.as_ref() == Some(&policy.id));
    // Those that a nameless item may be: not those that another item names.
    let mut free: Vec<ObjectRow> = own.iter().filter(|policy| !named(policy)).cloned().collect();
    let mut rows = Vec::with_capacity(items.len());
    let (mut number, mut reusable) = (0, None);
    for (item, position) in items.iter().zip(1..) {
        let row = match &item.id {
            Some(id) => by_id(cx, item, id, &own).await?,
            None => inline(cx, application_id, item, &mut free).await?,
        };
        if rows.iter().any(|(known, _): &(ObjectRow, LinkRow)| known.id == row.id) {
            return Err(invalid(&item.field, "stands in the list twice"));
        }
        reusable = reusable.or(row.parent_id.is_none().then(|| item.field.clone()));
        let precedence = item.precedence.unwrap_or(number + 1);
        number = precedence;
        let link = LinkRow {
            application_id: application_id.to_owned(),
            policy_id: row.id.clone(),
            precedence,
            position,
        };
        rows.push((row, link));
    }
    if let Some(field) = reusable
        && items.iter().any(|item| item.id.is_none())
    {
        let message =
            "is reusable and stands beside a policy of the application's own: use one kind";
        return Err(invalid(&field, message));
    }
    links::clear(cx.tx, application_id).await?;
    for (_, link) in &rows {
        links::put(cx.tx, link).await?;
    }
    for policy in own.iter().filter(|policy| rows.iter().all(|(row, _)| row.id != policy.id)) {
        objects::delete(cx.tx, cx.account_id, kind::POLICY, &policy.id).await?;
    }
    Ok(())
}

async fn by_id(
    cx: &mut Context<'_>,
    item: &Item,
    id: &str,
    own: &[ObjectRow],
) -> Result<ObjectRow, ApiError> {
    if let Some(row) = own.iter().find(|policy| policy.id == *id) {
        return match &item.body {
            Some(body) => rewrite(cx, item, row.clone(), body).await,
            None => Ok(row.clone()),
        };
    }
    let found = objects::find(cx.tx, cx.account_id, kind::POLICY, id).await?;
    let Some(row) = found.filter(|policy| policy.parent_id.is_none()) else {
        let message = format!("names {id}, which is no reusable policy of this account");
        return Err(invalid(&item.field, &message));
    };
    // Whoever reads an application and writes it back sends whole policies.
    let shown = body::shown(&row)?;
    let sent = item.body.iter().flatten();
    if let Some((name, _)) = sent.into_iter().find(|(name, value)| shown.get(*name) != Some(value))
    {
        let field = format!("{}.{name}", item.field);
        let message = "differs, and the policy is reusable: change it at /access/policies";
        return Err(invalid(&field, message));
    }
    Ok(row)
}

async fn inline(
    cx: &mut Context<'_>,
    application_id: &str,
    item: &Item,
    free: &mut Vec<ObjectRow>,
) -> Result<ObjectRow, ApiError> {
    let empty = Map::new();
    let body = item.body.as_ref().unwrap_or(&empty);
    // The same name is the same policy, whose id stays.
    let name = body.get("name").and_then(Value::as_str);
    if let Some(index) = free.iter().position(|policy| Some(policy.name.as_str()) == name) {
        let row = free.remove(index);
        return rewrite(cx, item, row, body).await;
    }
    let judged = judge(cx, item, body).await?;
    let row = own(cx, application_id, &judged);
    objects::insert(cx.tx, &row).await?;
    Ok(row)
}

/// A new policy of one application.
#[must_use]
pub fn own(cx: &Context<'_>, application_id: &str, judged: &Judged) -> ObjectRow {
    ObjectRow {
        id: Uuid::new_v4().to_string(),
        account_id: cx.account_id.to_owned(),
        kind: kind::POLICY.to_owned(),
        parent_id: Some(application_id.to_owned()),
        name: judged.name.clone(),
        handle: None,
        body: judged.sent.to_json(),
        owned: "{}".to_owned(),
        position: 0,
        revision: 1,
        created_at: cx.now,
        updated_at: cx.now,
    }
}

async fn rewrite(
    cx: &mut Context<'_>,
    item: &Item,
    row: ObjectRow,
    body: &Map<String, Value>,
) -> Result<ObjectRow, ApiError> {
    let judged = judge(cx, item, body).await?;
    let row =
        ObjectRow { name: judged.name, body: judged.sent.to_json(), updated_at: cx.now, ..row };
    objects::update(cx.tx, &row).await?;
    Ok(row)
}

async fn judge(
    cx: &mut Context<'_>,
    item: &Item,
    body: &Map<String, Value>,
) -> Result<Judged, ApiError> {
    let within = |error| within(&item.field, error);
    let sent = body::FIELDS.whole(Body(body.clone())).map_err(within)?;
    body::judge(cx, sent).await.map_err(within)
}

/// Names the list's member in front of the field.
#[must_use]
pub fn within(parent: &str, error: ApiError) -> ApiError {
    match error {
        ApiError::Invalid { code, field, message } => ApiError::Invalid {
            code,
            field: format!("{parent}.{field}"),
            message: format!("{parent}.{message}"),
        },
        error => error,
    }
}

fn read(list: &Value) -> Result<Vec<Item>, ApiError> {
    let Some(list) = list.as_array() else {
        return Err(invalid("policies", "must be a list of ids or policies"));
    };
    if list.len() > MAX_POLICIES {
        return Err(invalid("policies", &format!("may hold {MAX_POLICIES} policies")));
    }
    list.iter().enumerate().map(|(index, value)| Item::read(index, value)).collect()
}

impl Item {
    fn read(index: usize, value: &Value) -> Result<Self, ApiError> {
        let field = format!("policies[{index}]");
        let mut members = match value {
            Value::String(id) if !id.is_empty() => {
                return Ok(Self { field, id: Some(id.clone()), precedence: None, body: None });
            }
            Value::Object(members) => members.clone(),
            _ => return Err(invalid(&field, "must be an id, {id, precedence} or a policy")),
        };
        let id = match members.remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id).filter(|id| !id.is_empty()),
            Some(_) => return Err(invalid(&format!("{field}.id"), "must be a string")),
        };
        let precedence = match members.remove("precedence").filter(|value| !value.is_null()) {
            None => None,
            Some(value) => {
                let number = value.as_f64().filter(|number| number.fract() == 0.0);
                let number = number.filter(|number| (0.0..=f64::from(i32::MAX)).contains(number));
                let wrong =
                    || invalid(&format!("{field}.precedence"), "must be a whole number from 1");
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
                let number = number.ok_or_else(wrong)? as i64;
                // The legacy SDK sends 0 for what is not set.
                (number > 0).then_some(number)
            }
        };
        let ours = |name: &str| body::FIELDS.read_only.contains(&name) || name == "account_id";
        members.retain(|name, value| !value.is_null() && !ours(name));
        if id.is_none() && members.is_empty() {
            return Err(invalid(&field, "is empty: write an id or a policy"));
        }
        let body = Some(members).filter(|members| !members.is_empty());
        Ok(Self { field, id, precedence, body })
    }
}

/// The policies of an application as it answers them.
pub fn shown(attached: &[AttachedRow]) -> Result<Vec<Value>, ApiError> {
    let one = |attached: &AttachedRow| {
        let mut answer = body::shown(&attached.policy)?;
        answer.insert("precedence".to_owned(), attached.precedence.into());
        Ok(Value::Object(answer))
    };
    attached.iter().map(one).collect()
}

/// Whether a list of policies was sent at all: `null` leaves them as they are.
#[must_use]
pub fn is_sent(sent: &echo::Sent) -> bool {
    sent.value("policies").is_some()
}

const MAX_POLICIES: usize = 200;
