//! What a client set is answered as it was sent; what it did not set is absent. So bodies are kept
//! as JSON, without what means "unset", and whatever is spoiled in them refuses the whole.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::ApiError;
use crate::api::error::code;
use crate::api::json;
use crate::store::access::objects::ObjectRow;

/// A request's body before it is judged.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Body(pub Map<String, Value>);

impl json::Body for Body {}

/// Which fields a kind of object has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields {
    /// POST and PUT must have them.
    pub required: &'static [&'static str],
    /// They may be left out.
    pub optional: &'static [&'static str],
    /// The server's own: SDKs send them back, and they are passed over.
    pub read_only: &'static [&'static str],
    /// Lists of rules, in which empty objects mean something.
    pub rules: &'static [&'static str],
    /// The legacy SDK sends 0 for what is not set.
    pub zero_is_unset: &'static [&'static str],
}

/// What a client set: no `null`, no `""`, no object without members.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sent(Map<String, Value>);

impl Fields {
    /// Judges a whole object: POST, and PUT, which replaces.
    pub fn whole(&self, body: Body) -> Result<Sent, ApiError> {
        let missing = self.required.iter().find(|name| match body.0.get(**name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(_) => false,
        });
        if let Some(name) = missing {
            return Err(invalid(name, format!("{name} is required")));
        }
        let mut sent = self.clean(body)?;
        for name in self.required {
            // Sent, but with nothing in it: `config: {}`.
            sent.0.entry(*name).or_insert_with(|| Value::Object(Map::new()));
        }
        Ok(sent)
    }

    /// Judges a change: `null` and `""` unset, what is absent stays.
    pub fn merged(&self, before: &Sent, body: Body) -> Result<Sent, ApiError> {
        let named: Vec<String> = body.0.keys().cloned().collect();
        let Sent(mut changed) = self.clean(body)?;
        let mut after = before.0.clone();
        for name in named {
            match changed.remove(&name) {
                Some(value) => drop(after.insert(name, value)),
                None if self.required.contains(&name.as_str()) => {
                    return Err(invalid(&name, format!("{name} cannot be unset")));
                }
                None if self.read_only.contains(&name.as_str()) => {}
                None => drop(after.remove(&name)),
            }
        }
        Ok(Sent(after))
    }

    fn clean(&self, body: Body) -> Result<Sent, ApiError> {
        let mut sent = Map::new();
        for (name, value) in body.0 {
            let name_str = name.as_str();
            if self.read_only.contains(&name_str) {
                continue;
            }
            if !self.all().any(|known| known == name_str) {
                let message =
                    format!("{name} is no field of this object; /openapi.json lists them");
                return Err(invalid(&name, message));
            }
            if self.zero_is_unset.contains(&name_str) && value.as_i64() == Some(0) {
                continue;
            }
            let value = if self.rules.contains(&name_str) {
                (!value.is_null()).then_some(value)
            } else {
                clean(&name, value)?
            };
            if let Some(value) = value {
                sent.insert(name, value);
            }
        }
        Ok(Sent(sent))
    }

    /// Every field that may be sent to some effect.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        [self.required, self.optional, self.rules].into_iter().flatten().copied()
    }
}

/// What is left of a value without what means "unset".
fn clean(field: &str, value: Value) -> Result<Option<Value>, ApiError> {
    Ok(match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) => {
            let mut kept = Vec::with_capacity(items.len());
            for (index, item) in items.into_iter().enumerate() {
                let field = format!("{field}[{index}]");
                match clean(&field, item)? {
                    Some(item) => kept.push(item),
                    None => return Err(invalid(&field, format!("{field} is empty"))),
                }
            }
            Some(Value::Array(kept))
        }
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, value) in members {
                if let Some(value) = clean(&format!("{field}.{name}"), value)? {
                    kept.insert(name, value);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::String(text) if text.contains('\0') => {
            return Err(invalid(field, format!("{field} must not contain NUL")));
        }
        value => Some(value),
    })
}

impl Sent {
    /// As it is stored.
    pub fn read(text: &str) -> Result<Self, ApiError> {
        serde_json::from_str(text).map(Self).map_err(|error| {
            tracing::error!(%error, "a stored object cannot be read");
            ApiError::Internal
        })
    }

