//! Making and changing an application: judged, stored with its doors and policies, published.

use std::collections::BTreeSet;

use edge_state::Hostname;
use edge_state::access::saml::KeyUse;
use serde_json::Value;

use super::address::Door;
use super::body::ApplicationBody;
use super::check::{self, invalid};
use super::kind::{FIELDS, Kind};
use super::saas::{self, AuthType};
use super::stored::{Application, Owned};
use super::{context, peer, publish};
use crate::api::access::echo::{Body, Sent};
use crate::api::access::metadata::{self, Prepared};
use crate::api::access::object::{Context, kind};
use crate::api::access::policies::attach;
use crate::api::access::saml_keys;
use crate::api::{ApiError, App};
use crate::signing_key::SigningKey;
use crate::store::access::doors::{self, DoorRow};
use crate::store::access::objects::{self, ObjectRow};

/// What a client sent, judged by itself.
pub struct Draft {
    /// What is stored of it.
    pub sent: Sent,
    /// The same, typed.
    pub body: ApplicationBody,
    /// What it guards.
    pub doors: Vec<Door>,
    /// `None`: not sent, or `null`.
    pub policies: Option<Value>,
    /// What a SAML application signs with from now on, if it has no key yet.
    pub key: Option<SigningKey>,
    /// Its service provider's metadata, if it is at an address. `None`: as it is.
    pub metadata: Option<Prepared>,
}

/// What was stored.
pub struct Written {
    /// The application.
    pub application: Application,
    /// Of a new OIDC client, for this one answer.
    pub secret: Option<String>,
    /// What is no mistake, but should be known.
    pub remarks: Vec<String>,
}

impl Draft {
    /// Judges a whole application.
    pub fn whole(body: Body) -> Result<Self, ApiError> {
        Self::of(FIELDS.whole(body)?)
    }

    /// Judges what is to be stored.
    pub fn of(mut sent: Sent) -> Result<Self, ApiError> {
        let kind: Kind = check::read(
            &sent.members().get("type").cloned().map_or_else(serde_json::Map::new, |kind| {
                [("type".to_owned(), kind)].into_iter().collect()
            }),
        )
        .map(|KindOnly { kind }| kind)?;
        for field in kind.foreign(sent.members())? {
            sent.take(field);
        }
        for field in saas::READ_ONLY {
            sent.take(&format!("saas_app.{field}"));
        }
        let policies = sent.take("policies");
        let body: ApplicationBody = check::read(sent.members())?;
        let doors = body.judge()?;
        // That some were sent is remembered; which, stands elsewhere.
        if policies.is_some() {
            sent.set("policies", Value::Array(Vec::new()));
        }
        Ok(Self { sent, body, doors, policies, key: None, metadata: None })
    }
}

impl Draft {
    /// Does what takes a while, so no transaction may be open: a SAML application gets a key, if
    /// it has none, and its service provider's metadata is fetched.
    pub async fn prepare(
        &mut self,
        app: &App,
        account_id: &str,
        before: Option<&str>,
    ) -> Result<(), ApiError> {
        if !self.fetch(app, account_id, before).await? {
            return Ok(());
        }
        if let Some(id) = before {
            let mut tx = app.db.read().await?;
            let has = objects::children(&mut tx, id, kind::SAML_KEY).await?;
            if !has.is_empty() {
                return Ok(());
            }
        }
        self.key = Some(saml_keys::generate(app, &self.body.shown_name()).await?);
        Ok(())
    }

    /// Of a SAML application, fetches its service provider's metadata; `false`: it is none.
    pub async fn fetch(
        &mut self,
        app: &App,
        account_id: &str,
        before: Option<&str>,
    ) -> Result<bool, ApiError> {
        let saas = self.body.saas_app.as_ref();
        let Some(saas) = saas.filter(|saas| saas.auth_type() == AuthType::Saml) else {
            return Ok(false);
        };
        let source = peer::source(saas);
        self.metadata = Some(metadata::prepare(app, account_id, before, source.as_ref()).await?);
        Ok(true)
    }
}

#[derive(serde::Deserialize)]
struct KindOnly {
    #[serde(rename = "type")]
    kind: Kind,
}

