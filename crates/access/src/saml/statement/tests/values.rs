use super::*;

#[test]
fn everybody_is_told_id_name_email_and_groups() {
    let (saml, mut identity) = (SamlApplication::default(), ada());
    let got = statement(&asked(&saml, &identity)).unwrap();
    let all: Vec<_> = got.attributes.iter().map(|a| (a.name.as_str(), a.values.clone())).collect();
    assert_eq!(
        all,
        [
            ("id", vec![identity.user_id.clone()]),
            ("name", vec!["Ada Lovelace".to_owned()]),
            ("email", vec!["ada@example.com".to_owned()]),
            ("groups", vec!["staff".into(), "app-authors".into(), "app-readers".into()]),
        ]
    );
    identity.name = None;
    identity.groups.clear();
    let got = statement(&asked(&saml, &identity)).unwrap();
    let names: Vec<_> = got.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["id", "email"]);
    assert!(note(&got, &About::Attribute("groups".into())).starts_with("left out: "));
}

#[test]
fn sources_are_names_in_the_identity() {
    let identity = ada();
    let rows: [(&str, &[&str]); 22] = [
        ("email", &["ada@example.com"]),
        ("name", &["Ada Lovelace"]),
        ("id", &[&identity.user_id]),
        ("user_uuid", &[&identity.user_id]),
        ("sub", &["00u1"]),
        ("groups", &["staff", "app-authors", "app-readers"]),
        ("amr", &["pwd"]),
        ("country", &["GB"]),
        ("department", &["engines"]),
        ("employee_id", &["1815"]),
        ("contractor", &["false"]),
        ("roles", &["author", "7"]),
        ("address", &[r#"{"country":"GB","lines":["St James's Square","London"]}"#]),
        ("address.country", &["GB"]),
        ("address.lines", &["St James's Square", "London"]),
        ("phones.value", &["1", "2"]),
        ("http://schemas.example/claims/upn", &["ada@corp.example"]),
        ("a.b.c.d", &["dots"]),
        ("nothing", &[]),
        ("blank", &[]),
        ("address.street", &[]),
        ("", &[]),
    ];
    for (name, expected) in rows {
        let saml = SamlApplication { attributes: vec![custom("x", name)], ..Default::default() };
        let got = statement(&asked(&saml, &identity)).unwrap();
        assert_eq!(values(&got, "x").unwrap_or_default(), expected, "{name}");
        assert!(!note(&got, &About::Attribute("x".into())).is_empty(), "{name}");

        let required = AttributeSettings { required: true, ..custom("x", name) };
        let saml = SamlApplication { attributes: vec![required], ..Default::default() };
        match statement(&asked(&saml, &identity)) {
            Ok(_) => assert!(!expected.is_empty(), "{name}"),
            Err(error) => {
                assert!(expected.is_empty(), "{name}: {error}");
                assert!(error.to_string().starts_with("attribute x: required"), "{error}");
                assert!(error.advice().contains('x') && error.status().is_none());
            }
        }
    }
}

/// A provider that lets people write their own claims does not let them choose who they are.
#[test]
fn no_claim_passes_for_what_is_known_of_everybody() {
    let mut identity = ada();
    for name in ["email", "id", "user_uuid", "sub", "groups", "amr", "country", "name"] {
        identity.claims.insert(name.into(), json!("forged"));
    }
    let attributes = ["email", "id", "user_uuid", "sub", "groups", "amr", "country", "name"]
        .map(|name| custom(&format!("my-{name}"), name));
    let saml = SamlApplication { attributes: attributes.into(), ..Default::default() };
    let got = statement(&asked(&saml, &identity)).unwrap();
    assert_eq!(got.attributes.len(), 12);
    for attribute in &got.attributes {
        assert!(!attribute.values.contains(&"forged".to_owned()), "{attribute:?}");
    }
}

#[test]
fn an_attribute_of_ones_own_takes_the_place_of_a_default() {
    let identity = ada();
    let mut email = custom("email", "http://schemas.example/claims/upn");
    email.friendly_name = Some("Mail".into());
    email.name_format = Some(saml::assertion::name_format::URI.into());
    let twice = [custom("role", "department"), custom("role", "employee_id")];
    let attributes = [vec![email], twice.to_vec()].concat();
    let saml = SamlApplication { attributes, ..Default::default() };
    let got = statement(&asked(&saml, &identity)).unwrap();
    let names: Vec<_> = got.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["id", "name", "groups", "email", "role"]);
    assert_eq!(
        got.attributes[3],
        Attribute {
            name: "email".into(),
            name_format: Some(saml::assertion::name_format::URI.into()),
            friendly_name: Some("Mail".into()),
            values: vec!["ada@corp.example".into()],
        }
    );
    assert_eq!(got.attributes[4].values, ["engines", "1815"]);
}

#[test]
fn groups_are_filtered() {
    let identity = ada();
    let mut saml = SamlApplication { group_filter: Some("^app-".into()), ..Default::default() };
    saml.attributes = vec![custom("Role", "groups")];
    let got = statement(&asked(&saml, &identity)).unwrap();
    for name in ["groups", "Role"] {
        assert_eq!(values(&got, name).unwrap(), ["app-authors", "app-readers"]);
        assert!(note(&got, &About::Attribute(name.into())).contains("2 of 3"));
    }
    saml.group_filter = Some("nobody".into());
    assert_eq!(values(&statement(&asked(&saml, &identity)).unwrap(), "groups"), None);
    for bad in ["(", "a{99999}{99999}", "[[:nope:]]"] {
        assert!(check_group_filter(bad).is_err(), "{bad}");
        saml.group_filter = Some(bad.into());
        let error = statement(&asked(&saml, &identity)).unwrap_err();
        assert!(matches!(error, StatementError::GroupFilter(_)), "{error}");
    }
    assert_eq!(check_group_filter("(a+)+$"), Ok(()));
}

#[test]
fn what_xml_cannot_hold_and_what_nobody_reads_is_refused() {
    let refused = |change: &dyn Fn(&mut Identity, &mut SamlApplication)| {
        let (mut identity, mut saml) = (ada(), SamlApplication::default());
        change(&mut identity, &mut saml);
        statement(&asked(&saml, &identity)).unwrap_err().to_string()
    };
    let error = refused(&|identity, _| identity.groups[1].name = Some("a\u{FFFE}b".into()));
    assert_eq!(error, "attribute groups: the value holds U+FFFE, which XML cannot express");
    let error = refused(&|identity, saml| {
        identity.claims.insert("x".into(), json!("a\u{0}"));
        saml.name_id.source = Some(source("x"));
    });
    assert_eq!(error, "NameID: the value holds U+0000, which XML cannot express");
    let error = refused(&|_, saml| saml.attributes = vec![custom("a\u{1}", "email")]);
    assert!(error.contains("U+0001"), "{error}");
    let error = refused(&|identity, saml| {
        identity.claims.insert("x".into(), json!("x".repeat(257)));
        saml.name_id.source = Some(source("x"));
    });
    assert_eq!(error, "NameID: more than 256 characters are not sent");
    let error = refused(&|identity, saml| {
        identity.claims.insert("x".into(), json!("x".repeat(20_000)));
        saml.attributes = vec![custom("x", "x")];
    });
    assert!(error.contains("bytes in one value"), "{error}");
    let error = refused(&|_, saml| {
        saml.attributes = (0..100).map(|n| custom(&format!("a{n}"), "email")).collect();
    });
    assert!(error.contains("more than 100 attributes"), "{error}");
    let error = refused(&|identity, saml| {
        identity.claims.insert("x".into(), json!(vec!["x"; 1000]));
        saml.attributes = (0..3).map(|n| custom(&format!("a{n}"), "x")).collect();
    });
    assert!(error.contains("2500 values"), "{error}");
    let error = refused(&|identity, saml| {
        identity.claims.insert("x".into(), json!(vec!["x".repeat(10_000); 20]));
        saml.attributes = (0..2).map(|n| custom(&format!("a{n}"), "x")).collect();
    });
    assert!(error.contains("bytes of all attributes"), "{error}");
}
