//! What clients write to make or change a custom hostname, judged field by field.
//!
//! Older SDKs send more than they mean: fields that only answers have, `""` and `null` for what is
//! not set. Those say nothing. A field that nobody knows is refused by name.

use std::collections::BTreeMap;

use edge_state::Hostname;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::settings::{SettingsBody, choice, known};
use crate::api::error::{ApiError, code};
use crate::api::json::{Body, Field, Others};
use crate::api::origin;
use crate::config::{Authority, Config};

/// `null` unsets a key.
pub(super) type Metadata = BTreeMap<String, Option<Box<RawValue>>>;

/// What one request changes. Its fields have been judged one by one.
pub struct Change {
    pub(super) custom_metadata: Field<Metadata>,
    pub(super) custom_origin_server: Field<String>,
    pub(super) custom_origin_sni: Field<String>,
    pub(super) ssl: Field<SslBody>,
    /// Declarative clients send the whole object, `hostname` included, with `ssl`: then metadata and
    /// `ssl` are complete, and what is missing in them is unset.
    pub(super) whole: bool,
}

/// `POST`: `hostname` is required.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct CreateCustomHostname(Members);

/// `PATCH`: fields that are missing stay as they are, `null` unsets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct EditCustomHostname(Members);

/// What both take.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Members {
    /// Lower case, A-labels, no dot at the end. It cannot change, but may be repeated.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 253, pattern = r"^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$")]
    hostname: Field<String>,
    /// Up to 4 KB; values may be any JSON. Merged by PATCH; replaced where the whole object is sent.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    custom_metadata: Field<Metadata>,
    /// A hostname; scheme and port where it stands beside the edge.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    custom_origin_server: Field<String>,
    /// A hostname, or `:request_host_header:`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    custom_origin_sni: Field<String>,
    /// Without it the hostname has no certificate.
    #[serde(default)]
    #[schema(value_type = Option<SslBody>)]
    ssl: Field<SslBody>,
    #[serde(flatten)]
    #[schema(ignore)]
    others: Others,
}

/// `ssl`
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an object")]
pub struct SslBody {
    /// `http`: `txt` and `email` are not issued by yet.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^http$")]
    pub(super) method: Field<String>,
    /// `dv`
    #[serde(rename = "type", default)]
    #[schema(value_type = Option<String>, pattern = "^dv$")]
    pub(super) kind: Field<String>,
    /// `ubiquitous`, `optimal` or `force`; the chain that the authority sends is served in any case.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(ubiquitous|optimal|force)?$")]
    pub(super) bundle_method: Field<String>,
    /// One of the contract's four, or one that this server is configured for: the one to prefer, also
    /// when this server is not configured for it.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(digicert|google|lets_encrypt|ssl_com)?$")]
    pub(super) certificate_authority: Field<String>,
    /// `false`: a wildcard cannot be validated over http.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub(super) wildcard: Field<bool>,
    /// Of no effect.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub(super) cloudflare_branding: Field<bool>,
    /// TLS at the edge.
    #[serde(default)]
    #[schema(value_type = Option<super::requested::Settings>)]
    pub(super) settings: Field<SettingsBody>,
    /// Certificates of one's own cannot be uploaded yet.
    #[serde(default)]
    #[schema(ignore)]
    custom_certificate: Field<String>,
    #[serde(default)]
    #[schema(ignore)]
    custom_key: Field<String>,
    #[serde(default)]
    #[schema(ignore)]
    custom_csr_id: Field<String>,
    #[serde(default)]
    #[schema(ignore)]
    custom_cert_bundle: Field<Vec<IgnoredAny>>,
    #[serde(flatten)]
    #[schema(ignore)]
    others: Others,
}

impl Body for CreateCustomHostname {
    fn code(field: &str) -> u32 {
        code_of(field)
    }
}

impl Body for EditCustomHostname {
    fn code(field: &str) -> u32 {
        code_of(field)
    }
}

impl ToSchema for CreateCustomHostname {}

impl PartialSchema for CreateCustomHostname {
    fn schema() -> RefOr<Schema> {
        let mut schema = Members::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.required.push("hostname".to_owned());
        }
        schema
    }
}

impl CreateCustomHostname {
    /// The name and what is set on it.
    pub fn judge(self, config: &Config) -> Result<(Hostname, Change), ApiError> {
        let Self(mut members) = self;
        let text = std::mem::take(&mut members.hostname).set().ok_or_else(|| {
            ApiError::invalid(
                code::HOSTNAME,
                "hostname",
                "hostname is required: the customer's own name",
            )
        })?;
        let rules = lifecycle::name::Rules { allowed_reserved: &config.allowed_reserved_tlds };
        let name = lifecycle::name::parse(&text, rules)
            .map_err(|error| ApiError::invalid(error.code(), "hostname", error.to_string()))?;
        Ok((name, members.judge(true, &config.authorities)?))
    }
}

impl EditCustomHostname {
    /// What changes. The name cannot, but may be repeated.
    pub fn judge(self, current: &str, config: &Config) -> Result<(Hostname, Change), ApiError> {
        let Self(members) = self;
        let repeats_name = members.hostname.is_present();
        if let Field::Set(name) = &members.hostname
            && name != current
        {
            let message = "hostname cannot change: create the other one and delete this one";
            return Err(ApiError::invalid(code::HOSTNAME, "hostname", message));
        }
        let name = Hostname::parse(current).map_err(|_| ApiError::Internal)?;
        let whole = repeats_name && matches!(members.ssl, Field::Set(_));
        Ok((name, members.judge(whole, &config.authorities)?))
    }
}

