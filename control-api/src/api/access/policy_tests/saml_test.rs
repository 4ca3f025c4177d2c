//! `POST /access/apps/{id}/saml_test`: what a SAML application would be told about somebody, by the
//! same function as at the edge, and what its service provider would make of that. Nothing is sent,
//! and nothing that is answered can be presented: it is neither signed nor valid at any time.

use std::time::{Duration, SystemTime};

use access::draft::check;
use access::policy::{Circumstances, Subject};
use access::saml::recipient::recipient;
use access::saml::statement::{self, About, Statement};
use axum::extract::{Path, State};
use axum::routing;
use edge_state::access::Identity;
use edge_state::access::saml::{Encrypted, SamlApplication};
use saml::assertion::AuthnStatement;
use saml::authn_request::ConsumerService;
use saml::identity_provider::{IdentityProvider, Issue, Signed, Target};
use saml::key::KeyTransport;
use saml::metadata::{Finding, IndexedEndpoint};
use saml::peer::ServiceProviderPeer;
use serde_json::{Map, Value, json};

use super::bench::{Bench, summary};
use super::person::named;
use super::{draft, pretty};
use crate::api::access::applications::check::invalid;
use crate::api::access::applications::kind::TAG;
use crate::api::access::applications::peer::{self, Spoken};
use crate::api::access::applications::saas::{AuthType, endpoint, lint};
use crate::api::access::applications::stored::{self, Application};
use crate::api::access::applications::write::Draft;
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::{Body, Fields, Sent};
use crate::api::access::object::{Context, ObjectPath, kind};
use crate::api::access::{publish, saml_keys};
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};

/// The route.
pub fn routes() -> Vec<Described> {
    let summary = "What a SAML application would be told about somebody, and what its service \
                   provider would refuse of that. Nothing is sent.";
    vec![Described::at(Scope::Account, "/access/apps/{id}/saml_test").on(
        Method::Post,
        Operation::new(TAG, summary).takes(FIELDS),
        routing::post(test),
    )]
}

async fn test(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Path(path): Path<ObjectPath>,
    Json(body): Json<Body>,
) -> Result<Envelope<Value>, ApiError> {
    let sent = FIELDS.whole(body)?;
    let account_id = &access.account.id;
    let draft = match sent.object("saas_app")? {
        Some(saas) => Some(drafted(&app, account_id, &path.id, saas).await?),
        None => None,
    };
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, account_id);
    let application = Application::find(&mut cx, &path.id).await?;
    let auth_domain = stored::auth_domain(&mut cx).await?;
    let origin = publish::origin(&app, &auth_domain);
    let spoken = match &draft {
        Some(Draft { body, metadata, .. }) => {
            let entity = metadata.as_ref().and_then(|prepared| prepared.entity().cloned());
            let saas = body.saas_app.as_ref().filter(|saas| saas.auth_type() == AuthType::Saml);
            saas.map(|saas| peer::read(saas, entity, &origin, &path.id)).transpose()?
        }
        None => peer::of(&mut cx, &application, &origin).await?,
    };
    let not_saml = "is not saml: there is no assertion to be shown";
    let spoken = spoken.ok_or_else(|| invalid("saas_app.auth_type", not_saml))?;
    let (identity, mut remarks) = identity(&mut cx, &sent).await?;
    let verdict = verdict(&mut cx, &application, &identity, &sent).await?;
    let now = app.clock.now();
    let mut answer =
        told(&spoken, &identity, &sent, &endpoint(&origin, AuthType::Saml, &path.id), now)?;
    let body = draft.as_ref().map_or(&application.body, |draft| &draft.body);
    remarks.extend(peer::shared_name(&mut cx, body, &spoken.saml).await?);
    remarks.extend(spoken.remarks);
    let keys = saml_keys::of(&mut cx, &path.id).await?;
    let key = keys.first().map(|key| key.kid().to_owned());
    for (name, value) in [
        ("application_id", json!(path.id)),
        ("policy", verdict),
        ("identity", json!(identity)),
        ("signing_key", json!(key)),
        ("remarks", json!(remarks)),
    ] {
        answer.insert(name.to_owned(), value);
    }
    Ok(Envelope::ok(Value::Object(answer)))
}

