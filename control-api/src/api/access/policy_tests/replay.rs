//! `POST /access/policy-tests/replay`: the login log again, by policies that are not saved: who
//! would lose, who would gain, and by which rule. Lintel's own.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing;
use edge_state::access::call::LoginEvent;
use serde_json::{Value, json};

use super::bench::{Bench, summary};
use super::draft;
use super::person::TAG;
use crate::api::access::applications::check::invalid;
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::{Body, Fields};
use crate::api::access::object::Context;
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};
use crate::clock::{parse_rfc3339, rfc3339};
use crate::people::{self, login_log};

/// The route.
pub fn routes() -> Vec<Described> {
    let summary = "Who of the login log would lose or gain access by a draft, and by which rule.";
    vec![Described::at(Scope::Account, "/access/policy-tests/replay").on(
        Method::Post,
        Operation::new(TAG, summary).takes(FIELDS),
        routing::post(replay),
    )]
}

async fn replay(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Json(body): Json<Body>,
) -> Result<Envelope<Value>, ApiError> {
    let sent = FIELDS.whole(body)?;
    let since = match sent.text("since")? {
        Some(text) => parse_rfc3339(text)
            .ok_or_else(|| invalid("since", "must be a time, as 2026-11-21T00:00:00Z"))?,
        None => app.clock.now_millis() - DEFAULT_PAST,
    };
    let limit = sent.integer("limit", 1, MAX_EVENTS)?.unwrap_or(DEFAULT_EVENTS);
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let (application, policies) = draft::asked(&mut cx, sent.members()).await?;
    let Some(application) = application else {
        return Err(invalid("application_id", "is missing: whose log is it?"));
    };
    let saved = draft::of_application(&mut cx, &application).await?;
    let id = Some(application.row.id.as_str());
    let events = login_log::replay(cx.tx, cx.account_id, id, since, limit).await.map_err(failed)?;
    let mut bench = Bench::of(&mut cx).await?;
    let (mut lost, mut gained, mut unchanged) = (BTreeMap::new(), BTreeMap::new(), 0);
    for event in &events {
        let (before, after) = bench
            .ask(&mut cx, |known, here, organization| {
                let judge =
                    |policies| access::draft::replay(policies, event, known, here, organization);
                Ok((judge(&saved)?, judge(&policies)?))
            })
            .await?;
        let changed = match (before.outcome.admits(), after.outcome.admits()) {
            (true, false) => &mut lost,
            (false, true) => &mut gained,
            (true, true) | (false, false) => {
                unchanged += 1;
                continue;
            }
        };
        let (before, after) = (summary(&before, &saved), summary(&after, &policies));
        // One line for one person and one reason, with how often.
        let name = (who(event), after["reason"].to_string());
        let line = changed.entry(name).or_insert_with(|| line(event, &before, &after));
        if let Some(times) = line["times"].as_u64() {
            line["times"] = json!(times + 1);
        }
    }
    let lines = |changed: BTreeMap<_, Value>| changed.into_values().collect::<Vec<_>>();
    Ok(Envelope::ok(json!({
        "application_id": application.row.id,
        "since": rfc3339(since),
        "events": events.len(),
        "unchanged": unchanged,
        "lost": lines(lost),
        "gained": lines(gained),
    })))
}

fn who(event: &LoginEvent) -> String {
    let known = event.user_id.as_deref().or(event.user_email.as_deref());
    known.unwrap_or_default().to_owned()
}

fn line(event: &LoginEvent, before: &Value, after: &Value) -> Value {
    json!({
        "user_id": event.user_id,
        "user_email": event.user_email,
        "last_seen_at": rfc3339(event.at_millis),
        "ip_address": event.ip_address,
        "country": event.country,
        "times": 0,
        "before": before,
        "after": after,
    })
}

fn failed(error: people::Error) -> ApiError {
    match error {
        people::Error::Database(error) => error.into(),
        error => {
            tracing::error!(%error, "the login log cannot be read");
            ApiError::Internal
        }
    }
}

const FIELDS: Fields = Fields {
    required: &["application_id"],
    optional: &["since", "limit"],
    read_only: &[],
    rules: &["policies"],
    zero_is_unset: &[],
};
const DEFAULT_EVENTS: i64 = 1_000;
const MAX_EVENTS: i64 = 10_000;
/// 30 days.
const DEFAULT_PAST: i64 = 30 * 24 * 3_600_000;
