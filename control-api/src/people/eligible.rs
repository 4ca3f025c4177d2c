//! Whether an address may get a code: only if the provider may speak for it and some policy could
//! let it in. What a policy says beside the address counts as perhaps.

use std::collections::BTreeMap;

use edge_state::access::policy::Decision;
use edge_state::access::{
    ApplicationRecord, GroupRecord, IdentityProviderRecord, ListRecord, Policy, Rule,
};
use edge_state::{Hostname, Key, Record};
use lettre::Address;

use super::{Error, records};
use crate::store::Tx;

/// Who wants a code, and where.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) auth_domain: &'a Hostname,
    pub(super) identity_provider_id: &'a str,
    pub(super) application_id: Option<&'a str>,
    pub(super) email: &'a str,
}

/// What an address alone says of a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fits {
    Yes,
    No,
    Perhaps,
}

/// The records read so far: lists and groups are named again and again.
struct Known<'a> {
    tx: &'a mut Tx,
    lists: BTreeMap<String, Option<ListRecord>>,
    groups: BTreeMap<String, Option<GroupRecord>>,
}

/// Whether a code may be mailed.
pub(super) async fn may_have_code(tx: &mut Tx, who: Candidate<'_>) -> Result<bool, Error> {
    let (email, provider_id) = (who.email, who.identity_provider_id);
    if email.parse::<Address>().is_err() {
        return Ok(false);
    }
    let Some(organization) = records::organization(tx, who.auth_domain).await? else {
        return Ok(false);
    };
    match records::provider(tx, who.auth_domain, provider_id).await? {
        Some(provider) if speaks_for(&provider, email) => {}
        _ => return Ok(false),
    }
    let application_ids = if let Some(id) = who.application_id {
        vec![id.to_owned()]
    } else {
        let launcher = organization.launcher.map(|launcher| launcher.application_id);
        launcher.into_iter().chain(organization.applications).collect()
    };
    let mut known = Known { tx, lists: BTreeMap::new(), groups: BTreeMap::new() };
    for id in application_ids {
        let application =
            records::read::<ApplicationRecord>(known.tx, &Key::Application(id)).await?;
        let Some(application) = application else { continue };
        let belongs = application.auth_domain == *who.auth_domain && application.enabled;
        let offered = application.allowed_idps.is_empty()
            || application.allowed_idps.iter().any(|id| id == provider_id);
        if belongs && offered && known.could_enter(&application.policies, email).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn speaks_for(provider: &IdentityProviderRecord, email: &str) -> bool {
    let Some((_, domain)) = email.rsplit_once('@') else { return false };
    provider.email_domains.is_empty()
        || provider.email_domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
}

impl Known<'_> {
    async fn could_enter(&mut self, policies: &[Policy], email: &str) -> Result<bool, Error> {
        for policy in policies {
            let rules = (&*policy.include, &*policy.require, &*policy.exclude);
            let fits = self.rules(rules, email, 0).await?;
            // Bypass and Service Auth need no code.
            if policy.decision == Decision::Allow && fits != Fits::No {
                return Ok(true);
            }
            if policy.decision == Decision::Deny && fits == Fits::Yes {
                return Ok(false);
            }
            // Who approves needs no policy of their own.
            for group in &policy.approval_groups {
                let named = group.email_addresses.iter().any(|it| it.eq_ignore_ascii_case(email));
                let listed = match &group.email_list_id {
                    Some(id) => self.listed(id, email).await? == Fits::Yes,
                    None => false,
                };
                if named || listed {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    async fn rules(
        &mut self,
        (include, require, exclude): (&[Rule], &[Rule], &[Rule]),
        email: &str,
        depth: usize,
    ) -> Result<Fits, Error> {
        let mut included = Fits::No;
        for rule in include {
            included = included.or(self.rule(rule, email, depth).await?);
        }
        let mut fits = included;
        for rule in require {
            fits = fits.and(self.rule(rule, email, depth).await?);
        }
        for rule in exclude {
            fits = fits.and(self.rule(rule, email, depth).await?.not());
        }
        Ok(fits)
    }

    async fn rule(&mut self, rule: &Rule, email: &str, depth: usize) -> Result<Fits, Error> {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        Ok(match rule {
            Rule::Email { email: wanted } => Fits::of(wanted.eq_ignore_ascii_case(email)),
            Rule::EmailDomain { domain: wanted } => {
                Fits::of(wanted.trim_start_matches('@').eq_ignore_ascii_case(domain))
            }
            Rule::EmailList { id } => self.listed(id, email).await?,
            Rule::Everyone {} => Fits::Yes,
            // Nobody with an identity is a machine.
            Rule::ServiceToken { .. } | Rule::AnyValidServiceToken {} => Fits::No,
            Rule::Group { id } if depth < MAX_DEPTH => match self.group(id).await? {
                Some(group) => {
                    let rules = (&*group.include, &*group.require, &*group.exclude);
                    Box::pin(self.rules(rules, email, depth + 1)).await?
                }
                None => Fits::No,
            },
            _ => Fits::Perhaps,
        })
    }

    async fn listed(&mut self, id: &str, email: &str) -> Result<Fits, Error> {
        if !self.lists.contains_key(id) {
            let list = self.read(Key::List(id.to_owned())).await?;
            self.lists.insert(id.to_owned(), list);
        }
        let list: Option<&ListRecord> = self.lists.get(id).and_then(Option::as_ref);
        let has = |list: &ListRecord| list.values.iter().any(|it| it.eq_ignore_ascii_case(email));
        Ok(Fits::of(list.is_some_and(has)))
    }

    async fn group(&mut self, id: &str) -> Result<Option<GroupRecord>, Error> {
        if !self.groups.contains_key(id) {
            let group = self.read(Key::Group(id.to_owned())).await?;
            self.groups.insert(id.to_owned(), group);
        }
        Ok(self.groups.get(id).cloned().flatten())
    }

    async fn read<R: Record>(&mut self, key: Key) -> Result<Option<R>, Error> {
        records::read(self.tx, &key).await
    }
}

impl Fits {
    fn of(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Perhaps,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

/// Groups in groups in groups.
const MAX_DEPTH: usize = 16;
