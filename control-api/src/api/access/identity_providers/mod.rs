//! `/access/identity_providers`: who says who somebody is.
//!
//! - this file: the object, and what the edge is told of it
//! - `config`: what clients write, judged; `oidc`, `saml`: as the edge is told it
//! - `remarks`: what of a SAML provider is no mistake, but should be known
//! - `keys`, `certificate_sets`: what SAML providers encrypt to, and check our requests by

mod certificate_sets;
mod config;
mod keys;
mod oidc;
mod remarks;
mod saml;

use edge_state::access::IdentityProviderRecord;
use edge_state::access::identity_provider::{Protocol, sealing_context};
use edge_state::seal::Sealed;
use edge_state::{Hostname, Key};
use serde_json::{Map, Value};

use super::describe::{Described, Scope};
use super::echo::{Fields, Sent, invalid};
use super::object::{Change, Context, Draft, Kind, Prepared, kind, owned, shown};
use super::{metadata, organization_record, presets, publish, saml_keys, scim};
use crate::api::auth::AccessOrganizations;
use crate::api::{ApiError, App};
use crate::store::access::objects::{self, ObjectRow};
use oidc::texts;

/// The routes beside those that every kind has.
#[must_use]
pub fn routes() -> [Described; 5] {
    certificate_sets::routes()
}

/// An identity provider.
pub struct IdentityProvider;

impl Kind for IdentityProvider {
    const KIND: &'static str = kind::IDENTITY_PROVIDER;
    const TAG: &'static str = "access identity providers";
    const PATH: &'static str = "/access/identity_providers";
    const SCOPE: Scope = Scope::AccountAndZone;
    const FIELDS: Fields = Fields {
        required: &["name", "type", "config"],
        optional: &["scim_config", "saml_certificate_set_id", "enabled"],
        read_only: &[
            "id",
            "uid",
            "read_only",
            "saml_certificate_set",
            "created_at",
            "updated_at",
            "version",
        ],
        rules: &[],
        zero_is_unset: &[],
    };
    type Permission = AccessOrganizations;

    async fn prepare(
        app: &App,
        account_id: &str,
        id: Option<&str>,
        sent: &Sent,
    ) -> Result<Prepared, ApiError> {
        if sent.text("type")? != Some(SAML) {
            return Ok(Prepared::default());
        }
        let mut sent = sent.clone();
        sent.take("config.redirect_url");
        config::judge(&app.config, &sent, SAML)?;
        let source = saml::source(&sent)?;
        let metadata = metadata::prepare(app, account_id, id, source.as_ref()).await?;
        saml::entity(&sent, metadata.entity(), app.clock.now())?;
        let mut tx = app.db.read().await?;
        let has_keys = match id {
            Some(id) => keys::exist(&mut Context::new(app, &mut tx, account_id), id).await?,
            None => false,
        };
        drop(tx);
        let keys = if has_keys { Vec::new() } else { keys::generate(app).await? };
        Ok(Prepared { metadata, keys })
    }

