use super::*;

fn name(expression: &str, identity: &Identity) -> Result<String, StatementError> {
    let mut saml = SamlApplication::default();
    saml.name_id.transform = Some(expression.to_owned());
    statement(&asked(&saml, identity)).map(|statement| statement.name_id.value)
}

fn made(
    expression: &str,
    identity: &Identity,
) -> Result<Vec<(String, Vec<String>)>, StatementError> {
    let saml =
        SamlApplication { attribute_transform: Some(expression.to_owned()), ..Default::default() };
    let attributes = statement(&asked(&saml, identity))?.attributes;
    Ok(attributes.into_iter().map(|a| (a.name, a.values)).collect())
}

/// What the contract's documentation says that people write.
#[test]
fn a_name_is_made() {
    let identity = ada();
    let rows = [
        (
            "$substringBefore(email, '@') & '+sandbox@' & $substringAfter(email, '@')",
            "ada+sandbox@example.com",
        ),
        ("employee_id", "1815"),
        ("oidc_fields.department", "engines"),
        ("$exists(custom_id) ? custom_id : user_uuid", "5a5a1c3e-0f0e-4a4e-9a37-0d2f6c1f0b11"),
        ("id", "00u1"),
        (
            "'staff' in groups.name ? $uppercase($substringBefore(email, '@')) : $error('not staff')",
            "ADA",
        ),
        ("$replace(email, /@.*/, '')", "ada"),
    ];
    for (expression, expected) in rows {
        assert_eq!(check_name_id_transform(expression), Ok(()), "{expression}");
        assert_eq!(name(expression, &identity).as_deref(), Ok(expected), "{expression}");
    }
    let rows = [
        ("missing", "name_id_transform_jsonata: it must make one text, and makes nothing"),
        ("''", "name_id_transform_jsonata: it must make one text, and makes nothing"),
        (
            "groups.name",
            "name_id_transform_jsonata: it must make one text, and makes something else",
        ),
        ("$", "name_id_transform_jsonata: it must make one text, and makes something else"),
        ("$error('who?')", "name_id_transform_jsonata: who?"),
        ("($f := function() { $f() }; $f())", "name_id_transform_jsonata: it is nested too deep"),
        ("'a' +", "name_id_transform_jsonata: at 5: the expression is not complete"),
    ];
    for (expression, expected) in rows {
        let error = name(expression, &identity).unwrap_err();
        assert_eq!(error.to_string(), expected, "{expression}");
        assert!(error.status().is_none() && !error.advice().is_empty());
    }
    assert!(check_name_id_transform("'a' +").unwrap_err().starts_with("at 5: "));
    assert!(check_attribute_transform("$now()").unwrap_err().contains("$now is not supported"));
}

/// A transform goes before everything else, and the format is still what was agreed on.
#[test]
fn a_made_name_has_the_format_that_is_set_or_asked_for() {
    let identity = ada();
    let mut saml = SamlApplication::default();
    saml.name_id.transform = Some("'x'".into());
    saml.name_id.source = Some(source("absent"));
    let format = |saml: &SamlApplication, wanted| {
        let asked = Asked { requested_format: wanted, ..asked(saml, &identity) };
        statement(&asked).map(|statement| statement.name_id.format.unwrap())
    };
    assert_eq!(format(&saml, None).unwrap(), format::UNSPECIFIED);
    assert_eq!(format(&saml, Some(format::PERSISTENT)).unwrap(), format::PERSISTENT);
    assert!(format(&saml, Some(format::TRANSIENT)).is_err());
    saml.name_id.format = Some(NameIdFormat::Email);
    assert_eq!(format(&saml, None).unwrap(), format::EMAIL);
}

