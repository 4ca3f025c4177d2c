use super::*;

const ID: &str = "5a5a1c3e-0f0e-4a4e-9a37-0d2f6c1f0b11";

/// What is set, what is asked for, and the name.
type Row = (Option<NameIdFormat>, Option<&'static str>, Result<(&'static str, &'static str), ()>);

#[test]
fn a_format_that_is_set_counts_and_otherwise_the_request_chooses() {
    use NameIdFormat::{Email, Id};
    let email = Ok(("ada@example.com", format::EMAIL));
    let id = Ok((ID, format::PERSISTENT));
    let random = Ok(("_random", format::TRANSIENT));
    let rows: [Row; 16] = [
        (None, None, email),
        (None, Some(format::UNSPECIFIED), email),
        (None, Some(format::ENCRYPTED), email),
        (None, Some(format::EMAIL), email),
        (None, Some(format::PERSISTENT), id),
        (None, Some(format::TRANSIENT), random),
        (None, Some(format::ENTITY), Err(())),
        (None, Some(""), Err(())),
        (Some(Email), None, email),
        (Some(Email), Some(format::UNSPECIFIED), email),
        (Some(Email), Some(format::PERSISTENT), Err(())),
        (Some(Email), Some(format::TRANSIENT), Err(())),
        (Some(Id), None, id),
        (Some(Id), Some(format::PERSISTENT), id),
        (Some(Id), Some(format::EMAIL), Err(())),
        (Some(Id), Some(format::TRANSIENT), Err(())),
    ];
    let identity = ada();
    for (set, wanted, name) in rows {
        let mut saml = SamlApplication::default();
        saml.name_id.format = set;
        let asked = Asked { requested_format: wanted, ..asked(&saml, &identity) };
        match (statement(&asked), name) {
            (Ok(got), Ok((value, format))) => {
                assert_eq!(got.name_id, NameId::new(value, format), "{set:?} {wanted:?}");
            }
            (Err(error), Err(())) => {
                assert!(matches!(error, StatementError::NameIdFormat { .. }), "{error}");
                let subcode = error.status().unwrap().subcode;
                assert_eq!(subcode.as_deref(), Some(Status::INVALID_NAME_ID_POLICY));
            }
            (got, name) => panic!("{set:?} {wanted:?}: {got:?}, not {name:?}"),
        }
    }
}

#[test]
fn a_chosen_attribute_names_the_subject_under_any_lasting_format() {
    use NameIdFormat::{Email, Id};
    let identity = ada();
    let rows = [
        (None, None, Some(format::UNSPECIFIED)),
        (None, Some(format::UNSPECIFIED), Some(format::UNSPECIFIED)),
        (None, Some(format::PERSISTENT), Some(format::PERSISTENT)),
        (None, Some(format::EMAIL), Some(format::EMAIL)),
        (None, Some(format::TRANSIENT), None),
        (Some(Email), None, Some(format::EMAIL)),
        (Some(Id), None, Some(format::PERSISTENT)),
        (Some(Id), Some(format::EMAIL), None),
    ];
    for (set, wanted, format) in rows {
        let mut saml = SamlApplication::default();
        saml.name_id.format = set;
        saml.name_id.source = Some(source("employee_id"));
        let asked = Asked { requested_format: wanted, ..asked(&saml, &identity) };
        let got = statement(&asked).ok().map(|statement| statement.name_id);
        assert_eq!(got, format.map(|f| NameId::new("1815", f)), "{set:?} {wanted:?}");
    }
}

#[test]
fn a_name_is_one_value_per_provider() {
    let identity = ada();
    let mut saml = SamlApplication::default();
    let mut from = source("department");
    from.name_by_idp.insert("idp-1".into(), "employee_id".into());
    from.name_by_idp.insert("idp-2".into(), "sub".into());
    saml.name_id.source = Some(from);
    let got = statement(&asked(&saml, &identity)).unwrap();
    assert_eq!(got.name_id.value, "1815");
    assert!(note(&got, &About::NameId).contains("idp-1"), "{:?}", got.notes);

    let mut other = ada();
    other.idp.id = "idp-2".into();
    assert_eq!(statement(&asked(&saml, &other)).unwrap().name_id.value, "00u1");
    other.idp.id = "idp-3".into();
    assert_eq!(statement(&asked(&saml, &other)).unwrap().name_id.value, "engines");

    for (name, why) in [("absent", "no value"), ("blank", "no value"), ("roles", "would be 2")] {
        saml.name_id.source = Some(source(name));
        let error = statement(&asked(&saml, &identity)).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(matches!(error, StatementError::NoName(_)) && error.status().is_none());
    }
}

/// Two people with one address: the second is not taken for the first.
#[test]
fn an_address_that_is_anothers_is_told_to_nobody() {
    let mut identity = ada();
    identity.email_is_anothers = true;
    identity.claims.insert("mail".into(), json!(" ADA@example.COM "));
    identity.claims.insert("mails".into(), json!(["x", "ada@EXAMPLE.com"]));
    let mut saml = SamlApplication::default();
    assert_eq!(statement(&asked(&saml, &identity)), Err(StatementError::EmailIsAnothers));
    for name in ["email", "mail"] {
        saml.name_id.source = Some(source(name));
        let error = statement(&asked(&saml, &identity)).unwrap_err();
        assert!(matches!(error, StatementError::EmailIsAnothers | StatementError::NoName(_)));
    }

    // By their id they are somebody of their own; the address is not told all the same.
    saml.name_id.source = None;
    saml.name_id.format = Some(NameIdFormat::Id);
    saml.attributes = vec![custom("login", "email"), custom("m", "mail"), custom("all", "mails")];
    let got = statement(&asked(&saml, &identity)).unwrap();
    assert_eq!(got.name_id.value, ID);
    for name in ["email", "login", "m"] {
        assert_eq!(values(&got, name), None, "{name}");
        let text = note(&got, &About::Attribute(name.into()));
        assert!(text.contains("another person's"), "{name}: {text}");
    }
    assert_eq!(values(&got, "all").unwrap(), ["x"]);
    saml.attributes = vec![AttributeSettings { required: true, ..custom("login", "email") }];
    let error = statement(&asked(&saml, &identity)).unwrap_err();
    assert!(matches!(error, StatementError::Missing { .. }), "{error}");
}
