//! Everything that can go wrong, and the one place where it gets its code and status.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::envelope::{self, Failure, Message, Source};
use crate::engine::EngineError;

/// Why a request was refused. `Display` says to a person what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No such path.
    #[error("Could not route to {path}, perhaps your object identifier is invalid?")]
    NoRoute {
        /// As asked for.
        path: String,
    },
    /// An id in the path has no form that ids have.
    #[error("Could not route to {path}, perhaps your object identifier is invalid?")]
    MalformedId {
        /// As asked for.
        path: String,
    },
    /// The path exists, but not with this method.
    #[error("This path does not answer {method}; /openapi.json lists what each path answers")]
    MethodNotAllowed {
        /// As asked for.
        method: String,
    },
    /// Nobody says who asks.
    #[error(
        "Missing X-Auth-Key, X-Auth-Email or Authorization headers: send `Authorization: Bearer <API token>`"
    )]
    NoCredentials,
    /// The header is there and says nothing usable.
    #[error("Invalid request headers")]
    MalformedCredentials(Malformed),
    /// No such token, or not now.
    #[error("Authentication error{0}")]
    Unauthenticated(Refusal),
    /// On `tokens/verify`, for a token that does not exist.
    #[error("Invalid API Token")]
    UnknownToken,
    /// The token may not do this here, or there is no here.
    #[error("Authentication error: the token does not cover this {0}, or it does not exist")]
    OutOfReach(&'static str),
    /// The token reaches this object, but lacks the permission.
    #[error("Unauthorized to access requested resource: the token needs the permission \"{0}\"")]
    Forbidden(String),
    /// Not JSON, or not in the form that this path takes.
    #[error("{0}")]
    MalformedJson(String),
    /// The body is too long to be read.
    #[error("The body is larger than 1 MB; nothing that this API takes is that large")]
    TooLarge,
    /// The body has not arrived in time.
    #[error("The body did not arrive within 20 seconds; nothing was changed")]
    SlowBody,
    /// A field, or a query parameter, has a value that cannot be.
    #[error("{message}")]
    Invalid {
        /// From [`code`].
        code: u32,
        /// Dotted: `ssl.settings.http2`.
        field: String,
        /// What is wrong and what to write.
        message: String,
    },
    /// No such custom hostname in this zone.
    #[error("The custom hostname was not found.")]
    HostnameNotFound,
    /// Somebody has it already.
    #[error("Duplicate custom hostname found.")]
    DuplicateHostname,
    /// The zone has no fallback origin.
    #[error("The zone has no fallback origin. Set one with PUT.")]
    NoFallbackOrigin,
    /// Any other object that is not there.
    #[error("The {0} was not found.")]
    NotFound(&'static str),
    /// Two of them cannot be.
    #[error("{0}")]
    Conflict(String),
    /// The same Idempotency-Key came with another request.
    #[error(
        "This Idempotency-Key came before with another request: use a new key for a new request"
    )]
    KeyReused,
    /// The database is away for a moment.
    #[error(
        "The control plane cannot reach its database at the moment. Nothing was changed; try again."
    )]
    Unavailable,
    /// Our own fault. The cause stands in the log, under the request id.
    #[error("An internal error occurred. The log has it under this answer's CF-Ray.")]
    Internal,
}

/// What is wrong with the credentials' form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Malformed {
    /// `Authorization` is not `Bearer <token>`.
    Authorization,
    /// `X-Auth-Key` and `X-Auth-Email` are not taken.
    AuthKey,
}

/// Why a token of the right form is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// No such token.
    Unknown,
    /// It was.
    Expired,
    /// It will be.
    NotYet,
    /// It is switched off.
    Disabled,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "",
            Self::Expired => ": the token has expired",
            Self::NotYet => ": the token is not valid yet",
            Self::Disabled => ": the token is disabled",
        })
    }
}

impl ApiError {
    /// A field or query parameter that cannot be.
    pub fn invalid(code: u32, field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { code, field: field.to_owned(), message: message.into() }
    }

