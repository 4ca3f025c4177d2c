//! Lintel end to end, on real parts.

mod world;
