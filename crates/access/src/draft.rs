//! Policies that are not saved yet: what they would have decided, and whether they lock out whoever
//! is about to save them.

use edge_state::access::call::LoginEvent;
use edge_state::access::{OrganizationRecord, Policy};

use crate::policy::{Circumstances, Subject, Verdict, weigh};
use crate::selector::External;
use crate::{Here, Known, Need};

/// What policies say about somebody, as a test: services that evaluate are told nothing, and so
/// their rules cannot be evaluated.
///
/// # Errors
/// [`Need`]: a group or list has not been read.
pub fn check(
    policies: &[Policy],
    subject: &Subject<'_>,
    circumstances: &Circumstances<'_>,
    known: &Known,
    here: &Here<'_>,
    org: &OrganizationRecord,
) -> Result<Verdict, Need> {
    weigh(policies, *subject, *circumstances, (known, here, org), External::Never)
}

/// [`check`] for the person and the place of a line of the login log. To see what a draft changes,
/// replay both the saved policies and the draft: the line itself was decided by what was saved then.
///
/// # Errors
/// [`Need`]: a group or list has not been read.
pub fn replay(
    policies: &[Policy],
    event: &LoginEvent,
    known: &Known,
    here: &Here<'_>,
    org: &OrganizationRecord,
) -> Result<Verdict, Need> {
    let subject = Subject { identity: event.identity.as_ref(), ..Subject::default() };
    let circumstances = Circumstances {
        ip: event.ip_address.as_deref().and_then(|ip| ip.parse().ok()),
        country: event.country.as_deref(),
        certificate: None,
    };
    check(policies, &subject, &circumstances, known, here, org)
}

/// The verdict on the author of `draft`, if they come in by what is saved and would not by the
/// draft. Who does not come in now loses nothing.
///
/// # Errors
/// [`Need`]: a group or list has not been read.
pub fn lockout(
    saved: &[Policy],
    draft: &[Policy],
    author: &Subject<'_>,
    circumstances: &Circumstances<'_>,
    known: &Known,
    here: &Here<'_>,
    org: &OrganizationRecord,
) -> Result<Option<Verdict>, Need> {
    if !check(saved, author, circumstances, known, here, org)?.outcome.admits() {
        return Ok(None);
    }
    let verdict = check(draft, author, circumstances, known, here, org)?;
    Ok((!verdict.outcome.admits()).then_some(verdict))
}
