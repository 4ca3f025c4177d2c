//! What happens to a certificate, and what follows from it.

use super::Certificate;
use crate::renewal::Validity;
use crate::validation::Challenge;
use crate::{Problem, Timestamp};

use super::Order;

/// What happens to a certificate. Events about an order name it, so that a late one is told apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// An authority took the order.
    OrderPlaced {
        /// Where it lives.
        order: Order,
        /// How to prove control; `None`: the order was born `ready`, control was proved before.
        challenge: Option<Challenge>,
    },
    /// Every point of presence, and the public, was seen to answer the challenge.
    ChallengeVisible {
        /// URL of the order.
        order: String,
    },
    /// The authority was told to look (RFC 8555 §7.5.1).
    ChallengeResponded {
        /// URL of the order.
        order: String,
    },
    /// The order was read, or the certificate signing request was answered with it.
    OrderRead {
        /// URL of the order.
        order: String,
        /// As the authority said.
        status: OrderStatus,
    },
    /// The chain was downloaded, checked, and is stored in the commit of this event.
    Arrived {
        /// URL of the order.
        order: String,
        /// Lower-case hexadecimal.
        serial: String,
        /// As the certificate says.
        validity: Validity,
    },
    /// Every registered point of presence was seen to serve this certificate.
    Served {
        /// The one that was seen.
        serial: String,
    },
    /// The step did not work this time.
    Failed(Problem),
    /// The order is dead, by the authority's own word or because what came of it is unusable.
    OrderFailed {
        /// URL of the order.
        order: String,
        /// Why.
        problem: Problem,
    },
    /// The time of a [`Step::Renew`] or [`Step::Expire`] has come.
    Due,
    /// A client wants another certificate before its time.
    Reissue,
    /// A younger certificate for the same name and key type is active.
    SuccessorActive,
    /// A client asks to check now.
    Refresh,
    /// The custom hostname is deleted.
    Delete,
}

/// RFC 8555 §7.1.6.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OrderStatus {
    /// Control is not proved yet.
    Pending {
        /// When the authority wants to be asked again.
        retry_at: Option<Timestamp>,
    },
    /// Control is proved; the order can be finalized.
    Ready,
    /// Being issued.
    Processing {
        /// When the authority wants to be asked again.
        retry_at: Option<Timestamp>,
    },
    /// Issued.
    Valid,
    /// Dead.
    Invalid(Problem),
}

/// What the caller does in the commit that stores the new state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Put the challenge's edge record.
    PublishChallenge(Challenge),
    /// Take it back.
    RetractChallenge(Challenge),
    /// Write the hostname's certificates on the edge anew: a chain has come or gone.
    PublishCertificates,
    /// Begin a certificate for the same name and key type.
    BeginSuccessor {
        /// When the present one expires.
        needed_by: Timestamp,
    },
    /// After the first ECDSA certificate, begin the RSA one, if there is none yet.
    BeginCompanion,
    /// Tell all older certificates of the same name and key type ([`Event::SuccessorActive`]).
    RetirePredecessors,
}

/// What is to be performed next.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// Make a key and place an order; store both in one commit.
    PlaceOrder,
    /// Look whether every point of presence and the public see the challenge answered.
    CheckChallenge,
    /// Tell the authority to look.
    Respond,
    /// Read the order.
    ReadOrder,
    /// Read the order, and send the certificate signing request if it is ready.
    Finalize,
    /// Fetch the chain and check it.
    Download,
    /// Shake hands with every point of presence.
    Probe,
    /// Report [`Event::Due`].
    Renew,
    /// Report [`Event::Due`].
    Expire,
}

/// An event that cannot happen to this state.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{event:?} cannot happen to a certificate that is {state:?}")]
pub struct Illegal {
    /// Unchanged.
    pub state: Box<Certificate>,
    /// Refused.
    pub event: Box<Event>,
}

impl Event {
    /// URL of the existing order that the event tells of.
    pub(super) fn order(&self) -> Option<&str> {
        match self {
            Self::ChallengeVisible { order }
            | Self::ChallengeResponded { order }
            | Self::OrderRead { order, .. }
            | Self::Arrived { order, .. }
            | Self::OrderFailed { order, .. } => Some(order),
            _ => None,
        }
    }

    /// The issued certificate that the event tells of.
    pub(super) fn serial(&self) -> Option<&str> {
        match self {
            Self::Served { serial } => Some(serial),
            _ => None,
        }
    }
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::PlaceOrder,
        Self::CheckChallenge,
        Self::Respond,
        Self::ReadOrder,
        Self::Finalize,
        Self::Download,
        Self::Probe,
        Self::Renew,
        Self::Expire,
    ];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlaceOrder => "place_order",
            Self::CheckChallenge => "check_challenge",
            Self::Respond => "respond",
            Self::ReadOrder => "read_order",
            Self::Finalize => "finalize",
            Self::Download => "download",
            Self::Probe => "probe",
            Self::Renew => "renew",
            Self::Expire => "expire",
        }
    }
}
