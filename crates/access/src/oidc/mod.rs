//! OpenID Connect.
//!
//! - [`client`]: our side towards upstream providers; [`discovery`]: where their endpoints are;
//!   [`id_token`]: what their tokens must say

pub(crate) mod client;
pub(crate) mod discovery;
pub(crate) mod id_token;