    /// As it is to be stored.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// All that was set.
    #[must_use]
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The same, to be answered.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }

    /// Whatever is there; `path` is dotted.
    #[must_use]
    pub fn value(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('.');
        let first = self.0.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }

    /// Sets a member.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Takes a member away; `path` is dotted.
    pub fn take(&mut self, path: &str) -> Option<Value> {
        match path.split_once('.') {
            None => self.0.remove(path),
            Some((parent, name)) => self.0.get_mut(parent)?.as_object_mut()?.remove(name),
        }
    }

    /// Takes a secret away, so that it is stored sealed and never answered. `None`: not sent, or
    /// only its stars: a client that writes back what it has read has no secret to write.
    pub fn take_secret(&mut self, path: &str) -> Result<Option<String>, ApiError> {
        match self.take(path) {
            Some(Value::String(secret)) => {
                Ok(Some(secret).filter(|secret| !secret.bytes().all(|b| b == b'*')))
            }
            Some(_) => Err(invalid(path, format!("{path} must be a string"))),
            None => Ok(None),
        }
    }

    /// A text.
    pub fn text(&self, path: &str) -> Result<Option<&str>, ApiError> {
        let wrong = || invalid(path, format!("{path} must be a string"));
        self.value(path).map(|value| value.as_str().ok_or_else(wrong)).transpose()
    }

    /// Refuses another text than the stored object has: with it, it would be another object.
    pub fn keeps(&self, field: &str, stored: Option<&ObjectRow>) -> Result<(), ApiError> {
        let Some(stored) = stored else { return Ok(()) };
        if Self::read(&stored.body)?.text(field)? == self.text(field)? {
            return Ok(());
        }
        Err(invalid(field, format!("{field} cannot change: make another one")))
    }

    /// A text of at most `max` characters.
    pub fn short_text(&self, path: &str, max: usize) -> Result<Option<&str>, ApiError> {
        let text = self.text(path)?;
        match text {
            Some(text) if text.chars().count() > max => {
                Err(invalid(path, format!("{path} must not be longer than {max} characters")))
            }
            text => Ok(text),
        }
    }

    /// A text that is required, of at most 350 characters: what people call an object.
    pub fn name(&self) -> Result<&str, ApiError> {
        let name = self.short_text("name", MAX_NAME)?;
        name.ok_or_else(|| invalid("name", "name is required".to_owned()))
    }

    /// A switch.
    pub fn switch(&self, path: &str) -> Result<Option<bool>, ApiError> {
        let wrong = || invalid(path, format!("{path} must be true or false"));
        self.value(path).map(|value| value.as_bool().ok_or_else(wrong)).transpose()
    }

    /// A whole number; clients write them as floats too.
    pub fn integer(&self, path: &str, min: i64, max: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.value(path) else { return Ok(None) };
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and is then out of range")]
        let whole =
            || value.as_f64().filter(|float| float.fract() == 0.0).map(|float| float as i64);
        let number = value.as_i64().or_else(whole);
        match number.filter(|number| (min..=max).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                Err(invalid(path, format!("{path} must be a whole number from {min} to {max}")))
            }
        }
    }

    /// A list.
    pub fn list(&self, path: &str) -> Result<Option<&[Value]>, ApiError> {
        let wrong = || invalid(path, format!("{path} must be a list"));
        let list = self.value(path).map(|value| value.as_array().ok_or_else(wrong));
        Ok(list.transpose()?.map(Vec::as_slice))
    }

    /// A list of texts.
    pub fn texts(&self, path: &str) -> Result<Option<Vec<&str>>, ApiError> {
        let Some(list) = self.list(path)? else { return Ok(None) };
        let mut texts = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let field = format!("{path}[{index}]");
            let wrong = || invalid(&field, format!("{field} must be a string"));
            texts.push(value.as_str().ok_or_else(wrong)?);
        }
        Ok(Some(texts))
    }

    /// An object.
    pub fn object(&self, path: &str) -> Result<Option<&Map<String, Value>>, ApiError> {
        let wrong = || invalid(path, format!("{path} must be an object"));
        self.value(path).map(|value| value.as_object().ok_or_else(wrong)).transpose()
    }

    /// One of the texts that the field can have.
    pub fn one_of(&self, path: &str, known: &[&str]) -> Result<Option<&str>, ApiError> {
        match self.text(path)? {
            Some(text) if !known.contains(&text) => {
                Err(invalid(path, format!("{path} must be one of {}", known.join(", "))))
            }
            text => Ok(text),
        }
    }
}

