//! Metadata that is fetched again: in time, by one instance, and when a client asks for it. What
//! changed in it reaches the edge as if the object itself had changed.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing;
use saml::metadata::Entity;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::applications;
use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Body, Fields};
use super::identity_providers::IdentityProvider;
use super::metadata::{self, refused, shown, unix_millis};
use super::object::{Change, Context, Kind as _, ObjectPath, kind};
use crate::api::auth::{AccessApps, AccessOrganizations, ForAccess, Permission};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};
use crate::metrics::{SAML_METADATA, SAML_METADATA_FAILING};
use crate::saml_metadata::fetch::{self, Answer, Document};
use crate::saml_metadata::pin::{Expected, Pins, Version};
use crate::saml_metadata::{Problem, Role, schedule};
use crate::store::access::objects;
use crate::store::access::saml_metadata::{self as stored, MetadataRow};

const FIELDS: Fields =
    Fields { required: &[], optional: &["repin"], read_only: &[], rules: &[], zero_is_unset: &[] };

/// Whose peers.
trait Owner: Send + Sync + 'static {
    const ROLE: Role;
    const TAG: &'static str;
    const PATH: &'static str;
    type Permission: Permission + 'static;
}

struct Applications;

impl Owner for Applications {
    const ROLE: Role = Role::ServiceProvider;
    const TAG: &'static str = "access applications";
    const PATH: &'static str = "/access/apps/{id}/saml_metadata";
    type Permission = AccessApps;
}

struct Providers;

impl Owner for Providers {
    const ROLE: Role = Role::IdentityProvider;
    const TAG: &'static str = IdentityProvider::TAG;
    const PATH: &'static str = "/access/identity_providers/{id}/saml_metadata";
    type Permission = AccessOrganizations;
}

/// Its routes.
#[must_use]
pub fn routes() -> Vec<Described> {
    let mut all = Vec::from(routes_of::<Applications>());
    all.extend(routes_of::<Providers>());
    all
}

fn routes_of<O: Owner>() -> [Described; 2] {
    let operation = |summary| Operation::new(O::TAG, summary);
    [
        Described::at(Scope::Account, O::PATH).on(
            Method::Get,
            operation("What was fetched from the peer's metadata address, and when."),
            routing::get(get::<O>),
        ),
        Described::at(Scope::Account, &format!("{}/refresh", O::PATH)).on(
            Method::Post,
            operation("Fetches the peer's metadata now; with `repin`, whoever signs it now.")
                .takes(FIELDS),
            routing::post(refresh::<O>),
        ),
    ]
}

async fn get<O: Owner>(
    State(app): State<App>,
    access: ForAccess<O::Permission>,
    Path(path): Path<ObjectPath>,
) -> Result<Envelope<Value>, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = find::<O>(&mut cx, &path.id).await?;
    Ok(Envelope::ok(shown(&row)))
}

async fn refresh<O: Owner>(
    State(app): State<App>,
    access: ForAccess<O::Permission>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Value>, ApiError> {
    let repin = FIELDS.whole(body)?.switch("repin")?.unwrap_or(false);
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    find::<O>(&mut cx, &path.id).await?;
    let until = cx.now + LEASE_MILLIS;
    let row = stored::take(cx.tx, &path.id, until).await?.ok_or(ApiError::NotFound(METADATA))?;
    tx.commit().await?;
    let problem = renew(&app, row, repin).await?;
    if let Some(problem) = problem {
        let field = match O::ROLE {
            Role::ServiceProvider => "saas_app.sp_metadata_url",
            Role::IdentityProvider => "config.idp_metadata_url",
        };
        return Err(refused(field, &problem));
    }
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let row = find::<O>(&mut cx, &path.id).await?;
    Ok(Envelope::ok(shown(&row)))
}

async fn find<O: Owner>(cx: &mut Context<'_>, id: &str) -> Result<MetadataRow, ApiError> {
    cx.find(kind_of(O::ROLE), id).await?;
    stored::find(cx.tx, id).await?.ok_or(ApiError::NotFound(METADATA))
}

/// Fetches again what is due, until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = poll(&app, &stop).await {
            tracing::warn!(%error, "SAML metadata was not fetched; next try in half a minute");
        }
    }
}

/// Fetches again what is due; how many peers that were.
///
/// # Errors
/// The database failed; whoever was not reached is reached the next time.
pub async fn poll_due(app: &App) -> Result<usize, ApiError> {
    poll(app, &CancellationToken::new()).await
}

/// Ends early, between two turns, when it is to stop: thousands of peers may be due.
async fn poll(app: &App, stop: &CancellationToken) -> Result<usize, ApiError> {
    let mut polled = 0;
    while !stop.is_cancelled() {
        let now = app.clock.now_millis();
        let mut tx = app.db.begin().await?;
        let rows = stored::lease(&mut tx, (now, now + LEASE_MILLIS), AT_ONCE).await?;
        tx.commit().await?;
        if rows.is_empty() {
            break;
        }
        polled += rows.len();
        let renewed = rows.into_iter().map(async |row| {
            let object = row.object_id.clone();
            if let Err(error) = renew(app, row, false).await {
                // It is due again when its lease ends; the others do not wait for it.
                tracing::warn!(object, %error, "SAML metadata could not be renewed");
            }
        });
        futures_util::future::join_all(renewed).await;
    }
    let failing = stored::count_failing(&mut app.db.read().await?).await?;
    #[allow(clippy::cast_precision_loss, reason = "metrics are floats")]
    metrics::gauge!(SAML_METADATA_FAILING).set(failing as f64);
    Ok(polled)
}

