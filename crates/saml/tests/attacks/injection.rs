//! Values that would be markup in what we issue (CVE-2021-37154, samlify#520).

use proptest::prelude::*;
use saml::assertion::Attribute;
use saml::authn_request::ConsumerService;
use saml::identity_provider::{Issue, IssueError, Signed};
use saml::name_id::NameId;
use saml::native::Native;
use saml::signature::SignError;
use saml::xml::UnwritableText;

use crate::assert_matches;
use crate::support::keys::IDP;
use crate::support::world::{World, message, now, random, run};

/// Any characters that XML has, up to 256 of them (Kantara IIP-G03).
fn text() -> impl Strategy<Value = String> {
    let c = prop_oneof![
        4 => prop::sample::select(vec!['<', '>', '&', '"', '\'', '\t', '\n', '\r', ']', ' ', '-', '/', ';']),
        2 => prop::char::range(' ', '~'),
        1 => any::<char>().prop_filter("XML has it", |c| {
            !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
        }),
    ];
    prop::collection::vec(c, 1..256).prop_map(|all| all.into_iter().collect())
}

/// One that is more than white space, as a name has to be.
fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("x{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is said of a person is what the service provider reads, and nothing else.
    #[test]
    fn what_is_issued_reads_the_same(
        name_id in name(),
        qualifiers in (text(), text()),
        attributes in prop::collection::vec((text(), text(), prop::collection::vec(text(), 0..4)), 0..4),
        session in text(),
    ) {
        let attribute = |(name, friendly, values)| Attribute {
            name,
            name_format: None,
            friendly_name: Some(friendly),
            values,
        };
        let mut world = World {
            name_id: NameId {
                name_qualifier: Some(qualifiers.0),
                sp_name_qualifier: Some(qualifiers.1),
                ..NameId::new(name_id, "urn:x")
            },
            attributes: attributes.into_iter().map(attribute).collect(),
            ..World::default()
        };
        world.authn.session_index = Some(session);
        let login = world.receive(&world.response(Signed::Both)).unwrap();
        prop_assert_eq!(login.name_id(), Some(&world.name_id));
        prop_assert_eq!(&login.assertion.attributes, &world.attributes);
        prop_assert_eq!(login.authn(), Some(&world.authn));
    }
}

/// What XML cannot hold is not issued in another form.
#[test]
fn control_characters() {
    for bad in ['\0', '\u{1}', '\u{b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        let world = World::default();
        let name_id = NameId::new(format!("alice{bad}"), "urn:x");
        let attribute = Attribute {
            name: "groups".to_owned(),
            values: vec![format!("{bad}")],
            ..Attribute::default()
        };
        let attribute_name = Attribute { name: format!("{bad}"), ..Attribute::default() };
        for issue in [
            Issue { name_id: Some(&name_id), ..world.issue(Signed::Both) },
            Issue { attributes: &[attribute], ..world.issue(Signed::Both) },
            Issue { attributes: &[attribute_name], ..world.issue(Signed::Both) },
        ] {
            let (target, signer, mut random) = (world.target(), IDP.rsa_signer(), random());
            let issuing = world.idp.issue(&target, &issue, &signer, &Native, &mut random, now());
            assert_matches!(
                run(issuing),
                Err(IssueError::Text(UnwritableText(c)) | IssueError::Sign(SignError::Text(UnwritableText(c)))) if c == bad
            );
        }
    }
}

/// What comes from a request goes into attributes of the answer.
#[test]
fn ids_and_addresses() {
    let mut world = World::default();
    let location = "https://sp.example/acs?a=1&b='2'&c=%22";
    world.sp_peer.assertion_consumer_services[0].location = location.replace('\'', "");
    let location = location.replace('\'', "");
    world.sp.assertion_consumer_service.clone_from(&location);
    world.sp_peer.entity_id = "https://sp.example/?a&\"<b>'".to_owned();
    world.sp.entity_id.clone_from(&world.sp_peer.entity_id);
    let id = "_\"><evil/>&";
    let target = world.sp_peer.target(&ConsumerService::Default, Some(id), None).unwrap();
    let (issue, signer, mut random) = (world.issue(Signed::Both), IDP.rsa_signer(), random());
    let issuing = world.idp.issue(&target, &issue, &signer, &Native, &mut random, now());
    let form = run(issuing).unwrap();
    assert_eq!(form.action, location);
    world.expected = Some("_\"><evil/>&");
    let login = world.receive(&message(&form)).unwrap();
    assert!(login.solicited);
}
