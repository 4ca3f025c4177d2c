//! What origins hear of somebody in headers: `header_attributes`.
//!
//! Several values stand in one header, with commas between them; each is percent-encoded as far as
//! it is not visible ASCII, or is `%` or a comma itself. So no value can pass for another one.

use edge_state::access::origin_header::{is_allowed, normal};
use edge_state::access::saml::SamlConfig;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use saml::service_provider::Login;

use crate::login::identity::ProviderError;

/// More of them no server reads.
const MOST_BYTES: usize = 8 << 10;

const ENCODED: &AsciiSet = &CONTROLS.add(b'%').add(b',');

/// Names, in lower case, and values.
pub(super) fn values(
    config: &SamlConfig,
    login: &Login,
) -> Result<Vec<(String, String)>, ProviderError> {
    let mut headers: Vec<(String, Vec<String>)> = Vec::new();
    for wanted in config.header_attributes.iter().filter(|wanted| is_allowed(&wanted.header_name)) {
        let name = wanted.header_name.to_ascii_lowercase();
        let said = login.attribute(&wanted.attribute_name).map(str::trim);
        let said = said.filter(|text| !text.is_empty());
        let said = said.map(|text| utf8_percent_encode(text, ENCODED).to_string());
        match headers.iter_mut().find(|(found, _)| normal(found) == normal(&name)) {
            Some((_, values)) => values.extend(said),
            None => headers.push((name, said.collect())),
        }
    }
    headers.retain(|(_, values)| !values.is_empty());
    let headers: Vec<_> =
        headers.into_iter().map(|(name, values)| (name, values.join(","))).collect();
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MOST_BYTES { Err(ProviderError::TooMany("values for headers")) } else { Ok(headers) }
}
