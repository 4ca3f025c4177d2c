//! What other implementations say to ours (`interop`), and what attackers send (`attacks`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests run other programs and read their files")]
#![allow(clippy::similar_names, reason = "assertions and what comes after them")]
#![allow(clippy::format_collect, reason = "a test has the time")]

mod attacks;
mod interop;
mod journeys;
mod metadata;
mod pasted;
mod support;
mod vectors;
