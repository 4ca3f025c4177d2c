//! The few pictures of our own, drawn in one stroke.

use maud::{Markup, html};

fn draw(size: u32, path: &str) -> Markup {
    html! {
        svg width=(size) height=(size) viewBox="0 0 24 24" fill="none" stroke="currentColor"
            stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"
            focusable="false" { path d=(path); }
    }
}

/// Onwards.
pub(super) fn go() -> Markup {
    html! { span.go { (draw(18, "M9 5l7 7-7 7")) } }
}

pub(super) fn envelope() -> Markup {
    draw(18, "M3 6h18v12H3zM3 7l9 6 9-6")
}

pub(super) fn lock() -> Markup {
    draw(24, "M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3")
}

pub(super) fn tick() -> Markup {
    draw(24, "M5 13l5 5L19 7")
}

pub(super) fn warning(size: u32) -> Markup {
    draw(size, "M12 8v5M12 16.5v.01M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z")
}

pub(super) fn clock() -> Markup {
    draw(24, "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z")
}

pub(super) fn person() -> Markup {
    draw(24, "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 4-6 8-6s8 2 8 6")
}

/// The first letter of a name on a colour of its own; for eyes alone.
pub(super) fn letter(name: &str) -> Markup {
    let letter = name.chars().find(|c| c.is_alphanumeric()).unwrap_or('•');
    let tint = name.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)) % 8;
    html! { span class={ "tile t" (tint) } aria-hidden="true" { (letter.to_uppercase()) } }
}