    async fn judge(
        cx: &mut Context<'_>,
        _: &str,
        mut sent: Sent,
        before: Option<&ObjectRow>,
    ) -> Result<Draft, ApiError> {
        let name = sent.name()?.to_owned();
        let kind = sent.one_of("type", TYPES)?.unwrap_or_default().to_owned();
        sent.keeps("type", before)?;
        sent.switch("enabled")?;
        sent.take("config.redirect_url");
        config::judge(&cx.app.config, &sent, &kind)?;
        let secret = sent.take_secret("config.client_secret")?;
        let secrets: Vec<_> =
            secret.map(|secret| (CLIENT_SECRET, Some(secret))).into_iter().collect();
        if kind == "github" && secrets.is_empty() && before.is_none() {
            let message = "config.client_secret is required".to_owned();
            return Err(invalid("config.client_secret", message));
        }
        if secrets.is_empty()
            && let Some(before) = before
        {
            keeps_to_its_servers(cx, &sent, before).await?;
        }
        let mut owned = before.map(owned).transpose()?.unwrap_or_default();
        let once = scim::judge(cx, &mut sent, &mut owned)?;
        let mut remarks = Vec::new();
        if presets::UNSPOKEN.contains(&kind.as_str()) {
            let unspoken = "is not spoken yet: the provider is kept, and not offered.";
            remarks.push(format!("Sign-in by {kind} {unspoken}"));
        }
        let named = sent.text("saml_certificate_set_id")?.map(str::to_owned);
        if kind == SAML {
            let now = cx.app.clock.now();
            let entity = saml::entity(&sent, cx.prepared.metadata.entity(), now)?;
            let config = saml::record(&sent, entity.as_ref())?;
            remarks.extend(remarks::remarks(&sent, &config, entity.as_ref(), now)?);
            keys::note_set(&mut owned, named.is_some());
        }
        if let Some(named) = named {
            let own = before.map(keys::set).transpose()?.flatten();
            if own.is_none_or(|(own, _)| own != named) {
                let field = "saml_certificate_set_id";
                let message = format!(
                    "{field} names {named}, which is not this provider's own certificate set: POST \
                     to its saml_certificate answers that"
                );
                return Err(invalid(field, message));
            }
        }
        Ok(Draft { name, sent, owned, secrets, once, remarks, ..Draft::default() })
    }

    async fn stored(cx: &mut Context<'_>, row: &ObjectRow) -> Result<(), ApiError> {
        let prepared = std::mem::take(&mut cx.prepared);
        metadata::keep(cx, &row.id, prepared.metadata).await?;
        keys::keep(cx, &row.id, prepared.keys).await
    }

    async fn remark(cx: &mut Context<'_>, row: &ObjectRow) -> Result<Option<String>, ApiError> {
        metadata::remark(cx, &row.id).await
    }

    async fn show(cx: &mut Context<'_>, row: &ObjectRow) -> Result<Map<String, Value>, ApiError> {
        let mut answer = shown(row)?;
        let auth_domain = publish::auth_domain(cx).await?;
        if let (Some(auth_domain), Some(Value::Object(config))) =
            (&auth_domain, answer.get_mut("config"))
        {
            let url =
                format!("{}/access/callback/{}", publish::origin(cx.app, auth_domain), row.id);
            config.insert("redirect_url".to_owned(), url.into());
        }
        if let (Some(auth_domain), Some(Value::Object(scim))) =
            (&auth_domain, answer.get_mut("scim_config"))
        {
            let url = format!("{}/access/scim/{}", publish::origin(cx.app, auth_domain), row.id);
            scim.insert("scim_base_url".to_owned(), url.into());
        }
        certificate_sets::show(cx, row, &mut answer).await?;
        Ok(answer)
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        if let (None, Some(row)) = (change.after, change.before) {
            saml_keys::forget(cx, &row.id).await?;
        }
        if let Some(auth_domain) = publish::settled_auth_domain(cx).await? {
            match (change.after, change.before) {
                (Some(row), _) => publish_one(cx, row, &auth_domain).await?,
                (None, Some(row)) => {
                    publish::gone(cx, &Key::IdentityProvider(row.id.clone())).await?;
                    saml_keys::publish(cx, &row.id).await?;
                }
                (None, None) => {}
            }
        }
        organization_record::write(cx).await
    }
}

/// Writes every provider's record anew: the team domain stands in it.
pub(super) async fn publish_all(cx: &mut Context<'_>) -> Result<(), ApiError> {
    let auth_domain = publish::settled_auth_domain(cx).await?;
    for row in objects::all(cx.tx, cx.account_id, kind::IDENTITY_PROVIDER).await? {
        if let Some(auth_domain) = &auth_domain {
            publish_one(cx, &row, auth_domain).await?;
        } else {
            publish::gone(cx, &Key::IdentityProvider(row.id.clone())).await?;
            saml_keys::publish(cx, &row.id).await?;
        }
    }
    Ok(())
}

