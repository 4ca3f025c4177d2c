//! What others may know of a certificate's state.

use super::order::Order;
use super::{Certificate, Issued, Phase};
use crate::validation::Challenge;
use crate::{Authority, Problem};

impl Certificate {
    /// What `ssl.status` would say if this were the only certificate; also the row's status.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            Self::Initializing { .. } | Self::Failing { during: Phase::Initializing, .. } => {
                "initializing"
            }
            Self::PendingValidation { .. } | Self::Failing { during: Phase::Validation, .. } => {
                "pending_validation"
            }
            Self::PendingIssuance { .. } | Self::Failing { during: Phase::Issuance, .. } => {
                "pending_issuance"
            }
            Self::PendingDeployment { .. } => "pending_deployment",
            Self::DeploymentTimedOut { .. } => "deployment_timed_out",
            Self::Active { .. } | Self::Renewing { .. } => "active",
            Self::Expired { .. } => "expired",
            Self::TimedOut { during: Phase::Initializing, .. } => "initializing_timed_out",
            Self::TimedOut { during: Phase::Validation, .. } => "validation_timed_out",
            Self::TimedOut { during: Phase::Issuance, .. } => "issuance_timed_out",
            Self::Retired | Self::Deleted => "deleted",
        }
    }

    /// The challenge that the edge answers for this certificate now.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        match self {
            Self::PendingValidation { challenge, .. } => Some(challenge),
            _ => None,
        }
    }

    /// What stands in the way at present.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Failing { problem, .. }
            | Self::DeploymentTimedOut { problem, .. }
            | Self::TimedOut { problem, .. } => Some(problem),
            Self::PendingValidation { on, .. } | Self::PendingIssuance { on, .. } => {
                on.problem.as_ref()
            }
            Self::PendingDeployment { problem, .. } => problem.as_ref(),
            _ => None,
        }
    }

    /// The certificate, once it is issued and as long as it may be served.
    #[must_use]
    pub fn issued(&self) -> Option<&Issued> {
        match self {
            Self::PendingDeployment { issued, .. }
            | Self::DeploymentTimedOut { issued, .. }
            | Self::Active { issued }
            | Self::Renewing { issued }
            | Self::Expired { issued } => Some(issued),
            _ => None,
        }
    }

    /// Of the issued certificate.
    #[must_use]
    pub fn serial(&self) -> Option<&str> {
        self.issued().map(|issued| issued.serial.as_str())
    }

    /// URL of the order that lives.
    #[must_use]
    pub fn order(&self) -> Option<&str> {
        self.live_order().map(|order| order.url.as_str())
    }

    /// The order that lives.
    #[must_use]
    pub fn live_order(&self) -> Option<&Order> {
        match self {
            Self::PendingValidation { on, .. } | Self::PendingIssuance { on, .. } => {
                Some(&on.order)
            }
            _ => None,
        }
    }

    /// With whom the certificate is, or is to be, ordered; `None` once that is decided for ever.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        match self {
            Self::Initializing { authority, .. } | Self::Failing { authority, .. } => {
                Some(authority)
            }
            _ => self.live_order().map(|order| &order.authority),
        }
    }

    /// Whether it was seen everywhere once and has not expired.
    #[must_use]
    pub fn is_in_service(&self) -> bool {
        matches!(self, Self::Active { .. } | Self::Renewing { .. })
    }
}
