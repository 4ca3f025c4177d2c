//! Checks of single values, with errors that name them.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use crate::api::ApiError;
use crate::api::error::code;
use crate::duration as lengths;

/// `{field} {message}`
pub(crate) fn invalid(field: &str, message: &str) -> ApiError {
    ApiError::invalid(code::ACCESS, field, format!("{field} {message}"))
}

/// Reads members into what they should be; the error names the member.
pub(crate) fn read<T: DeserializeOwned>(members: &Map<String, Value>) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(Value::Object(members.clone())).map_err(|error| {
        let field = error.path().to_string();
        let field = if field == "." { "body" } else { &field };
        invalid(field, &format!("is wrong: {}", error.inner()))
    })
}

/// Texts for people, or names: neither empty nor endless, and nothing in them that moves a cursor.
pub(crate) fn texts<'a>(
    field: &str,
    texts: impl IntoIterator<Item = &'a String>,
    max: usize,
) -> Result<(), ApiError> {
    for (index, text) in texts.into_iter().enumerate() {
        if index >= MAX_ENTRIES {
            return Err(invalid(field, &format!("may hold {MAX_ENTRIES} entries")));
        }
        let control = |c: char| c.is_control() && c != '\n' && c != '\t' && c != '\r';
        if text.is_empty() || text.chars().count() > max || text.chars().any(control) {
            let message =
                format!("must have 1 to {max} characters, none of them a control character");
            return Err(invalid(field, &message));
        }
    }
    Ok(())
}

/// An absolute `http` or `https` URL that names a host and nobody's password.
pub(crate) fn url(field: &str, text: Option<&str>) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    let fits = text.len() <= MAX_URL
        && !text.chars().any(|c| c.is_control() || c.is_whitespace())
        && Url::parse(text).is_ok_and(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && plain
        });
    if fits { Ok(()) } else { Err(invalid(field, "must be a URL, as https://saas.com/logo.svg")) }
}

/// A CSS colour, as hexadecimal digits.
pub(crate) fn color(field: &str, text: Option<&str>) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    let digits = text.strip_prefix('#').unwrap_or_default();
    if matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(invalid(field, "must be a colour, as #1d4ed8"))
}

/// A session's length.
pub(crate) fn duration(field: &str, text: Option<&str>, max_seconds: u64) -> Result<(), ApiError> {
    let Some(text) = text else { return Ok(()) };
    let seconds =
        lengths::parse(text).map_err(|error| invalid(field, &format!("is wrong: {error}")))?;
    if seconds.as_secs() > max_seconds {
        return Err(invalid(field, &format!("may be {}h at most", max_seconds / 3600)));
    }
    Ok(())
}

/// One of the words that there are.
pub(crate) fn one_of(field: &str, word: &str, known: &[&str]) -> Result<(), ApiError> {
    if known.contains(&word) {
        return Ok(());
    }
    Err(invalid(field, &format!("must be one of {}", known.join(", "))))
}

/// A whole number, which some tools write as `60.0`.
pub(crate) fn whole<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<i64>, D::Error> {
    use serde::Deserialize as _;
    let Some(number) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    if number.fract() != 0.0 || number.abs() > 1e9 {
        return Err(serde::de::Error::custom("must be a whole number"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    Ok(Some(number as i64))
}

const MAX_ENTRIES: usize = 500;
const MAX_URL: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_a_page_may_link_to_pass() {
        for text in ["https://saas.com/a.svg", "http://saas.com:8080/x?y#z"] {
            assert!(url("logo_url", Some(text)).is_ok(), "{text}");
        }
        for text in [
            "javascript:alert(1)",
            "//saas.com",
            "saas.com",
            "data:image/png;base64,AA",
            "https://",
            "https://u:p@saas.com",
            "https://saas.com/\n",
            "ftp://saas.com",
        ] {
            assert!(url("logo_url", Some(text)).is_err(), "{text}");
        }
        assert!(url("logo_url", None).is_ok());
    }

    #[test]
    fn a_colour_is_digits_and_nothing_else() {
        assert!(color("bg_color", Some("#1D4ed8")).is_ok());
        for text in ["red", "#12", "#12345g", "#fff;background:url(x)", ""] {
            assert!(color("bg_color", Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_session_has_an_end() {
        assert!(duration("session_duration", Some("24h"), 86_400).is_ok());
        for text in ["24h1s", "forever", "-1h", ""] {
            assert!(duration("session_duration", Some(text), 86_400).is_err(), "{text}");
        }
    }
}
