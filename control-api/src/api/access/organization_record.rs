//! What the edge is told of the organisation itself, with its providers and applications.

use std::collections::BTreeSet;

use edge_state::Hostname;
use edge_state::access::OrganizationRecord;
use edge_state::access::organization::{LoginDesign, ProviderSummary};

use super::echo::Sent;
use super::object::{Context, kind};
use super::publish::{self, page};
use super::{applications, presets};
use crate::api::ApiError;
use crate::duration;
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::organizations as stored;
use crate::store::changes;

/// Writes the organisation's record anew: something that it shows has changed.
pub async fn write(cx: &mut Context<'_>) -> Result<(), ApiError> {
    changes::lock(cx.tx).await?;
    let Some(row) = stored::find(cx.tx, cx.account_id).await? else { return Ok(()) };
    let Some(auth_domain) = auth_domain(&row) else { return Ok(()) };
    let record = record(cx, &row, auth_domain).await?;
    publish::put(cx, &record).await
}

/// The HTML of a custom page has changed: applications or the organisation may show it.
pub(super) async fn page_changed(cx: &mut Context<'_>, id: &str) -> Result<(), ApiError> {
    applications::publish::mentioning(cx, id).await?;
    write(cx).await
}

/// Reads the team domain of an organisation.
pub(super) fn auth_domain(row: &ObjectRow) -> Option<Hostname> {
    Hostname::parse(row.handle.as_deref()?).ok()
}

async fn record(
    cx: &mut Context<'_>,
    row: &ObjectRow,
    auth_domain: Hostname,
) -> Result<OrganizationRecord, ApiError> {
    let sent = Sent::read(&row.body)?;
    let mut identity_providers = Vec::new();
    let mut origin_headers = BTreeSet::new();
    for row in objects::all(cx.tx, cx.account_id, kind::IDENTITY_PROVIDER).await? {
        identity_providers.push(summary(&row)?);
        origin_headers.extend(headers(&row)?);
    }
    let (launcher, applications) = applications::publish::launched(cx).await?;
    let design = |name: &str| text(&sent, &format!("login_design.{name}"));
    let session = sent.text("session_duration")?.unwrap_or("24h");
    Ok(OrganizationRecord {
        account_id: row.account_id.clone(),
        auth_domain,
        name: row.name.clone(),
        enabled: sent.switch("enabled")?.unwrap_or(true),
        session_seconds: duration::seconds(session).unwrap_or(DAY_SECONDS),
        auto_redirect_to_identity: sent.switch("auto_redirect_to_identity")?.unwrap_or(false),
        strict_service_token_auth: sent.switch("strict_service_token_auth")?.unwrap_or(false),
        login_design: LoginDesign {
            background_color: design("background_color"),
            text_color: design("text_color"),
            logo_path: design("logo_path"),
            header_text: design("header_text"),
            footer_text: design("footer_text"),
        },
        identity_providers,
        launcher,
        origin_headers: origin_headers.into_iter().collect(),
        applications,
        identity_denied_html: page(cx, &sent, "custom_pages.identity_denied").await?,
        forbidden_html: page(cx, &sent, "custom_pages.forbidden").await?,
    })
}

fn summary(row: &ObjectRow) -> Result<ProviderSummary, ApiError> {
    let sent = Sent::read(&row.body)?;
    Ok(ProviderSummary {
        id: row.id.clone(),
        name: row.name.clone(),
        kind: sent.text("type")?.unwrap_or_default().to_owned(),
        enabled: presets::is_enabled(&sent)?,
    })
}

/// The headers in which origins hear attributes of a provider's people: no visitor may send them.
fn headers(row: &ObjectRow) -> Result<Vec<String>, ApiError> {
    let sent = Sent::read(&row.body)?;
    if sent.text("type")? != Some("saml") {
        return Ok(Vec::new());
    }
    let headers = sent.list("config.header_attributes")?.unwrap_or_default().iter();
    let names = headers.filter_map(|header| header.get("header_name")?.as_str());
    Ok(names.map(str::to_ascii_lowercase).collect())
}

fn text(sent: &Sent, path: &str) -> Option<String> {
    sent.value(path)?.as_str().map(str::to_owned)
}

const DAY_SECONDS: u64 = 24 * 60 * 60;
