use super::*;

use authn_context::{
    PASSWORD, PASSWORD_PROTECTED_TRANSPORT as PPT, REFEDS_MFA, SMARTCARD_PKI, TIME_SYNC_TOKEN,
    UNSPECIFIED, X509,
};

fn class(amr: &[&str], acr: Option<&str>, asked_for: Option<(Comparison, &[&str])>) -> String {
    let mut identity = ada();
    identity.amr = amr.iter().map(|&method| method.to_owned()).collect();
    identity.acr = acr.map(str::to_owned);
    let requested = asked_for.map(|(comparison, classes)| RequestedAuthnContext {
        comparison,
        classes: classes.iter().map(|&class| class.to_owned()).collect(),
    });
    let saml = SamlApplication::default();
    let asked = Asked { requested_context: requested.as_ref(), ..asked(&saml, &identity) };
    match statement(&asked) {
        Ok(statement) => {
            assert!(!note(&statement, &About::AuthnContext).is_empty());
            statement.authn_context
        }
        Err(error) => {
            let subcode = error.status().unwrap().subcode;
            assert_eq!(subcode.as_deref(), Some(Status::NO_AUTHN_CONTEXT));
            error.to_string()
        }
    }
}

#[test]
fn the_strongest_that_is_known_is_stated() {
    let own = "urn:example:loa:3";
    let rows: [(&[&str], Option<&str>, &str); 14] = [
        (&[], None, UNSPECIFIED),
        (&["pwd"], None, PPT),
        (&["pin"], None, PPT),
        (&["otp"], None, TIME_SYNC_TOKEN),
        (&["sc"], None, SMARTCARD_PKI),
        (&["mfa"], None, REFEDS_MFA),
        (&["pwd", "otp"], None, REFEDS_MFA),
        (&["hwk", "otp"], None, TIME_SYNC_TOKEN), // Two things in one's pocket are one factor.
        (&["geo"], None, UNSPECIFIED),
        (&["pwd"], Some(own), own),
        (&["mfa"], Some(PPT), REFEDS_MFA),
        (&[], Some(X509), X509),
        (&["pwd"], Some("1"), PPT),
        (&["pwd"], Some("urn:x\"><evil"), PPT),
    ];
    for (amr, acr, expected) in rows {
        assert_eq!(class(amr, acr, None), expected, "{amr:?} {acr:?}");
    }
}

/// How they signed in, what is asked for, and what is stated.
type Row = (&'static [&'static str], Comparison, &'static [&'static str], Option<&'static str>);

#[test]
fn what_is_asked_for_is_met_or_refused() {
    use Comparison::{Better, Exact, Maximum, Minimum};
    let rows: [Row; 18] = [
        // What node-saml and python3-saml ask for unless told otherwise.
        (&[], Exact, &[PPT], Some(PPT)),
        (&["mfa"], Exact, &[PPT], Some(PPT)),
        (&["hwk"], Exact, &[PASSWORD], Some(PASSWORD)),
        (&["pwd", "otp"], Exact, &[X509, REFEDS_MFA, PPT], Some(REFEDS_MFA)),
        (&["pwd"], Exact, &[REFEDS_MFA, PPT], Some(PPT)),
        (&["pwd"], Exact, &[REFEDS_MFA], None),
        (&[], Exact, &[TIME_SYNC_TOKEN], None),
        (&[], Exact, &["urn:example:unheard-of"], None),
        (&[], Minimum, &[PPT], Some(PPT)),
        (&["mfa"], Minimum, &[PPT], Some(REFEDS_MFA)),
        (&["pwd"], Minimum, &[TIME_SYNC_TOKEN], None),
        (&["sc"], Minimum, &[TIME_SYNC_TOKEN, REFEDS_MFA], Some(SMARTCARD_PKI)),
        (&["pwd"], Better, &[PPT], None),
        (&["otp"], Better, &[PPT], Some(TIME_SYNC_TOKEN)),
        (&["otp"], Better, &[PPT, X509], None),
        (&["mfa"], Maximum, &[PPT], Some(PPT)),
        (&[], Maximum, &[REFEDS_MFA], Some(PPT)),
        (&["otp"], Maximum, &[UNSPECIFIED], Some(UNSPECIFIED)),
    ];
    for (amr, comparison, classes, expected) in rows {
        let got = class(amr, None, Some((comparison, classes)));
        match expected {
            Some(expected) => assert_eq!(got, expected, "{amr:?} {comparison:?} {classes:?}"),
            None => assert!(got.starts_with("RequestedAuthnContext: asked for"), "{got}"),
        }
    }
    // What the provider calls it is as good as what is asked for in the same words.
    let own = "urn:example:loa:3";
    assert_eq!(class(&["pwd"], Some(own), Some((Exact, &[own]))), own);
    assert_eq!(class(&["pwd"], Some(own), Some((Minimum, &[PPT]))), PPT);
    assert_eq!(class(&["pwd"], None, Some((Exact, &[]))), PPT);
}
