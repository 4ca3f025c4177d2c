//! `/gateway/lists`: what rules of type `email_list` and `ip_list` name.

use axum::extract::{Path, State};
use edge_state::Key;
use edge_state::access::ListRecord;
use http::StatusCode;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent, invalid};
use super::object::{self, Change, Context, Draft, Kind, ObjectPath, kind, shown};
use super::publish;
use super::rules::is_network;
use crate::api::auth::{ForAccess, ZeroTrust};
use crate::api::json::Json;
use crate::api::page::{MAX_ACCESS_PAGE, Paging, Params};
use crate::api::{ApiError, App, Envelope, Page};
use crate::store::access::objects::ObjectRow;

/// A list.
pub struct List;

const READ_ONLY: &[&str] = &["id", "count", "created_at", "updated_at"];

impl Kind for List {
    const KIND: &'static str = kind::LIST;
    const TAG: &'static str = "lists";
    const PATH: &'static str = "/gateway/lists";
    const SCOPE: Scope = Scope::Account;
    const ONE_PAGE: bool = true;
    const DELETED: StatusCode = StatusCode::OK;
    const FIELDS: Fields = Fields {
        required: &["name", "type"],
        optional: &["description", "items"],
        read_only: READ_ONLY,
        rules: &[],
        zero_is_unset: &[],
    };
    const PUT_FIELDS: Fields = Fields {
        required: &["name"],
        optional: &["description", "items", "type"],
        read_only: READ_ONLY,
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = ZeroTrust;

    async fn judge(
        _: &mut Context<'_>,
        _: &str,
        mut sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        sent.short_text("description", 1500)?;
        if let Some(before) = before {
            let known = Sent::read(&before.body)?;
            let kind = known.text("type")?.unwrap_or_default().to_owned();
            if sent.text("type")?.is_some_and(|sent| sent != kind) {
                return Err(invalid("type", "type cannot change: make another list".to_owned()));
            }
            sent.set("type", kind);
            if let (None, Some(items)) = (sent.value("items"), known.value("items")) {
                sent.set("items", items.clone());
            }
        }
        sent.one_of("type", TYPES)?;
        if sent.value("items").is_none() {
            sent.set("items", Vec::<Value>::new());
        }
        values(&sent)?;
        Ok(Draft { name, sent, ..Draft::default() })
    }

    async fn show(_: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        let mut answer = shown(row)?;
        let count = answer.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        answer.insert("count".to_owned(), count.into());
        Ok(answer)
    }

    async fn show_in_list(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> Result<Map<String, Value>, ApiError> {
        let mut answer = Self::show(cx, row).await?;
        answer.remove("items");
        Ok(answer)
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        match (change.after, change.before) {
            (Some(row), _) => {
                let sent = Sent::read(&row.body)?;
                let values = values(&sent)?.into_iter().collect();
                let kind = sent.text("type")?.unwrap_or_default().to_owned();
                publish::put(cx, &ListRecord { id: row.id.clone(), kind, values }).await
            }
            (None, Some(row)) => publish::gone(cx, &Key::List(row.id.clone())).await,
            (None, None) => Ok(()),
        }
    }
}

/// The routes beside those that every kind has.
pub fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new(List::TAG, summary);
    [
        Described::at(Scope::Account, "/gateway/lists/{id}").on(
            Method::Patch,
            operation("Adds items to a list and takes items out of it.").takes(PATCH),
            axum::routing::patch(edit),
        ),
        Described::at(Scope::Account, "/gateway/lists/{id}/items").on(
            Method::Get,
            operation("The items of a list, by pages.").paged(&[]),
            axum::routing::get(items),
        ),
    ]
}

const PATCH: Fields = Fields {
    required: &[],
    optional: &["append", "remove"],
    read_only: &[],
    rules: &[],
    zero_is_unset: &[],
};

async fn edit(
    State(app): State<App>,
    access: ForAccess<ZeroTrust>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let change = PATCH.whole(body)?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let before = cx.find_for_update(kind::LIST, &path.id).await?;
    let mut after = Sent::read(&before.body)?;
    let removed = change.texts("remove")?.unwrap_or_default();
    let appended = change.list("append")?.unwrap_or_default();
    let value = |item: &Value| item.get("value").and_then(Value::as_str).map(str::to_owned);
    for (index, item) in appended.iter().enumerate() {
        judge_item(&format!("append[{index}]"), item, after.text("type")?.unwrap_or_default())?;
    }
    let replaced: BTreeSet<_> = appended.iter().filter_map(value).collect();
    let mut items = after.list("items")?.unwrap_or_default().to_vec();
    items.retain(|item| {
        value(item).is_none_or(|v| !removed.contains(&v.as_str()) && !replaced.contains(&v))
    });
    items.extend(appended.iter().cloned());
    after.set("items", items);
    let (answer, _) = object::replace::<List>(&mut cx, before, after).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn items(
    State(app): State<App>,
    access: ForAccess<ZeroTrust>,
    Path(path): Path<ObjectPath>,
    Params(paging): Params<Paging>,
) -> Result<Page<Value>, ApiError> {
    let window = paging.window_within(MAX_ACCESS_PAGE)?;
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = cx.find(kind::LIST, &path.id).await?;
    let sent = Sent::read(&row.body)?;
    Ok(Page::of(sent.list("items")?.unwrap_or_default().to_vec(), window))
}

/// The values as the edge searches them; whatever is spoiled refuses the whole.
fn values(sent: &Sent) -> Result<BTreeSet<String>, ApiError> {
    let kind = sent.text("type")?.unwrap_or_default();
    let items = sent.list("items")?.unwrap_or_default();
    if items.len() > MAX_ITEMS {
        return Err(invalid("items", format!("items must not be more than {MAX_ITEMS}")));
    }
    let judged = items.iter().enumerate();
    judged.map(|(index, item)| judge_item(&format!("items[{index}]"), item, kind)).collect()
}

fn judge_item(field: &str, item: &Value, kind: &str) -> Result<String, ApiError> {
    let members = item
        .as_object()
        .ok_or_else(|| invalid(field, format!("{field} must be an object with a value")))?;
    for (name, member) in members {
        let known = ["value", "description", "created_at"].contains(&name.as_str());
        if !known || !member.is_string() {
            let field = format!("{field}.{name}");
            return Err(invalid(&field, format!("{field} is not known, or no string")));
        }
    }
    let field = format!("{field}.value");
    let value = members.get("value").and_then(Value::as_str);
    let value = value.ok_or_else(|| invalid(&field, format!("{field} is required")))?;
    match kind {
        "EMAIL" if !value.contains('@') => {
            Err(invalid(&field, format!("{field} must be an address, as ann@example.com")))
        }
        "EMAIL" => Ok(value.to_ascii_lowercase()),
        "IP" => network(value).ok_or_else(|| {
            invalid(&field, format!("{field} must be an address or a network, as 192.0.2.0/24"))
        }),
        _ => Ok(value.to_owned()),
    }
}

/// A network in its one spelling: host bits gone, IPv4 in IPv6 as IPv4.
fn network(text: &str) -> Option<String> {
    if !is_network(text) {
        return None;
    }
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let (address, length) = match (address, address.to_canonical(), length.parse::<u8>().ok()) {
        (IpAddr::V6(_), canonical @ IpAddr::V4(_), Some(length)) if length >= 96 => {
            (canonical, length - 96)
        }
        (IpAddr::V6(_), canonical @ IpAddr::V4(_), None) => (canonical, 32),
        (IpAddr::V4(_), _, length) => (address, length.unwrap_or(32)),
        (IpAddr::V6(_), _, length) => (address, length.unwrap_or(128)),
    };
    let address = match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            IpAddr::from((u32::from(v4) & mask).to_be_bytes())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            IpAddr::from((u128::from(v6) & mask).to_be_bytes())
        }
    };
    Some(format!("{address}/{length}"))
}

const MAX_ITEMS: usize = 5000;
const TYPES: &[&str] =
    &["SERIAL", "URL", "DOMAIN", "EMAIL", "IP", "CATEGORY", "LOCATION", "DEVICE", "AAGUID"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_one_spelling() {
        for (text, spelled) in [
            ("192.0.2.77/24", Some("192.0.2.0/24")),
            ("192.0.2.1", Some("192.0.2.1/32")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("2001:DB8::1/32", Some("2001:db8::/32")),
            ("::/0", Some("::/0")),
            ("::1", Some("::1/128")),
            ("::ffff:192.0.2.1", Some("192.0.2.1/32")),
            ("::ffff:192.0.2.1/120", Some("192.0.2.0/24")),
            ("::ffff:0:0/90", Some("::ffc0:0:0/90")),
            ("nonsense", None),
            ("192.0.2.0/33", None),
        ] {
            assert_eq!(network(text).as_deref(), spelled, "{text}");
        }
    }
}
