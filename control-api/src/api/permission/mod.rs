//! What a token may do, in the contract's form.
//!
//! - [`group`]: kinds of permission, and their catalogue
//! - [`reach`]: where a policy reaches, and what a request acts on
//! - [`policy`]: the policies of a token, judged

pub mod group;
pub mod policy;
pub mod reach;

pub use group::{Area, GROUPS, Group, Level};
pub use policy::{Grants, Policy, StoredGroup, StoredPolicy};
pub use reach::{Reach, Target};
