//! Who somebody is, out of what a SAML identity provider says of them.

use saml::assertion::authn_context;
use saml::name_id::{NameId, format};
use serde_json::{Value, json};

use crate::saml_case::says;
use crate::saml_idp::{SamlIdp, attribute};
use crate::world::{Browser, WIKI, World};

/// What the record says of whoever signs in by a provider that speaks so.
fn identity(config: impl FnOnce(&mut Value), idp: &SamlIdp) -> Result<Value, String> {
    let (mut world, mut browser) = (World::with_saml(config), Browser::default());
    world.sign_in_by(&mut browser, &format!("{WIKI}/x"), idp);
    let event = world.log.last().unwrap();
    match &event.identity {
        Some(identity) => Ok(serde_json::to_value(identity).unwrap()),
        None => Err(event.reason.clone()),
    }
}

#[test]
fn the_subject_is_what_stays_the_same() {
    let named = |format: &str| SamlIdp {
        name_id: Some(NameId::new(" Ada@Example.com ", format)),
        ..SamlIdp::corp()
    };
    assert_eq!(identity(|_| {}, &named(format::EMAIL)).unwrap()["subject"], "ada@example.com");
    let unspecified = identity(|_| {}, &named(format::UNSPECIFIED)).unwrap();
    assert_eq!(unspecified["subject"], "Ada@Example.com");
    let transient = identity(|_| {}, &named(format::TRANSIENT)).unwrap_err();
    says(&transient, &["subject_attribute_name"]);
    let unnamed = || SamlIdp { name_id: None, ..SamlIdp::corp() };
    says(&identity(|_| {}, &unnamed()).unwrap_err(), &["names nobody"]);

    let by_attribute = |config: &mut Value| config["subject_attribute_name"] = "uid".into();
    for idp in [named(format::TRANSIENT), unnamed()] {
        let idp = |values: &[&str]| {
            let mut attributes = idp.attributes.clone();
            attributes.push(attribute("uid", values));
            SamlIdp { attributes, name_id: idp.name_id.clone(), ..SamlIdp::corp() }
        };
        let found = identity(by_attribute, &idp(&["4711"])).unwrap();
        assert_eq!(found["subject"], "4711");
        says(&identity(by_attribute, &idp(&[""])).unwrap_err(), &["is missing or empty"]);
        says(&identity(by_attribute, &idp(&["a", "b"])).unwrap_err(), &["has several values"]);
    }
    says(&identity(by_attribute, &SamlIdp::corp()).unwrap_err(), &["\"uid\"", "is missing"]);
}

#[test]
fn the_address_comes_from_where_it_is_said_to() {
    let mail = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress";
    let with =
        |attributes: Vec<saml::assertion::Attribute>| SamlIdp { attributes, ..SamlIdp::corp() };
    let by_oid = ["urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:1.2.840.113549.1.9.1"];
    for name in by_oid.into_iter().chain([mail, "mail", "email", "emailAddress"]) {
        let idp = with(vec![attribute(name, &["eve@example.com"])]);
        assert_eq!(identity(|_| {}, &idp).unwrap()["email"], "eve@example.com", "{name}");
    }
    let chosen = |config: &mut Value| config["email_attribute_name"] = "upn".into();
    let both =
        || vec![attribute("email", &["x@example.com"]), attribute("upn", &["eve@example.com"])];
    assert_eq!(identity(chosen, &with(both())).unwrap()["email"], "eve@example.com");
    // What is chosen is the address, and nothing else is in its place.
    let other = with(vec![attribute("email", &["x@example.com"])]);
    says(&identity(chosen, &other).unwrap_err(), &["named no e-mail address"]);
    let name =
        SamlIdp { name_id: Some(NameId::new("eve@example.com", format::EMAIL)), ..with(vec![]) };
    assert_eq!(identity(|_| {}, &name).unwrap()["email"], "eve@example.com");
    says(&identity(|_| {}, &with(vec![])).unwrap_err(), &["named no e-mail address"]);
    let none = with(vec![attribute("email", &["not an address"])]);
    says(&identity(|_| {}, &none).unwrap_err(), &["address is none"]);

    // A provider speaks for its own domains alone.
    let (mut world, mut browser) = (World::with_saml(|_| {}), Browser::default());
    world.edit("idp:corp", |record| record["email_domains"] = json!(["corp.test"]));
    world.sign_in_by(&mut browser, WIKI, &SamlIdp::corp());
    says(world.last_reason(), &["may not speak for ada@example.com"]);
    assert!(world.control.sessions.is_empty());
}

