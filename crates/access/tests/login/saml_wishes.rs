//! What a SAML request asks for beside a name: to be asked anew, to be shown nothing, a kind of
//! name, a way to sign in; and what an operator has chosen for the answer.

use access::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saml::assertion::authn_context::{PASSWORD_PROTECTED_TRANSPORT, REFEDS_MFA, X509};
use saml::authn_request::{Comparison, NameIdPolicy, RequestedAuthnContext};
use saml::binding::Departure;
use saml::encryption::ContentEncryption;
use saml::name_id::{NameId, format};
use saml::response::Status;
use saml::service_provider::{Question, ResponseError};
use serde_json::json;

use crate::control::user_id;
use crate::keys::{EVE, SP};
use crate::shop::{Shop, base64, posted};
use crate::world::{Browser, Reading as _, TEAM, World};

fn shop() -> (World, Browser, Shop) {
    let mut world = World::new();
    world.put_shop("shop");
    (world, Browser::default(), Shop::new("shop"))
}

fn signed_in() -> (World, Browser, Shop) {
    let (mut world, mut browser, shop) = shop();
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    (world, browser, shop)
}

fn ask(world: &World, shop: &mut Shop, question: &Question) -> (String, String) {
    shop.url_of(world, question, None)
}

/// The status that the application is told in place of an assertion.
fn status(world: &World, shop: &Shop, page: &Response, id: &str) -> Status {
    assert!(!page.says("/access/login"), "{}", page.body);
    match shop.read(world, page, Some(id)) {
        Err(ResponseError::Status(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn forced() -> Question {
    Question { force_authn: true, ..Question::default() }
}

fn passive() -> Question {
    Question { is_passive: true, ..Question::default() }
}

#[test]
fn force_authn_asks_whoever_is_signed_in_once_more() {
    let (mut world, mut browser, mut shop) = signed_in();
    world.now += 60;
    let (id, url) = ask(&world, &mut shop, &forced());
    let (at, page) = world.follow(&mut browser, &url);
    assert!(at.contains("/access/login/shop?") && page.says("data-idp=\"one\""), "{at}");
    // Going back to the application's page without signing in changes nothing.
    let waits = url::Url::parse(&at).unwrap();
    let waits = waits.query_pairs().find(|(name, _)| name == "redirect_url").unwrap().1.to_string();
    let (at, _) = world.follow(&mut browser, &waits);
    assert!(at.contains("/access/login/shop?"), "{at}");
    world.now += 5;
    let next = format!("https://{TEAM}{}", page.link("data-idp=\"one\""));
    assert!(next.contains("again=1"));
    let (_, page) = world.follow(&mut browser, &next);
    let login = shop.read(&world, &page, Some(&id)).unwrap();
    assert_eq!(login.authn().unwrap().authn_instant, world.time());
}

#[test]
fn force_authn_in_the_same_second_is_kept_apart_from_the_session_before() {
    let (mut world, mut browser, mut shop) = signed_in();
    let (id, url) = ask(&world, &mut shop, &forced());
    let (_, page) = world.sign_in(&mut browser, &url, "one");
    shop.read(&world, &page, Some(&id)).unwrap();
}

#[test]
fn force_authn_is_not_met_by_a_provider_that_remembers() {
    let (mut world, mut browser, mut shop) = signed_in();
    world.now += 3_600;
    world.providers[0].claims["auth_time"] = (world.now - 3_600).into();
    let (id, url) = ask(&world, &mut shop, &forced());
    let (_, page) = world.sign_in(&mut browser, &url, "one");
    let status = status(&world, &shop, &page, &id);
    assert_eq!(status, Status::failure(Status::RESPONDER, Status::AUTHN_FAILED));
    assert!(world.last_reason().contains("ForceAuthn"), "{}", world.last_reason());
}

#[test]
fn force_authn_with_more_than_a_browser_keeps_is_answered_that_it_failed() {
    let (mut world, mut browser, mut shop) = signed_in();
    let (id, url) = shop.url_of(&world, &forced(), Some(&"x".repeat(20_000)));
    let (_, page) = world.follow(&mut browser, &url);
    let status = status(&world, &shop, &page, &id);
    assert_eq!(status, Status::failure(Status::RESPONDER, Status::AUTHN_FAILED));
}

#[test]
fn is_passive_shows_nothing_and_asks_nothing() {
    let (mut world, mut browser, mut shop) = shop();
    let no_passive = Status::failure(Status::RESPONDER, Status::NO_PASSIVE);
    let (id, url) = ask(&world, &mut shop, &passive());
    let (_, page) = world.follow(&mut browser, &url);
    assert_eq!(status(&world, &shop, &page, &id), no_passive);
    assert!(world.last_reason().starts_with("IsPassive: nobody is signed in"));
    world.sign_in(&mut browser, &format!("https://{TEAM}/"), "one");
    let (id, url) = ask(&world, &mut shop, &passive());
    let (_, page) = world.follow(&mut browser, &url);
    shop.read(&world, &page, Some(&id)).unwrap();
    let both = Question { force_authn: true, ..passive() };
    let (id, url) = ask(&world, &mut shop, &both);
    let (_, page) = world.follow(&mut browser, &url);
    assert_eq!(status(&world, &shop, &page, &id), no_passive);
    world.edit("app:shop", |app| app["policies"][0]["justification_required"] = true.into());
    let (id, url) = ask(&world, &mut shop, &passive());
    let (_, page) = world.follow(&mut browser, &url);
    assert_eq!(status(&world, &shop, &page, &id), no_passive);
}

#[test]
fn is_passive_is_told_that_somebody_may_not() {
    type Change = fn(&mut World);
    let changes: [Change; 5] = [
        |w| w.edit("app:shop", |app| app["policies"] = json!([])),
        |w| {
            let source = json!({ "source": { "name": "nothing" } });
            w.edit_shop("shop", |saml| saml["name_id"] = source);
        },
        |w| {
            w.edit_shop("shop", |saml| {
                saml["encrypted"] = "assertion".into();
                saml["service_provider"]["encryption_certificates"] = json!([]);
            });
        },
        |w| w.edit("app:shop", |app| app["allowed_idps"] = json!(["two"])),
        |w| {
            w.edit("app:shop", |app| {
                app["policies"] = json!([]);
                app["denial"] = json!({ "url": "https://intranet.example.com/no" });
            });
        },
    ];
    for change in changes {
        let (mut world, mut browser, mut shop) = signed_in();
        change(&mut world);
        let (id, url) = ask(&world, &mut shop, &passive());
        let (_, page) = world.follow(&mut browser, &url);
        let denied = Status::failure(Status::RESPONDER, Status::REQUEST_DENIED);
        assert_eq!(status(&world, &shop, &page, &id), denied);
        assert!(!world.log.last().unwrap().allowed);
    }
}

fn named(format: &str) -> Question {
    let policy = NameIdPolicy {
        format: Some(format.to_owned()),
        allow_create: true,
        ..NameIdPolicy::default()
    };
    Question { name_id_policy: Some(policy), ..Question::default() }
}

#[test]
fn the_kind_of_name_that_is_asked_for_is_given_or_refused_by_its_status() {
    let id_of_ada = user_id("ada@example.com");
    let windows = "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName";
    for (set, asked, value, given) in [
        (None, format::EMAIL, Some("ada@example.com"), format::EMAIL),
        (None, format::UNSPECIFIED, Some("ada@example.com"), format::EMAIL),
        (None, format::PERSISTENT, Some(&*id_of_ada), format::PERSISTENT),
        (None, windows, None, ""),
        (Some("email"), format::PERSISTENT, None, ""),
        (Some("id"), format::EMAIL, None, ""),
        (Some("id"), format::PERSISTENT, Some(&*id_of_ada), format::PERSISTENT),
        (Some("id"), format::UNSPECIFIED, Some(&*id_of_ada), format::PERSISTENT),
    ] {
        let (mut world, mut browser, mut shop) = signed_in();
        if let Some(set) = set {
            world.edit_shop("shop", |saml| saml["name_id"] = json!({ "format": set }));
        }
        let (id, url) = ask(&world, &mut shop, &named(asked));
        let (_, page) = world.follow(&mut browser, &url);
        if let Some(value) = value {
            let login = shop.read(&world, &page, Some(&id)).unwrap();
            let name = login.name_id().unwrap();
            assert_eq!((name.value.as_str(), name.format.as_deref()), (value, Some(given)));
        } else {
            let invalid = Status::failure(Status::REQUESTER, Status::INVALID_NAME_ID_POLICY);
            assert_eq!(status(&world, &shop, &page, &id), invalid, "{set:?} {asked}");
        }
    }
}

#[test]
fn a_transient_name_is_another_each_time() {
    let (mut world, mut browser, mut shop) = signed_in();
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let (id, url) = ask(&world, &mut shop, &named(format::TRANSIENT));
        let (_, page) = world.follow(&mut browser, &url);
        let login = shop.read(&world, &page, Some(&id)).unwrap();
        assert!(login.name_id().unwrap().value.len() >= 22);
        names.insert(login.name_id().unwrap().value.clone());
    }
    assert_eq!(names.len(), 5);
}

#[test]
fn a_name_in_the_space_of_others_and_a_name_in_the_clear_are_not_given_instead() {
    let (mut world, mut browser, mut shop) = signed_in();
    let invalid = Status::failure(Status::REQUESTER, Status::INVALID_NAME_ID_POLICY);
    let mut elsewhere = named(format::PERSISTENT);
    elsewhere.name_id_policy.as_mut().unwrap().sp_name_qualifier =
        Some("https://other.test".to_owned());
    for question in [elsewhere, named(format::ENCRYPTED)] {
        let (id, url) = ask(&world, &mut shop, &question);
        let (_, page) = world.follow(&mut browser, &url);
        assert_eq!(status(&world, &shop, &page, &id), invalid);
    }
    world.edit_shop("shop", |saml| saml["encrypted"] = "name_id".into());
    let (id, url) = ask(&world, &mut shop, &named(format::ENCRYPTED));
    let (_, page) = world.follow(&mut browser, &url);
    assert_eq!(
        shop.read(&world, &page, Some(&id)).unwrap().name_id().unwrap().value,
        "ada@example.com"
    );
}

#[test]
fn a_request_about_somebody_is_answered_about_them_or_not_at_all() {
    let (mut world, mut browser, mut shop) = signed_in();
    let about = |name: &str| Question {
        subject: Some(NameId::new(name, format::EMAIL)),
        ..Question::default()
    };
    let (id, url) = ask(&world, &mut shop, &about("bob@example.com"));
    let (_, page) = world.follow(&mut browser, &url);
    let unknown = Status::failure(Status::RESPONDER, Status::UNKNOWN_PRINCIPAL);
    assert_eq!(status(&world, &shop, &page, &id), unknown);
    let (id, url) = ask(&world, &mut shop, &about("ada@example.com"));
    let (_, page) = world.follow(&mut browser, &url);
    shop.read(&world, &page, Some(&id)).unwrap();
}

#[test]
fn a_way_to_sign_in_is_stated_where_it_was_used_and_refused_by_its_status_otherwise() {
    for (amr, comparison, asked, given) in [
        (
            json!([]),
            Comparison::Exact,
            PASSWORD_PROTECTED_TRANSPORT,
            Some(PASSWORD_PROTECTED_TRANSPORT),
        ),
        (
            json!(["pwd"]),
            Comparison::Exact,
            PASSWORD_PROTECTED_TRANSPORT,
            Some(PASSWORD_PROTECTED_TRANSPORT),
        ),
        (json!(["pwd", "otp", "mfa"]), Comparison::Exact, REFEDS_MFA, Some(REFEDS_MFA)),
        (json!(["pwd"]), Comparison::Exact, REFEDS_MFA, None),
        (json!(["pwd"]), Comparison::Exact, X509, None),
        (
            json!(["pwd", "otp", "mfa"]),
            Comparison::Minimum,
            PASSWORD_PROTECTED_TRANSPORT,
            Some(REFEDS_MFA),
        ),
        (json!(["pwd"]), Comparison::Better, PASSWORD_PROTECTED_TRANSPORT, None),
    ] {
        let (mut world, mut browser, mut shop) = shop();
        world.providers[0].claims["amr"] = amr.clone();
        let context = RequestedAuthnContext { comparison, classes: vec![asked.to_owned()] };
        let question = Question { requested_authn_context: Some(context), ..Question::default() };
        let (id, url) = ask(&world, &mut shop, &question);
        let (_, page) = world.sign_in(&mut browser, &url, "one");
        if let Some(class) = given {
            let login = shop.read(&world, &page, Some(&id)).unwrap();
            assert_eq!(login.authn().unwrap().class.as_deref(), Some(class), "{amr}");
        } else {
            let status = status(&world, &shop, &page, &id);
            assert_eq!(status, Status::failure(Status::RESPONDER, Status::NO_AUTHN_CONTEXT));
        }
    }
}

#[test]
fn an_answer_over_another_binding_is_not_to_be_had() {
    let (mut world, mut browser, mut shop) = signed_in();
    let (id, departure) = shop.ask(&world, &Question::default(), None);
    let Departure::Redirect(url) = departure else { panic!() };
    let (at, query) = url.split_once('?').unwrap();
    let value = access::encoding::Form::parse(Some(query)).get("SAMLRequest").unwrap().to_owned();
    let bytes = STANDARD.decode(value).unwrap();
    let xml = String::from_utf8(miniz_oxide::inflate::decompress_to_vec(&bytes).unwrap()).unwrap();
    let artifact = xml.replace("bindings:HTTP-POST", "bindings:HTTP-Artifact");
    assert_ne!(artifact, xml);
    let bytes = miniz_oxide::deflate::compress_to_vec(artifact.as_bytes(), 6);
    let value = STANDARD.encode(bytes);
    let query = access::encoding::query([("SAMLRequest", &*value)]);
    let (_, page) = world.follow(&mut browser, &format!("{at}?{query}"));
    let unsupported = Status::failure(Status::REQUESTER, Status::UNSUPPORTED_BINDING);
    assert_eq!(status(&world, &shop, &page, &id), unsupported);
}

/// The response as it is posted.
fn message(page: &Response) -> String {
    let response = posted(page).get("SAMLResponse").unwrap().to_owned();
    String::from_utf8(STANDARD.decode(response).unwrap()).unwrap()
}

#[test]
fn what_an_operator_has_encrypted_only_the_application_reads() {
    for (encrypted, element, hidden) in [
        ("assertion", "EncryptedAssertion", vec!["ada@example.com", "AttributeStatement"]),
        ("name_id", "EncryptedID", vec!["<saml:NameID"]),
    ] {
        let (mut world, mut browser, mut shop) = signed_in();
        world.edit_shop("shop", |saml| saml["encrypted"] = encrypted.into());
        let (id, url) = ask(&world, &mut shop, &Question::default());
        let (_, page) = world.follow(&mut browser, &url);
        let xml = message(&page);
        assert!(xml.contains(element), "{xml}");
        assert!(hidden.iter().all(|text| !xml.contains(text)), "{xml}");
        let login = shop.read(&world, &page, Some(&id)).unwrap();
        assert_eq!(login.name_id().unwrap().value, "ada@example.com");
        shop.key = &EVE;
        assert!(shop.read(&world, &page, Some(&id)).is_err());
    }
}

#[test]
fn what_cannot_be_encrypted_is_not_sent_in_the_clear() {
    for change in [
        json!({ "encryption_certificates": [] }),
        json!({ "encryption_certificates": ["AAAA"] }),
        json!({
            "encryption_certificates": [base64(&SP)],
            "encryption_methods": [ContentEncryption::Aes256Cbc.uri()],
        }),
    ] {
        let (mut world, mut browser, mut shop) = signed_in();
        world.edit_shop("shop", |saml| {
            saml["encrypted"] = "assertion".into();
            for (name, value) in change.as_object().unwrap() {
                saml["service_provider"][name] = value.clone();
            }
        });
        let (_, url) = ask(&world, &mut shop, &Question::default());
        let (_, page) = world.follow(&mut browser, &url);
        assert_eq!(page.status, 500);
        assert!(!page.says("SAMLResponse"));
        assert!(
            world.last_reason().starts_with("SAML: the application "),
            "{}",
            world.last_reason()
        );
    }
}

#[test]
fn what_an_application_decrypts_is_what_it_gets() {
    for (methods, expected) in [
        (json!([]), vec!["aes256-gcm", "rsa-oaep-mgf1p"]),
        (json!([ContentEncryption::Aes128Gcm.uri()]), vec!["aes128-gcm", "rsa-oaep-mgf1p"]),
        (
            json!([
                ContentEncryption::Aes128Cbc.uri(),
                ContentEncryption::Aes256Gcm.uri(),
                "http://www.w3.org/2009/xmlenc11#rsa-oaep"
            ]),
            vec!["aes256-gcm", "xmlenc11#rsa-oaep"],
        ),
    ] {
        let (mut world, mut browser, mut shop) = signed_in();
        world.edit_shop("shop", |saml| {
            saml["encrypted"] = "assertion".into();
            saml["service_provider"]["encryption_methods"] = methods;
        });
        let (id, url) = ask(&world, &mut shop, &Question::default());
        let (_, page) = world.follow(&mut browser, &url);
        let xml = message(&page);
        assert!(expected.iter().all(|method| xml.contains(method)), "{expected:?} {xml}");
        shop.read(&world, &page, Some(&id)).unwrap();
    }
}

#[test]
fn what_an_operator_wants_signed_is_signed() {
    for (signed, response, assertion) in
        [("both", true, true), ("assertion", false, true), ("response", true, false)]
    {
        let (mut world, mut browser, mut shop) = signed_in();
        world.edit_shop("shop", |saml| saml["signed"] = signed.into());
        shop.idp.require_signed_responses = response;
        shop.idp.require_signed_assertions = assertion;
        let (id, url) = ask(&world, &mut shop, &Question::default());
        let (_, page) = world.follow(&mut browser, &url);
        shop.read(&world, &page, Some(&id)).unwrap();
        let count = message(&page).matches("<ds:Signature ").count();
        assert_eq!(count, usize::from(response) + usize::from(assertion));
    }
}

#[test]
fn the_session_that_is_stated_ends_with_ours_or_as_a_policy_says() {
    for (application, policy, expected) in
        [(3_600, None, 3_600), (604_800, None, 86_400), (3_600, Some(600), 600)]
    {
        let (mut world, mut browser, mut shop) = signed_in();
        world.edit("app:shop", |app| {
            app["session_seconds"] = application.into();
            if let Some(seconds) = policy {
                app["policies"][0]["session_seconds"] = seconds.into();
            }
        });
        let (id, url) = ask(&world, &mut shop, &Question::default());
        let (_, page) = world.follow(&mut browser, &url);
        let login = shop.read(&world, &page, Some(&id)).unwrap();
        let end = login.authn().unwrap().session_not_on_or_after.unwrap();
        assert_eq!(end.duration_since(world.time()).unwrap().as_secs(), expected);
    }
}

#[test]
fn two_applications_that_compare_notes_learn_nothing_of_the_session() {
    let (mut world, mut browser, mut shop) = signed_in();
    world.put_shop("desk");
    let mut desk = Shop::new("desk");
    let mut index = |shop: &mut Shop| {
        let (id, url) = ask(&world, shop, &Question::default());
        let (_, page) = world.follow(&mut browser, &url);
        let login = shop.read(&world, &page, Some(&id)).unwrap();
        login.authn().unwrap().session_index.clone().unwrap()
    };
    let (first, again, other) = (index(&mut shop), index(&mut shop), index(&mut desk));
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn whoever_has_an_address_of_somebody_else_is_not_told_of_as_them() {
    let (mut world, mut browser, mut shop) = shop();
    world.control.anothers.insert("ada@example.com".to_owned());
    let (_, url) = ask(&world, &mut shop, &Question::default());
    let (_, page) = world.sign_in(&mut browser, &url, "one");
    assert_eq!(page.status, 403);
    assert!(!page.says("SAMLResponse") && page.says("belongs to another account"));
    assert!(
        world.last_reason().contains("the address of another person"),
        "{}",
        world.last_reason()
    );
    let (id, url) = ask(&world, &mut shop, &named(format::PERSISTENT));
    let (_, page) = world.follow(&mut browser, &url);
    let name = shop.read(&world, &page, Some(&id)).unwrap().name_id().unwrap().value.clone();
    assert_ne!(name, "ada@example.com");
}
