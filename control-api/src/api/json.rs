//! Request bodies: JSON objects whose every mistake is named by its field.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{StatusCode, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::{ApiError, code};

/// What a path takes as its body.
pub trait Body: DeserializeOwned {
    /// The contract's code for a mistake in this field (`ssl.settings.http2`).
    #[must_use]
    fn code(field: &str) -> u32 {
        let _ = field;
        code::JSON
    }
}

/// A body. An empty one counts as `{}`: SDKs send none, or `null`, where every
/// field is optional.
pub struct Json<T>(pub T);

impl<S, T> FromRequest<S> for Json<T>
where
    S: Send + Sync,
    T: Body,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        parse(&bytes(request, state).await?).map(Self)
    }
}

/// The body's bytes, if they are not too many.
pub(crate) async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    bytes_within(TIME_LIMIT, request, state).await
}

async fn bytes_within<S: Send + Sync>(
    limit: Duration,
    request: Request,
    state: &S,
) -> Result<Bytes, ApiError> {
    // Who says that it will be too large need not send it.
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > MAX_BODY as u64) {
        return Err(ApiError::TooLarge);
    }
    let read = tokio::time::timeout(limit, Bytes::from_request(request, state));
    let read = read.await.map_err(|_| ApiError::SlowBody)?;
    read.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::MalformedJson("The body did not arrive in full".to_owned()),
    })
}

/// Reads a body.
pub(crate) fn parse<T: Body>(bytes: &[u8]) -> Result<T, ApiError> {
    let text = match bytes.trim_ascii() {
        [] | b"null" => b"{}",
        text => text,
    };
    // Derived readers would take a list for an object.
    if text.first() != Some(&b'{') {
        return Err(ApiError::MalformedJson("The body must be a JSON object".to_owned()));
    }
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let field = error.path().to_string();
        let error = error.into_inner();
        if error.is_data() && field != "." {
            ApiError::invalid(T::code(&field), &field, format!("{field}: {error}"))
        } else if error.is_data() {
            ApiError::MalformedJson(format!("The body does not fit this path: {error}"))
        } else {
            ApiError::MalformedJson(format!("The body is not valid JSON: {error}"))
        }
    })?;
    reader
        .end()
        .map_err(|_| ApiError::MalformedJson("There is more after the JSON object".to_owned()))?;
    Ok(value)
}

/// A field that can be absent, `null`, or there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Field<T> {
    /// Not sent: stays as it is.
    #[default]
    Absent,
    /// `null`: unset it.
    Null,
    /// Sent.
    Set(T),
}

impl<T> Field<T> {
    /// What was sent, if anything was.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Null | Self::Absent => None,
        }
    }

    /// Puts this into what is stored: absent leaves it as it is.
    pub fn merge_into(self, stored: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *stored = None,
            Self::Set(value) => *stored = Some(value),
        }
    }

    /// Whether the field was sent at all.
    pub fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl Field<String> {
    /// The legacy SDK sends `""` for what is not set.
    #[must_use]
    pub fn without_empty(self) -> Self {
        match self {
            Self::Set(text) if text.is_empty() => Self::Null,
            field => field,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Set))
    }
}

/// The names of fields that have no place of their own; for `#[serde(flatten)]`.
#[derive(Debug)]
pub struct Others(pub BTreeSet<String>);

impl<'de> Deserialize<'de> for Others {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Names)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Others;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Others, M::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, IgnoredAny)) = members.next_entry()? {
            names.insert(name);
        }
        Ok(Others(names))
    }
}

/// The largest body that is read.
pub(crate) const MAX_BODY: usize = 1024 * 1024;
/// Shorter than a whole request's, so that a slow client is not told of our own troubles.
const TIME_LIMIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_the_client_s_doing() {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::new(axum::body::Body::from_stream(never));
        let error = bytes_within(Duration::ZERO, request, &()).await.unwrap_err();
        assert!(matches!(error, ApiError::SlowBody), "{error}");
        let mut request = Request::new(axum::body::Body::empty());
        request.headers_mut().insert(header::CONTENT_LENGTH, 99_999_999_999_u64.into());
        let error = bytes(request, &()).await.unwrap_err();
        assert!(matches!(error, ApiError::TooLarge), "{error}");
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        #[serde(default)]
        name: Field<String>,
        #[serde(default)]
        list: Vec<String>,
    }

    impl Body for Thing {}

    #[test]
    fn absent_null_and_set_are_three() {
        assert_eq!(parse::<Thing>(b" \n").unwrap(), Thing::default());
        assert_eq!(parse::<Thing>(br#"{"name":null}"#).unwrap().name, Field::Null);
        assert_eq!(parse::<Thing>(br#"{"name":"n"}"#).unwrap().name, Field::Set("n".to_owned()));
    }

    #[test]
    fn a_mistake_is_named_by_its_field() {
        for (body, named) in [
            (r#"{"list":["a",null]}"#, Some("list[1]")),
            (r#"{"name":5}"#, Some("name")),
            (r#"{"other":1}"#, Some("other")),
            (r#"{"name":"#, None),
            ("[]", None),
            ("{} {}", None),
            ("\u{feff}{}", None),
        ] {
            match (parse::<Thing>(body.as_bytes()), named) {
                (Err(ApiError::Invalid { field, .. }), Some(named)) => assert_eq!(field, named),
                (Err(ApiError::MalformedJson(_)), None) => {}
                (result, _) => panic!("{body}: {result:?}"),
            }
        }
    }
}
