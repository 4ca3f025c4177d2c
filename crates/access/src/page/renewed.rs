//! Signed in again, in a window of its own.

use maud::html;

use super::{Frame, Sheet};
use crate::Response;

/// Tells the page that opened the window, and goes. Only pages of the same origin are told.
const SCRIPT: &str = "for (const w of [window.opener, window.parent]) \
if (w && w !== window) w.postMessage({ type: 'access-renewed' }, location.origin); \
if (window.opener) window.close();";

/// Draws it.
#[must_use]
pub fn render(frame: &Frame) -> Response {
    let main = html! {
        p { "You are signed in again. Close this tab and go on where you were." }
    };
    Sheet::new(frame, 200, "Signed in").script(SCRIPT).card(&main)
}
