//! What an OIDC client says of itself, judged.

use std::collections::BTreeMap;

use url::Url;

use super::body::{CustomClaim, SaasApp};
use crate::api::ApiError;
use crate::api::access::applications::check::{duration, invalid, one_of, texts, url};
use crate::duration as lengths;

impl SaasApp {
    /// Of the fields of OIDC one that is set.
    pub(super) fn oidc_fields(&self) -> Option<&'static str> {
        let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        [
            ("redirect_uris", filled(&self.redirect_uris)),
            ("scopes", filled(&self.scopes)),
            ("grant_types", filled(&self.grant_types)),
            ("custom_claims", self.custom_claims.as_ref().is_some_and(|claims| !claims.is_empty())),
            ("app_launcher_url", self.app_launcher_url.is_some()),
            ("access_token_lifetime", self.access_token_lifetime.is_some()),
            ("refresh_token_options", self.refresh_token_options.is_some()),
            (
                "allow_pkce_without_client_secret",
                self.allow_pkce_without_client_secret == Some(true),
            ),
            ("hybrid_and_implicit_options", self.hybrid_and_implicit_options.is_some()),
        ]
        .into_iter()
        .find_map(|(field, set)| set.then_some(field))
    }

    /// Refuses what could not be spoken.
    pub(super) fn judge_oidc(&self) -> Result<(), ApiError> {
        if self.redirect_uris.as_ref().is_none_or(Vec::is_empty) {
            return Err(invalid(
                "saas_app.redirect_uris",
                "is missing: the client's documentation has it",
            ));
        }
        for (index, uri) in self.redirect_uris.iter().flatten().enumerate() {
            if !is_redirect_uri(uri) {
                let field = format!("saas_app.redirect_uris[{index}]");
                return Err(invalid(&field, "must be an absolute URI without a fragment"));
            }
        }
        for (index, scope) in self.scopes.iter().flatten().enumerate() {
            one_of(&format!("saas_app.scopes[{index}]"), scope, SCOPES)?;
        }
        for (index, grant) in self.grant_types.iter().flatten().enumerate() {
            one_of(&format!("saas_app.grant_types[{index}]"), grant, GRANT_TYPES)?;
        }
        for (index, claim) in self.custom_claims.iter().flatten().enumerate() {
            claim.judge(&format!("saas_app.custom_claims[{index}]"))?;
        }
        texts("saas_app.group_filter_regex", self.group_filter_regex.iter(), 1024)?;
        url("saas_app.app_launcher_url", self.app_launcher_url.as_deref())?;
        let lifetime = self.access_token_lifetime.as_deref();
        duration("saas_app.access_token_lifetime", lifetime, 24 * 3600)?;
        if lifetime.and_then(|text| lengths::seconds(text).ok()).is_some_and(|seconds| seconds < 60)
        {
            return Err(invalid("saas_app.access_token_lifetime", "must be at least 1m"));
        }
        let refresh = self.refresh_token_options.as_ref();
        let lifetime = refresh.and_then(|options| options.lifetime.as_deref());
        if lifetime.is_some_and(|text| !is_refresh_lifetime(text)) {
            let message = "must be longer than 1m, as 90m, 12h or 30d";
            return Err(invalid("saas_app.refresh_token_options.lifetime", message));
        }
        Ok(())
    }
}

impl CustomClaim {
    fn judge(&self, field: &str) -> Result<(), ApiError> {
        texts(&format!("{field}.name"), self.name.iter(), 350)?;
        if let Some(scope) = &self.scope {
            one_of(&format!("{field}.scope"), scope, SCOPES)?;
        }
        let source = self.source.as_ref();
        let by_provider = source.and_then(|source| source.name_by_idp.as_ref());
        texts(
            &format!("{field}.source.name_by_idp"),
            by_provider.into_iter().flat_map(BTreeMap::values),
            350,
        )?;
        texts(&format!("{field}.source.name"), source.and_then(|source| source.name.as_ref()), 350)
    }
}

/// RFC 6749 §3.1.2: absolute, no fragment. Besides `https` and `http`, schemes of native
/// applications (RFC 8252 §7.1: with a dot), and none that a browser would run.
fn is_redirect_uri(text: &str) -> bool {
    let short = text.len() <= 2048 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    short
        && Url::parse(text).is_ok_and(|url| {
            let web = matches!(url.scheme(), "http" | "https") && url.has_host();
            let plain = url.username().is_empty() && url.password().is_none();
            (web || url.scheme().contains('.')) && url.fragment().is_none() && plain
        })
}

/// Minutes, hours or days; more than one minute.
fn is_refresh_lifetime(text: &str) -> bool {
    let split = text.len().saturating_sub(1);
    let (Some(number), Some(unit)) = (text.get(..split), text.get(split..)) else { return false };
    let number = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse::<u32>());
    match (number, unit) {
        (Some(Ok(number)), "m") => (2..=5_256_000).contains(&number),
        (Some(Ok(number)), "h") => (1..=87_600).contains(&number),
        (Some(Ok(number)), "d") => (1..=3_650).contains(&number),
        _ => false,
    }
}

const SCOPES: &[&str] = &["openid", "groups", "email", "profile"];
const GRANT_TYPES: &[&str] =
    &["authorization_code", "authorization_code_with_pkce", "refresh_tokens", "hybrid", "implicit"];
