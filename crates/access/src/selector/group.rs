//! `group`: rules with a name, which may name other groups.

use super::{Held, Unevaluable, Weighing};
use crate::Need;
use crate::trace::CriteriaTrace;

/// How deep groups are followed.
pub(crate) const MAX_DEPTH: usize = 8;

/// How many groups are opened for one policy, each as often as it is named.
pub(crate) const MAX_GROUPS: usize = 100;

impl<'a> Weighing<'a> {
    /// What cannot be followed cannot be evaluated; the groups around it can, if other rules of
    /// theirs decide.
    pub(super) fn group(
        &mut self,
        id: &'a str,
        positive: bool,
    ) -> Result<(Held, Option<Box<CriteriaTrace>>), Need> {
        let unevaluable = |reason: Unevaluable| Ok((Err(reason.into()), None));
        if self.path.contains(&id) {
            return unevaluable(Unevaluable::Cycle);
        }
        if self.path.len() >= MAX_DEPTH {
            return unevaluable(Unevaluable::TooDeep);
        }
        if self.opened >= MAX_GROUPS {
            return unevaluable(Unevaluable::TooMany);
        }
        self.opened += 1;
        let Some(group) = self.view.known.records.group(id)? else {
            return unevaluable(Unevaluable::NoGroup);
        };
        self.path.push(id);
        let weighed = self.criteria((&group.include, &group.require, &group.exclude), positive);
        self.path.pop();
        let (held, mut trace) = weighed?;
        trace.name = Some(group.name.clone());
        Ok((Ok(held), Some(Box::new(trace))))
    }
}
