//! `auth_method`.

use super::{Held, View};

/// RFC 8176 §2, by what each proves.
const KNOWLEDGE: [&str; 3] = ["pwd", "pin", "kba"];
const POSSESSION: [&str; 7] = ["hwk", "swk", "pop", "otp", "sms", "tel", "sc"];
const INHERENCE: [&str; 5] = ["face", "fpt", "iris", "retina", "vbm"];

/// `auth_method`: a method that the provider names. `mfa` holds also if the methods that it names
/// prove two different things: not every provider sums them up.
pub(super) fn used(view: &View<'_>, auth_method: &str) -> Held {
    let amr = &view.identity()?.amr;
    Ok(amr.iter().any(|method| method == auth_method)
        || (auth_method == "mfa" && is_multi_factor(amr)))
}

/// Whether a sign-in by these methods proved two different things, or is said to have.
pub(crate) fn is_multi_factor(amr: &[String]) -> bool {
    let proves = |factor: &[&str]| amr.iter().any(|method| factor.contains(&method.as_str()));
    let factors = [proves(&KNOWLEDGE), proves(&POSSESSION), proves(&INHERENCE)];
    proves(&["mfa"]) || factors.into_iter().filter(|proven| *proven).count() > 1
}
