//! How somebody signed in, in SAML's words (SAML authentication context §3.4).

use std::cmp::Reverse;

use edge_state::access::Identity;
use saml::assertion::authn_context::{
    PASSWORD, PASSWORD_PROTECTED_TRANSPORT, REFEDS_MFA, SMARTCARD_PKI, TIME_SYNC_TOKEN, TLS_CLIENT,
    UNSPECIFIED, X509,
};
use saml::authn_request::{Comparison, RequestedAuthnContext};

use super::{About, Notes, StatementError};
use crate::selector::mfa::is_multi_factor;

/// Several factors, in Microsoft's words.
const MULTIPLE_AUTHN: &str = "http://schemas.microsoft.com/claims/multipleauthn";

/// Classes from weak to strong.
pub const STRENGTH: &[&str] = &[
    UNSPECIFIED,
    PASSWORD,
    PASSWORD_PROTECTED_TRANSPORT,
    TIME_SYNC_TOKEN,
    X509,
    TLS_CLIENT,
    SMARTCARD_PKI,
    MULTIPLE_AUTHN,
    REFEDS_MFA,
];

/// What else a method of RFC 8176 §2 is called.
const METHODS: [(&str, &str); 5] = [
    ("pwd", PASSWORD_PROTECTED_TRANSPORT),
    ("pin", PASSWORD_PROTECTED_TRANSPORT),
    ("kba", PASSWORD_PROTECTED_TRANSPORT),
    ("otp", TIME_SYNC_TOKEN),
    ("sc", SMARTCARD_PKI),
];

/// The class that is stated: of what is known of the sign-in the strongest, or what was asked for.
pub(super) fn class(
    identity: &Identity,
    requested: Option<&RequestedAuthnContext>,
    notes: &mut Notes,
) -> Result<String, StatementError> {
    let held = held(identity);
    let about = About::AuthnContext;
    let Some(requested) = requested.filter(|requested| !requested.classes.is_empty()) else {
        let (class, origin) = held.into_iter().next().unwrap_or_default();
        notes.add(about, origin);
        return Ok(class);
    };
    let mut all = held.clone();
    for class in [PASSWORD_PROTECTED_TRANSPORT, PASSWORD] {
        // Half of all service providers ask for this by habit, whoever signs in and however; and
        // what is known of a sign-in is seldom less.
        let origin = "asked for by the application; every sign-in over TLS counts as this";
        hold(&mut all, class, origin);
    }
    sort(&mut all);
    let meets = |class: &str| requested.is_met_by(class, STRENGTH);
    let found = match requested.comparison {
        // In the order of preference, which is the service provider's.
        Comparison::Exact => {
            requested.classes.iter().find_map(|asked| all.iter().find(|(class, _)| class == asked))
        }
        _ => all.iter().find(|(class, _)| meets(class)),
    };
    if let Some((class, origin)) = found {
        notes.add(about, origin.clone());
        return Ok(class.clone());
    }
    let held: Vec<&str> = held.iter().map(|(class, _)| class.as_str()).collect();
    Err(StatementError::AuthnContext {
        asked: format!("{:?} {}", requested.comparison, requested.classes.join(", ")),
        held: held.join(", "),
    })
}

/// What is known, the strongest first; never nothing.
fn held(identity: &Identity) -> Vec<(String, String)> {
    let mut held = Vec::new();
    if let Some(acr) = identity.acr.as_deref().filter(|acr| is_uri(acr)) {
        hold(&mut held, acr, "the provider's own words (acr)");
    }
    let methods = identity.amr.join(", ");
    if is_multi_factor(&identity.amr) {
        let origin = format!("several factors, by the provider's amr: {methods}");
        hold(&mut held, REFEDS_MFA, &origin);
        hold(&mut held, MULTIPLE_AUTHN, &origin);
    }
    for (method, class) in METHODS {
        if identity.amr.iter().any(|used| used == method) {
            hold(&mut held, class, &format!("by the provider's amr: {methods}"));
        }
    }
    hold(&mut held, UNSPECIFIED, "the provider does not say how the person signed in");
    sort(&mut held);
    held
}

fn hold(held: &mut Vec<(String, String)>, class: &str, origin: &str) {
    if held.iter().all(|(other, _)| other != class) {
        held.push((class.to_owned(), origin.to_owned()));
    }
}

/// The strongest first; before all a class of the provider's own.
fn sort(held: &mut [(String, String)]) {
    let rank = |class: &str| STRENGTH.iter().position(|known| *known == class);
    held.sort_by_key(|(class, _)| Reverse(rank(class).unwrap_or(STRENGTH.len())));
}

/// Absolute, and of the characters of RFC 3986 §2.
fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    scheme.is_some_and(is_scheme)
        && text.len() <= 256
        && text.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c))
}
