//! The control plane's answers, as agreed in `edge_state::access::call`.

use std::collections::{BTreeMap, BTreeSet};

use access::need::Call;
use edge_state::access::SessionRecord;
use edge_state::access::call::{ApprovalState, PinChecked, PinSent, SessionFound, SignedIn, Spent};
use edge_state::access::session::sealing_context;
use edge_state::seal::{KeyRing, SealEntropy};
use serde_json::{Value, json};

#[derive(Default)]
pub struct Control {
    /// Nothing answers.
    pub down: bool,
    /// Mail cannot be sent.
    pub no_mail: bool,
    /// All that was spent.
    pub spent: BTreeSet<String>,
    /// Live sessions, and those whose record has not gone out.
    pub sessions: BTreeMap<String, SessionRecord>,
    /// Disabled users, by address.
    pub disabled: BTreeSet<String>,
    /// Addresses that somebody else had first.
    pub anothers: BTreeSet<String>,
    /// Mailed codes: attempt to address, browser, tries left.
    pub pins: BTreeMap<String, (String, String, u32)>,
    /// Who may be mailed to; empty: all.
    pub mailable: BTreeSet<String>,
    /// By application, policy and user.
    pub approvals: BTreeMap<(String, String, String), ApprovalState>,
    /// Who may decide.
    pub approvers: BTreeSet<String>,
    /// All that was asked.
    pub asked: Vec<Call>,
}

/// The code that every mail holds.
pub const CODE: &str = "123456";

pub fn user_id(email: &str) -> String {
    format!("user-{}", email.replace(['@', '.'], "-"))
}

impl Control {
    /// `None`: no answer.
    pub fn answer(&mut self, call: &Call, now: i64, keys: &KeyRing) -> Option<Value> {
        self.asked.push(call.clone());
        if self.down {
            return None;
        }
        let value = match call {
            Call::Spend(spend) => {
                json!(Spent { first: self.spent.insert(spend.token.clone()) })
            }
            Call::SignIn(ask) if self.disabled.contains(&ask.identity.email) => {
                json!(SignedIn::Disabled)
            }
            Call::SignIn(ask) => {
                let mut identity = ask.identity.clone();
                identity.user_id = user_id(&identity.email);
                identity.email_is_anothers = self.anothers.contains(&identity.email);
                let plain = serde_json::to_vec(&identity).unwrap();
                let entropy = SealEntropy([u8::try_from(self.sessions.len()).unwrap(); 56]);
                let record = SessionRecord {
                    nonce: ask.nonce.clone(),
                    auth_domain: ask.auth_domain.clone(),
                    expires_at: now + i64::try_from(ask.session_seconds).unwrap(),
                    identity: keys.seal(&plain, &sealing_context(&ask.nonce), entropy),
                };
                self.sessions.insert(ask.nonce.clone(), record.clone());
                json!(SignedIn::Session(Box::new(record)))
            }
            Call::FindSession(find) => {
                json!(SessionFound { session: self.sessions.get(&find.nonce).cloned() })
            }
            Call::SignOut(out) => {
                if out.everywhere {
                    self.sessions.clear();
                }
                self.sessions.remove(&out.nonce);
                json!({})
            }
            Call::SendPin(_) if self.no_mail => json!(PinSent::Unavailable),
            Call::SendPin(ask) if self.pins.len() >= 5 => {
                let _ = ask;
                json!(PinSent::TooMany { retry_after: 90 })
            }
            Call::SendPin(ask) => {
                if self.mailable.is_empty() || self.mailable.contains(&ask.email) {
                    let pin = (ask.email.clone(), ask.browser.clone(), 3);
                    self.pins.insert(ask.attempt.clone(), pin);
                }
                json!(PinSent::Accepted)
            }
            Call::CheckPin(check) => match self.pins.get_mut(&check.attempt) {
                Some((email, browser, tries)) if *browser == check.browser && *tries > 0 => {
                    if check.code == CODE {
                        let email = email.clone();
                        self.pins.remove(&check.attempt);
                        json!(PinChecked::Right { email })
                    } else {
                        *tries -= 1;
                        json!(PinChecked::Wrong { tries_left: *tries })
                    }
                }
                _ => json!(PinChecked::Gone),
            },
            Call::FindApproval(find) => {
                let key = (&find.application_id, &find.policy_id, &find.user_id);
                let key = (key.0.clone(), key.1.clone(), key.2.clone());
                json!(self.approvals.get(&key).cloned().unwrap_or(ApprovalState::Unknown))
            }
            Call::AskApproval(ask) => {
                let key = (ask.application_id.clone(), ask.policy_id.clone(), ask.user_id.clone());
                let state = ApprovalState::Pending {
                    id: ask.id.clone(),
                    email: ask.email.clone(),
                    application_id: ask.application_id.clone(),
                    justification: ask.justification.clone(),
                };
                json!(self.approvals.entry(key).or_insert(state))
            }
            Call::DecideApproval(decide) => {
                let mut found = ApprovalState::Unknown;
                for state in self.approvals.values_mut() {
                    let ours =
                        matches!(state, ApprovalState::Pending { id, .. } if *id == decide.id);
                    if ours && self.approvers.contains(&decide.approver_email) {
                        match decide.approve {
                            Some(true) => *state = ApprovalState::Approved { until: now + 600 },
                            Some(false) => *state = ApprovalState::Refused,
                            None => {}
                        }
                        found = state.clone();
                    }
                }
                json!(found)
            }
        };
        Some(value)
    }
}
