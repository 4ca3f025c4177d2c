//! What other implementations say to ours (`interop`), and what attackers send (`attacks`).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests run other programs and read their files")]

mod attacks;
mod interop;
mod journeys;
mod support;
