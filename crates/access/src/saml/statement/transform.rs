//! `name_id_transform_jsonata` and `saml_attribute_transform_jsonata`.

use edge_state::access::Identity;
use jsonata::Expression;
use saml::assertion::{Attribute, name_format};
use serde_json::{Map, Value, json};

use super::source::{is_anothers, push};
use super::{About, Asked, Notes, StatementError};
use crate::get_identity::said_by_provider;

/// The field of the contract, for messages.
const NAME_ID: &str = "name_id_transform_jsonata";

/// As above.
const ATTRIBUTES: &str = "saml_attribute_transform_jsonata";

/// Whether an expression can be a `name_id_transform_jsonata`.
///
/// # Errors
/// What is wrong with it and where, in words.
pub fn check_name_id_transform(expression: &str) -> Result<(), String> {
    check(expression)
}

/// Whether an expression can be a `saml_attribute_transform_jsonata`. What it makes is known only
/// when it is given somebody.
///
/// # Errors
/// What is wrong with it and where, in words.
pub fn check_attribute_transform(expression: &str) -> Result<(), String> {
    check(expression)
}

/// What expressions are given: an identity as `get-identity` shows it, and its claims beside it
/// where no field of its own has the name, as well as under `oidc_fields` or `saml_attributes`.
#[must_use]
pub fn transform_input(identity: &Identity) -> Value {
    let claims: Map<String, Value> =
        identity.claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut input = json!({
        "id": identity.subject,
        "user_uuid": identity.user_id,
        "name": identity.name,
        "email": identity.email,
        "idp": { "id": identity.idp.id, "type": identity.idp.kind },
        "geo": { "country": identity.country },
        "groups": identity.groups,
        "amr": identity.amr,
        "acr": identity.acr,
        "ip": identity.ip,
        "devicePosture": identity.device_posture,
        said_by_provider(identity): claims,
    });
    if let Value::Object(members) = &mut input {
        for (name, value) in claims {
            let own = ["oidc_fields", "saml_attributes", "email"].contains(&name.as_str());
            if !own && !members.contains_key(&name) {
                members.insert(name, value);
            }
        }
    }
    if identity.email_is_anothers {
        forget_address(&mut input, identity);
    }
    input
}

/// Wherever an expression finds an address, it can make another name of it: the part before the `@`.
fn forget_address(value: &mut Value, identity: &Identity) {
    let stays = |name: &str, value: &Value| {
        !is_anothers(identity, name)
            && !value.as_str().is_some_and(|text| is_anothers(identity, text))
    };
    match value {
        Value::Array(elements) => {
            elements.retain(|element| stays("", element));
            for element in elements {
                forget_address(element, identity);
            }
        }
        Value::Object(members) => {
            members.retain(|name, member| stays(name, member));
            for member in members.values_mut() {
                forget_address(member, identity);
            }
        }
        _ => {}
    }
}

/// The name that an expression makes.
pub(super) fn name_id(expression: &str, asked: &Asked<'_>) -> Result<String, StatementError> {
    let name = match evaluate(NAME_ID, expression, asked)? {
        Some(Value::String(text)) if !text.trim().is_empty() => text,
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(failed(NAME_ID, "it must make one text, and makes something else"));
        }
        _ => return Err(failed(NAME_ID, "it must make one text, and makes nothing")),
    };
    Ok(name)
}

/// The attributes that an expression makes: a member of its object each.
pub(super) fn attributes(
    expression: &str,
    asked: &Asked<'_>,
    notes: &mut Notes,
) -> Result<Vec<Attribute>, StatementError> {
    let Some(Value::Object(members)) = evaluate(ATTRIBUTES, expression, asked)? else {
        return Err(failed(ATTRIBUTES, "it must make an object, and makes something else"));
    };
    let mut attributes = Vec::new();
    for (name, value) in members {
        let about = About::Attribute(name.clone());
        let mut values = Vec::new();
        push(&value, &mut values);
        values.retain(|value| !is_anothers(asked.identity, value));
        if values.is_empty() {
            notes.add(about, format!("left out: {ATTRIBUTES} makes it empty"));
            continue;
        }
        notes.add(about, format!("made by {ATTRIBUTES}"));
        // What custom_attributes says of the form of an attribute still counts.
        let settings = asked.saml.attributes.iter().find(|custom| custom.name == name);
        let format = settings.and_then(|settings| settings.name_format.clone());
        attributes.push(Attribute {
            name,
            name_format: Some(format.unwrap_or_else(|| name_format::UNSPECIFIED.to_owned())),
            friendly_name: settings.and_then(|settings| settings.friendly_name.clone()),
            values,
        });
    }
    for required in asked.saml.attributes.iter().filter(|settings| settings.required) {
        if attributes.iter().all(|attribute| attribute.name != required.name) {
            let reason = format!("{ATTRIBUTES} does not make it");
            return Err(StatementError::Missing { name: required.name.clone(), reason });
        }
    }
    Ok(attributes)
}

fn check(expression: &str) -> Result<(), String> {
    Expression::parse(expression).map(drop).map_err(|error| error.to_string())
}

fn evaluate(
    field: &'static str,
    expression: &str,
    asked: &Asked<'_>,
) -> Result<Option<Value>, StatementError> {
    let input = transform_input(asked.identity);
    let result = Expression::parse(expression).and_then(|read| read.evaluate(&input));
    result.map_err(|error| failed(field, &error.to_string()))
}

fn failed(field: &'static str, what: &str) -> StatementError {
    StatementError::Transform { field, what: what.to_owned() }
}
