//! What the edge asks the control plane: `POST /edge/v1/access/{question}`, JSON in both directions.
//!
//! These are the few things that must be counted or used once, and so have one owner. Everything
//! else the edge decides by records alone.

use serde::{Deserialize, Serialize};

use super::session::{Identity, SessionRecord};
use crate::Hostname;

/// `spend`: whether something that counts once is seen for the first time. Answer: [`Spent`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spend {
    /// The organisation.
    pub auth_domain: Hostname,
    /// What it is, and which: `attempt:…`, `handover:…`, `assertion:…`.
    pub token: String,
    /// Seconds since 1970: afterwards it is refused for its age and need not be remembered.
    pub until: i64,
}

/// Answer to [`Spend`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spent {
    /// `false`: it has been used before.
    pub first: bool,
}

/// `pins`: a code goes by mail, if the address may get one. The answer, [`PinSent`], is the same for
/// every address.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SendPin {
    /// The organisation.
    pub auth_domain: Hostname,
    /// Of type `onetimepin`.
    pub identity_provider_id: String,
    /// For which application, if for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// As typed.
    pub email: String,
    /// The attempt that the code is good for.
    pub attempt: String,
    /// SHA-256 of the asking browser's secret, base64url.
    pub browser: String,
    /// The visitor's address, by which requests are counted.
    pub ip: Option<String>,
    /// For the mail: ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// For the mail: the visitor's language, as `Accept-Language` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Answer to [`SendPin`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum PinSent {
    /// A mail is on its way, if the address may get one.
    Accepted,
    /// Too many were asked for; after so many seconds again.
    TooMany {
        /// Seconds.
        retry_after: u64,
    },
    /// No mail can be sent from here: the operator has to configure it.
    Unavailable,
}

/// `pins/check`: whether the code is right. Counts the try. Answer: [`PinChecked`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckPin {
    /// The organisation.
    pub auth_domain: Hostname,
    /// As in [`SendPin`].
    pub attempt: String,
    /// As in [`SendPin`].
    pub browser: String,
    /// As typed, spaces and hyphens removed.
    pub code: String,
}

/// Answer to [`CheckPin`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum PinChecked {
    /// It is, and is spent now.
    Right {
        /// The address that it was mailed to, lower case.
        email: String,
    },
    /// It is not.
    Wrong {
        /// How many tries are left.
        tries_left: u32,
    },
    /// Too old, used, never sent, tried too often, or asked for by another browser.
    Gone,
}

/// `sign_ins`: a provider said who somebody is. Answer: [`SignedIn`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SignIn {
    /// The organisation.
    pub auth_domain: Hostname,
    /// `user_id` is empty: the control plane knows whose identity it is.
    pub identity: Identity,
    /// How long the session may last, in seconds.
    pub session_seconds: u64,
    /// So that a repeated question makes one session: 22 characters of base64url, random.
    pub nonce: String,
}

/// Answer to [`SignIn`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum SignedIn {
    /// A session began; its record is on its way to every edge.
    Session(Box<SessionRecord>),
    /// The user is disabled.
    Disabled,
    /// Organisation or provider are gone or off.
    Refused,
}

/// `sessions/find`: a session whose record has not arrived here yet. Answer: [`SessionFound`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FindSession {
    /// The organisation.
    pub auth_domain: Hostname,
    /// Which.
    pub nonce: String,
}

/// Answer to [`FindSession`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SessionFound {
    /// `None`: it ended, or never was.
    pub session: Option<SessionRecord>,
}

/// `sign_outs`: ends the session, and with it all tokens that name it. Answer: `{}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SignOut {
    /// The organisation.
    pub auth_domain: Hostname,
    /// The session.
    pub nonce: String,
    /// All sessions of its user.
    pub everywhere: bool,
}

/// `approvals/ask`: a person asks to be let in for a time. Idempotent by `id`. Answer:
/// [`ApprovalState`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AskApproval {
    /// The organisation.
    pub auth_domain: Hostname,
    /// Random, UUID.
    pub id: String,
    /// Which application.
    pub application_id: String,
    /// Which of its policies.
    pub policy_id: String,
    /// Who asks.
    pub user_id: String,
    /// Who asks.
    pub email: String,
    /// Why.
    pub justification: String,
    /// For how long, in seconds.
    pub seconds: u64,
}

/// `approvals/find`: what became of it. Answer: [`ApprovalState`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FindApproval {
    /// The organisation.
    pub auth_domain: Hostname,
    /// Which application.
    pub application_id: String,
    /// Which of its policies.
    pub policy_id: String,
    /// Who asked.
    pub user_id: String,
}

/// `approvals/decide`: somebody who may agrees or refuses. Answer: [`ApprovalState`]; `unknown` if
/// that person has no say in it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DecideApproval {
    /// The organisation.
    pub auth_domain: Hostname,
    /// Which.
    pub id: String,
    /// Who decides: the address of their own session.
    pub approver_email: String,
    /// Their id.
    pub approver_id: String,
    /// `None` only looks.
    pub approve: Option<bool>,
}

/// Answer to questions about approvals.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ApprovalState {
    /// None was asked for.
    Unknown,
    /// Some have not decided yet.
    Pending {
        /// Which.
        id: String,
        /// Who asks.
        email: String,
        /// For which application.
        application_id: String,
        /// Why.
        justification: String,
    },
    /// So many agreed as were needed.
    Approved {
        /// Seconds since 1970.
        until: i64,
    },
    /// Somebody refused.
    Refused,
}

/// `logs`: login decisions, in batches; repeated ones are known by their id. Answer: `{}`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LogBatch {
    /// At most 1,000.
    pub events: Vec<LoginEvent>,
}

/// One decision about somebody who wanted in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct LoginEvent {
    /// UUID, random.
    pub id: String,
    /// The organisation.
    pub auth_domain: Hostname,
    /// Milliseconds since 1970.
    pub at_millis: i64,
    /// `login`, `logout`, `bypass`, `service_auth`, `callback`, ..
    pub action: String,
    /// What was decided.
    pub allowed: bool,
    /// Application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// Its `domain`, or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_domain: Option<String>,
    /// Its `type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// Provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_provider_id: Option<String>,
    /// Its `type`; `connection` of the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Who, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// As above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Service token's id or certificate's common name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_identity: Option<String>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The request.
    pub ray_id: String,
    /// The policy that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// Why, for administrators: the rule, or what was wrong with what was sent.
    pub reason: String,
    /// The code on the deny page, by which an administrator finds this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the person gave as purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
    /// What policies saw, so that a draft can be replayed over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}
