//! Somebody is let in for a time, if enough of those who have a say in it agree.

use std::collections::BTreeSet;

use edge_state::access::call::{ApprovalState, AskApproval, DecideApproval, FindApproval};
use edge_state::access::policy::ApprovalGroup;
use edge_state::access::{ApplicationRecord, ListRecord};
use edge_state::{Hostname, Key};

use super::mail::{ApprovalLetter, Letter, Means};
use super::{Error, People, digest, records, seconds_until};
use crate::store::approvals::{self, ApprovalRow, VoteRow};
use crate::store::limits::{self, Limit};
use crate::store::{Tx, users};

/// Those of whom some must agree.
struct Group {
    needed: usize,
    /// Addresses, lower case.
    members: BTreeSet<String>,
}

impl People {
    /// A person asks to be let in. Asked again, this finds what became of it, and nobody is mailed
    /// twice.
    ///
    /// # Errors
    /// The database failed, the question is none, or it was asked too often.
    pub async fn ask_approval(&self, ask: AskApproval) -> Result<ApprovalState, Error> {
        judge(&ask)?;
        let now = self.clock.now_millis();
        let mut tx = self.db.begin().await?;
        let Some(organization) = records::organization(&mut tx, &ask.auth_domain).await? else {
            return Ok(ApprovalState::Unknown);
        };
        let account = organization.account_id;
        // Locked, so that the same question twice at one moment makes one request.
        let user = users::find_for_update(&mut tx, &account, &ask.user_id).await?;
        let Some(user) = user.filter(|user| user.enabled) else {
            return Ok(ApprovalState::Unknown);
        };
        if let Some(known) = approvals::find_for_update(&mut tx, &ask.id).await? {
            let own = known.user_id == user.id && known.account_id == account;
            return Ok(if own { self.state(&known) } else { ApprovalState::Unknown });
        }
        let newest =
            approvals::newest(&mut tx, &user.id, &ask.application_id, &ask.policy_id).await?;
        if let Some(pending) = newest.filter(|it| it.state == PENDING && it.created_at > now - DAY)
        {
            return Ok(self.state(&pending));
        }
        let found = groups(&mut tx, &ask.auth_domain, &ask.application_id, &ask.policy_id).await?;
        let Some((application, groups)) = found else { return Ok(ApprovalState::Unknown) };
        let who = digest(&[&account, &user.id]);
        if let Err(ends_at) = limits::take(&mut tx, &PER_USER, &who, now).await? {
            return Err(Error::TooMany { retry_after: seconds_until(ends_at, now) });
        }
        let row = ApprovalRow {
            id: ask.id.clone(),
            account_id: account,
            auth_domain: ask.auth_domain.to_string(),
            application_id: ask.application_id,
            policy_id: ask.policy_id,
            user_id: user.id,
            email: user.email,
            justification: ask.justification,
            seconds: i64::try_from(ask.seconds).unwrap_or(LONGEST).clamp(1, LONGEST),
            state: PENDING.to_owned(),
            until: None,
            created_at: now,
            updated_at: now,
        };
        approvals::insert(&mut tx, &row).await?;
        let approvers: BTreeSet<_> = groups.into_iter().flat_map(|group| group.members).collect();
        let asked = approvers.into_iter().filter(|to| *to != row.email).take(MOST_MAILS);
        for to in asked.filter(|_| !matches!(self.settings.mail, Means::None)) {
            let letter = Letter::Approval(ApprovalLetter {
                auth_domain: ask.auth_domain.clone(),
                id: row.id.clone(),
                to,
                email: row.email.clone(),
                application: application.clone(),
                justification: row.justification.clone(),
                seconds: u64::try_from(row.seconds).unwrap_or(0),
            });
            self.post(&mut tx, &letter, (now, now + DAY)).await?;
        }
        tx.commit().await?;
        self.mailbag.wake();
        Ok(self.state(&row))
    }

    /// What became of a person's newest request.
    ///
    /// # Errors
    /// The database failed.
    pub async fn find_approval(&self, ask: FindApproval) -> Result<ApprovalState, Error> {
        let mut tx = self.db.read().await?;
        let newest =
            approvals::newest(&mut tx, &ask.user_id, &ask.application_id, &ask.policy_id).await?;
        let newest = newest.filter(|it| it.auth_domain == ask.auth_domain.to_string());
        Ok(newest.map_or(ApprovalState::Unknown, |row| self.state(&row)))
    }

