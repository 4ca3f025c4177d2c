//! SECURITY: genuine assertions in the wrong hands, at the wrong place or time, through the callback.

use std::time::Duration;

use saml::assertion::BEARER;
use saml::binding::post::Form;
use saml::identity_provider::Signed;
use saml::response::Status;
use serde_json::{Value, json};

use crate::keys::{EVE, IDP};
use crate::saml_case::{Case, WAYS, alices, issued, refused, refused_as_issued, says};
use crate::saml_idp::{SamlIdp, with_xml, xml};
use crate::support::surgery::{cut, cut_assertion};
use crate::world::{Ask, Browser, Reading as _, TEAM, WIKI, World};

const ENTITY: &str = "https://team.example.com/access/callback/corp/saml-metadata";
const ACS: &str = "https://team.example.com/access/callback/corp";

fn attribute_of(xml: &str, name: &str) -> String {
    let mark = format!(" {name}=\"");
    xml.split(mark.as_str()).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn with_state(form: &Form, state: &str) -> Form {
    let mut form = form.clone();
    state.clone_into(&mut form.fields[1].1);
    form
}

/// As many seconds later.
fn later(case: &mut Case, seconds: i64) {
    case.world.now += seconds;
}

/// +17: at once and later, in the same browser and in another one's attempt, here and at another point
/// of presence, which knows nothing but the store.
#[test]
fn row_17_replay() {
    let mut case = Case::new(Signed::Both);
    case.signs_in();
    // The session of the first time lives, and leads on; it begins none.
    let before = case.world.control.sessions.len();
    case.world.log.clear();
    let page = case.world.deliver(&mut case.browser, &case.form);
    assert!(page.location().unwrap().starts_with(WIKI), "{page:?}");
    assert!(case.world.log.iter().any(|event| event.reason == "the callback was used before"));
    assert_eq!(case.world.control.sessions.len(), before);

    // Whoever has the cookies of before the sign-in as well has nothing.
    let mut case = Case::new(Signed::Both);
    let mut thief = case.browser.clone();
    case.signs_in();
    case.world.control.sessions.clear();
    let form = case.form.clone();
    says(&refused(&mut case.world, &mut thief, &form), &["the callback was used before"]);

    // Another point of presence, seconds later and when the assertion is almost over.
    for seconds in [1, 470] {
        let mut node = World::with_saml(|_| {});
        node.records.clone_from(&case.world.records);
        node.control = std::mem::take(&mut case.world.control);
        node.now = case.world.now + seconds;
        says(&refused(&mut node, &mut thief, &form), &["the callback was used before"]);
        case.world.control = node.control;
    }
    later(&mut case, 24 * 3_600);
    says(&refused(&mut case.world, &mut thief, &form), &["too old", "was valid", "not of now"]);
}

/// +17: the assertion alone, in another attempt: one store for whatever path it comes by.
#[test]
fn row_17_an_assertion_counts_once_on_whatever_path() {
    let allow = |config: &mut Value| config["allow_unsolicited"] = true.into();
    let (mut world, idp) = (World::with_saml(allow), alices());
    let form = idp.answer(&idp.target(None, None), world.now);
    let (at, page) = world.arrive(&mut Browser::default(), &form);
    assert_eq!((at, page.status), (format!("https://{TEAM}/"), 200));
    world.control.sessions.clear();
    says(&refused(&mut world, &mut Browser::default(), &form), &["was used before"]);
    // In an attempt, where the provider may leave out which request it answers.
    let mut browser = Browser::default();
    let asked = world.asked(&mut browser, WIKI, &idp);
    let mut again = form.clone();
    again.fields.push(asked.fields[1].clone());
    says(&refused(&mut world, &mut browser, &again), &["was used before"]);
    let mut node = World::with_saml(allow);
    node.control = world.control;
    says(&refused(&mut node, &mut Browser::default(), &form), &["was used before"]);
}

/// +18: missing, wrong, another browser's.
#[test]
fn row_18_in_response_to() {
    let mut case = Case::new(Signed::Both);
    let form = case.form.clone();
    // Another browser, with no attempt and with an attempt of its own.
    let mut eve = Browser::default();
    says(&refused(&mut case.world, &mut eve, &form), &["nobody asked"]);
    let own = case.world.asked(&mut eve, WIKI, &case.idp);
    says(&refused(&mut case.world, &mut eve, &form), &["nobody asked"]);
    let state = own.fields[1].1.clone();
    says(
        &refused(&mut case.world, &mut eve, &with_state(&form, &state)),
        &["not the one that was"],
    );
    // Login CSRF: Eve's own answer in Alice's browser.
    says(&case.refused(&own), &["nobody asked"]);
    let state = form.fields[1].1.clone();
    says(&case.refused(&with_state(&own, &state)), &["not the one that was made"]);
    // An attempt's cookie that was carried over to another browser.
    let attempts = case.browser.cookies.iter();
    let attempts = attempts.filter(|((_, name), _)| name.starts_with("__Host-CF_Attempt_"));
    let stolen: Vec<_> = attempts.map(|(name, value)| (name.clone(), value.clone())).collect();
    assert_eq!(stolen.len(), 1);
    eve.cookies.extend(stolen);
    says(&refused(&mut case.world, &mut eve, &form), &["another browser"]);
    case.signs_in();

    for found in ["_other", ""] {
        for signed in WAYS {
            let case = Case::new(signed);
            let reason = case.attacked(|xml| {
                let id = attribute_of(xml, "InResponseTo");
                xml.replace(&format!("InResponseTo=\"{id}\""), &format!("InResponseTo=\"{found}\""))
            });
            says(&reason, &["not the one that was made", "digest"]);
        }
    }
    // Signed so by the provider.
    let cut_out = |xml: &str| {
        let id = attribute_of(xml, "InResponseTo");
        xml.replacen(&format!(" InResponseTo=\"{id}\""), "", 1)
    };
    says(&refused_as_issued(cut_out), &["not the one that was made"]);
}

/// +18: nobody asked.
#[test]
fn row_18_unsolicited() {
    let (mut world, idp) = (World::with_saml(|_| {}), alices());
    let form = |state| idp.answer(&idp.target(None, state), 1_790_000_000);
    for state in [None, Some("/"), Some("https://wiki.example.com/x")] {
        says(&refused(&mut world, &mut Browser::default(), &form(state)), &["nobody asked"]);
    }
    let mut case = Case::with(alices(), |_| {});
    let state = case.form.fields[1].1.clone();
    says(&case.refused(&form(Some(&state))), &["nobody asked for this response"]);
    case.signs_in();
    // Switched on for another provider only.
    let mut world = World::with_saml(|_| {});
    world.edit("idp:acme", |r| r["protocol"]["saml"]["allow_unsolicited"] = true.into());
    says(&refused(&mut world, &mut Browser::default(), &form(None)), &["nobody asked"]);
    // Where it is switched on, an answer to a request is still that request's.
    let mut case = Case::with(alices(), |config| config["allow_unsolicited"] = true.into());
    let genuine = case.form.clone();
    let reason = refused(&mut case.world, &mut Browser::default(), &genuine);
    says(&reason, &["not the one that was made"]);
    case.signs_in();
}

/// +19: to the letter.
#[test]
fn row_19_audience() {
    for other in [
        "https://other.example/",
        &format!("{ENTITY}/"),
        &ENTITY[..ENTITY.len() - 1],
        &ENTITY.replace("team", "TEAM"),
        &ENTITY.replace("https:", "http:"),
        &ENTITY.replace("/corp/", "/acme/"),
        &format!("{ENTITY}.evil.test"),
        ACS,
    ] {
        let reason =
            refused_as_issued(|x| x.replace(&format!(">{ENTITY}<"), &format!(">{other}<")));
        says(&reason, &["and not for us"]);
    }
    let restriction = "<saml:AudienceRestriction>";
    let other = "<saml:Audience>https://other.example</saml:Audience>";
    let two = format!("{restriction}{other}</saml:AudienceRestriction>{restriction}");
    says(&refused_as_issued(|xml| xml.replace(restriction, &two)), &["and not for us"]);
    for (begin, end) in
        [(restriction, "</saml:AudienceRestriction>"), ("<saml:Conditions ", "</saml:Conditions>")]
    {
        let reason = refused_as_issued(|xml| {
            let (before, _, after) = cut(xml, begin, end);
            [before, after].concat()
        });
        says(&reason, &["and not for us"]);
    }
}

/// +19.
#[test]
fn row_19_destination_and_recipient() {
    for other in [
        "https://other.example/",
        &format!("{ACS}/"),
        &ACS[..ACS.len() - 1],
        &ACS.replace("/corp", "/acme"),
        &ACS.replace("https:", "HTTPS:"),
        "https://team.example.com:443/access/callback/corp",
        "",
    ] {
        let recipient = |xml: &str| {
            xml.replace(&format!("Recipient=\"{ACS}\""), &format!("Recipient=\"{other}\""))
        };
        says(&refused_as_issued(recipient), &["is to be presented at"]);
        let destination = |xml: &str| {
            xml.replace(&format!("Destination=\"{ACS}\""), &format!("Destination=\"{other}\""))
        };
        says(&Case::new(Signed::Assertion).attacked(destination), &["is meant for"]);
    }
    let none = |xml: &str| xml.replace(&format!(" Recipient=\"{ACS}\""), "");
    says(&refused_as_issued(none), &["is to be presented at"]);
    let none = |xml: &str| xml.replace(&format!(" Destination=\"{ACS}\""), "");
    says(&Case::new(Signed::Both).attacked(none), &["has no Destination"]);
}

/// +19.
#[test]
fn row_19_issuer() {
    let name = SamlIdp::corp().entity_id;
    for other in ["https://other.example/", "https://idp.corp.test/metadata/", "x"] {
        let reason = refused_as_issued(|xml| xml.replace(&name, other));
        says(&reason, &["not by this identity provider"]);
    }
    let reason = refused_as_issued(|xml| {
        let (before, _, after) = cut(xml, "<saml:Issuer>", "</saml:Issuer>");
        [before, after].concat()
    });
    says(&reason, &["Issuer", "Signature has no place in Assertion here"]);
}

/// +20: the edges, give or take three minutes.
#[test]
fn row_20_time() {
    for (seconds, good) in [(-180, true), (-181, false), (479, true), (480, false), (3_600, false)]
    {
        let mut case = Case::new(Signed::Both);
        // The attempt began at that time too: it is the assertion that is early or late.
        let mut form = case.form.clone();
        let mut browser = case.browser.clone();
        if seconds < 0 {
            case.world.now += seconds;
            let asked = case.world.depart(&mut browser, &format!("{WIKI}/x"), "corp");
            let now = case.world.now - seconds;
            let accepted = case.idp.accept(&crate::saml_idp::request_in(&asked), case.world.now);
            form = case.idp.answer(&accepted.target, now);
        } else {
            case.world.now += seconds;
        }
        if good {
            case.form = form;
            case.browser = browser;
            case.signs_in();
        } else {
            let reason = refused(&mut case.world, &mut browser, &form);
            says(&reason, &["was valid until", "too long ago or yet to come", "not valid before"]);
        }
    }
    // It cannot live for ever, whatever it says.
    let (mut case, form) = issued(|xml| {
        let end = attribute_of(xml, "NotOnOrAfter");
        xml.replace(&end, "9999-12-31T23:59:59Z")
    });
    later(&mut case, 3_600 + 181);
    says(&case.refused(&form), &["too long ago"]);
}

/// +20.
#[test]
fn row_20_instants_that_are_none() {
    for bad in ["2026-09-21T14:05:00", "2026-09-21T24:00:00Z", "2026-09-21", "", "never"] {
        for name in ["NotOnOrAfter", "NotBefore", "IssueInstant", "AuthnInstant"] {
            let reason = refused_as_issued(|xml| {
                let found = attribute_of(xml, name);
                xml.replace(&format!("{name}=\"{found}\""), &format!("{name}=\"{bad}\""))
            });
            says(&reason, &["an instant with time zone"]);
        }
    }
    // The provider's session is over; or the person was not asked, and should have been.
    let reason = refused_as_issued(|xml| {
        let at = attribute_of(xml, "AuthnInstant");
        xml.replace(
            " AuthnInstant=",
            &format!(" SessionNotOnOrAfter=\"{}\" AuthnInstant=", at.replace("2026", "2025")),
        )
    });
    says(&reason, &["authentication is not of now"]);
    let idp = SamlIdp { authenticated_ago: Duration::from_mins(5), ..alices() };
    let mut case = Case::with(idp, |config| config["force_authn"] = true.into());
    let form = case.form.clone();
    says(&case.refused(&form), &["authentication is not of now"]);
    let idp = SamlIdp { authenticated_ago: Duration::from_mins(5), ..alices() };
    Case::with(idp, |_| {}).signs_in();
}

/// +21.
#[test]
fn row_21_status_and_shape() {
    for code in [Status::REQUESTER, Status::RESPONDER, Status::AUTHN_FAILED, "", "success"] {
        let reason =
            Case::new(Signed::Assertion).attacked(|x| x.replacen(Status::SUCCESS, code, 1));
        says(&reason, &["the provider answered"]);
    }
    let cut_out = |begin: &'static str, end: &'static str| {
        move |xml: &str| {
            let (before, _, after) = cut(xml, begin, end);
            [before, after].concat()
        }
    };
    let reason = refused_as_issued(cut_out("<saml:AuthnStatement ", "</saml:AuthnStatement>"));
    says(&reason, &["does not say that anybody authenticated"]);
    for method in ["holder-of-key", "sender-vouches", "Bearer"] {
        let other = BEARER.replace("bearer", method);
        says(&refused_as_issued(|xml| xml.replace(BEARER, &other)), &["by bearer"]);
    }
    let data = "<saml:SubjectConfirmationData ";
    let begins = format!("{data}NotBefore=\"2026-01-01T00:00:00Z\" ");
    says(
        &refused_as_issued(|xml| xml.replace(data, &begins)),
        &["subject confirmation does not hold"],
    );
    let reason =
        refused_as_issued(cut_out("<saml:SubjectConfirmation ", "</saml:SubjectConfirmation>"));
    says(&reason, &["by bearer"]);
    let condition = "<saml:Condition xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
                     xsi:type=\"x\"/></saml:Conditions>";
    let reason = refused_as_issued(|xml| xml.replace("</saml:Conditions>", condition));
    says(&reason, &["Condition"]);
}

/// +22: tenant A's provider at tenant B, which registered the same entity ID.
#[test]
fn row_22_cross_tenant() {
    // Another organisation, with a provider of the same name: as it is, with other keys, and even with
    // the very keys.
    for key in [&*IDP, &*EVE] {
        let mut case = Case::new(Signed::Both);
        let other = SamlIdp { key, ..alices() };
        case.world.edit("idp:acme", |record| {
            let mut config = other.config();
            config["issuer_url"] = case.idp.entity_id.clone().into();
            record["protocol"] = json!({ "saml": config });
        });
        // At the other provider's address; with an attempt there, and with none.
        let mut elsewhere = case.form.clone();
        elsewhere.action = ACS.replace("/corp", "/acme");
        says(&case.refused(&elsewhere), &["mix-up"]);
        let twin = SamlIdp {
            id: "acme",
            entity_id: case.idp.entity_id.clone(),
            sso: case.idp.sso.clone(),
            ..alices()
        };
        let asked = case.world.depart(&mut case.browser, WIKI, "acme");
        let request = crate::saml_idp::request_in(&asked);
        assert_eq!(request.relay_state().map(str::len), Some(22));
        let with_attempt = with_state(&elsewhere, request.relay_state().unwrap());
        says(&case.refused(&with_attempt), &["is meant for"]);
        // Its own assertion in an envelope for the other.
        let target = twin.target(Some(&attribute_of(&case.xml(), "InResponseTo")), None);
        let envelope = xml(&twin.answer(&target, case.world.now));
        let (before, _, after) = cut_assertion(&envelope);
        let genuine = case.xml();
        let (_, assertion, _) = cut_assertion(&genuine);
        let mixed = with_xml(&with_attempt, &[before, assertion, after].concat());
        says(&case.refused(&mixed), &["not the one that was made", "digest", "trusted"]);
        case.world.edit("idp:acme", |r| r["protocol"]["saml"]["allow_unsolicited"] = true.into());
        let bare = with_state(&elsewhere, "");
        says(&case.refused(&bare), &["is meant for"]);
        case.signs_in();
    }
    // The record of another organisation's provider is none of ours.
    let mut case = Case::new(Signed::Both);
    case.world.edit("idp:corp", |record| record["auth_domain"] = "team.other.test".into());
    let form = case.form.clone();
    says(&case.refused(&form), &["provider"]);
}

/// RFC 9700 §4.4, between protocols: each answers what it was asked, at its own address.
#[test]
fn mix_up_between_saml_and_openid() {
    let mut case = Case::new(Signed::Both);
    // The answer to a SAML attempt at an OpenID provider's address.
    let mut elsewhere = case.form.clone();
    elsewhere.action = ACS.replace("/corp", "/one");
    says(&case.refused(&elsewhere), &["mix-up"]);
    says(&case.refused(&with_state(&elsewhere, "")), &["mix-up"]);
    // An OpenID answer at a SAML provider's address.
    let callback = case.world.callback(&mut case.browser, WIKI, "one");
    let moved = callback.replace("/callback/one?", "/callback/corp?");
    let page = case.world.get(&mut case.browser, &moved);
    assert_eq!(page.status, 400);
    says(case.world.last_reason(), &["mix-up"]);
    // Both at once: it is a SAML message, and the OpenID state is no attempt of it.
    let (_, query) = callback.split_once('?').unwrap();
    let fields: Vec<_> = case.form.fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let form = format!("{}&{query}", access::encoding::query(fields));
    let url = ACS.replace("/corp", "/one");
    let ask = Ask { method: http::Method::POST, url: &url, form: Some(form), headers: vec![] };
    assert_eq!(case.world.send(&mut case.browser, &ask).status, 400);
    says(case.world.last_reason(), &["mix-up"]);
    assert!(case.world.control.sessions.is_empty());
    case.signs_in();
}

/// One parameter twice is none.
#[test]
fn parameters_that_occur_twice() {
    let mut case = Case::new(Signed::Both);
    for name in ["SAMLResponse", "RelayState", "SAMLRequest"] {
        let mut fields: Vec<_> = case.form.fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        fields.push((name, "x"));
        let form = Some(access::encoding::query(fields));
        let ask = Ask { method: http::Method::POST, url: ACS, form, headers: vec![] };
        assert_eq!(case.world.send(&mut case.browser, &ask).status, 400, "{name}");
        says(case.world.last_reason(), &["occurs twice", "not exactly one"]);
    }
    assert!(case.world.control.sessions.is_empty());
    case.signs_in();
}

/// Core §2.7.2: whoever's session at the provider ends is signed in here no longer than that.
#[test]
fn a_session_lasts_no_longer_than_the_providers() {
    for (lasts, seconds) in
        [(None, 86_400), (Some(600), 600), (Some(100_000), 86_400), (Some(1), 60)]
    {
        let idp = SamlIdp { lasts: lasts.map(Duration::from_secs), ..alices() };
        let mut case = Case::with(idp, |_| {});
        case.signs_in();
        let session = case.world.control.sessions.values().next().unwrap();
        assert_eq!(session.expires_at, case.world.now + seconds, "{lasts:?}");
    }
}

/// What cannot be anybody's id costs no look-up.
#[test]
fn a_provider_of_no_name_is_nobody() {
    let mut case = Case::new(Signed::Both);
    for odd in ["%00", "a:b", "a%20b", &"x".repeat(600), "\u{e9}", ""] {
        let mut form = case.form.clone();
        form.action = ACS.replace("/corp", &format!("/{odd}"));
        case.refused(&form);
        for path in [
            format!("/access/start/{odd}"),
            format!("/access/callback/{odd}"),
            format!("/access/callback/{odd}/saml-metadata"),
            format!("/cdn-cgi/access/{odd}/saml-metadata"),
        ] {
            let page = case.world.get(&mut case.browser, &format!("https://{TEAM}{path}"));
            assert!((400..500).contains(&page.status), "{path}: {}", page.status);
        }
    }
    case.signs_in();
}
