//! The selectors of rules, and how rules are weighed.
//!
//! - [`email`], [`provider`], [`mfa`], [`risk`]: who somebody is, and how they signed in
//! - [`network`], [`country`], [`certificate`], [`service_token`], [`posture`]: where from, with what
//! - [`group`]: rules with a name; [`external`]: a service of the operator's own

pub(crate) mod certificate;
pub(crate) mod country;
pub(crate) mod email;
pub(crate) mod external;
pub(crate) mod group;
pub(crate) mod mfa;
pub(crate) mod network;
pub(crate) mod posture;
pub(crate) mod provider;
pub(crate) mod risk;
pub(crate) mod service_token;

use edge_state::access::policy::Decision;
use edge_state::access::{Identity, OrganizationRecord, Policy, Rule};

use crate::trace::{CriteriaTrace, MAX_TRACED_RULES, RuleState, RuleTrace};
use crate::visitor::{Circumstances, Subject};
use crate::{Here, Known, Need};

/// Why a rule could not be evaluated. `Display` is for administrators.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unevaluable {
    /// Rules about people, in a policy that asks nobody who they are.
    #[error("this policy asks nobody who they are")]
    NoIdentity,
    /// Selectors of machines, in a policy for people.
    #[error("counts in bypass and service policies only")]
    MachinesOnly,
    /// No address.
    #[error("the visitor's address is not known")]
    UnknownAddress,
    /// No country, or none that the address belongs to.
    #[error("the visitor's country is not known")]
    UnknownCountry,
    /// Not CIDR.
    #[error("is not a network")]
    NotANetwork,
    /// The list has been removed, or never was.
    #[error("there is no such list")]
    NoList,
    /// E.g. a list of networks, asked for an address of mail.
    #[error("the list holds other things")]
    OtherList,
    /// The group has been removed, or never was.
    #[error("there is no such group")]
    NoGroup,
    /// A group that contains itself.
    #[error("the group contains itself")]
    Cycle,
    /// Deeper than [`group::MAX_DEPTH`].
    #[error("groups are nested too deep")]
    TooDeep,
    /// More than [`group::MAX_GROUPS`].
    #[error("too many groups")]
    TooMany,
    /// No posture check has said anything about the device.
    #[error("nothing is known of the device")]
    UnknownDevice,
    /// Things that only another account knows.
    #[error("belongs to another account")]
    OtherAccount,
    /// What went wrong when the service was asked. It said neither yes nor no.
    #[error("the service that evaluates: {0}")]
    External(String),
}

/// Why a rule neither holds nor fails to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unknown {
    /// It can not be evaluated.
    Unevaluable(Unevaluable),
    /// Nobody has signed in yet.
    Identity,
    /// A service would have to be asked.
    External,
}

impl From<Unevaluable> for Unknown {
    fn from(reason: Unevaluable) -> Self {
        Self::Unevaluable(reason)
    }
}

/// Whether a rule holds.
pub(crate) type Held = Result<bool, Unknown>;

fn state(held: &Held) -> RuleState {
    match held {
        Ok(true) => RuleState::Held,
        Ok(false) => RuleState::NotHeld,
        Err(Unknown::Unevaluable(_)) => RuleState::Unevaluable,
        Err(Unknown::Identity) => RuleState::NeedsIdentity,
        Err(Unknown::External) => RuleState::NotAsked,
    }
}

/// Whom a policy is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Party<'a> {
    /// `bypass`
    Anybody,
    /// `non_identity`
    Machine,
    /// `allow`, `deny`
    Person(&'a Identity),
    /// `allow`, `deny`, before anybody signed in.
    Unknown,
}

/// What is done about services that evaluate.
#[derive(Clone, Copy, Debug)]
pub(crate) enum External<'a> {
    /// They are asked, if it matters.
    Ask,
    /// They said then what let this policy admit.
    AsBefore(Option<&'a str>),
    /// They are not asked: what cannot be known counts against the visitor.
    Never,
}

/// For each thing that is not known, whether it is taken to let the policy match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assume {
    unevaluable: bool,
    identity: bool,
    external: bool,
}

impl Assume {
    /// Against the visitor, but for what is known only after sign-in: that is for the visitor, as
    /// nobody is to be turned away whom signing in might help.
    pub(crate) fn of(policy: &Policy, party: Party<'_>, external: External<'_>) -> Self {
        let denies = policy.decision == Decision::Deny;
        let external = match (party, external) {
            (Party::Unknown, _) => !denies,
            (_, External::AsBefore(admitted)) => !denies && admitted == Some(policy.id.as_str()),
            (_, External::Ask | External::Never) => denies,
        };
        Self { unevaluable: denies, identity: !denies, external }
    }
}

