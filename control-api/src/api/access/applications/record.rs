//! An application as the edge has it.

use edge_state::access::application::{ApplicationRecord, CookieSettings, Denial};
use edge_state::access::organization::{FooterLink, Launcher};
use edge_state::access::saml::SamlApplication;
use edge_state::{Hostname, Key};
use serde_json::Value;

use super::body::{ApplicationBody, bookmark_url};
use super::kind::{DEFAULT_SESSION, Kind};
use super::peer;
use super::saas::AuthType;
use super::stored::Application;
use crate::api::ApiError;
use crate::api::access::echo::Sent;
use crate::api::access::object::{Context, kind};
use crate::api::access::policies::body as policy;
use crate::api::access::publish;
use crate::duration;
use crate::store::access::links;
use crate::store::access::objects;

/// The record, with policies in the order in which they are asked.
pub async fn of(
    cx: &mut Context<'_>,
    application: &Application,
    auth_domain: &Hostname,
) -> Result<ApplicationRecord, ApiError> {
    let attached = links::attached(cx.tx, &application.row.id).await?;
    let policies = attached.iter().map(|attached| policy::record(&attached.policy));
    let html = page(cx, &application.body).await?;
    let origin = publish::origin(cx.app, auth_domain);
    let mut record =
        build(application, auth_domain, &origin, policies.collect::<Result<_, _>>()?, html)?;
    record.saml = saml(cx, application, &origin).await?.map(Box::new);
    Ok(record)
}

/// Whom it is spoken to as, and how. `None`: not at all.
async fn saml(
    cx: &mut Context<'_>,
    application: &Application,
    origin: &str,
) -> Result<Option<SamlApplication>, ApiError> {
    let error = match peer::of(cx, application, origin).await {
        Ok(spoken) => return Ok(spoken.map(|spoken| spoken.saml)),
        Err(error @ ApiError::Invalid { .. }) => error,
        Err(error) => return Err(error),
    };
    // Fetched metadata has become useless, or an older version has let more pass: what was spoken
    // last is spoken on, if anything was.
    tracing::warn!(%error, application = application.row.id, "a SAML application is not as it says");
    let known = publish::known(cx, &Key::Application(application.row.id.clone())).await?;
    Ok(known.and_then(|known: ApplicationRecord| known.saml).map(|saml| *saml))
}

fn build(
    application: &Application,
    auth_domain: &Hostname,
    origin: &str,
    policies: Vec<edge_state::access::Policy>,
    html: Option<String>,
) -> Result<ApplicationRecord, ApiError> {
    let Application { row, body, sent, owned } = application;
    let doors = body.judge()?;
    let on = |flag: Option<bool>| flag == Some(true);
    let session = body.session_duration.as_deref().unwrap_or(DEFAULT_SESSION);
    let oidc = application.auth_type() == Some(AuthType::Oidc);
    let saas = sent.object("saas_app")?.filter(|_| oidc);
    let saas = saas.map(|saas| saas_record(saas.clone(), application));
    let launch_url = match body.kind {
        Kind::Bookmark => body.domain.as_deref().map(bookmark_url),
        Kind::Saas => body.saas_app.as_ref().and_then(|saas| saas.launch_url(origin, &row.id)),
        _ => None,
    };
    let reachable = !doors.is_empty() || launch_url.is_some();
    Ok(ApplicationRecord {
        id: row.id.clone(),
        auth_domain: auth_domain.clone(),
        aud: owned.aud.clone(),
        name: body.shown_name(),
        kind: body.kind.name().to_owned(),
        enabled: body.enabled != Some(false),
        domain: body.shown_domain(),
        destinations: doors.iter().map(super::address::Door::uri).collect(),
        allowed_idps: body.allowed_idps.clone().unwrap_or_default(),
        auto_redirect_to_identity: body.auto_redirect_to_identity,
        session_seconds: duration::seconds(session).unwrap_or_default(),
        policies,
        app_launcher_visible: body.kind.is_launched()
            && reachable
            && body.app_launcher_visible != Some(false),
        launch_url,
        logo_url: body.logo_url.clone(),
        tags: body.tags.clone().unwrap_or_default(),
        denial: Denial {
            message: body.custom_deny_message.clone(),
            url: body.custom_deny_url.clone(),
            non_identity_url: body.custom_non_identity_deny_url.clone(),
            html,
        },
        cookie: CookieSettings {
            http_only: body.http_only_cookie_attribute != Some(false),
            same_site: body.same_site_cookie_attribute,
            binding: on(body.enable_binding_cookie),
            path: on(body.path_cookie_attribute),
        },
        cors: body.cors_headers.as_ref().map(super::cors::CorsHeaders::record),
        options_preflight_bypass: on(body.options_preflight_bypass),
        service_auth_401: on(body.service_auth_401_redirect),
        service_token_header: body.read_service_tokens_from_header.clone(),
        skip_interstitial: on(body.skip_interstitial),
        saml: None,
        saas,
    })
}

/// `saas_app` with what the edge must know besides: whom it speaks to, and by which secret.
fn saas_record(mut saas: serde_json::Map<String, Value>, application: &Application) -> Value {
    let owned = &application.owned;
    for (field, value) in
        [("client_id", &owned.client_id), ("client_secret_sha256", &owned.client_secret_sha256)]
    {
        if let Some(value) = value {
            saas.insert(field.to_owned(), value.clone().into());
        }
    }
    Value::Object(saas)
}

/// The operator's own page for whom it refuses.
async fn page(cx: &mut Context<'_>, body: &ApplicationBody) -> Result<Option<String>, ApiError> {
    for id in body.custom_pages.iter().flatten() {
        let row = objects::find(cx.tx, cx.account_id, kind::CUSTOM_PAGE, id).await?;
        let Some(row) = row else { continue };
        let page = Sent::read(&row.body)?;
        if matches!(page.text("type")?, Some("identity_denied" | "forbidden")) {
            return Ok(page.text("custom_html")?.map(str::to_owned));
        }
    }
    Ok(None)
}

/// The App Launcher's own look.
#[must_use]
pub fn launcher(application: &Application) -> Launcher {
    let body = &application.body;
    let design = body.landing_page_design.as_ref();
    let link = |link: &super::body::FooterLink| FooterLink {
        name: link.name.clone(),
        url: link.url.clone(),
    };
    Launcher {
        application_id: application.row.id.clone(),
        logo_url: body.app_launcher_logo_url.clone(),
        background_color: body.bg_color.clone(),
        header_background_color: body.header_bg_color.clone(),
        footer_links: body.footer_links.iter().flatten().map(link).collect(),
        title: design.and_then(|design| design.title.clone()),
        message: design.and_then(|design| design.message.clone()),
        skip_login_page: body.skip_app_launcher_login_page == Some(true),
    }
}
