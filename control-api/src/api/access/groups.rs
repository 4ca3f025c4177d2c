//! `/access/groups`: rules with a name, for use in policies and in other groups.

use std::collections::BTreeSet;

use edge_state::access::{GroupRecord, Rule};

use super::describe::Scope;
use super::echo::{Fields, Sent, invalid};
use super::object::{Change, Context, Draft, Kind, kind};
use super::{publish, rules};
use crate::api::ApiError;
use crate::api::auth::AccessOrganizations;
use crate::store::access::objects::{self, ObjectRow};

/// A group.
pub struct Group;

impl Kind for Group {
    const KIND: &'static str = kind::GROUP;
    const TAG: &'static str = "access groups";
    const PATH: &'static str = "/access/groups";
    const SCOPE: Scope = Scope::AccountAndZone;
    const FIELDS: Fields = Fields {
        required: &["name", "include"],
        optional: &["is_default"],
        read_only: &["id", "uid", "created_at", "updated_at"],
        rules: rules::LISTS,
        zero_is_unset: &[],
    };
    type Permission = AccessOrganizations;

    async fn judge(
        cx: &mut Context<'_>,
        id: &str,
        mut sent: Sent,
        _: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        sent.switch("is_default")?;
        let rules = rules::judge(cx, &mut sent).await?;
        if rules.include.is_empty() {
            return Err(invalid("include", "include needs at least one rule".to_owned()));
        }
        if holds(cx, rules.all().cloned().collect(), id).await? {
            return Err(invalid(
                "include",
                "a group cannot hold itself, nor by way of others".into(),
            ));
        }
        Ok(Draft { name, sent, ..Draft::default() })
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        match (change.after, change.before) {
            (Some(row), _) => {
                let rules = rules::Rules::stored(&Sent::read(&row.body)?)?;
                let record = GroupRecord {
                    id: row.id.clone(),
                    name: row.name.clone(),
                    include: rules.include,
                    require: rules.require,
                    exclude: rules.exclude,
                };
                publish::put(cx, &record).await
            }
            (None, Some(row)) => publish::gone(cx, &edge_state::Key::Group(row.id.clone())).await,
            (None, None) => Ok(()),
        }
    }
}

/// Whether these rules lead to the group `id`, by way of however many others.
async fn holds(cx: &mut Context<'_>, mut open: Vec<Rule>, id: &str) -> Result<bool, ApiError> {
    let mut seen = BTreeSet::new();
    while let Some(rule) = open.pop() {
        let Rule::Group { id: inner } = rule else { continue };
        if inner == id {
            return Ok(true);
        }
        if !seen.insert(inner.clone()) {
            continue;
        }
        if let Some(row) = objects::find(cx.tx, cx.account_id, kind::GROUP, &inner).await? {
            let rules = rules::Rules::stored(&Sent::read(&row.body)?)?;
            open.extend(rules.all().cloned());
        }
    }
    Ok(false)
}
