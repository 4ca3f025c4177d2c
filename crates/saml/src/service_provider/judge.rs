//! Whether a verified assertion holds here and now (SAML profiles §4.1.4.3).

use std::time::SystemTime;

use super::{Expectation, ResponseError, ServiceProvider};
use crate::assertion::{Assertion, BEARER, Read, SubjectConfirmation};
use crate::instant::format;
use crate::message::is_recent;
use crate::peer::IdentityProviderPeer;
use crate::replay::Once;

impl ServiceProvider {
    /// Whether it was asked for, and how to remember it.
    pub(super) fn judge(
        &self,
        read: &Read<'_>,
        peer: &IdentityProviderPeer,
        expectation: &Expectation<'_>,
        now: SystemTime,
    ) -> Result<(bool, Once), ResponseError> {
        let assertion = &read.assertion;
        if assertion.issuer != peer.entity_id {
            return Err(ResponseError::Issuer(assertion.issuer.clone()));
        }
        let (age, skew) = (self.assertion_lifetime, self.clock_skew);
        if !is_recent(assertion.issue_instant, now, age, skew) {
            return Err(ResponseError::IssueInstant(format(assertion.issue_instant)));
        }
        self.judge_conditions(assertion, now)?;
        self.judge_authentication(assertion, expectation, now)?;
        let solicited = self.judge_confirmations(assertion, peer, expectation, now)?;
        let until = assertion.issue_instant + age + skew + skew;
        Ok((solicited, Once::new(&assertion.issuer, &assertion.id, until)))
    }

    fn judge_conditions(
        &self,
        assertion: &Assertion,
        now: SystemTime,
    ) -> Result<(), ResponseError> {
        let conditions = &assertion.conditions;
        if let Some(from) = conditions.not_before.filter(|from| *from > now + self.clock_skew) {
            return Err(ResponseError::NotYet(format(from)));
        }
        if let Some(end) = conditions.not_on_or_after.filter(|end| self.is_over(*end, now)) {
            return Err(ResponseError::Expired(format(end)));
        }
        if conditions.audiences.is_empty() {
            return Err(ResponseError::Audience(Vec::new()));
        }
        match conditions.audiences.iter().find(|all| !all.contains(&self.entity_id)) {
            Some(audiences) => Err(ResponseError::Audience(audiences.clone())),
            None => Ok(()),
        }
    }

    fn judge_authentication(
        &self,
        assertion: &Assertion,
        expectation: &Expectation<'_>,
        now: SystemTime,
    ) -> Result<(), ResponseError> {
        if assertion.authn_statements.is_empty() {
            return Err(ResponseError::NoAuthnStatement);
        }
        for statement in &assertion.authn_statements {
            let over = statement.session_not_on_or_after.is_some_and(|end| self.is_over(end, now));
            let early = expectation
                .authenticated_since
                .is_some_and(|since| statement.authn_instant + self.clock_skew < since);
            if over || early || statement.authn_instant > now + self.clock_skew {
                return Err(ResponseError::Authentication);
            }
        }
        Ok(())
    }

    /// One bearer confirmation must hold in all respects. Otherwise the error tells what the last
    /// one fell short of.
    fn judge_confirmations(
        &self,
        assertion: &Assertion,
        peer: &IdentityProviderPeer,
        expectation: &Expectation<'_>,
        now: SystemTime,
    ) -> Result<bool, ResponseError> {
        let mut error = ResponseError::NoBearer;
        for confirmation in assertion.confirmations.iter().filter(|c| c.method == BEARER) {
            match self.judge_bearer(confirmation, peer, expectation, now) {
                Ok(solicited) => return Ok(solicited),
                Err(found) => error = found,
            }
        }
        Err(error)
    }

    fn judge_bearer(
        &self,
        confirmation: &SubjectConfirmation,
        peer: &IdentityProviderPeer,
        expectation: &Expectation<'_>,
        now: SystemTime,
    ) -> Result<bool, ResponseError> {
        if confirmation.recipient.as_ref() != Some(&self.assertion_consumer_service) {
            return Err(ResponseError::Recipient(confirmation.recipient.clone()));
        }
        let over = confirmation.not_on_or_after.is_none_or(|end| self.is_over(end, now));
        if over || confirmation.not_before.is_some() {
            return Err(ResponseError::Confirmation);
        }
        match (confirmation.in_response_to.as_deref(), expectation.in_response_to) {
            (Some(found), Some(expected)) if found == expected => Ok(true),
            (None, _) if peer.allow_unsolicited => Ok(false),
            (None, None) => Err(ResponseError::Unsolicited),
            (found, _) => Err(ResponseError::InResponseTo { found: found.map(str::to_owned) }),
        }
    }

    fn is_over(&self, end: SystemTime, now: SystemTime) -> bool {
        end.checked_add(self.clock_skew).is_some_and(|end| end <= now)
    }
}
