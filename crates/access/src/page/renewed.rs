//! Signed in again, in a window of its own.

use maud::html;

use super::{Frame, Sheet, icon};
use crate::Response;

/// Tells the pages of the same origin, and goes. A page whose `Cross-Origin-Opener-Policy` cut the tie
/// to this window hears the channel alone.
const SCRIPT: &str = "new BroadcastChannel('access').postMessage({ type: 'access-renewed' }); \
for (const w of [window.opener, window.parent]) \
if (w && w !== window) w.postMessage({ type: 'access-renewed' }, location.origin); \
if (window.opener) window.close();";

/// Draws it.
#[must_use]
pub fn render(frame: &Frame) -> Response {
    let main = html! {
        p { "You are signed in again. Close this tab and go on where you were." }
    };
    Sheet::new(frame, 200, "Signed in").mark("good", &icon::tick()).script(SCRIPT).card(&main)
}