    /// The contract's status and code.
    fn status_and_code(&self) -> (StatusCode, u32) {
        match self {
            Self::NoRoute { .. } => (StatusCode::NOT_FOUND, 7003),
            Self::MalformedId { .. } => (StatusCode::BAD_REQUEST, 7003),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, 7001),
            Self::NoCredentials => (StatusCode::BAD_REQUEST, 9106),
            Self::MalformedCredentials(_) => (StatusCode::BAD_REQUEST, 6003),
            Self::Unauthenticated(_) | Self::OutOfReach(_) => (StatusCode::FORBIDDEN, 10000),
            Self::UnknownToken => (StatusCode::UNAUTHORIZED, 1000),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, 9109),
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, code::JSON),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, 1413),
            Self::SlowBody => (StatusCode::REQUEST_TIMEOUT, code::JSON),
            Self::Invalid { code, .. } => (StatusCode::BAD_REQUEST, *code),
            Self::HostnameNotFound => (StatusCode::NOT_FOUND, 1436),
            Self::DuplicateHostname => (StatusCode::CONFLICT, 1406),
            Self::NoFallbackOrigin => (StatusCode::NOT_FOUND, 1551),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, 1003),
            Self::Conflict(_) => (StatusCode::CONFLICT, 1061),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, 1499),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, 1501),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, 1500),
        }
    }

    fn messages(&self) -> Vec<Message> {
        let (_, code) = self.status_and_code();
        let mut first = message(code, self.to_string());
        match self {
            Self::Invalid { field, .. } => {
                first.source = Some(Source { pointer: pointer(field) });
                vec![first]
            }
            Self::MalformedCredentials(Malformed::Authorization) => {
                let why = "Invalid format for Authorization header: send `Authorization: Bearer <API token>`";
                first.error_chain.push(message(6111, why.to_owned()));
                vec![first]
            }
            Self::MalformedCredentials(Malformed::AuthKey) => {
                let why = "Invalid format for X-Auth-Key header: this server takes API tokens only; \
                           make one and send `Authorization: Bearer <API token>`";
                first.error_chain.push(message(6103, why.to_owned()));
                vec![first]
            }
            Self::NoRoute { .. } | Self::MalformedId { .. } => {
                vec![first, message(7000, "No route for that URI".to_owned())]
            }
            Self::MethodNotAllowed { .. }
            | Self::NoCredentials
            | Self::Unauthenticated(_)
            | Self::UnknownToken
            | Self::OutOfReach(_)
            | Self::Forbidden(_)
            | Self::MalformedJson(_)
            | Self::TooLarge
            | Self::SlowBody
            | Self::HostnameNotFound
            | Self::DuplicateHostname
            | Self::NoFallbackOrigin
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::KeyReused
            | Self::Unavailable
            | Self::Internal => vec![first],
        }
    }

    /// The answer's status and body.
    pub(crate) fn parts(&self) -> (StatusCode, Failure) {
        let (status, _) = self.status_and_code();
        let failure =
            Failure { success: false, errors: self.messages(), messages: Vec::new(), result: () };
        (status, failure)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, failure) = self.parts();
        let mut response = envelope::json(status, &failure);
        mark_retries(&mut response);
        response
    }
}

/// SDKs ask again after 409 and 503 of their own accord. A conflict does not go away by that; a
/// database does come back.
pub(crate) fn mark_retries(response: &mut Response) {
    let (name, value) = match response.status() {
        StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => (SHOULD_RETRY, "false"),
        StatusCode::SERVICE_UNAVAILABLE => (header::RETRY_AFTER, "1"),
        _ => return,
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        let passing = match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => true,
            // PostgreSQL: connection lost (08), shutting down (57P), serialization or deadlock (40),
            // too many connections (53). SQLite: busy (5), locked (6).
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                ["08", "40", "53", "57P"]
                    .iter()
                    .any(|class| code.starts_with(class) && code.len() == 5)
                    || ["5", "6", "517", "261"].contains(&code.as_ref())
            }),
            _ => false,
        };
        if passing {
            tracing::warn!(%error, "the database did not answer");
            Self::Unavailable
        } else {
            tracing::error!(%error, "the database refused");
            Self::Internal
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Database(error) => error.into(),
            // Deleted by another request, between two statements of this one.
            EngineError::NotFound => Self::HostnameNotFound,
            EngineError::Illegal(_)
            | EngineError::State { .. }
            | EngineError::Vault(_)
            | EngineError::NoAuthority => {
                tracing::error!(%error, "the engine refused");
                Self::Internal
            }
        }
    }
}

fn message(code: u32, message: String) -> Message {
    Message { code, message, source: None, error_chain: Vec::new() }
}

