//! What an application reads is what was said of a person, whatever they are called.

use std::time::UNIX_EPOCH;

use access::saml::statement::{Asked, Statement, StatementError, statement};
use edge_state::access::Identity;
use edge_state::access::saml::{AttributeSettings, AttributeSource, NameIdFormat, SamlApplication};
use edge_state::access::session::IdentityGroup;
use proptest::prelude::*;
use saml::assertion::{Assertion, AuthnStatement};
use saml::authn_request::ConsumerService;
use saml::binding::HTTP_REDIRECT;
use saml::binding::post;
use saml::identity_provider::{IdentityProvider, Issue, Signed};
use saml::metadata::Endpoint;
use saml::native::{DecryptionKey, Native};
use saml::peer::{IdentityProviderPeer, ServiceProviderPeer};
use saml::service_provider::{Expectation, ServiceProvider};

use crate::crypto::at_once;
use crate::keys::IDP;

/// Issues a statement, and reads it as an application does.
fn issued(statement: &Statement) -> Assertion {
    let (us, them) = ("https://idp.test/sso", "https://sp.test");
    let acs = "https://sp.test/acs";
    let now = UNIX_EPOCH + std::time::Duration::from_hours(498_686);
    let target =
        ServiceProviderPeer::new(them, acs).target(&ConsumerService::Default, Some("_r"), None);
    let authn = AuthnStatement {
        authn_instant: now,
        session_index: None,
        session_not_on_or_after: None,
        class: Some(statement.authn_context.clone()),
    };
    let issue = Issue {
        name_id: Some(&statement.name_id),
        authn: &authn,
        attributes: &statement.attributes,
        signed: Signed::Assertion,
        encrypted_to: None,
        name_encrypted_to: None,
    };
    let idp = IdentityProvider::new(us, us);
    let mut count = 0;
    let mut random = |bytes: &mut [u8]| {
        count += 1;
        bytes.fill(count);
    };
    let signer = IDP.rsa_signer();
    let form =
        at_once(idp.issue(&target.unwrap(), &issue, &signer, &Native, &mut random, now)).unwrap();
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(&form.fields);
    let incoming = post::decode(&body.finish()).unwrap();
    let peer = IdentityProviderPeer {
        entity_id: us.to_owned(),
        single_sign_on_services: vec![Endpoint {
            binding: HTTP_REDIRECT.to_owned(),
            location: us.to_owned(),
            response_location: None,
        }],
        signing_keys: vec![IDP.public()],
        require_signed_assertions: true,
        ..IdentityProviderPeer::default()
    };
    let sp = ServiceProvider::new(them, acs);
    let expectation = Expectation { in_response_to: Some("_r"), ..Expectation::default() };
    let read =
        sp.read_response(&incoming, &peer, &expectation, &[] as &[DecryptionKey], &Native, now);
    at_once(read).unwrap().into_inner().assertion
}

/// Whatever an attacker may be called, among it all that means something in XML.
fn text() -> impl Strategy<Value = String> {
    let odd = proptest::sample::select(vec![
        "</saml:AttributeValue><saml:AttributeValue>admin",
        "</saml:NameID></saml:Subject>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x",
        "&amp;",
        "&#x41;",
        "&lt;",
        "\"/>",
        "' x='",
        "\r\n",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\u{FEFF}",
        "\u{10FFFF}",
        "\u{FFFD}",
        "é",
        "a\u{301}",
        " ",
    ]);
    let odd = odd.prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![odd, any::<String>()], 1..4).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_said_is_what_is_read(name in text(), subject in text(), group in text(), claim in text()) {
        let group = IdentityGroup { name: Some(group), ..IdentityGroup::default() };
        let mut identity = Identity {
            user_id: "5a5a1c3e".into(),
            email: "ada@example.com".into(),
            name: Some(name),
            subject,
            groups: vec![group],
            acr: Some(claim.clone()),
            ..Identity::default()
        };
        identity.claims.insert("claim".into(), claim.into());
        let from = |name: &str| AttributeSource { name: name.into(), ..AttributeSource::default() };
        let custom = |name: &str, source: &str| AttributeSettings {
            name: name.into(),
            source: from(source),
            ..AttributeSettings::default()
        };
        let mut saml = SamlApplication {
            attributes: vec![custom("role", "claim"), custom("sub<&\">", "sub")],
            ..SamlApplication::default()
        };
        for source in [None, Some("claim"), Some("sub")] {
            saml.name_id.source = source.map(from);
            saml.name_id.format = source.is_none().then_some(NameIdFormat::Id);
            saml.attribute_transform =
                (source == Some("sub")).then(|| "{'id': user_uuid, 'role': claim, 'n': name}".to_owned());
            let asked = Asked {
                saml: &saml,
                identity: &identity,
                requested_format: None,
                requested_context: None,
                transient: String::new(),
            };
            let said = match statement(&asked) {
                Ok(said) => said,
                Err(error) => {
                    let refused = matches!(
                        error,
                        StatementError::Character { .. } | StatementError::NoName(_) | StatementError::TooMuch { .. }
                    );
                    prop_assert!(refused, "{error}");
                    continue;
                }
            };
            let read = issued(&said);
            prop_assert_eq!(read.name_id.as_ref(), Some(&said.name_id));
            prop_assert_eq!(&read.attributes, &said.attributes);
            let id: Vec<_> = read.attributes.iter().filter(|a| a.name == "id").collect();
            prop_assert_eq!(id.len(), 1);
            prop_assert_eq!(&id[0].values, &["5a5a1c3e"]);
        }
    }
}
