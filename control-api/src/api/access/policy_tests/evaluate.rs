//! `POST /access/policy-tests/evaluate`: for one person or machine and one request, which policy
//! decides, and why, rule by rule. Lintel's own.

use access::ClientCertificate;
use access::policy::{Circumstances, Subject};
use axum::extract::State;
use axum::routing;
use edge_state::Key;
use edge_state::access::{Identity, ServiceTokenRecord};
use serde_json::{Value, json};

use super::bench::{Bench, summary};
use super::draft;
use super::person::{TAG, named};
use crate::api::access::applications::check::invalid;
use crate::api::access::describe::{Described, Method, Operation, Scope};
use crate::api::access::echo::{Body, Fields, Sent};
use crate::api::access::object::{Context, kind, owned};
use crate::api::access::publish;
use crate::api::auth::{AccessApps, ForAccess};
use crate::api::json::Json;
use crate::api::{ApiError, App, Envelope};

/// The route.
pub fn routes() -> Vec<Described> {
    let summary = "Which policy decides about one person or machine, and why, rule by rule.";
    vec![Described::at(Scope::Account, "/access/policy-tests/evaluate").on(
        Method::Post,
        Operation::new(TAG, summary).takes(FIELDS),
        routing::post(evaluate),
    )]
}

async fn evaluate(
    State(app): State<App>,
    access: ForAccess<AccessApps>,
    Json(body): Json<Body>,
) -> Result<Envelope<Value>, ApiError> {
    let sent = FIELDS.whole(body)?;
    let mut tx = app.db.read().await?;
    let mut cx = Context::new(&app, &mut tx, &access.account.id);
    let (application, policies) = draft::asked(&mut cx, sent.members()).await?;
    let identity = named(&mut cx, &sent, "user_email").await?;
    let token = service_token(&mut cx, &sent).await?;
    let request = Request::read(&sent, identity.as_ref())?;
    let mut bench = Bench::of(&mut cx).await?;
    let verdict = bench
        .ask(&mut cx, |known, here, organization| {
            let subject = Subject {
                identity: identity.as_ref(),
                service_token: token.as_ref(),
                linked_app_tokens: &request.linked,
            };
            let circumstances = request.circumstances();
            access::draft::check(&policies, &subject, &circumstances, known, here, organization)
        })
        .await?;
    let mut answer = summary(&verdict, &policies);
    if let Value::Object(answer) = &mut answer {
        answer.insert("policies".to_owned(), json!(verdict.trace.policies));
        answer.insert("hints".to_owned(), json!(verdict.hints()));
        answer.insert("application_id".to_owned(), json!(application.map(|app| app.row.id)));
        answer.insert("identity".to_owned(), json!(identity));
    }
    Ok(Envelope::ok(answer))
}

/// `service_token_id`: the request shows its secret.
async fn service_token(
    cx: &mut Context<'_>,
    sent: &Sent,
) -> Result<Option<ServiceTokenRecord>, ApiError> {
    let Some(id) = sent.text("service_token_id")? else { return Ok(None) };
    let unknown = || invalid("service_token_id", "names no service token of this account");
    let row = cx.find(kind::SERVICE_TOKEN, id).await.map_err(|_| unknown())?;
    let client_id = row
        .handle
        .clone()
        .or_else(|| owned(&row).ok()?.get("client_id")?.as_str().map(str::to_owned));
    let key = Key::ServiceToken(client_id.ok_or(ApiError::Internal)?);
    publish::known(cx, &key).await?.map(Some).ok_or_else(unknown)
}

/// The request that is supposed.
struct Request {
    ip: Option<std::net::IpAddr>,
    country: Option<String>,
    certificate: Option<ClientCertificate>,
    linked: Vec<String>,
}

impl Request {
    fn read(sent: &Sent, identity: Option<&Identity>) -> Result<Self, ApiError> {
        let ip = sent.text("ip")?.or_else(|| identity?.ip.as_deref());
        let wrong = || invalid("ip", "must be an IP address");
        let ip = ip.map(|ip| ip.parse().map_err(|_| wrong())).transpose()?;
        let country = sent.text("country")?.or_else(|| identity?.country.as_deref());
        let certificate = sent.text("common_name")?.map(|name| ClientCertificate {
            common_name: Some(name.to_owned()),
            sha256: String::new(),
            der: None,
        });
        let linked = sent.texts("linked_app_tokens")?.unwrap_or_default();
        Ok(Self {
            ip,
            country: country.map(str::to_ascii_uppercase),
            certificate,
            linked: linked.into_iter().map(str::to_owned).collect(),
        })
    }

    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            ip: self.ip,
            country: self.country.as_deref(),
            certificate: self.certificate.as_ref(),
        }
    }
}

const FIELDS: Fields = Fields {
    required: &[],
    optional: &[
        "application_id",
        "user_id",
        "user_email",
        "service_token_id",
        "ip",
        "country",
        "common_name",
        "linked_app_tokens",
    ],
    read_only: &[],
    // Both may hold objects that are empty.
    rules: &["policies", "identity"],
    zero_is_unset: &[],
};