/// A field of an Access object that cannot be.
pub(crate) fn invalid(field: &str, message: String) -> ApiError {
    ApiError::invalid(code::ACCESS, field, message)
}

const MAX_NAME: usize = 350;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: Fields = Fields {
        required: &["name", "config"],
        optional: &["precedence", "scim_config", "list", "flag"],
        read_only: &["id"],
        rules: &["include"],
        zero_is_unset: &["precedence"],
    };

    fn whole(body: Value) -> Result<Value, String> {
        let Value::Object(body) = body else { panic!("an object") };
        FIELDS
            .whole(Body(body))
            .map(|sent| Value::Object(sent.into_members()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_means_unset_is_gone_and_the_rest_stays_as_it_was() {
        let body = json!({
            "id": "mine", "name": "N", "config": {}, "precedence": 0, "scim_config": {"a": ""},
            "list": [], "flag": false, "include": [{"everyone": {}}],
        });
        let kept = json!({
            "name": "N", "config": {}, "list": [], "flag": false, "include": [{"everyone": {}}],
        });
        assert_eq!(whole(body).unwrap(), kept);
        let nested = json!({"name": "N", "config": {"a": null, "b": {"c": "", "d": {}}, "e": 1.5}});
        assert_eq!(whole(nested).unwrap(), json!({"name": "N", "config": {"e": 1.5}}));
    }

    #[test]
    fn what_is_spoiled_refuses_the_whole_and_is_named() {
        for (body, named) in [
            (json!({"name": "N", "config": {"claims": [null, null]}}), "config.claims[0]"),
            (json!({"name": "N", "config": {}, "list": [{}]}), "list[0]"),
            (json!({"name": "N", "config": {}, "list": [""]}), "list[0]"),
            (json!({"name": "N"}), "config"),
            (json!({"name": "", "config": {}}), "name"),
            (json!({"name": null, "config": {}}), "name"),
            (json!({"name": "N", "config": {}, "nam": 1}), "nam"),
            (json!({"name": "N", "config": {"a": "\u{0}"}}), "config.a"),
        ] {
            let message = whole(body.clone()).unwrap_err();
            assert!(message.starts_with(named), "{body}: {message}");
        }
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let before = Sent::read(r#"{"name":"N","config":{"a":1},"flag":true,"list":[1]}"#).unwrap();
        let change = |body: Value| {
            let Value::Object(body) = body else { panic!("an object") };
            FIELDS.merged(&before, Body(body))
        };
        let after = change(json!({"flag": false, "list": null, "id": "x"})).unwrap();
        let expected = json!({"name": "N", "config": {"a": 1}, "flag": false});
        assert_eq!(Value::Object(after.into_members()), expected);
        assert!(change(json!({"name": ""})).is_err());
        assert_eq!(change(json!({})).unwrap(), before);
    }

    #[test]
    fn values_are_read_with_their_place() {
        let sent = Sent::read(r#"{"a":{"b":"t","n":2.0,"l":["x",1]}}"#).unwrap();
        assert_eq!(sent.text("a.b").unwrap(), Some("t"));
        assert_eq!(sent.integer("a.n", 0, 5).unwrap(), Some(2));
        assert!(sent.integer("a.n", 3, 5).is_err() && sent.switch("a.b").is_err());
        assert!(sent.texts("a.l").unwrap_err().to_string().starts_with("a.l[1]"));
        assert_eq!(sent.list("a.none").unwrap(), None);
    }

    #[test]
    fn a_secret_is_taken_and_its_stars_are_none() {
        let mut sent = Sent::read(r#"{"a":{"s":"*x*","t":"***","u":["x"]},"v":"x"}"#).unwrap();
        assert_eq!(sent.take_secret("a.s").unwrap().as_deref(), Some("*x*"));
        assert_eq!(sent.take_secret("a.t").unwrap(), None);
        assert_eq!(sent.take_secret("a.none").unwrap(), None);
        assert_eq!(sent.take_secret("v").unwrap().as_deref(), Some("x"));
        let error = sent.take_secret("a.u").unwrap_err().to_string();
        assert_eq!(error, "a.u must be a string");
        assert_eq!(sent.to_json(), r#"{"a":{}}"#, "nothing of it is left to be stored");
    }
}
