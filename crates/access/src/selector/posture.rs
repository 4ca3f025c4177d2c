//! `device_posture`.

use super::{Held, Unevaluable, Unknown, View};

/// `device_posture`: the newest finding of this posture rule for the person's device.
pub(super) fn meets(view: &View<'_>, rule: &str, account_id: Option<&str>) -> Held {
    view.own_account(account_id)?;
    // Posture says nothing of who somebody is, so a policy for machines may ask for it too.
    let identity = match (view.identity(), view.subject.identity) {
        (Ok(identity), _) | (Err(_), Some(identity)) => identity,
        (Err(Unknown::Identity), None) => return Err(Unknown::Identity),
        (Err(_), None) => return Err(Unevaluable::UnknownDevice.into()),
    };
    Ok(*identity.device_posture.get(rule).ok_or(Unevaluable::UnknownDevice)?)
}
