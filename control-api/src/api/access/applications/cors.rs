//! `cors_headers`

use edge_state::access::application::Cors;
use serde::{Deserialize, Serialize};
use url::Url;

use super::check::{invalid, one_of, texts, whole};
use crate::api::ApiError;

/// What other sites' scripts may do (Fetch, CORS protocol). Of `allow_all_*` and `allowed_*` only
/// one can be, and `allow_credentials` needs origins by name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CorsHeaders {
    /// Any request header.
    pub allow_all_headers: Option<bool>,
    /// Any method.
    pub allow_all_methods: Option<bool>,
    /// Any origin.
    pub allow_all_origins: Option<bool>,
    /// Cookies go along.
    pub allow_credentials: Option<bool>,
    /// These request headers.
    pub allowed_headers: Option<Vec<String>>,
    /// These methods.
    pub allowed_methods: Option<Vec<String>>,
    /// These origins.
    pub allowed_origins: Option<Vec<String>>,
    /// Seconds for which a browser need not ask again; -1: it always asks.
    #[serde(default, deserialize_with = "whole")]
    pub max_age: Option<i64>,
}

impl CorsHeaders {
    /// Refuses what browsers would not take, or what contradicts itself.
    pub fn judge(&self) -> Result<(), ApiError> {
        for (part, all, some) in [
            ("headers", self.allow_all_headers, &self.allowed_headers),
            ("methods", self.allow_all_methods, &self.allowed_methods),
            ("origins", self.allow_all_origins, &self.allowed_origins),
        ] {
            if all == Some(true) && some.as_ref().is_some_and(|some| !some.is_empty()) {
                let field = format!("cors_headers.allowed_{part}");
                return Err(invalid(&field, &format!("cannot be together with allow_all_{part}")));
            }
            texts(&format!("cors_headers.allowed_{part}"), some.iter().flatten(), 255)?;
        }
        // Fetch §3.3.5: `*` and credentials exclude each other.
        let any_origin = self.allow_all_origins == Some(true) || self.origins().any(|o| o == "*");
        if any_origin && self.allow_credentials == Some(true) {
            let message =
                "cannot be together with all origins: name the origins that may send cookies";
            return Err(invalid("cors_headers.allow_credentials", message));
        }
        for (index, origin) in self.origins().enumerate() {
            if origin != "*" && !is_origin(origin) {
                let field = format!("cors_headers.allowed_origins[{index}]");
                return Err(invalid(&field, "must be an origin, as https://app.saas.com"));
            }
        }
        for (index, method) in self.allowed_methods.iter().flatten().enumerate() {
            one_of(&format!("cors_headers.allowed_methods[{index}]"), method, METHODS)?;
        }
        for (index, header) in self.allowed_headers.iter().flatten().enumerate() {
            if header != "*" && http::HeaderName::from_bytes(header.as_bytes()).is_err() {
                let field = format!("cors_headers.allowed_headers[{index}]");
                return Err(invalid(&field, "must be the name of a header"));
            }
        }
        if self.max_age.is_some_and(|age| !(-1..=86_400).contains(&age)) {
            return Err(invalid("cors_headers.max_age", "must be -1 to 86400"));
        }
        Ok(())
    }

    /// As the edge has it.
    #[must_use]
    pub fn record(&self) -> Cors {
        let list = |field: &Option<Vec<String>>| field.clone().unwrap_or_default();
        let has_star = |field: &Option<Vec<String>>| field.iter().flatten().any(|item| item == "*");
        let set = |flag: Option<bool>| flag == Some(true);
        let origins = list(&self.allowed_origins).into_iter().map(|origin| normal(&origin));
        Cors {
            allow_all_headers: set(self.allow_all_headers) || has_star(&self.allowed_headers),
            allow_all_methods: set(self.allow_all_methods),
            allow_all_origins: set(self.allow_all_origins) || has_star(&self.allowed_origins),
            allow_credentials: set(self.allow_credentials),
            allowed_headers: list(&self.allowed_headers),
            allowed_methods: list(&self.allowed_methods),
            allowed_origins: origins.collect(),
            max_age: self.max_age,
        }
    }

    fn origins(&self) -> impl Iterator<Item = &str> {
        self.allowed_origins.iter().flatten().map(String::as_str)
    }
}

/// RFC 6454 §6.2: scheme, host, and a port that is not the scheme's own.
fn is_origin(text: &str) -> bool {
    let text = text.strip_suffix('/').unwrap_or(text);
    Url::parse(text).is_ok_and(|url| {
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && bare && plain
    })
}

/// As browsers send it.
fn normal(origin: &str) -> String {
    match Url::parse(origin) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => origin.to_owned(),
    }
}

const METHODS: &[&str] =
    &["GET", "POST", "HEAD", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(body: serde_json::Value) -> Result<Cors, String> {
        let cors: CorsHeaders = serde_json::from_value(body).map_err(|error| error.to_string())?;
        cors.judge().map_err(|error| error.to_string())?;
        Ok(cors.record())
    }

    #[test]
    fn origins_are_compared_as_browsers_send_them() {
        let body = json!({"allowed_origins": ["HTTPS://App.saas.com:443/"], "max_age": 60.0});
        let cors = judged(body).unwrap();
        assert_eq!(
            (cors.allowed_origins[0].as_str(), cors.max_age),
            ("https://app.saas.com", Some(60))
        );
        assert!(judged(json!({"allowed_origins": ["*"]})).unwrap().allow_all_origins);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for body in [
            json!({"allow_all_origins": true, "allow_credentials": true}),
            json!({"allowed_origins": ["*"], "allow_credentials": true}),
            json!({"allow_all_methods": true, "allowed_methods": ["GET"]}),
            json!({"allow_all_headers": true, "allowed_headers": ["a"]}),
            json!({"allow_all_origins": true, "allowed_origins": ["https://a.com"]}),
            json!({"allowed_origins": ["a.com"]}),
            json!({"allowed_origins": ["https://a.com/path"]}),
            json!({"allowed_methods": ["get"]}),
            json!({"allowed_headers": ["a b"]}),
            json!({"max_age": -2}),
            json!({"max_age": 86_401}),
            json!({"max_age": 1.5}),
            json!({"allowed_origins": [null]}),
        ] {
            assert!(judged(body.clone()).is_err(), "{body}");
        }
        assert!(judged(json!({"allow_all_methods": false, "allowed_methods": ["GET"]})).is_ok());
    }
}
