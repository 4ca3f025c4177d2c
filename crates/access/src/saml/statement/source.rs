//! Names of claims, looked up in an identity.

use edge_state::access::Identity;
use edge_state::access::saml::AttributeSource;
use regex_lite::Regex;
use serde_json::Value;

/// What was found under a name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Found {
    /// Texts, none of them empty.
    pub(super) values: Vec<String>,
    /// Where they come from, or why there are none; reads on after "it is" or "it has no value:".
    pub(super) origin: String,
}

/// Where values are looked up.
pub(super) struct Lookup<'a> {
    pub(super) identity: &'a Identity,
    pub(super) group_filter: Option<Regex>,
}

impl Lookup<'_> {
    /// The values of a configured source: per provider where that is said.
    pub(super) fn source(&self, source: &AttributeSource) -> Found {
        let provider = &self.identity.idp.id;
        match source.name_by_idp.get(provider).filter(|name| !name.is_empty()) {
            Some(name) => {
                let found = self.name(name);
                let origin = format!("{} (by name_by_idp, for provider {provider})", found.origin);
                Found { origin, ..found }
            }
            None => self.name(&source.name),
        }
    }

    /// What stands under a name, without an address that is another person's: many applications
    /// take whoever has it for that one.
    pub(super) fn name(&self, name: &str) -> Found {
        let mut found = self.known(name);
        let before = found.values.len();
        found.values.retain(|value| !is_anothers(self.identity, value));
        if found.values.len() < before {
            found.origin.push_str(", without the address, which is another person's");
        }
        found
    }

    /// What is known of everybody comes first, so that no claim passes for it.
    fn known(&self, name: &str) -> Found {
        let identity = self.identity;
        match name {
            "email" => Found::new([identity.email.clone()], "the person's e-mail address"),
            "name" if identity.name.is_some() => {
                Found::new(identity.name.clone(), "the person's name at the provider")
            }
            "id" | "user_uuid" => {
                Found::new([identity.user_id.clone()], "the user's id in the organization")
            }
            "sub" => Found::new([identity.subject.clone()], "the provider's own id of the person"),
            "groups" => self.groups(),
            "amr" => Found::new(identity.amr.clone(), "the methods of authentication (amr)"),
            "country" => Found::new(identity.country.clone(), "the country of the sign-in"),
            _ => self.claim(name),
        }
    }

    /// By name, where a group has one; else by address, else by id.
    fn groups(&self) -> Found {
        let told = self.identity.groups.iter().filter_map(|group| {
            let names = [&group.name, &group.email, &group.id];
            names.into_iter().flatten().find(|name| !name.is_empty()).cloned()
        });
        let all: Vec<String> = told.collect();
        let Some(filter) = &self.group_filter else {
            return Found::new(all, "the person's groups at the provider");
        };
        let count = all.len();
        let kept: Vec<String> = all.into_iter().filter(|name| filter.is_match(name)).collect();
        let origin = format!(
            "the person's groups at the provider, {} of {count} by group_filter_regex",
            kept.len()
        );
        Found::new(kept, &origin)
    }

    fn claim(&self, name: &str) -> Found {
        let mut values = Vec::new();
        let claims = &self.identity.claims;
        if let Some(value) = claims.get(name) {
            push(value, &mut values);
        } else {
            for (at, _) in name.match_indices('.') {
                if let Some(value) = claims.get(&name[..at]) {
                    descend(value, &name[at + 1..], &mut values);
                }
            }
        }
        if values.is_empty() {
            let origin = format!("the provider says nothing under the name {name:?}");
            return Found { values, origin };
        }
        Found::new(values, &format!("the provider's claim or attribute {name:?}"))
    }
}

impl Found {
    fn new(values: impl IntoIterator<Item = String>, origin: &str) -> Self {
        let mut kept: Vec<String> = Vec::new();
        let mut empty = false;
        for value in values {
            if value.trim().is_empty() {
                empty = true;
            } else {
                kept.push(value);
            }
        }
        let mut origin = origin.to_owned();
        if kept.is_empty() {
            origin.push_str(if empty { ", which is empty" } else { ", of which there is none" });
        }
        Self { values: kept, origin }
    }
}

/// Whether this is, or holds, the address of somebody else of the organisation.
pub(super) fn is_anothers(identity: &Identity, value: &str) -> bool {
    let address = identity.email.trim().to_lowercase();
    identity.email_is_anothers && !address.is_empty() && value.to_lowercase().contains(&address)
}

/// What stands at a dotted path, in every element of a list. A name with dots of its own is tried
/// before its parts.
fn descend(value: &Value, path: &str, values: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            for element in elements {
                if !element.is_array() {
                    descend(element, path, values);
                }
            }
        }
        Value::Object(members) => {
            if let Some(value) = members.get(path) {
                push(value, values);
                return;
            }
            for (at, _) in path.match_indices('.') {
                if let Some(value) = members.get(&path[..at]) {
                    descend(value, &path[at + 1..], values);
                }
            }
        }
        _ => {}
    }
}

/// One claim as texts: a list is several.
pub(super) fn push(value: &Value, values: &mut Vec<String>) {
    match value {
        Value::Array(elements) => values.extend(elements.iter().filter_map(text)),
        _ => values.extend(text(value)),
    }
}

/// `None`: there is nothing to say.
fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    })
    .filter(|text| !text.trim().is_empty())
}
