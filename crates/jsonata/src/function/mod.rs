//! What there is under `$`.
//!
//! - `text.rs`, `pattern.rs`: texts, and regular expressions held against them
//! - `number.rs`: numbers, and sums of them
//! - `list.rs`, `object.rs`: what is made of others
//! - `higher.rs`: functions that call functions

mod higher;
#[expect(clippy::unnecessary_wraps, reason = "all have the type of `Run`")]
mod list;
mod number;
#[expect(clippy::unnecessary_wraps, reason = "all have the type of `Run`")]
mod object;
mod pattern;
mod text;

use crate::evaluate::Native;

/// By name.
pub(crate) static NATIVES: [Native; 49] = [
    Native::in_context("abs", "n", number::abs),
    Native::of("append", "jj", list::append),
    Native::of("assert", "bS", object::assert),
    Native::of("average", "a", number::average),
    Native::in_context("base64decode", "s", text::base64_decode),
    Native::in_context("base64encode", "s", text::base64_encode),
    Native::in_context("boolean", "j", object::boolean),
    Native::in_context("ceil", "n", number::ceil),
    Native::in_context("contains", "sx", pattern::contains),
    Native::of("count", "a", list::count),
    Native::of("distinct", "j", list::distinct),
    Native::in_context("each", "of", higher::each),
    Native::of("error", "S", object::error),
    Native::of("exists", "j", object::exists),
    Native::of("filter", "af", higher::filter),
    Native::in_context("floor", "n", number::floor),
    Native::of("join", "aS", text::join),
    Native::in_context("keys", "j", object::keys),
    Native::in_context("length", "s", text::length),
    Native::in_context("lookup", "js", object::lookup),
    Native::in_context("lowercase", "s", text::lowercase),
    Native::of("map", "af", higher::map),
    Native::in_context("match", "sfN", pattern::r#match),
    Native::of("max", "a", number::max),
    Native::of("merge", "a", object::merge),
    Native::of("min", "a", number::min),
    Native::in_context("not", "j", object::not),
    Native::in_context("number", "j", number::number),
    Native::in_context("pad", "snS", text::pad),
    Native::in_context("power", "nn", number::power),
    Native::of("reduce", "afJ", higher::reduce),
    Native::in_context("replace", "sxxN", pattern::replace),
    Native::of("reverse", "a", list::reverse),
    Native::in_context("round", "nN", number::round),
    Native::in_context("sift", "of", higher::sift),
    Native::of("single", "aF", higher::single),
    Native::of("sort", "aF", higher::sort),
    Native::in_context("split", "sxN", pattern::split),
    Native::in_context("spread", "j", object::spread),
    Native::in_context("sqrt", "n", number::sqrt),
    Native::in_context("string", "jB", text::string),
    Native::in_context("substring", "snN", text::substring),
    Native::in_context("substringAfter", "ss", text::substring_after),
    Native::in_context("substringBefore", "ss", text::substring_before),
    Native::of("sum", "a", number::sum),
    Native::in_context("trim", "s", text::trim),
    Native::in_context("type", "j", object::r#type),
    Native::in_context("uppercase", "s", text::uppercase),
    // As many as there are.
    Native::of("zip", "", list::zip),
];

/// Whether there is a function of this name.
pub(crate) fn exists(name: &str) -> bool {
    NATIVES.iter().any(|native| native.name == name)
}