/// As Keycloak's own mappers say it, which knows no name for the whole.
#[test]
fn a_name_may_come_in_two() {
    let given = || attribute("urn:oid:2.5.4.42", &["Ada"]);
    let whole = || attribute("displayName", &["Countess of Lovelace"]);
    let surname = || attribute("urn:oid:2.5.4.4", &["Lovelace"]);
    for (said, name) in [
        (vec![surname(), given()], json!("Ada Lovelace")),
        (vec![given()], json!("Ada")),
        (vec![given(), surname(), whole()], json!("Countess of Lovelace")),
        (vec![attribute("urn:oid:2.5.4.42", &[" "])], Value::Null),
    ] {
        let attributes = said.into_iter().chain([attribute("mail", &["ada@example.com"])]);
        let idp = SamlIdp { attributes: attributes.collect(), ..SamlIdp::corp() };
        assert_eq!(identity(|_| {}, &idp).unwrap()["name"], name);
    }
}

#[test]
fn groups_attributes_and_methods() {
    let attributes = vec![
        attribute("email", &["ada@example.com"]),
        attribute("http://schemas.microsoft.com/ws/2008/06/identity/claims/groups", &["g-1"]),
        attribute("memberOf", &["CN=staff,DC=corp", "g-1"]),
        attribute("teams", &["a", "b"]),
        attribute("department", &["Engines"]),
        attribute(
            "http://schemas.microsoft.com/claims/authnmethodsreferences",
            &["http://schemas.microsoft.com/claims/multipleauthn"],
        ),
    ];
    let idp = SamlIdp { attributes, ..SamlIdp::corp() };
    let found = identity(|config| config["attributes"] = json!(["teams", "none"]), &idp).unwrap();
    assert_eq!(found["groups"], json!([{ "name": "g-1" }, { "name": "CN=staff,DC=corp" }]));
    assert_eq!(found["claims"], json!({ "teams": ["a", "b"] }));
    assert_eq!(found["amr"], json!(["pwd", "mfa"]));
    assert_eq!(found["acr"], authn_context::PASSWORD_PROTECTED_TRANSPORT);
    let found = identity(|config| config["groups_attribute_name"] = "teams".into(), &idp).unwrap();
    assert_eq!(found["groups"], json!([{ "name": "a" }, { "name": "b" }]));
    let idp = SamlIdp { class: authn_context::REFEDS_MFA, ..SamlIdp::corp() };
    assert_eq!(identity(|_| {}, &idp).unwrap()["amr"], json!(["mfa"]));
    // Entra leaves groups out where there are many: a rule that excludes one would let people in.
    let mut idp = SamlIdp::corp();
    idp.attributes.push(attribute("http://schemas.microsoft.com/claims/groups.link", &["x"]));
    says(&identity(|_| {}, &idp).unwrap_err(), &["more groups than can be read"]);
    let many: Vec<String> = (0..1_001).map(|n| format!("group-{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut idp = SamlIdp::corp();
    idp.attributes.push(attribute("groups", &many));
    says(&identity(|_| {}, &idp).unwrap_err(), &["more groups than can be read"]);
}

#[test]
fn attributes_become_headers_that_no_value_can_break_out_of() {
    let wanted =
        |name: &str, header: &str| json!({ "attribute_name": name, "header_name": header });
    let config = |config: &mut Value| {
        config["header_attributes"] = json!([
            wanted("role", "X-Role"),
            wanted("team", "x_role"),
            wanted("name", "X-Name"),
            wanted("role", "Host"),
            wanted("role", "Cf-Access-Jwt-Assertion"),
            wanted("role", "X-Forwarded-For"),
            wanted("none", "X-None"),
        ]);
    };
    let mut idp = SamlIdp::corp();
    idp.attributes.push(attribute("role", &["staff", "a,b", " ", "50%"]));
    idp.attributes.push(attribute("team", &["red"]));
    idp.attributes.push(attribute("name", &["Zo\u{eb}\r\nX-Admin: 1"]));
    let found = identity(config, &idp).unwrap();
    assert_eq!(
        found["origin_headers"],
        json!([["x-role", "staff,a%2Cb,50%25,red"], ["x-name", "Zo%C3%AB%0D%0AX-Admin: 1"]])
    );
    let mut idp = SamlIdp::corp();
    idp.attributes.push(attribute("role", &["x".repeat(9_000).as_str()]));
    says(&identity(config, &idp).unwrap_err(), &["more values for headers"]);
}