/// Everything that rules can ask about.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) party: Party<'a>,
    pub(crate) subject: Subject<'a>,
    pub(crate) circumstances: Circumstances<'a>,
    pub(crate) known: &'a Known,
    pub(crate) here: &'a Here<'a>,
    pub(crate) org: &'a OrganizationRecord,
}

impl<'a> View<'a> {
    /// For selectors about people.
    pub(crate) fn identity(&self) -> Result<&'a Identity, Unknown> {
        match self.party {
            Party::Person(identity) => Ok(identity),
            Party::Unknown => Err(Unknown::Identity),
            Party::Anybody | Party::Machine => Err(Unevaluable::NoIdentity.into()),
        }
    }

    /// Things named by account are known of our own account only.
    pub(crate) fn own_account(&self, account_id: Option<&str>) -> Result<(), Unknown> {
        match account_id {
            Some(id) if id != self.org.account_id => Err(Unevaluable::OtherAccount.into()),
            _ => Ok(()),
        }
    }
}

/// What came of a policy.
pub(crate) struct Weighed {
    pub(crate) matched: bool,
    pub(crate) criteria: CriteriaTrace,
    /// A service that was not asked might have changed it.
    pub(crate) unsettled: bool,
}

/// One policy on the scales.
pub(crate) struct Weighing<'a> {
    pub(crate) view: View<'a>,
    assume: Assume,
    external: External<'a>,
    /// The groups within which we are.
    pub(crate) path: Vec<&'a str>,
    /// How many groups were opened.
    pub(crate) opened: usize,
    /// Whether a service was not asked that could be.
    postponed: bool,
    ask: bool,
}

impl<'a> Weighing<'a> {
    pub(crate) fn new(view: View<'a>, assume: Assume, external: External<'a>) -> Self {
        let path = Vec::new();
        Self { view, assume, external, path, opened: 0, postponed: false, ask: false }
    }

    /// Whether the policy matches. Services are asked only if nothing else decides: they cost time,
    /// and are told who somebody is.
    pub(crate) fn policy(mut self, policy: &'a Policy) -> Result<Weighed, Need> {
        let rules = (&policy.include[..], &policy.require[..], &policy.exclude[..]);
        let (matched, criteria) = self.criteria(rules, true)?;
        let settled = Weighed { matched, criteria, unsettled: false };
        if !(self.postponed && matches!(self.view.party, Party::Person(_))) {
            return Ok(settled);
        }
        self.assume.external = !self.assume.external;
        self.opened = 0;
        if self.criteria(rules, true)?.0 == matched {
            return Ok(settled);
        }
        if !matches!(self.external, External::Ask) {
            return Ok(Weighed { unsettled: true, ..settled });
        }
        (self.ask, self.opened) = (true, 0);
        let (matched, criteria) = self.criteria(rules, true)?;
        Ok(Weighed { matched, criteria, unsettled: false })
    }

