//! What attackers send. Every row of the table of attacks is a test here, and each is refused for
//! its own reason, so that no test passes because of another fault in what it sends.

mod algorithms;
mod context;
mod decryption;
mod documents;
mod injection;
mod logout;
mod query;
mod requests;
mod surgery;
mod wrapping;
