//! How much is said at most, and of which characters.

use saml::assertion::Attribute;
use saml::name_id::NameId;
use saml::xml::Writer;

use super::{About, StatementError};

/// SAML core §8.3.7 for persistent names; nobody reads longer ones of another kind.
const MAX_NAME_ID: usize = 256;

/// Attributes.
const MAX_ATTRIBUTES: usize = 100;

/// Bytes of the name of an attribute.
const MAX_NAME: usize = 512;

/// Values, all together: an identity has a thousand groups at most, told twice perhaps.
const MAX_VALUES: usize = 2_500;

/// Bytes of one value.
const MAX_VALUE: usize = 16 << 10;

/// Bytes of everything: what forms of service providers take, after base64 and encryption.
const MAX_TOTAL: usize = 256 << 10;

pub(super) fn check(name_id: &NameId, attributes: &[Attribute]) -> Result<(), StatementError> {
    text(&About::NameId, &name_id.value)?;
    bound(&About::NameId, name_id.value.chars().count(), MAX_NAME_ID, "characters")?;
    let (mut values, mut total) = (0, 0);
    for (index, attribute) in attributes.iter().enumerate() {
        let about = About::Attribute(attribute.name.clone());
        bound(&about, index + 1, MAX_ATTRIBUTES, "attributes")?;
        let names = [Some(&attribute.name), attribute.friendly_name.as_ref()];
        for name in names.into_iter().chain([attribute.name_format.as_ref()]).flatten() {
            text(&about, name)?;
            bound(&about, name.len(), MAX_NAME, "bytes of its name")?;
            total += name.len();
        }
        for value in &attribute.values {
            text(&about, value)?;
            bound(&about, value.len(), MAX_VALUE, "bytes in one value")?;
            values += 1;
            total += value.len();
        }
        bound(&about, values, MAX_VALUES, "values of all attributes")?;
        bound(&about, total, MAX_TOTAL, "bytes of all attributes")?;
    }
    Ok(())
}

fn bound(about: &About, is: usize, most: usize, what: &str) -> Result<(), StatementError> {
    if is <= most {
        return Ok(());
    }
    let limit = format!("more than {most} {what} are not sent");
    Err(StatementError::TooMuch { about: about.clone(), limit })
}

fn text(about: &About, text: &str) -> Result<(), StatementError> {
    let mut writer = Writer::new();
    writer.text(text);
    writer
        .finish()
        .map(drop)
        .map_err(|error| StatementError::Character { about: about.clone(), character: error.0 })
}
