//! `/access/organizations`: the one organisation of an account. It is there from the start; PUT is
//! how clients meet it, and gives it its team domain.

use axum::extract::State;
use axum::response::Response;
use edge_state::Key;
use serde_json::{Map, Value};

use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields, Sent, invalid};
use super::object::{Context, kind, owned};
use super::{
    applications, identity_providers, organization_record, organization_row, publish,
    service_tokens, signing_keys, team_domain,
};
use crate::api::auth::{AccessOrganizations, ForAccess};
use crate::api::idempotency::{Attempt, Begun, Post};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope, zone_record};
use crate::clock::rfc3339;
use crate::duration;
use crate::people::revocation;
use crate::store::access::objects::{self, ObjectRow};
use crate::store::access::organizations;
use crate::store::{changes, zones};

const TAG: &str = "access organizations";
const FIELDS: Fields = Fields {
    required: &[],
    optional: &[
        "name",
        "auth_domain",
        "session_duration",
        "auto_redirect_to_identity",
        "login_design",
        "is_ui_read_only",
        "ui_read_only_toggle_reason",
        "user_seat_expiration_inactive_time",
        "allow_authenticate_via_warp",
        "warp_auth_session_duration",
        "warp_auth_non_browser_401",
        "custom_pages",
        "deny_unmatched_requests",
        "deny_unmatched_requests_exempted_zone_names",
        "mfa_config",
        "mfa_configuration_allowed",
        "mfa_required_for_all_apps",
        "mfa_piv_key_requirements",
        "mfa_ssh_piv_key_requirements",
        "strict_service_token_auth",
        "service_token_inactivity",
        "enabled",
    ],
    read_only: &["id", "uid", "created_at", "updated_at", "trusted_accounts"],
    rules: &[],
    zero_is_unset: &[],
};
/// Clients plan with these, and hear them also if they did not say so.
const DEFAULTS: [&str; 3] =
    ["allow_authenticate_via_warp", "auto_redirect_to_identity", "is_ui_read_only"];

/// Its routes.
pub fn routes() -> [Described; 2] {
    let operation = |summary| Operation::new(TAG, summary);
    [
        Described::at(Scope::AccountAndZone, "/access/organizations")
            .on(
                Method::Post,
                operation("Gives the organisation its name and team domain.")
                    .takes(FIELDS)
                    .answers(201),
                axum::routing::post(create),
            )
            .on(Method::Get, operation("The organisation."), axum::routing::get(get))
            .on(
                Method::Put,
                operation(
                    "Replaces the organisation: what is not sent is unset, except name and \
                     auth_domain.",
                )
                .takes(FIELDS),
                axum::routing::put(update),
            )
            .on(
                Method::Patch,
                operation("Changes what is sent and leaves the rest.").takes(FIELDS),
                axum::routing::patch(edit),
            ),
        Described::at(Scope::Account, "/access/organizations/doh")
            .on(Method::Get, operation("Settings of DNS over HTTPS."), axum::routing::get(get_doh))
            .on(
                Method::Put,
                operation("Replaces the settings of DNS over HTTPS.").takes(DOH_FIELDS),
                axum::routing::put(update_doh),
            ),
    ]
}

/// POST: only where there is no team domain yet.
async fn create(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Post { body, ticket }: Post<Body>,
) -> Result<Response, ApiError> {
    let fields = Fields { required: &["name", "auth_domain"], ..FIELDS };
    let sent = fields.whole(body)?;
    let first_key = signing_keys::first(&app, &access.account).await?;
    let mut attempt = match Attempt::begin(&app, &access.caller, ticket).await? {
        Begun::Again(answer) => return Ok(answer),
        Begun::First(attempt) => attempt,
    };
    let mut cx = Context::new(&app, &mut attempt.tx, &access.account.id);
    let before = organization_row::for_update(&mut cx, &access.account.name, first_key).await?;
    if before.handle.is_some() {
        let message =
            "access.api.error.conflict: the account has an organization; change it with PUT";
        return Err(ApiError::Conflict(message.to_owned()));
    }
    let answer = write(&mut cx, before, sent).await?;
    attempt.finish(&app, Envelope::created(answer)).await
}

/// GET: one object, not a list.
async fn get(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut tx = app.db.read().await?;
    let row = organizations::find(&mut tx, &access.account.id).await?;
    let row = row.unwrap_or_else(|| {
        let account = &access.account;
        organization_row::unborn(&account.id, &account.name, account.created_at)
    });
    show(&row).map(Envelope::ok)
}