#[test]
fn attributes_are_made() {
    let identity = ada();
    let all =
        made("$merge([$, {'groups': groups.name, 'eduPersonPrincipalName': email}])", &identity)
            .unwrap();
    let of = |name: &str| all.iter().find(|(n, _)| n == name).map(|(_, values)| values.clone());
    assert_eq!(of("groups").unwrap(), ["staff", "app-authors", "app-readers"]);
    assert_eq!(of("eduPersonPrincipalName").unwrap(), ["ada@example.com"]);
    assert_eq!(of("email").unwrap(), ["ada@example.com"]);
    assert_eq!(of("geo").unwrap(), [r#"{"country":"GB"}"#]);
    assert_eq!(of("employee_id").unwrap(), ["1815"]);
    assert_eq!(of("ip"), None);

    let without = made("$ ~> |$|{}, ['groups']|", &identity).unwrap();
    assert!(!without.is_empty() && without.iter().all(|(name, _)| name != "groups"));

    let renamed = "{'groups': $map($.groups, function($group) { {'group_name': $group.name} })}";
    let renamed = made(renamed, &identity).unwrap();
    assert_eq!(renamed[0].1[0], r#"{"group_name":"staff"}"#);

    let filtered = "$merge([$, {'groups': \
        $filter(groups, function($v) { $contains($v.name, /readers/) }).name}])";
    let filtered = made(filtered, &identity).unwrap();
    assert!(filtered.contains(&("groups".to_owned(), vec!["app-readers".to_owned()])));

    for (expression, expected) in [
        ("{}", Ok(vec![])),
        ("{'a': '', 'b': null, 'c': [], 'd': 1.5, 'e': true}", Ok(vec!["d=1.5", "e=true"])),
        ("email", Err("it must make an object, and makes something else")),
        ("missing", Err("it must make an object, and makes something else")),
        ("[{}, {}]", Err("it must make an object, and makes something else")),
        ("$reduce([1..60], function($s) { $s & $s }, 'xx')", Err("it makes too much data")),
    ] {
        match (made(expression, &identity), expected) {
            (Ok(made), Ok(expected)) => {
                let made: Vec<_> =
                    made.iter().map(|(n, v)| format!("{n}={}", v.join(","))).collect();
                assert_eq!(made, expected, "{expression}");
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().ends_with(expected), "{error}");
            }
            (made, expected) => panic!("{expression}: {made:?}, not {expected:?}"),
        }
    }
}

#[test]
fn settings_of_an_attribute_still_say_its_form_and_whether_it_must_be() {
    let identity = ada();
    let mut role = custom("urn:role", "absent");
    role.required = true;
    role.friendly_name = Some("Role".into());
    role.name_format = Some(saml::assertion::name_format::URI.into());
    let mut saml = SamlApplication { attributes: vec![role], ..Default::default() };
    saml.attribute_transform = Some("{'urn:role': 'author'}".into());
    let got = statement(&asked(&saml, &identity)).unwrap().attributes;
    assert_eq!(got[0].friendly_name.as_deref(), Some("Role"));
    assert_eq!(got[0].name_format.as_deref(), Some(saml::assertion::name_format::URI));
    saml.attribute_transform = Some("{'other': 'author'}".into());
    let error = statement(&asked(&saml, &identity)).unwrap_err();
    assert!(matches!(error, StatementError::Missing { .. }), "{error}");
}

/// Neither does a claim pass for a field of everybody's, nor an address for another person's.
#[test]
fn expressions_see_what_is_true() {
    let mut identity = ada();
    for name in ["email", "id", "user_uuid", "groups", "amr", "idp", "oidc_fields", "ip", "acr"] {
        identity.claims.insert(name.into(), json!("forged"));
    }
    let names = "$string([email, id, user_uuid, groups, amr, idp, ip, acr])";
    assert!(!name(names, &identity).unwrap().contains("forged"));
    identity.email_is_anothers = true;
    identity.claims.insert("mail".into(), json!("Ada@Example.com"));
    assert!(name("email", &identity).is_err());
    assert!(name("mail", &identity).is_err());
    assert_eq!(name("'ada@' & 'example.com'", &identity), Err(StatementError::EmailIsAnothers));
    identity.email_is_anothers = true;
    let mut saml = SamlApplication::default();
    saml.name_id.format = Some(NameIdFormat::Id);
    saml.attribute_transform =
        Some("{'e': email, 'm': mail, 'x': 'ada@' & 'example.com', 'n': name}".into());
    let got = statement(&asked(&saml, &identity)).unwrap().attributes;
    assert_eq!(got.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["n"]);

    identity.idp.kind = "saml".into();
    assert_eq!(
        name("saml_attributes.department & $exists(oidc_fields)", &identity).unwrap(),
        "enginesfalse"
    );
}

/// The expressions of docs/saml.md do what the page says.
#[test]
fn the_documentation_tells_the_truth() {
    let page = include_str!("../../../../../../docs/saml.md");
    let between = |from: &str, to: &str| {
        let (_, rest) = page.split_once(from).unwrap();
        let (part, _) = rest.split_once(to).unwrap();
        let lines: Vec<&str> = part.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        lines
            .chunks(2)
            .map(|pair| (pair[0], pair[1].strip_prefix("→ ").unwrap()))
            .collect::<Vec<_>>()
    };
    let identity = ada();
    let names = between("<!-- names -->", "<!-- attributes -->");
    let attributes = between("<!-- attributes -->", "<!-- end -->");
    assert_eq!((names.len(), attributes.len()), (3, 3));
    for (expression, expected) in names {
        assert_eq!(name(expression, &identity).as_deref(), Ok(expected), "{expression}");
    }
    for (expression, expected) in attributes {
        let made: serde_json::Value = made(expression, &identity)
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
            .into_iter()
            .map(|(name, values)| (name, json!(values)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(
            made,
            serde_json::from_str::<serde_json::Value>(expected).unwrap(),
            "{expression}"
        );
    }
}

/// Nor does an expression make the other person's name of an address that it finds somewhere.
#[test]
fn another_persons_address_is_nowhere_in_sight() {
    let mut identity = ada();
    identity.subject = "Ada@Example.com".into();
    identity.name = Some("Ada <ada@example.com>".into());
    let all =
        json!(["x", "ADA@example.com", { "value": " ada@example.com", "ada@example.com": 1 }]);
    identity.claims.insert("emails".into(), all);
    identity.claims.insert("other".into(), json!("grace@example.com"));
    identity.email_is_anothers = true;
    let input = transform_input(&identity).to_string().to_lowercase();
    assert!(!input.contains("ada@example.com"), "{input}");
    for expression in [
        "$substringBefore(email, '@')",
        "$substringBefore(id, '@')",
        "$substringBefore(emails[1], '@')",
        "$substringBefore(oidc_fields.emails[2].value, '@')",
        "$match(name, /<(.*)@/).groups",
        "$substringBefore($filter($keys(**), function($k) { $contains($k, '@') }), '@')",
    ] {
        assert!(name(expression, &identity).is_err(), "{expression}");
    }
    assert_eq!(name("$substringBefore(other, '@')", &identity).as_deref(), Ok("grace"));
    for made in ["'<Ada@Example.com>'", "'mailto:ada@example.com'"] {
        assert_eq!(name(made, &identity), Err(StatementError::EmailIsAnothers), "{made}");
    }
}

/// Service providers that trim would take two people for one.
#[test]
fn a_name_has_no_blanks_around_it() {
    for made in ["' ada'", "'ada '", "'ada\\t'", "'\\u00a0ada'"] {
        assert!(matches!(name(made, &ada()), Err(StatementError::NoName(_))), "{made}");
    }
    assert_eq!(name("'a da'", &ada()).as_deref(), Ok("a da"));
}
