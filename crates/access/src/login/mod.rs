//! How somebody signs in: from the login page through a provider, and on to the application.
//!
//! - [`target`]: where they want to go; [`attempt`]: what of it travels through the provider
//! - [`choose`]: with which provider; [`start`]: off to it
//! - [`callback`]: what it answered; [`identity`]: who that is
//! - [`finish`]: the session begins; what policies say; over to the application
//! - [`approval`]: others agree first

pub(crate) mod approval;
pub(crate) mod attempt;
pub(crate) mod callback;
pub(crate) mod choose;
pub(crate) mod finish;
pub(crate) mod identity;
pub(crate) mod start;
pub(crate) mod target;