/// The application as if it had been saved with this `saas_app`.
async fn drafted(
    app: &App,
    account_id: &str,
    id: &str,
    saas: &Map<String, Value>,
) -> Result<Draft, ApiError> {
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(app, &mut tx, account_id);
    let mut sent = Application::find(&mut cx, id).await?.sent;
    drop(tx);
    sent.set("saas_app", saas.clone());
    let mut draft = Draft::of(sent)?;
    draft.fetch(app, account_id, Some(id)).await?;
    Ok(draft)
}

/// Who is tried, and what should be known of that.
async fn identity(cx: &mut Context<'_>, sent: &Sent) -> Result<(Identity, Vec<String>), ApiError> {
    let mut remarks = Vec::new();
    let missing = || invalid("email", "is missing: write email, user_id or identity");
    let mut identity = named(cx, sent, "email").await?.ok_or_else(missing)?;
    if let Some(id) = sent.text("idp_id")?
        && identity.idp.id != id
    {
        let row = cx.find(kind::IDENTITY_PROVIDER, id).await;
        let unknown = |_| invalid("idp_id", "names no identity provider of this account");
        let kind = Sent::read(&row.map_err(unknown)?.body)?;
        if sent.value("identity").is_none() {
            remarks.push(
                "The person came in by another provider the last time: what they say here is what \
                 that one said."
                    .to_owned(),
            );
        }
        kind.text("type")?.unwrap_or_default().clone_into(&mut identity.idp.kind);
        id.clone_into(&mut identity.idp.id);
    }
    Ok((identity, remarks))
}

/// What the application's policies say about them, at the place where they last were.
async fn verdict(
    cx: &mut Context<'_>,
    application: &Application,
    identity: &Identity,
    sent: &Sent,
) -> Result<Value, ApiError> {
    let policies = draft::of_application(cx, application).await?;
    let wrong = || invalid("ip", "must be an IP address");
    let ip = sent.text("ip")?.map(|ip| ip.parse().map_err(|_| wrong())).transpose()?;
    let country = sent.text("country")?.map(str::to_ascii_uppercase);
    let there = super::person::circumstances(identity);
    let circumstances = Circumstances {
        ip: ip.or(there.ip),
        country: country.as_deref().or(there.country),
        certificate: None,
    };
    let mut bench = Bench::of(cx).await?;
    let verdict = bench
        .ask(cx, |known, here, organization| {
            let subject = Subject { identity: Some(identity), ..Subject::default() };
            check(&policies, &subject, &circumstances, known, here, organization)
        })
        .await?;
    let mut answer = summary(&verdict, &policies);
    answer["policies"] = json!(verdict.trace.policies);
    Ok(answer)
}

/// What the service provider would be told, if the policies let the person in.
fn told(
    spoken: &Spoken,
    identity: &Identity,
    sent: &Sent,
    sso_endpoint: &str,
    now: SystemTime,
) -> Result<Map<String, Value>, ApiError> {
    let saml = &spoken.saml;
    let asked = statement::Asked {
        saml,
        identity,
        requested_format: sent.text("name_id_format")?,
        requested_context: None,
        transient: "_another-one-each-time".to_owned(),
    };
    let target = target(saml)?;
    let mut answer = match statement::statement(&asked) {
        Ok(statement) => {
            let mut shown = shown(&statement);
            let us = IdentityProvider::new(&saml.entity_id, sso_endpoint);
            let xml = assertion(&us, &target, &statement, identity, now);
            shown.insert("assertion_xml".to_owned(), xml.map_or(Value::Null, Value::from));
            shown
        }
        Err(error) => {
            let refused = json!({
                "message": error.to_string(),
                "shown_to_the_person": error.advice(),
                "status": error.status().map(|status| status.to_string()),
            });
            [("error".to_owned(), refused)].into_iter().collect()
        }
    };
    let issued = statement::statement(&asked).ok();
    let found = issued.as_ref().map(|statement| lint::Issued {
        name_id_format: statement.name_id.format.as_deref(),
        attributes: &statement.attributes,
    });
    let found = lint::findings(saml, spoken.entity.as_ref(), found, now);
    for (name, value) in [
        ("issuer", json!(saml.entity_id)),
        ("audience", json!(saml.service_provider.entity_id)),
        ("destination", json!(target.location())),
        ("relay_state", json!(saml.default_relay_state)),
        ("signed", json!(saml.signed)),
        ("signature_algorithm", json!("rsa-sha256")),
        ("encrypted", encrypted(saml)),
        ("lint", found.iter().map(shown_finding).collect()),
    ] {
        answer.insert(name.to_owned(), value);
    }
    Ok(answer)
}

