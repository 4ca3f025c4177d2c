//! `/devices/posture`: what devices must be like, and who knows it. The generic custom service is
//! asked by the control plane at sign-in; the vendors' own are kept and answered.

use std::collections::BTreeSet;

use http::StatusCode;
use url::Url;

use super::address;
use super::describe::{Described, Method, Operation, Scope};
use super::echo::{Fields, Sent, invalid};
use super::object::{self, Context, Draft, Kind, kind};
use crate::api::ApiError;
use crate::api::auth::AccessDevicePosture;
use crate::duration;
use crate::store::access::objects::{self, ObjectRow};

/// What a device must be like.
pub struct PostureRule;

/// Who knows what devices are like.
pub struct PostureIntegration;

impl Kind for PostureRule {
    const KIND: &'static str = kind::POSTURE_RULE;
    const TAG: &'static str = "device posture";
    const PATH: &'static str = "/devices/posture";
    const SCOPE: Scope = Scope::Account;
    const ONE_PAGE: bool = true;
    const DELETED: StatusCode = StatusCode::OK;
    const FIELDS: Fields = Fields {
        required: &["name", "type"],
        optional: &["match", "input", "schedule", "expiration", "description"],
        read_only: &["id", "created_at", "updated_at"],
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = AccessDevicePosture;

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        sent: Sent,
        _: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        sent.one_of("type", RULES)?;
        sent.short_text("description", 1500)?;
        sent.list("match")?;
        sent.object("input")?;
        for field in ["schedule", "expiration"] {
            length(&sent, field)?;
        }
        let field = "input.connection_id";
        if let Some(id) = sent.text(field)?
            && objects::find(cx.tx, cx.account_id, kind::POSTURE_INTEGRATION, id).await?.is_none()
        {
            let message = format!("{field} names {id}, which is no integration of this account");
            return Err(invalid(field, message));
        }
        Ok(Draft { name, sent, ..Draft::default() })
    }
}

impl Kind for PostureIntegration {
    const KIND: &'static str = kind::POSTURE_INTEGRATION;
    const TAG: &'static str = "device posture";
    const PATH: &'static str = "/devices/posture/integration";
    const SCOPE: Scope = Scope::Account;
    const ONE_PAGE: bool = true;
    const DELETED: StatusCode = StatusCode::OK;
    const FIELDS: Fields = Fields {
        required: &["name", "type", "interval", "config"],
        optional: &[],
        read_only: &["id", "created_at", "updated_at"],
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = AccessDevicePosture;

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        mut sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        let kind = sent.one_of("type", INTEGRATIONS)?.unwrap_or_default().to_owned();
        sent.keeps("type", before)?;
        length(&sent, "interval")?;
        for member in sent.object("config")?.cloned().unwrap_or_default().keys() {
            let field = format!("config.{member}");
            if !CONFIG.contains(&member.as_str()) {
                return Err(invalid(&field, format!("{field} is not known")));
            }
            sent.short_text(&field, 8192)?;
        }
        for field in ["config.api_url", "config.auth_url"] {
            if let Some(url) = sent.text(field)? {
                address::judge(&cx.app.config, field, url)?;
            }
        }
        if kind == "custom_s2s" && sent.value("config.api_url").is_none() {
            let message = "config.api_url is required".to_owned();
            return Err(invalid("config.api_url", message));
        }
        let mut secrets = Vec::new();
        for field in SECRETS {
            let secret = sent.take_secret(&format!("config.{field}"))?;
            secrets.extend(secret.map(|secret| (field, Some(secret))));
        }
        if let Some(before) = before {
            let sent_again: Vec<_> = secrets.iter().map(|(field, _)| *field).collect();
            keeps_to_its_servers(cx, &sent, before, &sent_again).await?;
        }
        Ok(Draft { name, sent, secrets, ..Draft::default() })
    }
}

/// The routes of both. The integrations' come first: `integration` is no rule's id.
pub fn routes() -> Vec<Described> {
    let operation = |summary| Operation::new(PostureRule::TAG, summary);
    let integration = "/devices/posture/integration";
    let one = format!("{integration}/{{id}}");
    let summary = |what: &str| format!("{what} device posture integration.");
    let mut all = vec![
        Described::at(Scope::Account, integration)
            .on(
                Method::Post,
                operation(summary("Makes a")).takes(PostureIntegration::FIELDS).answers(201),
                axum::routing::post(object::create::<PostureIntegration>),
            )
            .on(
                Method::Get,
                operation(summary("Every")),
                axum::routing::get(object::list::<PostureIntegration>),
            ),
        // PATCH, and no PUT: the contract has it so.
        Described::at(Scope::Account, &one)
            .on(
                Method::Get,
                operation(summary("One")),
                axum::routing::get(object::get::<PostureIntegration>),
            )
            .on(
                Method::Patch,
                operation(summary("Changes a")).takes(PostureIntegration::FIELDS),
                axum::routing::patch(object::edit::<PostureIntegration>),
            )
            .on(
                Method::Delete,
                operation(summary("Deletes a")),
                axum::routing::delete(object::delete::<PostureIntegration>),
            ),
    ];
    all.extend(object::routes::<PostureRule>());
    all
}

/// Refuses to let a secret that was not sent again go to servers that have not had it: who may edit
/// an integration would learn it.
async fn keeps_to_its_servers(
    cx: &mut Context<'_>,
    sent: &Sent,
    before: &ObjectRow,
    sent_again: &[&str],
) -> Result<(), ApiError> {
    let known = servers(&Sent::read(&before.body)?)?;
    let Some(other) = servers(sent)?.difference(&known).next().cloned() else { return Ok(()) };
    for field in SECRETS {
        if !sent_again.contains(&field) && cx.secret(&before.id, field).await?.is_some() {
            let field = format!("config.{field}");
            let message = format!("{field} must be sent again: it would go to {other} from now on");
            return Err(invalid(&field, message));
        }
    }
    Ok(())
}

/// Whom an integration shows its secrets.
fn servers(sent: &Sent) -> Result<BTreeSet<String>, ApiError> {
    let mut servers = BTreeSet::new();
    for field in ["config.api_url", "config.auth_url"] {
        let url = sent.text(field)?.and_then(|url| Url::parse(url).ok());
        servers.extend(url.map(|url| url.origin().ascii_serialization()));
    }
    Ok(servers)
}

fn length(sent: &Sent, field: &str) -> Result<(), ApiError> {
    if let Some(text) = sent.text(field)? {
        duration::parse(text).map_err(|error| invalid(field, format!("{field}: {error}")))?;
    }
    Ok(())
}

const SECRETS: [&str; 3] = ["client_secret", "client_key", "access_client_secret"];
const CONFIG: &[&str] = &[
    "api_url",
    "auth_url",
    "client_id",
    "client_secret",
    "customer_id",
    "client_key",
    "access_client_id",
    "access_client_secret",
];
const INTEGRATIONS: &[&str] = &[
    "workspace_one",
    "crowdstrike_s2s",
    "uptycs",
    "intune",
    "kolide",
    "tanium_s2s",
    "sentinelone_s2s",
    "custom_s2s",
];
const RULES: &[&str] = &[
    "file",
    "application",
    "tanium",
    "gateway",
    "warp",
    "disk_encryption",
    "serial_number",
    "sentinelone",
    "carbonblack",
    "firewall",
    "os_version",
    "domain_joined",
    "client_certificate",
    "client_certificate_v2",
    "antivirus",
    "unique_client_id",
    "kolide",
    "tanium_s2s",
    "crowdstrike_s2s",
    "intune",
    "workspace_one",
    "sentinelone_s2s",
    "custom_s2s",
];
