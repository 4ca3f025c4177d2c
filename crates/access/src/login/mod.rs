//! How somebody signs in: from the login page through a provider, and on to the application.
//!
//! - [`target`]: where they want to go; [`attempt`]: what of it travels through the provider
//! - [`choose`]: with which of the providers on [`offer`]; [`start`]: off to it
//! - [`callback`]: what it answered, once and fitting ([`returning`]); [`identity`]: who that is
//! - [`finish`]: the session begins; what policies say; over to the application
//! - [`place`]: before the application's door; [`approval`]: others agree first
//! - [`refusal`]: not this time, and what to do instead

pub(crate) mod approval;
pub(crate) mod attempt;
pub(crate) mod callback;
pub(crate) mod choose;
pub(crate) mod finish;
pub(crate) mod identity;
pub(crate) mod offer;
pub(crate) mod place;
pub(crate) mod refusal;
pub(crate) mod returning;
pub(crate) mod start;
pub(crate) mod target;
