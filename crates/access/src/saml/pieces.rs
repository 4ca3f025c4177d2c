//! Values that are longer than a cookie: in several of them, numbered from 0.

use http::HeaderMap;

use crate::cookie::{self, SetCookie};

/// Browsers keep 4096 bytes of name, value and attributes.
const MAX_PIECE: usize = 3_700;

/// Cookies that hold `value`, which is ASCII, as `like` says.
pub(crate) fn set(like: &SetCookie, name: &str, value: &str) -> Vec<String> {
    let chunks = value.as_bytes().chunks(MAX_PIECE).enumerate();
    let cookies = chunks.filter_map(|(at, chunk)| {
        let value = std::str::from_utf8(chunk).ok()?;
        Some(SetCookie { name: &format!("{name}_{at}"), value, ..*like }.header())
    });
    cookies.collect()
}

/// What makes a browser forget one of them.
pub(crate) fn removal(like: &SetCookie, name: &str) -> String {
    SetCookie { name, ..*like }.removal()
}

/// How much of a request's head they take.
pub(crate) fn bytes(name: &str, value: &str) -> usize {
    value.len() + value.len().div_ceil(MAX_PIECE) * (name.len() + "_0=; ".len())
}

/// The value, up to `most` bytes and the rest of a piece.
pub(crate) fn find(headers: &HeaderMap, name: &str, most: usize) -> String {
    let piece = |at: usize| cookie::find(headers, &format!("{name}_{at}")).into_iter().next();
    (0..=most / MAX_PIECE).map_while(piece).collect()
}
