//! `/access/custom_pages`: HTML of the operator's own, where Lintel's pages would stand.

use serde_json::{Map, Value};

use super::describe::Scope;
use super::echo::{Fields, Sent, invalid};
use super::object::{Change, Context, Draft, Kind, kind, shown};
use super::organization_record;
use crate::api::ApiError;
use crate::api::auth::AccessCustomPages;
use crate::store::access::objects::ObjectRow;

/// A page.
pub struct CustomPage;

impl Kind for CustomPage {
    const KIND: &'static str = kind::CUSTOM_PAGE;
    const TAG: &'static str = "access custom pages";
    const PATH: &'static str = "/access/custom_pages";
    const SCOPE: Scope = Scope::Account;
    const FIELDS: Fields = Fields {
        required: &["name", "type", "custom_html"],
        optional: &["contract_version"],
        read_only: &["id", "uid", "app_count", "created_at", "updated_at"],
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = AccessCustomPages;

    async fn judge(
        _: &mut Context<'_>,
        _: &str,
        sent: Sent,
        _: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        sent.one_of("type", &["identity_denied", "forbidden", "login", "interstitial"])?;
        let html = sent.text("custom_html")?.unwrap_or_default();
        if html.len() > MAX_HTML {
            let message = format!("custom_html must not be longer than {MAX_HTML} bytes");
            return Err(invalid("custom_html", message));
        }
        Ok(Draft { name, sent, ..Draft::default() })
    }

    async fn show(_: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        let mut answer = shown(row)?;
        answer.insert("uid".to_owned(), row.id.clone().into());
        Ok(answer)
    }

    async fn show_in_list(
        cx: &mut Context<'_>,
        row: &ObjectRow,
    ) -> Result<Map<String, Value>, ApiError> {
        let mut answer = Self::show(cx, row).await?;
        answer.remove("custom_html");
        Ok(answer)
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        match change.after {
            Some(row) => organization_record::page_changed(cx, &row.id).await,
            // Nothing named it, or it would still be there.
            None => Ok(()),
        }
    }
}

const MAX_HTML: usize = 256 * 1024;
