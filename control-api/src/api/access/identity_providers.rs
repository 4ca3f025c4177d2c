//! `/access/identity_providers`: who says who somebody is.

use edge_state::access::IdentityProviderRecord;
use edge_state::access::identity_provider::{GithubConfig, OidcConfig, Protocol, sealing_context};
use edge_state::seal::Sealed;
use edge_state::{Hostname, Key};
use serde_json::{Map, Value};

use super::describe::Scope;
use super::echo::{Fields, Sent, invalid};
use super::object::{Change, Context, Draft, Kind, kind, owned, shown};
use super::{address, organization_record, presets, publish, scim};
use crate::api::ApiError;
use crate::api::auth::AccessOrganizations;
use crate::store::access::objects::{self, ObjectRow};

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
        judge_config(cx, &sent, &kind)?;
        // A client that writes back what it has read has no secret to write.
        let secrets = match sent.take("config.client_secret") {
            Some(Value::String(secret)) if !secret.bytes().all(|b| b == b'*') => {
                vec![(CLIENT_SECRET, Some(secret))]
            }
            Some(Value::String(_)) | None => Vec::new(),
            Some(_) => {
                let message = "config.client_secret must be a string".to_owned();
                return Err(invalid("config.client_secret", message));
            }
        };
        if kind == "github" && secrets.is_empty() && before.is_none() {
            let message = "config.client_secret is required".to_owned();
            return Err(invalid("config.client_secret", message));
        }
        let mut owned = before.map(owned).transpose()?.unwrap_or_default();
        let once = scim::judge(cx, &mut sent, &mut owned)?;
        let remark = presets::UNSPOKEN.contains(&kind.as_str()).then(|| {
            format!("Sign-in by {kind} is not spoken yet: the provider is kept, and not offered.")
        });
        Ok(Draft { name, sent, owned, secrets, once, remark, ..Draft::default() })
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
        Ok(answer)
    }

    async fn publish(cx: &mut Context<'_>, change: Change<'_>) -> Result<(), ApiError> {
        if let Some(auth_domain) = publish::settled_auth_domain(cx).await? {
            match (change.after, change.before) {
                (Some(row), _) => publish_one(cx, row, &auth_domain).await?,
                (None, Some(row)) => {
                    publish::gone(cx, &Key::IdentityProvider(row.id.clone())).await?;
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
        match &auth_domain {
            Some(auth_domain) => publish_one(cx, &row, auth_domain).await?,
            None => publish::gone(cx, &Key::IdentityProvider(row.id)).await?,
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
    let Some(protocol) = protocol(&kind, &sent, secret)? else {
        return publish::gone(cx, &key).await;
    };
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
    publish::put(cx, &record).await
}

fn sealed(protocol: &Protocol) -> Option<&Sealed> {
    match protocol {
        Protocol::Oidc(config) => config.client_secret.as_ref(),
        Protocol::Github(config) => Some(&config.client_secret),
        Protocol::OneTimePin {} | Protocol::Saml(_) => None,
    }
}

/// How the provider is spoken with; `None`: not at all.
fn protocol(kind: &str, sent: &Sent, secret: Option<Sealed>) -> Result<Option<Protocol>, ApiError> {
    Ok(match kind {
        "onetimepin" => Some(Protocol::OneTimePin {}),
        "saml" => {
            let config = sent.object("config")?.cloned().unwrap_or_default();
            Some(Protocol::Saml(Box::new(
                serde_json::from_value(Value::Object(config)).unwrap_or_default(),
            )))
        }
        "github" => secret.map(|secret| github(sent, secret)).transpose()?.map(Protocol::Github),
        kind => oidc(kind, sent, secret)?.map(|config| Protocol::Oidc(Box::new(config))),
    })
}

fn github(sent: &Sent, client_secret: Sealed) -> Result<GithubConfig, ApiError> {
    let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
    let web = sent.text("config.web_url")?.map(trimmed);
    let api = match (sent.text("config.api_url")?, &web) {
        (Some(api), _) => trimmed(api),
        // An enterprise server has its API below itself.
        (None, Some(web)) => format!("{web}/api/v3"),
        (None, None) => "https://api.github.com".to_owned(),
    };
    Ok(GithubConfig {
        client_id: sent.text("config.client_id")?.unwrap_or_default().to_owned(),
        client_secret,
        web_url: web.unwrap_or_else(|| "https://github.com".to_owned()),
        api_url: api,
    })
}

fn oidc(
    kind: &str,
    sent: &Sent,
    client_secret: Option<Sealed>,
) -> Result<Option<OidcConfig>, ApiError> {
    let Some(mut config) = presets::find(kind, sent)? else { return Ok(None) };
    let text = |name: &str| -> Result<Option<String>, ApiError> {
        Ok(sent.text(&format!("config.{name}"))?.map(str::to_owned))
    };
    for (place, name) in [
        (&mut config.issuer, "issuer"),
        (&mut config.auth_url, "auth_url"),
        (&mut config.token_url, "token_url"),
        (&mut config.certs_url, "certs_url"),
        (&mut config.userinfo_url, "userinfo_url"),
    ] {
        if let Some(url) = text(name)? {
            *place = Some(url);
        }
    }
    config.discovery = sent.switch("config.discovery")?.unwrap_or(config.discovery);
    config.client_id = text("client_id")?.unwrap_or_default();
    config.client_secret = client_secret;
    let scopes = texts(sent, "config.scopes")?;
    if !scopes.is_empty() {
        config.scopes = scopes.into_iter().filter(|scope| scope != "openid").collect();
    }
    for claim in texts(sent, "config.claims")? {
        if !config.claims.contains(&claim) {
            config.claims.push(claim);
        }
    }
    config.email_claim_name = text("email_claim_name")?.unwrap_or(config.email_claim_name);
    config.groups_claim_name = text("groups_claim_name")?.unwrap_or(config.groups_claim_name);
    Ok(Some(config))
}

fn texts(sent: &Sent, path: &str) -> Result<Vec<String>, ApiError> {
    let texts = sent.texts(path)?.unwrap_or_default();
    Ok(texts.into_iter().map(str::to_owned).collect())
}

fn judge_config(cx: &Context<'_>, sent: &Sent, kind: &str) -> Result<(), ApiError> {
    let config = sent.object("config")?.cloned().unwrap_or_default();
    for (name, value) in &config {
        let field = format!("config.{name}");
        let name = name.as_str();
        if TEXTS.contains(&name) {
            sent.short_text(&field, 8192)?;
        } else if URLS.contains(&name) {
            if let Some(url) = sent.text(&field)? {
                address::judge(&cx.app.config, &field, url)?;
            }
        } else if SWITCHES.contains(&name) {
            sent.switch(&field)?;
        } else if LISTS.contains(&name) {
            sent.texts(&field)?;
        } else if name != "header_attributes" && name != "max_sso_url_length" {
            return Err(invalid(&field, format!("{field} is not known; it was {value}")));
        }
    }
    for (index, domain) in
        sent.texts("config.email_domains")?.unwrap_or_default().iter().enumerate()
    {
        if !Hostname::parse(&domain.to_ascii_lowercase()).is_ok_and(|name| !name.is_wildcard()) {
            let field = format!("config.email_domains[{index}]");
            return Err(invalid(&field, format!("{field} must be a domain, as example.com")));
        }
    }
    let require = |name: &str| {
        let field = format!("config.{name}");
        match sent.value(&field) {
            Some(_) => Ok(()),
            None => Err(invalid(&field, format!("{field} is required"))),
        }
    };
    match kind {
        "onetimepin" | "cloudflare" => {}
        "saml" => {
            for name in ["sso_target_url", "issuer_url", "idp_public_certs"] {
                require(name)?;
            }
            super::pem::judge_list(sent, "config.idp_public_certs")?;
        }
        "oidc" => {
            require("client_id")?;
            if sent.switch("config.discovery")? == Some(true) {
                require("issuer")?;
            } else {
                for name in ["auth_url", "token_url", "certs_url"] {
                    require(name)?;
                }
            }
        }
        kind => {
            require("client_id")?;
            presets::find(kind, sent)?;
        }
    }
    Ok(())
}

const CLIENT_SECRET: &str = "client_secret";
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
const TEXTS: &[&str] = &[
    "client_id",
    "client_secret",
    "issuer_url",
    "email_attribute_name",
    "email_claim_name",
    "groups_claim_name",
    "directory_id",
    "prompt",
    "okta_account",
    "authorization_server_id",
    "apps_domain",
    "onelogin_account",
    "ping_env_id",
    "centrify_account",
    "centrify_app_id",
    "name_id_format",
];
const URLS: &[&str] = &[
    "auth_url",
    "token_url",
    "certs_url",
    "userinfo_url",
    "issuer",
    "sso_target_url",
    "web_url",
    "api_url",
];
const SWITCHES: &[&str] = &[
    "discovery",
    "pkce_enabled",
    "sign_request",
    "force_authn",
    "enable_encryption",
    "support_groups",
    "conditional_access_enabled",
    "use_login_hint",
    "restrict_to_account_members",
];
const LISTS: &[&str] = &["scopes", "claims", "attributes", "idp_public_certs", "email_domains"];