/// Fetches one that the caller has leased. A problem with the peer is no error: it is noted, and what
/// was good before goes on.
async fn renew(app: &App, row: MetadataRow, repin: bool) -> Result<Option<Problem>, ApiError> {
    let found = ask(app, &row, repin).await;
    match finish(app, &row, found).await {
        // Whose peer it is cannot do with what it says now.
        Err(ApiError::Invalid { message, .. }) => {
            finish(app, &row, Err(Problem::Useless(message))).await
        }
        result => result,
    }
}

/// Writes what came of a lease, and tells the edge if the peer is another now.
async fn finish(
    app: &App,
    row: &MetadataRow,
    found: Result<Option<(Document, Version)>, Problem>,
) -> Result<Option<Problem>, ApiError> {
    let mut tx = app.db.begin().await?;
    let mut cx = Context::new(app, &mut tx, &row.account_id);
    let now = cx.now;
    let Some(role) = Role::from_name(&row.role) else { return Ok(None) };
    // Before its metadata: in the order in which a client's change locks them.
    let owner =
        objects::find_for_update(cx.tx, &row.account_id, kind_of(role), &row.object_id).await?;
    let Some(mut owner) = owner else { return Ok(None) };
    let mut after = MetadataRow { error: None, failed_at: None, failures: 0, ..row.clone() };
    let (outcome, problem) = match found {
        Ok(found) => (if apply(app, &mut after, found)? { "changed" } else { "same" }, None),
        Err(problem) => {
            after.failures = row.failures + 1;
            after.due_at = now + schedule::after_failure(after.failures, rand::random());
            after.error = Some(format!("the metadata {problem}{}", problem.advice()));
            after.failed_at = Some(now);
            let (object, url) = (&row.object_id, &row.url);
            tracing::warn!(object, url, entity = row.entity_id, failures = after.failures,
                %problem, "SAML metadata was not renewed; its last good version counts");
            ("failed", Some(problem))
        }
    };
    if !stored::finish(cx.tx, &after).await? {
        // A client changed the object meanwhile, or asked for it faster.
        return Ok(problem);
    }
    if outcome == "changed" {
        // The edge forgets what it knew of an object by its revision.
        owner.updated_at = now;
        objects::update(cx.tx, &owner).await?;
        publish(&mut cx, role, &row.object_id).await?;
        tracing::info!(object = row.object_id, entity = row.entity_id, "SAML metadata changed");
    }
    app.commit(tx).await?;
    metrics::counter!(SAML_METADATA, "outcome" => outcome).increment(1);
    Ok(problem)
}

async fn ask(
    app: &App,
    row: &MetadataRow,
    repin: bool,
) -> Result<Option<(Document, Version)>, Problem> {
    let role = Role::from_name(&row.role).unwrap_or(Role::IdentityProvider);
    let url = super::address::judge(&app.config, "url", &row.url)
        .map_err(|error| Problem::Unreachable(error.to_string()))?;
    let known =
        if repin { (None, None) } else { (row.etag.as_deref(), row.last_modified.as_deref()) };
    let document = match fetch::get(&app.outside, url, known.0, known.1).await? {
        Answer::Same => return Ok(None),
        Answer::New(document) => document,
    };
    let mut pins = Pins::from_json(&row.pins);
    if repin && !pins.given {
        pins = Pins::default();
    }
    let expected = Expected {
        role,
        entity_id: Some(&row.entity_id),
        pins: &pins,
        allow_sha1: row.allow_sha1,
        now: app.clock.now(),
    };
    let version = expected.judge(&document.xml).await?;
    Ok(Some((document, version)))
}

/// Writes into `row` what came; whether the peer is another now.
fn apply(
    app: &App,
    row: &mut MetadataRow,
    found: Option<(Document, Version)>,
) -> Result<bool, ApiError> {
    let (now, millis) = (app.clock.now(), app.clock.now_millis());
    row.fetched_at = millis;
    let Some((document, version)) = found else {
        let until = metadata::read(row)?.valid_until;
        row.due_at = millis + schedule::after_success(None, until, now, rand::random());
        return Ok(false);
    };
    let until = version.entity.valid_until;
    let delay = schedule::after_success(version.cache_duration, until, now, rand::random());
    // Much metadata is written anew each time; what counts is what it says.
    let timeless = |entity: Entity| Entity { valid_until: None, ..entity };
    let changed = timeless(metadata::read(row)?) != timeless(version.entity);
    row.due_at = millis + delay;
    row.valid_until = until.map(unix_millis);
    row.pins = version.pins.to_json();
    row.document = String::from_utf8_lossy(&document.xml).into_owned();
    row.etag = document.etag;
    row.last_modified = document.last_modified;
    if changed {
        row.changed_at = millis;
    }
    Ok(changed)
}

/// Tells the edge.
async fn publish(cx: &mut Context<'_>, role: Role, id: &str) -> Result<(), ApiError> {
    match role {
        Role::ServiceProvider => applications::publish::described_anew(cx, id).await,
        Role::IdentityProvider => {
            let row = cx.find(kind::IDENTITY_PROVIDER, id).await?;
            let change = Change { before: Some(&row), after: Some(&row) };
            IdentityProvider::publish(cx, change).await
        }
    }
}

fn kind_of(role: Role) -> &'static str {
    match role {
        Role::ServiceProvider => kind::APPLICATION,
        Role::IdentityProvider => kind::IDENTITY_PROVIDER,
    }
}

/// What is not found where an object has no metadata address.
const METADATA: &str = "metadata address";
const EVERY: Duration = Duration::from_secs(30);
/// Longer than a fetch may take.
const LEASE_MILLIS: i64 = 60_000;
const AT_ONCE: i64 = 16;
