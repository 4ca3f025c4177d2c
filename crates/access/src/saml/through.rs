//! A provider signs somebody out: the session is over, and applications elsewhere are to hear of it
//! before the provider is answered. What carries that through the browser counts there, and for a
//! moment.

use serde::{Deserialize, Serialize};

use super::entered;
use crate::handover::{open_value, seal_value};
use crate::visit::Visit;

/// Seconds.
const LIFETIME: i64 = 60;

#[derive(Deserialize, Serialize)]
struct Through {
    at: i64,
    browser: String,
    path: String,
}

/// The value of `through`, for `/access/logout`: applications are led through, and then to `path`,
/// with `partial=1` in its query where one of them did not follow.
pub(crate) fn seal(visit: &Visit, path: &str) -> String {
    let through = Through { at: visit.now(), browser: entered::browser(visit), path: path.into() };
    seal_value(&through, &context(visit), visit.here)
}

/// The path, if it was sealed here for this browser just now.
pub(crate) fn open(visit: &Visit, text: &str) -> Option<String> {
    let through: Through = open_value(text, &context(visit), visit.here)?;
    let fresh = (0..LIFETIME).contains(&(visit.now() - through.at));
    (fresh && through.browser == entered::browser(visit)).then_some(through.path)
}

fn context(visit: &Visit) -> String {
    format!("saml logout through:{}", visit.home())
}