/// Where an assertion goes that nobody asked for.
fn target(saml: &SamlApplication) -> Result<Target, ApiError> {
    let services = saml.service_provider.assertion_consumer_services.iter();
    let peer = ServiceProviderPeer {
        entity_id: saml.service_provider.entity_id.clone(),
        assertion_consumer_services: services
            .map(|service| IndexedEndpoint {
                binding: service.binding.clone(),
                location: service.location.clone(),
                index: service.index.unwrap_or_default(),
                is_default: service.is_default,
            })
            .collect(),
        ..ServiceProviderPeer::default()
    };
    let relay_state = saml.default_relay_state.as_deref();
    peer.target(&ConsumerService::Default, None, relay_state)
        .map_err(|error| invalid("saas_app.consumer_service_url", &error.to_string()))
}

fn assertion(
    us: &IdentityProvider,
    target: &Target,
    statement: &Statement,
    identity: &Identity,
    now: SystemTime,
) -> Option<String> {
    let since = Duration::from_secs(u64::try_from(identity.authenticated_at).unwrap_or(0));
    let authn = AuthnStatement {
        authn_instant: SystemTime::UNIX_EPOCH + since,
        session_index: Some("_preview".to_owned()),
        session_not_on_or_after: None,
        class: Some(statement.authn_context.clone()),
    };
    let issue = Issue {
        name_id: Some(&statement.name_id),
        authn: &authn,
        attributes: &statement.attributes,
        signed: Signed::Both,
        encrypted_to: None,
        name_encrypted_to: None,
    };
    us.preview(target, &issue, now).ok().map(|xml| pretty::indented(&xml))
}

/// Each part with the words on where it comes from.
fn shown(statement: &Statement) -> Map<String, Value> {
    let said = |about: &About| {
        let notes = statement.notes.iter().filter(|note| note.about == *about);
        notes.map(|note| note.text.as_str()).collect::<Vec<_>>().join(" ")
    };
    let attributes = statement.attributes.iter().map(|attribute| {
        let mut shown = json!({
            "name": attribute.name,
            "values": attribute.values,
            "source": said(&About::Attribute(attribute.name.clone())),
        });
        for (field, value) in
            [("name_format", &attribute.name_format), ("friendly_name", &attribute.friendly_name)]
        {
            if let Some(value) = value {
                shown[field] = value.clone().into();
            }
        }
        shown
    });
    let sent = |name: &str| statement.attributes.iter().any(|attribute| attribute.name == name);
    let left_out = statement.notes.iter().filter_map(|note| match &note.about {
        About::Attribute(name) if !sent(name) => Some(json!({"name": name, "reason": note.text})),
        _ => None,
    });
    let name_id = &statement.name_id;
    let parts = [
        (
            "name_id",
            json!({"value": name_id.value, "format": name_id.format, "source": said(&About::NameId)}),
        ),
        ("attributes", attributes.collect()),
        ("left_out", left_out.collect()),
        (
            "authn_context",
            json!({"class": statement.authn_context, "source": said(&About::AuthnContext)}),
        ),
    ];
    parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is encrypted, and how.
fn encrypted(saml: &SamlApplication) -> Value {
    let what = match saml.encrypted {
        Encrypted::Nothing => return json!({"what": "nothing"}),
        Encrypted::Assertion => "assertion",
        Encrypted::NameId => "name_id",
    };
    match recipient(saml) {
        Ok(Some(to)) => json!({
            "what": what,
            "content": to.content.uri(),
            "key_transport": transport(to.transport),
        }),
        Ok(None) => json!({"what": "nothing"}),
        Err(why) => json!({"what": what, "error": why}),
    }
}

/// RSA-OAEP in words of XML Encryption 1.1 §5.5.2.
fn transport(transport: KeyTransport) -> &'static str {
    match transport {
        KeyTransport::OaepSha1 => "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        KeyTransport::OaepSha256 => "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    }
}

fn shown_finding(finding: &Finding) -> Value {
    let level = match finding {
        Finding::Refused(_) => "refused",
        Finding::Doubtful(_) => "doubtful",
    };
    json!({"level": level, "message": finding.to_string()})
}

const FIELDS: Fields = Fields {
    required: &[],
    optional: &["email", "user_id", "idp_id", "saas_app", "name_id_format", "ip", "country"],
    read_only: &[],
    // It may hold objects that are empty.
    rules: &["identity"],
    zero_is_unset: &[],
};