async fn publish_one(
    cx: &mut Context<'_>,
    row: &ObjectRow,
    auth_domain: &Hostname,
) -> Result<(), ApiError> {
    let sent = Sent::read(&row.body)?;
    let key = Key::IdentityProvider(row.id.clone());
    let known: Option<IdentityProviderRecord> = publish::known(cx, &key).await?;
    let secret = match cx.secret(&row.id, CLIENT_SECRET).await? {
        None => None,
        Some(secret) => {
            let known = known.as_ref().and_then(|record| sealed(&record.protocol));
            Some(publish::seal(cx, &sealing_context(&row.id), secret.as_bytes(), known)?)
        }
    };
    let kind = sent.text("type")?.unwrap_or_default().to_owned();
    let fetched = metadata::entity(cx, &row.id).await?;
    let protocol = match kind.as_str() {
        "onetimepin" => Some(Protocol::OneTimePin {}),
        SAML => {
            let entity = saml::known_entity(&sent, fetched.as_ref());
            match entity.and_then(|entity| saml::record(&sent, entity.as_ref())) {
                Ok(config) => Some(Protocol::Saml(Box::new(config))),
                Err(error) => {
                    // Stored by a version that judged otherwise: nobody signs in by it until it is
                    // mended, and whoever publishes it beside others goes on.
                    tracing::error!(%error, provider = row.id, "a SAML provider is of no use");
                    None
                }
            }
        }
        "github" => {
            secret.map(|secret| oidc::github(&sent, secret)).transpose()?.map(Protocol::Github)
        }
        kind => oidc::oidc(kind, &sent, secret)?.map(|config| Protocol::Oidc(Box::new(config))),
    };
    let Some(protocol) = protocol else { return publish::gone(cx, &key).await };
    let mut email_domains = texts(&sent, "config.email_domains")?;
    if email_domains.is_empty() && kind == "google-apps" {
        email_domains.extend(sent.text("config.apps_domain")?.map(str::to_owned));
    }
    let email_domains = email_domains.into_iter().map(|domain| domain.to_ascii_lowercase());
    let record = IdentityProviderRecord {
        id: row.id.clone(),
        auth_domain: auth_domain.clone(),
        name: row.name.clone(),
        enabled: presets::is_enabled(&sent)?,
        revision: row.revision,
        email_domains: email_domains.collect(),
        protocol,
        kind,
    };
    publish::put(cx, &record).await?;
    saml_keys::publish(cx, &row.id).await
}

/// Refuses to let a secret that was not sent again go to servers that have not had it: who may edit a
/// provider would learn it.
async fn keeps_to_its_servers(
    cx: &mut Context<'_>,
    sent: &Sent,
    before: &ObjectRow,
) -> Result<(), ApiError> {
    if cx.secret(&before.id, CLIENT_SECRET).await?.is_none() {
        return Ok(());
    }
    let kind = sent.text("type")?.unwrap_or_default();
    let known = oidc::secret_goes_to(kind, &Sent::read(&before.body)?)?;
    match oidc::secret_goes_to(kind, sent)?.difference(&known).next() {
        None => Ok(()),
        Some(other) => {
            let field = "config.client_secret";
            let message = format!("{field} must be sent again: it would go to {other} from now on");
            Err(invalid(field, message))
        }
    }
}

fn sealed(protocol: &Protocol) -> Option<&Sealed> {
    match protocol {
        Protocol::Oidc(config) => config.client_secret.as_ref(),
        Protocol::Github(config) => Some(&config.client_secret),
        Protocol::OneTimePin {} | Protocol::Saml(_) => None,
    }
}

const CLIENT_SECRET: &str = "client_secret";
const SAML: &str = "saml";
/// Every `type` of the contract.
const TYPES: &[&str] = &[
    "onetimepin",
    "azureAD",
    "saml",
    "centrify",
    "facebook",
    "github",
    "google-apps",
    "google",
    "linkedin",
    "oidc",
    "okta",
    "onelogin",
    "pingone",
    "yandex",
    "cloudflare",
];