    /// Somebody who has a say in it agrees or refuses, or looks.
    ///
    /// # Errors
    /// The database failed.
    pub async fn decide_approval(&self, ask: DecideApproval) -> Result<ApprovalState, Error> {
        let unknown = Ok(ApprovalState::Unknown);
        let now = self.clock.now_millis();
        let mut tx = self.db.begin().await?;
        let row = approvals::find_for_update(&mut tx, &ask.id).await?;
        let row = row.filter(|it| it.auth_domain == ask.auth_domain.to_string());
        let Some(mut row) = row else { return unknown };
        let email = super::normalized(&ask.approver_email);
        let approver = users::find(&mut tx, &row.account_id, &ask.approver_id).await?;
        let approver = approver.filter(|user| user.enabled && user.email == email);
        // Nobody lets themselves in.
        let Some(approver) = approver.filter(|it| it.id != row.user_id && it.email != row.email)
        else {
            return unknown;
        };
        let found = groups(&mut tx, &ask.auth_domain, &row.application_id, &row.policy_id).await?;
        let Some((_, groups)) = found else { return unknown };
        if !groups.iter().any(|group| group.members.contains(&approver.email)) {
            return unknown;
        }
        let Some(approve) = ask.approve.filter(|_| row.state == PENDING) else {
            return Ok(self.state(&row));
        };
        let vote = VoteRow { approver_id: approver.id, email: approver.email, approve };
        approvals::vote(&mut tx, &row.id, &vote, now).await?;
        let votes = approvals::votes(&mut tx, &row.id).await?;
        if !approve {
            REFUSED.clone_into(&mut row.state);
        } else if groups.iter().all(|group| group.agrees(&votes)) {
            APPROVED.clone_into(&mut row.state);
            row.until = Some(now.div_euclid(1000) + row.seconds);
        }
        approvals::decide(&mut tx, &row.id, (&row.state, row.until), now).await?;
        tx.commit().await?;
        Ok(self.state(&row))
    }

    fn state(&self, row: &ApprovalRow) -> ApprovalState {
        match (row.state.as_str(), row.until) {
            (APPROVED, Some(until)) if until > self.now_seconds() => {
                ApprovalState::Approved { until }
            }
            (REFUSED, _) => ApprovalState::Refused,
            (PENDING, _) => ApprovalState::Pending {
                id: row.id.clone(),
                email: row.email.clone(),
                application_id: row.application_id.clone(),
                justification: row.justification.clone(),
            },
            // It was approved, and that time is over.
            _ => ApprovalState::Unknown,
        }
    }
}

impl Group {
    fn agrees(&self, votes: &[VoteRow]) -> bool {
        // By address: one person may be several users here, by several providers.
        let agreed: BTreeSet<_> = votes
            .iter()
            .filter(|vote| vote.approve && self.members.contains(&vote.email))
            .map(|vote| vote.email.as_str())
            .collect();
        agreed.len() >= self.needed
    }
}

/// The application's name and who has a say in it. `None`: it needs no approval, or nobody is there
/// who could give it.
async fn groups(
    tx: &mut Tx,
    auth_domain: &Hostname,
    application_id: &str,
    policy_id: &str,
) -> Result<Option<(String, Vec<Group>)>, Error> {
    let key = Key::Application(application_id.to_owned());
    let application = records::read::<ApplicationRecord>(tx, &key).await?;
    let application = application.filter(|it| it.enabled && it.auth_domain == *auth_domain);
    let Some(application) = application else { return Ok(None) };
    let policy = application.policies.iter().find(|policy| policy.id == policy_id);
    let Some(policy) = policy.filter(|policy| policy.approval_required) else { return Ok(None) };
    let mut groups = Vec::new();
    for group in &policy.approval_groups {
        groups.push(read(tx, group).await?);
    }
    let answerable = groups.iter().any(|group| !group.members.is_empty());
    Ok(answerable.then_some((application.name, groups)))
}

async fn read(tx: &mut Tx, group: &ApprovalGroup) -> Result<Group, Error> {
    let mut members: BTreeSet<_> =
        group.email_addresses.iter().map(|email| super::normalized(email)).collect();
    if let Some(id) = &group.email_list_id {
        let list = records::read::<ListRecord>(tx, &Key::List(id.clone())).await?;
        members.extend(list.into_iter().flat_map(|list| list.values));
    }
    // A group that needs nobody would let everybody in.
    Ok(Group {
        needed: usize::try_from(group.approvals_needed).unwrap_or(usize::MAX).max(1),
        members,
    })
}

/// Refuses what no edge asks, before it is stored.
fn judge(ask: &AskApproval) -> Result<(), Error> {
    if uuid::Uuid::parse_str(&ask.id).is_err() {
        return Err(Error::Invalid("id must be a UUID"));
    }
    if ask.justification.len() > MAX_JUSTIFICATION || ask.justification.contains('\0') {
        return Err(Error::Invalid("justification must be at most 4000 bytes, without NUL"));
    }
    let ids = [&ask.application_id, &ask.policy_id, &ask.user_id];
    if ids.iter().any(|id| id.len() > 64 || id.contains('\0')) {
        return Err(Error::Invalid("an id must be at most 64 bytes, without NUL"));
    }
    Ok(())
}

const PENDING: &str = "pending";
const APPROVED: &str = "approved";
const REFUSED: &str = "refused";
const DAY: i64 = 24 * 3_600_000;
/// Of the contract: a month.
const LONGEST: i64 = 31 * 24 * 3600;
const MAX_JUSTIFICATION: usize = 4000;
const MOST_MAILS: usize = 50;
/// Each request mails many people.
const PER_USER: Limit = Limit { scope: "approval_user", count: 10, window: 3_600_000 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_agrees_once_however_they_signed_in() {
        let vote = |approver_id: &str, email: &str| VoteRow {
            approver_id: approver_id.to_owned(),
            email: email.to_owned(),
            approve: true,
        };
        let members = ["ann@corp.com", "bob@corp.com"].map(str::to_owned).into();
        let group = Group { needed: 2, members };
        let twice = [vote("by-mail", "ann@corp.com"), vote("by-github", "ann@corp.com")];
        assert!(!group.agrees(&twice));
        assert!(group.agrees(&[vote("1", "ann@corp.com"), vote("2", "bob@corp.com")]));
    }
}