/// Stores and publishes a new application.
pub async fn create(
    cx: &mut Context<'_>,
    draft: Draft,
    auth_domain: &Hostname,
) -> Result<Written, ApiError> {
    context::judge(cx, &draft.body, &draft.doors, auth_domain).await?;
    let remarks = peer::judge(cx, &draft.body, None, draft.metadata.as_ref()).await?;
    let auth_type = draft.body.saas_app.as_ref().map(saas::SaasApp::auth_type);
    let oidc = auth_type == Some(AuthType::Oidc);
    let (owned, secret) = if oidc {
        let (owned, secret) = Owned::new_client();
        (owned, Some(secret))
    } else {
        (Owned::new(), None)
    };
    let kind = draft.body.kind;
    let single = kind.is_single().then(|| format!("{}:{}", cx.account_id, kind.name()));
    let row = ObjectRow {
        id: uuid::Uuid::new_v4().to_string(),
        account_id: cx.account_id.to_owned(),
        kind: kind::APPLICATION.to_owned(),
        parent_id: None,
        name: draft.body.shown_name(),
        handle: Some(single.unwrap_or_else(|| owned.aud.clone())),
        body: draft.sent.to_json(),
        owned: owned.to_json()?,
        position: 0,
        revision: 1,
        created_at: cx.now,
        updated_at: cx.now,
    };
    if !objects::insert(cx.tx, &row).await? {
        let message = format!(
            "access.api.error.conflict: the account has an application of type {} already",
            kind.name()
        );
        return Err(ApiError::Conflict(message));
    }
    if let Some(key) = &draft.key {
        saml_keys::keep(cx, &row.id, KeyUse::Signing, true, key).await?;
    }
    if let Some(prepared) = draft.metadata {
        metadata::keep(cx, &row.id, prepared).await?;
    }
    let gates = open_doors(cx, &row.id, &draft.doors, BTreeSet::new()).await?;
    if let Some(policies) = &draft.policies {
        attach::replace(cx, &row.id, policies).await?;
    }
    publish_one(cx, &row.id, &gates).await?;
    Ok(Written { application: Application::find(cx, &row.id).await?, secret, remarks })
}

/// Puts an application in the place of another.
pub async fn replace(
    cx: &mut Context<'_>,
    before: &Application,
    mut draft: Draft,
    auth_domain: &Hostname,
) -> Result<Written, ApiError> {
    if draft.body.kind != before.body.kind {
        let message = format!(
            "cannot be changed from {}: delete the application and make another",
            before.body.kind.name()
        );
        return Err(invalid("type", &message));
    }
    let auth_type = |body: &ApplicationBody| body.saas_app.as_ref().map(saas::SaasApp::auth_type);
    if auth_type(&draft.body) != auth_type(&before.body) {
        let message = "cannot be changed: delete the application and make another";
        return Err(invalid("saas_app.auth_type", message));
    }
    context::judge(cx, &draft.body, &draft.doors, auth_domain).await?;
    let stored = Some(before.row.id.as_str());
    let remarks = peer::judge(cx, &draft.body, stored, draft.metadata.as_ref()).await?;
    if draft.policies.is_none() && attach::is_sent(&before.sent) {
        draft.sent.set("policies", Value::Array(Vec::new()));
    }
    let row = ObjectRow {
        name: draft.body.shown_name(),
        body: draft.sent.to_json(),
        updated_at: cx.now,
        ..before.row.clone()
    };
    objects::update(cx.tx, &row).await?;
    if let Some(key) = &draft.key
        && saml_keys::of(cx, &row.id).await?.is_empty()
    {
        saml_keys::keep(cx, &row.id, KeyUse::Signing, true, key).await?;
    }
    if let Some(prepared) = draft.metadata {
        metadata::keep(cx, &row.id, prepared).await?;
    }
    let closed = doors::clear(cx.tx, &row.id).await?.into_iter().collect();
    let gates = open_doors(cx, &row.id, &draft.doors, closed).await?;
    if let Some(policies) = &draft.policies {
        attach::replace(cx, &row.id, policies).await?;
    }
    publish_one(cx, &row.id, &gates).await?;
    Ok(Written { application: Application::find(cx, &row.id).await?, secret: None, remarks })
}

/// Deletes an application with its doors and its own policies.
pub async fn delete(cx: &mut Context<'_>, application: &Application) -> Result<(), ApiError> {
    let id = &application.row.id;
    let gates = doors::clear(cx.tx, id).await?.into_iter().collect();
    for policy in objects::children(cx.tx, id, kind::POLICY).await? {
        objects::delete(cx.tx, cx.account_id, kind::POLICY, &policy.id).await?;
    }
    saml_keys::forget(cx, id).await?;
    objects::delete(cx.tx, cx.account_id, kind::APPLICATION, id).await?;
    publish_one(cx, id, &gates).await
}

async fn publish_one(
    cx: &mut Context<'_>,
    id: &str,
    gates: &BTreeSet<String>,
) -> Result<(), ApiError> {
    publish::changed(cx, &[id.to_owned()], gates).await?;
    publish::organization(cx).await
}

/// The gates that have doors of this application now, and those that had.
async fn open_doors(
    cx: &mut Context<'_>,
    id: &str,
    opened: &[Door],
    mut gates: BTreeSet<String>,
) -> Result<BTreeSet<String>, ApiError> {
    for door in opened {
        let row = DoorRow {
            host_pattern: door.host_pattern.clone(),
            path_pattern: door.path_pattern.clone(),
            gate: door.gate.clone(),
            application_id: id.to_owned(),
        };
        if !doors::insert(cx.tx, &row).await? {
            let message = format!(
                "access.api.error.application_already_exists: another application stands at {}",
                door.uri()
            );
            return Err(ApiError::Conflict(message));
        }
        gates.insert(door.gate.clone());
    }
    Ok(gates)
}
