//! Other implementations as judges.

mod c14n;
mod schema;
mod signxml;
mod xmlsec;