    /// One of `include`, all of `require`, none of `exclude`. Every rule is looked at, so that the
    /// trace is whole. `positive`: holding helps the policy to match.
    pub(crate) fn criteria(
        &mut self,
        (include, require, exclude): (&'a [Rule], &'a [Rule], &'a [Rule]),
        positive: bool,
    ) -> Result<(bool, CriteriaTrace), Need> {
        let mut trace = CriteriaTrace::default();
        let included = self.rules(include, positive, &mut trace.include)?;
        let required = self.rules(require, positive, &mut trace.require)?;
        let excluded = self.rules(exclude, !positive, &mut trace.exclude)?;
        let held = included > 0 && required == require.len() && excluded == 0;
        trace.omitted = include.len() - trace.include.len() + require.len() - trace.require.len()
            + exclude.len()
            - trace.exclude.len();
        Ok((held, trace))
    }

    /// How many hold.
    fn rules(
        &mut self,
        rules: &'a [Rule],
        positive: bool,
        traced: &mut Vec<RuleTrace>,
    ) -> Result<usize, Need> {
        let mut count = 0;
        for rule in rules {
            let (held, group) = self.rule(rule, positive)?;
            let counted = match &held {
                Ok(held) => *held,
                // A rule whose holding helps the policy holds if that is assumed, and the reverse.
                Err(Unknown::Unevaluable(_)) => self.assume.unevaluable == positive,
                Err(Unknown::Identity) => self.assume.identity == positive,
                Err(Unknown::External) => self.assume.external == positive,
            };
            count += usize::from(counted);
            // Long lists of rules are traced as far as people read, and whatever decided.
            if traced.len() < MAX_TRACED_RULES || (counted && traced.len() < 2 * MAX_TRACED_RULES) {
                traced.push(RuleTrace {
                    rule: rule.clone(),
                    state: state(&held),
                    counted,
                    why: match held {
                        Err(Unknown::Unevaluable(reason)) => Some(reason.to_string()),
                        _ => None,
                    },
                    group,
                });
            }
        }
        Ok(count)
    }

    fn rule(
        &mut self,
        rule: &'a Rule,
        positive: bool,
    ) -> Result<(Held, Option<Box<CriteriaTrace>>), Need> {
        let view = &self.view;
        let held = match rule {
            Rule::Group { id } => return self.group(id, positive),
            Rule::ExternalEvaluation { evaluate_url, keys_url } => {
                self.external(evaluate_url, keys_url)?
            }
            Rule::EmailList { id } => email::on_list(view, id)?,
            Rule::IpList { id } => network::on_list(view, id)?,
            Rule::Email { email } => email::is(view, email),
            Rule::EmailDomain { domain } => email::in_domain(view, domain),
            Rule::Everyone {} => Ok(everyone(view)),
            Rule::Ip { ip } => network::within(view, ip),
            Rule::Geo { country_code } => country::is(view, country_code),
            Rule::LoginMethod { id } => provider::signed_in_by(view, id),
            Rule::AuthMethod { auth_method } => mfa::used(view, auth_method),
            Rule::AuthContext { ac_id, identity_provider_id, .. } => {
                provider::auth_context(view, identity_provider_id, ac_id)
            }
            Rule::AzureAd { id, identity_provider_id } => {
                provider::azure(view, identity_provider_id, id)
            }
            Rule::GithubOrganization { name, identity_provider_id, team } => {
                provider::github(view, identity_provider_id, name, team.as_deref())
            }
            Rule::Gsuite { email, identity_provider_id } => {
                provider::gsuite(view, identity_provider_id, email)
            }
            Rule::Okta { name, identity_provider_id } => {
                provider::okta(view, identity_provider_id, name)
            }
            Rule::Saml { attribute_name, attribute_value, identity_provider_id } => {
                provider::claim(view, identity_provider_id, attribute_name, attribute_value)
            }
            Rule::Oidc { claim_name, claim_value, identity_provider_id } => {
                provider::claim(view, identity_provider_id, claim_name, claim_value)
            }
            Rule::Certificate {} => Ok(view.circumstances.certificate.is_some()),
            Rule::CommonName { common_name } => Ok(certificate::named(view, common_name)),
            Rule::ServiceToken { token_id } => Ok(service_token::is(view, token_id)),
            Rule::AnyValidServiceToken {} => Ok(service_token::any(view)),
            Rule::LinkedAppToken { app_uid } => service_token::linked(view, app_uid),
            Rule::DevicePosture { integration_uid, account_id } => {
                posture::meets(view, integration_uid, account_id.as_deref())
            }
            Rule::UserRiskScore { user_risk_score } => risk::is_one_of(view, user_risk_score),
            Rule::CloudflareAccountMember { account_id } => {
                provider::member(view, account_id.as_deref())
            }
        };
        Ok((held, None))
    }

    fn external(&mut self, evaluate_url: &str, keys_url: &str) -> Result<Held, Need> {
        let identity = match (self.view.identity(), self.external) {
            (Err(unknown), _) => return Ok(Err(unknown)),
            (Ok(identity), External::Ask) if self.ask => identity,
            (Ok(_), _) => {
                self.postponed = true;
                return Ok(Err(Unknown::External));
            }
        };
        external::ask(&self.view, identity, evaluate_url, keys_url)
    }
}

/// Whoever signs in; in a bypass policy whoever comes; in a service policy whatever machine shows
/// credentials at all, as such a policy is not meant to open the door to passers-by.
fn everyone(view: &View<'_>) -> bool {
    match view.party {
        Party::Anybody | Party::Person(_) | Party::Unknown => true,
        Party::Machine => {
            service_token::any(view)
                || view.circumstances.certificate.is_some()
                || !view.subject.linked_app_tokens.is_empty()
        }
    }
}
