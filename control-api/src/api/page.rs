//! Query parameters: paging, and reading single values with errors that name them.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::envelope::Window;
use super::error::{ApiError, code};

/// Query parameters in the contract's shape; what cannot be read is 400 and not axum's text.
pub struct Params<T>(pub T);

impl<S, T> FromRequestParts<S> for Params<T>
where
    S: Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::invalid(code::JSON, "query", error.body_text()))?;
        Ok(Self(params))
    }
}

/// `page` and `per_page`, as every paged list takes them.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// From 1. Past the end there is an empty page and no error.
    #[param(value_type = Option<i64>, minimum = 1)]
    page: Option<String>,
    /// 1 to 50; 20 unless said.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 50)]
    per_page: Option<String>,
}

impl Paging {
    /// Judges the numbers.
    pub fn window(&self) -> Result<Window, ApiError> {
        self.window_within(MAX_PER_PAGE)
    }

    /// Judges the numbers, where the contract's pages may hold more.
    pub fn window_within(&self, max_per_page: i64) -> Result<Window, ApiError> {
        let page = number(self.page.as_deref(), "page", 1, i64::from(i32::MAX))?.unwrap_or(1);
        let per_page = number(self.per_page.as_deref(), "per_page", 1, max_per_page)?;
        Ok(Window { page, per_page: per_page.unwrap_or(DEFAULT_PER_PAGE) })
    }
}

/// A whole number within bounds.
pub(crate) fn number(
    text: Option<&str>,
    name: &str,
    min: i64,
    max: i64,
) -> Result<Option<i64>, ApiError> {
    let Some(text) = given(text) else { return Ok(None) };
    // Some SDKs write numbers as floats.
    match text.strip_suffix(".0").unwrap_or(text).parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
        _ => {
            let message = format!("{name} must be a whole number from {min} to {max}");
            Err(ApiError::invalid(code::JSON, name, message))
        }
    }
}

/// An empty parameter is none.
#[must_use]
pub fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// One of the values that a parameter can have.
pub fn one_of<'a>(
    text: Option<&'a str>,
    name: &str,
    known: &[&str],
) -> Result<Option<&'a str>, ApiError> {
    match given(text) {
        Some(text) if !known.contains(&text) => {
            let message = format!("{name} must be one of {}", known.join(", "));
            Err(ApiError::invalid(code::JSON, name, message))
        }
        text => Ok(text),
    }
}

/// The largest page of Access objects.
pub const MAX_ACCESS_PAGE: i64 = 1000;
const DEFAULT_PER_PAGE: i64 = 20;
const MAX_PER_PAGE: i64 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_from_one() {
        let window = |page: &str, per_page: &str| {
            Paging { page: Some(page.to_owned()), per_page: Some(per_page.to_owned()) }.window()
        };
        assert_eq!(window("", "").unwrap(), Window { page: 1, per_page: 20 });
        assert_eq!(window("3", "50").unwrap().offset(), 100);
        for (page, per_page) in [
            ("0", "20"),
            ("-1", "20"),
            ("2.5", "20"),
            ("1", "0"),
            ("1", "51"),
            ("9999999999999999999", "5"),
        ] {
            assert!(window(page, per_page).is_err(), "{page} {per_page}");
        }
    }
}
