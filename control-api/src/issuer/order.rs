//! What is known of an order, at whichever authority.

use std::time::Duration;

use super::error::Problem;

/// An order that the CA has taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlacedOrder {
    /// Names it at this authority; to be stored before anything else.
    pub order: String,
    /// What comes next.
    pub step: Step,
}

/// What an order waits for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// The answer to a challenge: publish it everywhere, then [`super::Issuer::respond`].
    Challenge {
        /// The last segment of the challenge's path.
        token: String,
        /// What is to be answered there.
        key_authorization: String,
    },
    /// Nothing: the CA still holds a valid authorization for the name.
    Ready,
}

/// RFC 8555 §7.1.6. `retry_after`: when the CA wants to be asked again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OrderStatus {
    /// The challenge is not validated yet.
    Pending {
        /// If the CA said so.
        retry_after: Option<Duration>,
    },
    /// To be finalized.
    Ready,
    /// The CA is issuing.
    Processing {
        /// If the CA said so.
        retry_after: Option<Duration>,
    },
    /// The certificate can be had.
    Valid,
    /// It will not become anything any more.
    Invalid {
        /// Why.
        problem: Problem,
    },
}
