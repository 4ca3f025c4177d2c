//! Other implementations as judges.

mod c14n;
pub mod schema;
mod signxml;
mod xmlsec;
