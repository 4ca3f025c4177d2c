use edge_state::access::saml::{AttributeSettings, AttributeSource, NameIdFormat};
use edge_state::access::session::{IdentityGroup, ProviderReference};
use saml::assertion::authn_context;
use saml::authn_request::Comparison;
use saml::name_id::format;
use serde_json::json;

use super::*;

mod contexts;
mod names;
mod transforms;
mod values;

fn ada() -> Identity {
    let group = |name: &str| IdentityGroup { name: Some(name.into()), ..IdentityGroup::default() };
    let claims = json!({
        "department": "engines",
        "employee_id": 1815,
        "contractor": false,
        "roles": ["author", null, "", 7],
        "address": { "country": "GB", "lines": ["St James's Square", "London"] },
        "phones": [{ "type": "home", "value": "1" }, { "type": "work", "value": "2" }],
        "http://schemas.example/claims/upn": "ada@corp.example",
        "a.b": { "c.d": "dots" },
        "nothing": null,
        "blank": "  ",
    });
    Identity {
        user_id: "5a5a1c3e-0f0e-4a4e-9a37-0d2f6c1f0b11".into(),
        email: "ada@example.com".into(),
        name: Some("Ada Lovelace".into()),
        idp: ProviderReference { id: "idp-1".into(), kind: "oidc".into() },
        subject: "00u1".into(),
        groups: vec![group("staff"), group("app-authors"), group("app-readers")],
        claims: serde_json::from_value(claims).unwrap(),
        amr: vec!["pwd".into()],
        country: Some("GB".into()),
        ..Identity::default()
    }
}

fn source(name: &str) -> AttributeSource {
    AttributeSource { name: name.into(), ..AttributeSource::default() }
}

fn custom(name: &str, from: &str) -> AttributeSettings {
    AttributeSettings { name: name.into(), source: source(from), ..Default::default() }
}

fn asked<'a>(saml: &'a SamlApplication, identity: &'a Identity) -> Asked<'a> {
    Asked {
        saml,
        identity,
        requested_format: None,
        requested_context: None,
        transient: "_random".into(),
    }
}

/// The values of one attribute, if it is sent.
fn values(statement: &Statement, name: &str) -> Option<Vec<String>> {
    statement.attributes.iter().find(|a| a.name == name).map(|a| a.values.clone())
}

fn note(statement: &Statement, about: &About) -> String {
    let notes = statement.notes.iter().filter(|note| note.about == *about);
    notes.map(|note| note.text.as_str()).collect::<Vec<_>>().join("; ")
}
