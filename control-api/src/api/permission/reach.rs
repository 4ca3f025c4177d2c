//! Where a policy reaches, and what a request acts on.

use serde_json::Value;

use crate::api::is_id;

/// What a request acts on.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The user.
    User,
    /// All accounts, such as when making a new one.
    AllAccounts,
    /// One account.
    Account(&'a str),
    /// A zone in this account that has no id yet.
    NewZone(&'a str),
    /// One zone.
    Zone {
        /// Its id.
        id: &'a str,
        /// Its account's id.
        account: &'a str,
    },
}

/// Where a policy reaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// The user.
    User,
    /// Every account and every zone in it.
    AllAccounts,
    /// One account and every zone in it.
    Account(String),
    /// Every zone.
    AllZones,
    /// Every zone of one account.
    ZonesOf(String),
    /// One zone.
    Zone(String),
}

impl Reach {
    /// Whether the target lies within.
    pub(super) fn covers(&self, target: Target<'_>) -> bool {
        match (self, target) {
            (Self::User, Target::User) => true,
            (Self::AllAccounts, target) => !matches!(target, Target::User),
            (Self::AllZones, target) => matches!(target, Target::NewZone(_) | Target::Zone { .. }),
            (Self::Account(id), Target::Account(account))
            | (
                Self::Account(id) | Self::ZonesOf(id),
                Target::NewZone(account) | Target::Zone { account, .. },
            ) => id == account,
            (Self::Zone(id), Target::Zone { id: zone, .. }) => id == zone,
            (
                Self::User | Self::Account(_) | Self::ZonesOf(_) | Self::Zone(_),
                Target::User
                | Target::AllAccounts
                | Target::Account(_)
                | Target::NewZone(_)
                | Target::Zone { .. },
            ) => false,
        }
    }

    /// Whether everything that `other` reaches is reached. `account_of` knows zones' accounts.
    pub(super) fn holds(&self, other: &Self, account_of: &dyn Fn(&str) -> Option<String>) -> bool {
        let in_account =
            |zone: &str, id: &str| account_of(zone).is_some_and(|account| account == id);
        match (self, other) {
            (Self::AllAccounts, other) => *other != Self::User,
            (Self::AllZones, other) => {
                matches!(other, Self::AllZones | Self::ZonesOf(_) | Self::Zone(_))
            }
            (Self::Account(id), Self::Account(other))
            | (Self::Account(id) | Self::ZonesOf(id), Self::ZonesOf(other)) => id == other,
            (Self::Account(id) | Self::ZonesOf(id), Self::Zone(zone)) => in_account(zone, id),
            (one, other) => one == other,
        }
    }
}

/// Reads one member of a policy's `resources`.
pub(super) fn read(resource: &str, value: &Value, reach: &mut Vec<Reach>) -> Result<(), String> {
    let invalid = || {
        format!(
            "{resource:?} is no resource: write com.cloudflare.api.account.<id>, \
             com.cloudflare.api.account.zone.<id> or com.cloudflare.api.user.<id>, and \"*\" as its value"
        )
    };
    let id = |text: &str| is_id(text).then(|| text.to_owned()).ok_or_else(invalid);
    let rest = resource.strip_prefix("com.cloudflare.api.").ok_or_else(invalid)?;
    if let Value::Object(nested) = value {
        let account = id(rest.strip_prefix("account.").ok_or_else(invalid)?)?;
        for (zones, value) in nested {
            let zone = zones.strip_prefix(ZONE).and_then(|rest| rest.strip_prefix('.'));
            reach.push(match zone.filter(|_| value == "*").ok_or_else(invalid)? {
                "*" => Reach::ZonesOf(account.clone()),
                zone => Reach::Zone(id(zone)?),
            });
        }
        return Ok(());
    }
    if value != "*" {
        return Err(invalid());
    }
    reach.push(match (rest.strip_prefix("account.zone."), rest.strip_prefix("account.")) {
        (Some("*"), _) => Reach::AllZones,
        (Some(zone), _) => Reach::Zone(id(zone)?),
        (None, Some("*")) => Reach::AllAccounts,
        (None, Some(account)) => Reach::Account(id(account)?),
        (None, None) => {
            id(rest.strip_prefix("user.").ok_or_else(invalid)?)?;
            Reach::User
        }
    });
    Ok(())
}

const ZONE: &str = "com.cloudflare.api.account.zone";
