//! `common_name`; `certificate` is whether there is one at all.

use super::View;

/// `common_name`
pub(super) fn named(view: &View<'_>, common_name: &str) -> bool {
    let found = view.circumstances.certificate.and_then(|shown| shown.common_name.as_deref());
    found.is_some_and(|found| !found.is_empty() && found == common_name)
}
