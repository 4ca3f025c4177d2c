//! A real listener, a real workerd, and a control plane in this process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod certificates;
mod client_certificates;
mod control;
mod egress;
mod http;
mod http2;
mod limits;
mod process;
mod replica;
