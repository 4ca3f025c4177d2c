//! On to the application, from its own site: cookies that are `SameSite=Strict` survive no redirect
//! that began elsewhere.

use maud::html;

use super::{Frame, Sheet, icon};
use crate::Response;

/// Draws it. The target is a URL of this host.
#[must_use]
pub fn render(frame: &Frame, target: &str) -> Response {
    let main =
        html! { p.lead { "You are being led on." } a.button.first href=(target) { "Go on" } };
    Sheet::new(frame, 200, "Signed in")
        .mark("good", &icon::tick())
        .card(&main)
        .with_header("refresh", format!("0;url={target}"))
}
