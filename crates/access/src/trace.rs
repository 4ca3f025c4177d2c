//! What came of each rule of the policies that were looked at: for the policy tester, and for the
//! administrator who looks up the code of a deny page.

use edge_state::access::Rule;
use edge_state::access::policy::Decision;
use serde::Serialize;

/// So many rules of one list are traced, and as many more that counted.
pub const MAX_TRACED_RULES: usize = 50;

/// The policies that were looked at, in the order of evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Trace {
    /// Up to the one that decided.
    pub policies: Vec<PolicyTrace>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyTrace {
    /// Its place in the list.
    pub index: usize,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it decides.
    pub decision: Decision,
    /// Whether it matched. Before sign-in: whether it might for somebody (`allow`) or would for
    /// everybody (`deny`).
    pub matched: bool,
    /// Its rules.
    #[serde(flatten)]
    pub criteria: CriteriaTrace,
}

/// The rules of a policy or group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CriteriaTrace {
    /// The group's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of these has to hold.
    pub include: Vec<RuleTrace>,
    /// All of these have to hold.
    pub require: Vec<RuleTrace>,
    /// None of these may hold.
    pub exclude: Vec<RuleTrace>,
    /// Rules that are not shown, as there are so many.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: usize,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleTrace {
    /// As in the contract.
    pub rule: Rule,
    /// What came of it.
    pub state: RuleState,
    /// Whether it counted as holding.
    pub counted: bool,
    /// Why it could not be evaluated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The rules of the group that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Box<CriteriaTrace>>,
}

/// What came of a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleState {
    /// It holds.
    Held,
    /// It does not.
    NotHeld,
    /// Nobody can say; it counts against the visitor.
    Unevaluable,
    /// Nobody has signed in yet.
    NeedsIdentity,
    /// A service was not asked, as it made no difference or was not to be asked.
    NotAsked,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