/// PUT.
async fn update(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let mut sent = FIELDS.whole(body)?;
    change(&app, &access, |before| {
        for kept in ["name", "auth_domain"] {
            if sent.value(kept).is_none()
                && let Some(value) = before.value(kept)
            {
                sent.set(kept, value.clone());
            }
        }
        Ok(sent)
    })
    .await
}

/// PATCH.
async fn edit(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Json(body): Json<Body>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    change(&app, &access, |before| {
        let mut after = FIELDS.merged(before, body)?;
        for kept in ["name", "auth_domain"] {
            if after.value(kept).is_none()
                && let Some(value) = before.value(kept)
            {
                after.set(kept, value.clone());
            }
        }
        Ok(after)
    })
    .await
}

async fn change(
    app: &App,
    access: &ForAccess<AccessOrganizations>,
    merge: impl FnOnce(&Sent) -> Result<Sent, ApiError>,
) -> Result<Envelope<Map<String, Value>>, ApiError> {
    let first_key = signing_keys::first(app, &access.account).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(app, &mut tx, &access.account.id);
    let before = organization_row::for_update(&mut cx, &access.account.name, first_key).await?;
    let sent = merge(&Sent::read(&before.body)?)?;
    let answer = write(&mut cx, before, sent).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

async fn write(
    cx: &mut Context<'_>,
    before: ObjectRow,
    sent: Sent,
) -> Result<Map<String, Value>, ApiError> {
    judge(cx, &sent).await?;
    let name = sent.name()?.to_owned();
    let auth_domain = sent.text("auth_domain")?.map(str::to_owned);
    let mut owned = owned(&before)?;
    let moved = auth_domain != before.handle;
    let team = match &auth_domain {
        Some(domain) if moved => {
            Some(team_domain::judge(cx, domain, team_domain::noted(&owned)).await?)
        }
        _ => None,
    };
    if let Some(team) = &team {
        team_domain::note(team, &mut owned);
    }
    let row = ObjectRow {
        name,
        handle: auth_domain,
        body: sent.to_json(),
        owned: Value::Object(owned).to_string(),
        updated_at: cx.now,
        ..before.clone()
    };
    if !objects::update(cx.tx, &row).await? {
        let message = "access.api.error.conflict: another account has this auth_domain";
        return Err(ApiError::Conflict(message.to_owned()));
    }
    let answer = show(&row)?;
    if let Some(team) = team {
        team_domain::begin(cx, &team).await?;
    }
    changed(cx, &before, &row).await?;
    Ok(answer)
}

/// The organisation was written. A new team domain takes every record with it.
async fn changed(
    cx: &mut Context<'_>,
    before: &ObjectRow,
    after: &ObjectRow,
) -> Result<(), ApiError> {
    // Read after this, two changes at once never leave the older one's mixture at the edge.
    changes::lock(cx.tx).await?;
    let (old, new) =
        (organization_record::auth_domain(before), organization_record::auth_domain(after));
    organization_record::write(cx).await?;
    if old != new {
        signing_keys::publish(cx).await?;
        identity_providers::publish_all(cx).await?;
        service_tokens::publish_all(cx).await?;
        applications::publish::all(cx).await?;
        if let Some(old) = &old {
            for key in [
                Key::Organization(old.clone()),
                Key::SigningKeys(old.clone()),
                Key::Revocations(old.clone()),
            ] {
                publish::gone(cx, &key).await?;
            }
        }
        if let Some(new) = &new {
            // Who is disabled stays so under the new name.
            revocation::publish(cx.tx, cx.account_id, new, cx.now).await?;
        }
    }
    // Those of other zones than before may be exempt.
    for zone in zones::list(cx.tx, None, Some(cx.account_id)).await? {
        zone_record::publish(cx.tx, &zone, cx.now).await?;
    }
    Ok(())
}

async fn judge(cx: &mut Context<'_>, sent: &Sent) -> Result<(), ApiError> {
    for field in FIELDS.optional {
        match *field {
            "session_duration" => length(sent, field, MAX_SESSION)?,
            "user_seat_expiration_inactive_time" | "warp_auth_session_duration" => {
                length(sent, field, u64::MAX)?;
            }
            "auto_redirect_to_identity"
            | "is_ui_read_only"
            | "allow_authenticate_via_warp"
            | "warp_auth_non_browser_401"
            | "deny_unmatched_requests"
            | "mfa_required_for_all_apps"
            | "strict_service_token_auth"
            | "enabled" => drop(sent.switch(field)?),
            "ui_read_only_toggle_reason" => drop(sent.short_text(field, 1000)?),
            "deny_unmatched_requests_exempted_zone_names" => drop(sent.texts(field)?),
            "login_design"
            | "custom_pages"
            | "mfa_config"
            | "mfa_piv_key_requirements"
            | "service_token_inactivity" => drop(sent.object(field)?),
            _ => {}
        }
    }
    for field in ["background_color", "text_color"] {
        colour(sent, &format!("login_design.{field}"))?;
    }
    for field in ["logo_path", "header_text", "footer_text"] {
        sent.short_text(&format!("login_design.{field}"), 2000)?;
    }
    if let Some(logo) = sent.text("login_design.logo_path")? {
        let fits = url::Url::parse(logo).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
        if !fits {
            let message = "login_design.logo_path must be the URL of an image";
            return Err(invalid("login_design.logo_path", message.to_owned()));
        }
    }
    for field in ["custom_pages.forbidden", "custom_pages.identity_denied"] {
        if let Some(id) = sent.text(field)?
            && objects::find(cx.tx, cx.account_id, kind::CUSTOM_PAGE, id).await?.is_none()
        {
            let message = format!("{field} names {id}, which is no custom page of this account");
            return Err(invalid(field, message));
        }
    }
    Ok(())
}

fn length(sent: &Sent, field: &str, max: u64) -> Result<(), ApiError> {
    let Some(text) = sent.text(field)? else { return Ok(()) };
    let seconds = duration::seconds(text).map_err(|e| invalid(field, format!("{field}: {e}")))?;
    if seconds > max || (seconds == 0 && max == MAX_SESSION) {
        let message = format!("{field} must be longer than nothing, and at most 730h (a month)");
        return Err(invalid(field, message));
    }
    Ok(())
}

/// Pages put it into a style sheet: nothing but a colour may be there.
fn colour(sent: &Sent, field: &str) -> Result<(), ApiError> {
    let Some(text) = sent.text(field)? else { return Ok(()) };
    let digits = text.strip_prefix('#').unwrap_or_default();
    let fits = matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { Ok(()) } else { Err(invalid(field, format!("{field} must be a colour, as #1a2b3c"))) }
}

fn show(row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
    let mut answer = Sent::read(&row.body)?.into_members();
    for field in DEFAULTS {
        answer.entry(field).or_insert(Value::Bool(false));
    }
    answer.insert("created_at".to_owned(), rfc3339(row.created_at).into());
    answer.insert("updated_at".to_owned(), rfc3339(row.updated_at).into());
    Ok(answer)
}

const DOH_FIELDS: Fields = Fields {
    required: &[],
    optional: &["doh_jwt_duration", "service_token_id"],
    read_only: &["id", "client_id", "created_at", "updated_at", "name", "duration", "expires_at"],
    rules: &[],
    zero_is_unset: &[],
};
const DOH: &str = "doh";

async fn get_doh(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let row = organizations::find(&mut tx, &access.account.id).await?;
    let stored = row.as_ref().map(owned).transpose()?.and_then(|mut owned| owned.remove(DOH));
    Ok(Envelope::ok(stored.unwrap_or_else(|| Value::Object(Map::new()))))
}

async fn update_doh(
    State(app): State<App>,
    access: ForAccess<AccessOrganizations>,
    Json(body): Json<Body>,
) -> Result<Envelope<Value>, ApiError> {
    let sent = DOH_FIELDS.whole(body)?;
    length(&sent, "doh_jwt_duration", u64::MAX)?;
    let first_key = signing_keys::first(&app, &access.account).await?;
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    if let Some(id) = sent.text("service_token_id")? {
        cx.find(kind::SERVICE_TOKEN, id)
            .await
            .map_err(|_| invalid("service_token_id", "names no service token".to_owned()))?;
    }
    let mut row = organization_row::for_update(&mut cx, &access.account.name, first_key).await?;
    let mut owned = owned(&row)?;
    let answer = Value::Object(sent.into_members());
    owned.insert(DOH.to_owned(), answer.clone());
    row.owned = Value::Object(owned).to_string();
    row.updated_at = cx.now;
    objects::update(cx.tx, &row).await?;
    app.commit(tx).await?;
    Ok(Envelope::ok(answer))
}

/// The contract's month.
const MAX_SESSION: u64 = 730 * 3600;
