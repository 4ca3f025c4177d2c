//! Access, as the contract has it: who may sign in where, by whom, and under which policies.
//!
//! - [`routes`]: every route of Access; [`describe`]: a route with its description, for the account
//!   and for its zones at once
//! - [`echo`]: bodies, answered as they were sent; [`object`]: what all kinds of object share
//! - [`publish`]: what the edge is told
//! - [`rules`]: `include`, `exclude`, `require`; [`address`]: URLs that we will ask
//! - the rest: one module per kind of object

pub mod address;
pub mod applications;
pub mod describe;
pub mod echo;
pub mod groups;
pub mod login_log;
pub mod object;
pub mod policies;
pub mod publish;
pub mod routes;
pub mod rules;
pub mod seats;
pub mod tags;
pub mod user_sessions;
pub mod users;
