//! What the edge is told about applications, in the transaction of the change itself.

use std::collections::BTreeSet;

use edge_state::access::organization::Launcher;
use edge_state::access::{GateRecord, OrganizationRecord};
use edge_state::{Hostname, Key};

use super::address::Door;
use super::kind::Kind;
use super::peer;
use super::record;
use super::stored::{self, Application};
use crate::api::ApiError;
use crate::api::access::object::{Context, kind};
use crate::api::access::{publish, saml_keys};
use crate::store::access::{doors, links, objects};
use crate::store::changes;

/// Applications that changed, or what they show; and the gates that lost or won doors.
pub async fn changed(
    cx: &mut Context<'_>,
    applications: &[String],
    gates: &BTreeSet<String>,
) -> Result<(), ApiError> {
    // Read after this, two changes at once never leave the older one's mixture at the edge.
    changes::lock(cx.tx).await?;
    let auth_domain = stored::auth_domain(cx).await?;
    for id in applications {
        write(cx, id, &auth_domain).await?;
    }
    for gate in gates {
        write_gate(cx, gate).await?;
    }
    Ok(())
}

/// The metadata of a SAML application's service provider has changed.
///
/// # Errors
/// Besides the database's: what it says now cannot be spoken with, and the version before counts.
pub async fn described_anew(cx: &mut Context<'_>, id: &str) -> Result<(), ApiError> {
    let application = Application::find(cx, id).await?;
    peer::of(cx, &application, "").await?;
    changed(cx, &[id.to_owned()], &BTreeSet::new()).await
}

/// The applications that a policy decides about.
pub async fn using_policy(cx: &mut Context<'_>, policy_id: &str) -> Result<(), ApiError> {
    let applications = links::applications(cx.tx, policy_id).await?;
    if applications.is_empty() {
        return Ok(());
    }
    changed(cx, &applications, &BTreeSet::new()).await
}

/// The applications that show what has this id, such as a custom page.
pub async fn mentioning(cx: &mut Context<'_>, id: &str) -> Result<(), ApiError> {
    let quoted = serde_json::Value::from(id).to_string();
    let rows = objects::mentioning(cx.tx, cx.account_id, &quoted).await?;
    let applications = rows.into_iter().filter(|row| row.kind == kind::APPLICATION);
    let applications: Vec<_> = applications.map(|row| row.id).collect();
    if applications.is_empty() {
        return Ok(());
    }
    changed(cx, &applications, &BTreeSet::new()).await
}

/// All applications of the account: its team domain is another now.
pub async fn all(cx: &mut Context<'_>) -> Result<(), ApiError> {
    let applications = objects::all(cx.tx, cx.account_id, kind::APPLICATION).await?;
    let applications: Vec<_> = applications.into_iter().map(|row| row.id).collect();
    if applications.is_empty() {
        return Ok(());
    }
    changed(cx, &applications, &BTreeSet::new()).await
}

/// Tells the team domain which applications there are; the rest of its record stays as it is.
pub async fn organization(cx: &mut Context<'_>) -> Result<(), ApiError> {
    changes::lock(cx.tx).await?;
    let key = Key::Organization(stored::auth_domain(cx).await?);
    let known: Option<OrganizationRecord> = publish::known(cx, &key).await?;
    // Who writes it for the first time asks for the applications.
    let Some(mut record) = known else { return Ok(()) };
    (record.launcher, record.applications) = launched(cx).await?;
    publish::put(cx, &record).await
}

/// For the organisation's record: the App Launcher's own application, and what it may show.
pub async fn launched(cx: &mut Context<'_>) -> Result<(Option<Launcher>, Vec<String>), ApiError> {
    let (mut launcher, mut shown) = (None, Vec::new());
    for application in Application::all(cx).await? {
        if application.body.kind == Kind::AppLauncher {
            launcher = Some(record::launcher(&application));
        } else if application.body.kind.is_launched()
            && application.body.app_launcher_visible != Some(false)
            && application.body.enabled != Some(false)
        {
            shown.push(application.row.id);
        }
    }
    Ok((launcher, shown))
}

async fn write(cx: &mut Context<'_>, id: &str, auth_domain: &Hostname) -> Result<(), ApiError> {
    let row = objects::find(cx.tx, cx.account_id, kind::APPLICATION, id).await?;
    let Some(row) = row else {
        publish::gone(cx, &Key::Application(id.to_owned())).await?;
        return saml_keys::publish(cx, id).await;
    };
    let application = Application::read(row)?;
    let record = record::of(cx, &application, auth_domain).await?;
    publish::put(cx, &record).await?;
    if record.saml.is_some() {
        saml_keys::publish(cx, id).await?;
    }
    Ok(())
}

async fn write_gate(cx: &mut Context<'_>, gate: &str) -> Result<(), ApiError> {
    let Ok(hostname) = Hostname::parse(gate) else { return Ok(()) };
    let rows = doors::of_gate(cx.tx, gate).await?;
    if rows.is_empty() {
        return publish::gone(cx, &Key::Gate(hostname)).await;
    }
    let doors = rows.into_iter().map(|(row, account_id)| {
        let door =
            Door { gate: row.gate, host_pattern: row.host_pattern, path_pattern: row.path_pattern };
        door.of(&row.application_id, &account_id)
    });
    publish::put(cx, &GateRecord { hostname, doors: doors.collect() }).await
}
