//! `geo`.

use super::{Held, Unevaluable, View};

/// What the platform says of addresses that belong to no country that it knows.
const NOWHERE: &str = "XX";

/// `geo`
pub(super) fn is(view: &View<'_>, country_code: &str) -> Held {
    let country = view.circumstances.country.unwrap_or(NOWHERE);
    if country.eq_ignore_ascii_case(country_code) {
        return Ok(true);
    }
    match country {
        "" | NOWHERE => Err(Unevaluable::UnknownCountry.into()),
        _ => Ok(false),
    }
}
