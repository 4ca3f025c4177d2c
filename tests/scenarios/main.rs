//! Lintel end to end, on real parts. Each test has a Lintel of its own.

mod routing;
mod world;