/// `ssl.settings.ciphers[0]` -> `/ssl/settings/ciphers/0`
fn pointer(field: &str) -> String {
    let mut pointer = String::with_capacity(field.len() + 1);
    for segment in field.split(['.', '[']) {
        pointer.push('/');
        pointer.push_str(segment.trim_end_matches(']'));
    }
    pointer
}

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The contract's codes for fields that cannot be.
pub mod code {
    /// Bad JSON, and fields that have no code of their own.
    pub const JSON: u32 = 1400;
    /// `custom_metadata` is not an object, or too large.
    pub const METADATA: u32 = 1401;
    /// No hostname at all.
    pub const HOSTNAME: u32 = 1407;
    /// Characters beyond ASCII.
    pub const HOSTNAME_NOT_ASCII: u32 = 1408;
    /// `test`, `example`, `invalid`, `localhost`.
    pub const HOSTNAME_RESERVED_TLD: u32 = 1409;
    /// A public suffix has no customer.
    pub const HOSTNAME_PUBLIC_SUFFIX: u32 = 1410;
    /// `example.com`, `.net`, `.org`.
    pub const HOSTNAME_EXAMPLE: u32 = 1411;
    /// `custom_metadata` on a wildcard.
    pub const METADATA_ON_WILDCARD: u32 = 1412;
    /// No origin at all.
    pub const ORIGIN: u32 = 1415;
    /// Characters beyond ASCII.
    pub const ORIGIN_NOT_ASCII: u32 = 1416;
    /// As for hostnames.
    pub const ORIGIN_RESERVED_TLD: u32 = 1417;
    /// As for hostnames.
    pub const ORIGIN_PUBLIC_SUFFIX: u32 = 1418;
    /// As for hostnames.
    pub const ORIGIN_EXAMPLE: u32 = 1419;
    /// An origin is one server.
    pub const ORIGIN_WILDCARD: u32 = 1420;
    /// `ssl.settings.http2`
    pub const HTTP2: u32 = 1422;
    /// `ssl.settings.tls_1_2_only`, which `min_tls_version` replaced.
    pub const TLS_1_2_ONLY: u32 = 1423;
    /// `ssl.settings.tls_1_3`
    pub const TLS_1_3: u32 = 1424;
    /// `ssl.settings.min_tls_version`
    pub const MIN_TLS_VERSION: u32 = 1425;
    /// `ssl.custom_certificate`, `ssl.custom_cert_bundle`
    pub const CUSTOM_CERTIFICATE: u32 = 1426;
    /// `ssl.custom_key`
    pub const CUSTOM_KEY: u32 = 1427;
    /// `ssl.custom_csr_id`
    pub const CUSTOM_CSR: u32 = 1430;
    /// `ssl.method`
    pub const METHOD: u32 = 1432;
    /// `ssl.type`
    pub const TYPE: u32 = 1433;
    /// Anything else in `ssl`.
    pub const SSL: u32 = 1434;
    /// The id in the path.
    pub const HOSTNAME_ID: u32 = 1435;
    /// Filter `hostname.contain`.
    pub const CONTAIN: u32 = 1437;
    /// More than one of `id` and the four forms of `hostname`.
    pub const FILTERS: u32 = 1438;
    /// `ssl` without both `method` and `type`.
    pub const METHOD_AND_TYPE: u32 = 1440;
    /// `ssl.settings.ciphers`
    pub const CIPHERS: u32 = 1442;
    /// `ciphers` say nothing where only TLS 1.3 is spoken.
    pub const CIPHERS_WITH_TLS_1_3: u32 = 1443;
    /// Wildcards.
    pub const WILDCARD: u32 = 1448;
    /// `ssl.bundle_method`
    pub const BUNDLE_METHOD: u32 = 1449;
    /// Any field of an Access object.
    pub const ACCESS: u32 = 12130;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_becomes_a_json_pointer() {
        assert_eq!(pointer("ssl.settings.ciphers[0]"), "/ssl/settings/ciphers/0");
        assert_eq!(pointer("hostname"), "/hostname");
    }

    #[test]
    fn a_conflict_is_not_to_be_tried_again_and_an_outage_is() {
        let header = |error: ApiError, name| error.into_response().headers().get(name).cloned();
        assert_eq!(header(ApiError::DuplicateHostname, SHOULD_RETRY).unwrap(), "false");
        let outage = ApiError::from(sqlx::Error::PoolTimedOut);
        assert_eq!(header(outage, header::RETRY_AFTER).unwrap(), "1");
    }
}
