//! The native shell of a point of presence of one's own.
//!
//! A request's way: [`listener`] lets a visitor in if [`admission`] has a place, [`tls`] shakes hands with what [`certificate`]
//! finds (and, where a hostname wants to know them, [`client_certificate`] verifies), [`serve`] speaks HTTP (its heads judged by [`head`], its pace by [`pulse`]), [`forward`]
//! passes the request to the worker in [`workerd`], with what [`country`] says.
//!
//! The worker reaches origins through [`egress`], and asks the control plane through [`control`].
//!
//! Beside it: [`replica`] follows the control plane and [`kv`] shows it to the worker; [`admin`]
//! and [`metrics`] are for the operator. [`edge`] puts all together.

pub mod admin;
pub mod admission;
pub mod body;
pub mod certificate;
pub mod client;
pub mod client_certificate;
pub mod config;
pub mod control;
pub mod country;
pub mod early;
pub mod edge;
pub mod egress;
pub mod exchange;
pub mod forward;
pub mod head;
pub mod header;
pub mod kv;
pub mod listener;
pub mod local;
pub mod metrics;
pub mod pulse;
pub mod refusal;
pub mod replica;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod tls;
pub mod visitor;
pub mod workerd;