impl Members {
    fn judge(self, whole: bool, authorities: &[Authority]) -> Result<Change, ApiError> {
        known(&self.others, &READ_ONLY, code::JSON, "")?;
        let custom_origin_server = self.custom_origin_server.without_empty();
        if let Field::Set(text) = &custom_origin_server {
            origin::parse("custom_origin_server", text)?;
        }
        let custom_origin_sni = self.custom_origin_sni.without_empty();
        if let Field::Set(text) = &custom_origin_sni {
            origin::parse_sni("custom_origin_sni", text)?;
        }
        let ssl = match self.ssl {
            Field::Set(ssl) => Field::Set(ssl.judge(authorities)?),
            field => field,
        };
        let custom_metadata = self.custom_metadata;
        Ok(Change { custom_metadata, custom_origin_server, custom_origin_sni, ssl, whole })
    }
}

impl SslBody {
    fn judge(mut self, authorities: &[Authority]) -> Result<Self, ApiError> {
        known(&self.others, &READ_ONLY_SSL, code::SSL, "ssl.")?;
        self.refuse_own_certificates()?;
        self.method = self.method.without_empty();
        self.kind = self.kind.without_empty();
        self.bundle_method = self.bundle_method.without_empty();
        self.certificate_authority = self.certificate_authority.without_empty();
        let (Field::Set(method), Field::Set(kind)) = (&self.method, &self.kind) else {
            let message =
                "ssl needs both method and type: send `\"method\":\"http\",\"type\":\"dv\"`";
            return Err(ApiError::invalid(code::METHOD_AND_TYPE, "ssl", message));
        };
        match method.as_str() {
            "http" => {}
            "txt" | "email" => {
                let message = format!(
                    "ssl.method `{method}` is not available on this server yet: use `http`"
                );
                return Err(ApiError::invalid(code::METHOD, "ssl.method", message));
            }
            _ => {
                return Err(ApiError::invalid(
                    code::METHOD,
                    "ssl.method",
                    "ssl.method must be `http`",
                ));
            }
        }
        if kind != "dv" {
            return Err(ApiError::invalid(code::TYPE, "ssl.type", "ssl.type must be `dv`"));
        }
        let bundles = ["ubiquitous", "optimal", "force"];
        choice(&self.bundle_method, &bundles, code::BUNDLE_METHOD, "ssl.bundle_method")?;
        let mut known: Vec<_> = AUTHORITIES.to_vec();
        let own = authorities.iter().map(|authority| authority.name.as_str());
        known.extend(own.filter(|name| !AUTHORITIES.contains(name)));
        choice(&self.certificate_authority, &known, code::SSL, "ssl.certificate_authority")?;
        if let Field::Set(settings) = self.settings {
            self.settings = Field::Set(settings.judge()?);
        }
        Ok(self)
    }

    fn refuse_own_certificates(&self) -> Result<(), ApiError> {
        let text = |field: &Field<String>| matches!(field, Field::Set(text) if !text.is_empty());
        let bundle = matches!(&self.custom_cert_bundle, Field::Set(items) if !items.is_empty());
        for (sent, field, code) in [
            (text(&self.custom_certificate), "ssl.custom_certificate", code::CUSTOM_CERTIFICATE),
            (text(&self.custom_key), "ssl.custom_key", code::CUSTOM_KEY),
            (text(&self.custom_csr_id), "ssl.custom_csr_id", code::CUSTOM_CSR),
            (bundle, "ssl.custom_cert_bundle", code::CUSTOM_CERTIFICATE),
        ] {
            if sent {
                let message = format!(
                    "{field}: certificates of your own cannot be uploaded to this server yet"
                );
                return Err(ApiError::invalid(code, field, message));
            }
        }
        Ok(())
    }
}

fn code_of(field: &str) -> u32 {
    let is = |name: &str| {
        field == name || field.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '[']))
    };
    let fields = [
        ("hostname", code::HOSTNAME),
        ("custom_metadata", code::METADATA),
        ("custom_origin_server", code::ORIGIN),
        ("custom_origin_sni", code::ORIGIN),
        ("ssl.method", code::METHOD),
        ("ssl.type", code::TYPE),
        ("ssl.bundle_method", code::BUNDLE_METHOD),
        ("ssl.custom_certificate", code::CUSTOM_CERTIFICATE),
        ("ssl.custom_key", code::CUSTOM_KEY),
        ("ssl.custom_csr_id", code::CUSTOM_CSR),
        ("ssl.custom_cert_bundle", code::CUSTOM_CERTIFICATE),
        ("ssl.settings.http2", code::HTTP2),
        ("ssl.settings.tls_1_3", code::TLS_1_3),
        ("ssl.settings.min_tls_version", code::MIN_TLS_VERSION),
        ("ssl.settings.ciphers", code::CIPHERS),
        ("ssl", code::SSL),
    ];
    fields.iter().find(|(name, _)| is(name)).map_or(code::JSON, |(_, code)| *code)
}

/// The contract's own. Who names one that this server has not gets another, and this name back.
const AUTHORITIES: [&str; 4] = ["digicert", "google", "lets_encrypt", "ssl_com"];
const READ_ONLY: [&str; 7] = [
    "id",
    "zone_id",
    "status",
    "verification_errors",
    "ownership_verification",
    "ownership_verification_http",
    "created_at",
];
const READ_ONLY_SSL: [&str; 21] = [
    "id",
    "status",
    "hosts",
    "issuer",
    "serial_number",
    "signature",
    "uploaded_on",
    "expires_on",
    "certificates",
    "validation_records",
    "dcv_delegation_records",
    "validation_errors",
    "cname",
    "cname_name",
    "cname_target",
    "txt_name",
    "txt_value",
    "http_url",
    "http_body",
    "emails",
    "csr_id",
];
