//! What is said of somebody beside their name.

use edge_state::access::saml::AttributeSettings;
use regex_lite::{Regex, RegexBuilder};
use saml::assertion::{Attribute, name_format};

use super::source::{Found, Lookup};
use super::{About, Asked, Notes, StatementError, transform};

/// What every application is told, unless an attribute of its own has the name.
const DEFAULTS: [&str; 4] = ["id", "name", "email", "groups"];

/// More memory is not spent on one filter.
const MAX_FILTER_BYTES: usize = 64 << 10;

pub(super) fn of(asked: &Asked<'_>, notes: &mut Notes) -> Result<Vec<Attribute>, StatementError> {
    if let Some(expression) = &asked.saml.attribute_transform {
        return transform::attributes(expression, asked, notes);
    }
    let lookup = Lookup { identity: asked.identity, group_filter: group_filter(asked)? };
    let custom = &asked.saml.attributes;
    let mut attributes = Vec::new();
    for name in DEFAULTS.iter().filter(|name| custom.iter().all(|c| c.name != **name)) {
        let settings = AttributeSettings { name: (*name).to_owned(), ..Default::default() };
        add(&settings, lookup.name(name), &mut attributes, notes)?;
    }
    for settings in custom {
        add(settings, lookup.source(&settings.source), &mut attributes, notes)?;
    }
    Ok(attributes)
}

/// Whether `expression` can be a `group_filter_regex`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_group_filter(expression: &str) -> Result<(), String> {
    compile(expression).map(drop)
}

fn group_filter(asked: &Asked<'_>) -> Result<Option<Regex>, StatementError> {
    let filter = asked.saml.group_filter.as_deref().map(compile).transpose();
    filter.map_err(StatementError::GroupFilter)
}

fn compile(expression: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(expression).size_limit(MAX_FILTER_BYTES).build();
    built.map_err(|error| error.to_string())
}

fn add(
    settings: &AttributeSettings,
    found: Found,
    attributes: &mut Vec<Attribute>,
    notes: &mut Notes,
) -> Result<(), StatementError> {
    let AttributeSettings { name, friendly_name, name_format, required, source: _ } = settings;
    let about = About::Attribute(name.clone());
    let Found { values, origin } = found;
    if values.is_empty() {
        if *required {
            return Err(StatementError::Missing { name: name.clone(), reason: origin });
        }
        notes.add(about, format!("left out: {origin}"));
        return Ok(());
    }
    notes.add(about, origin);
    let format = name_format.as_deref().unwrap_or(name_format::UNSPECIFIED);
    let same = attributes
        .iter_mut()
        .find(|other| other.name == *name && other.name_format.as_deref() == Some(format));
    if let Some(same) = same {
        same.values.extend(values); // Two settings of one attribute: it is said once.
        return Ok(());
    }
    attributes.push(Attribute {
        name: name.clone(),
        name_format: Some(format.to_owned()),
        friendly_name: friendly_name.clone().filter(|name| !name.is_empty()),
        values,
    });
    Ok(())
}
