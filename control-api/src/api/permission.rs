//! What a token may do: permission groups and policies, in the contract's form.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A kind of permission. Ids are Cloudflare's own, so that existing scripts find them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Area {
    /// The user's own tokens.
    ApiTokens,
    /// The user.
    UserDetails,
    /// Accounts.
    AccountSettings,
    /// Tokens that belong to an account.
    AccountApiTokens,
    /// Zones.
    Zone,
    /// Settings of zones.
    ZoneSettings,
    /// Custom hostnames and their certificates.
    SslAndCertificates,
}

/// How far a permission goes. Edit holds read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Look.
    Read,
    /// Look and change.
    Edit,
}

/// One line of `permission_groups`.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// 32 hexadecimal digits.
    pub id: &'static str,
    /// As people know it.
    pub name: &'static str,
    /// What it is about.
    pub area: Area,
    /// How far it goes.
    pub level: Level,
}

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

/// What a token may do.
#[derive(Clone, Debug)]
pub enum Grants {
    /// Everything: the token from configuration.
    All,
    /// What its policies say.
    Policies(Vec<Policy>),
}

/// A policy as it is judged.
#[derive(Clone, Debug)]
pub struct Policy {
    allow: bool,
    reach: Vec<Reach>,
    groups: Vec<Group>,
}

/// A policy as it is stored and answered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StoredPolicy {
    /// 32 hexadecimal digits.
    pub id: String,
    /// `allow` or `deny`.
    pub effect: String,
    /// Resource to `*`, or account to its zones.
    #[schema(value_type = Object)]
    pub resources: Map<String, Value>,
    /// What is allowed or denied there.
    pub permission_groups: Vec<StoredGroup>,
}

/// A permission group in a policy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, utoipa::ToSchema)]
pub struct StoredGroup {
    /// 32 hexadecimal digits.
    pub id: String,
    /// As people know it.
    pub name: String,
}

impl Group {
    /// By id, or by name, which is easier to remember.
    #[must_use]
    pub fn find(text: &str) -> Option<&'static Self> {
        GROUPS.iter().find(|group| group.id == text || group.name == text)
    }

    /// The kind of resource that it is for.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match self.area {
            Area::ApiTokens | Area::UserDetails => "com.cloudflare.api.user",
            Area::AccountSettings | Area::AccountApiTokens => "com.cloudflare.api.account",
            Area::Zone | Area::ZoneSettings | Area::SslAndCertificates => ZONE,
        }
    }
}

/// The name of the permission that an area and level ask for, to be told to who lacks it.
#[must_use]
pub fn name(area: Area, level: Level) -> &'static str {
    let group = GROUPS.iter().find(|group| group.area == area && group.level == level);
    group.map_or("", |group| group.name)
}

impl Reach {
    fn covers(&self, target: Target<'_>) -> bool {
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
    fn holds(&self, other: &Self, account_of: &dyn Fn(&str) -> Option<String>) -> bool {
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

impl Grants {
    /// Whether the token may do this there.
    #[must_use]
    pub fn allow(&self, area: Area, level: Level, target: Target<'_>) -> bool {
        self.judge(target, |group| group.area == area && group.level >= level)
    }

    /// Whether the token may do anything at all there, if only look: then it may know that it exists.
    #[must_use]
    pub fn reach(&self, target: Target<'_>) -> bool {
        self.judge(target, |_| true)
    }

    /// Whether the token may make zones anywhere: if not, the request's body need not be read.
    #[must_use]
    pub fn make_zones(&self) -> bool {
        let Self::Policies(policies) = self else { return true };
        let holds_new = |reach: &Reach| !matches!(reach, Reach::User | Reach::Zone(_));
        policies.iter().any(|policy| {
            let may = |group: &Group| group.area == Area::Zone && group.level == Level::Edit;
            policy.allow && policy.groups.iter().any(may) && policy.reach.iter().any(holds_new)
        })
    }

    /// A matching denial beats every permission.
    fn judge(&self, target: Target<'_>, wanted: impl Fn(&Group) -> bool) -> bool {
        let Self::Policies(policies) = self else { return true };
        let any = |allow| {
            policies.iter().any(|policy| {
                policy.allow == allow
                    && policy.groups.iter().any(&wanted)
                    && policy.reach.iter().any(|reach| reach.covers(target))
            })
        };
        any(true) && !any(false)
    }

    /// Whether a token with `policies` could do nothing that this one cannot: otherwise whoever may
    /// make tokens could do everything. A token with denials makes no tokens: what it may not do is
    /// not worth computing.
    #[must_use]
    pub fn hold(&self, policies: &[Policy], account_of: &dyn Fn(&str) -> Option<String>) -> bool {
        let Self::Policies(own) = self else { return true };
        let held = |reach: &Reach, group: &Group| {
            own.iter().any(|policy| {
                policy.reach.iter().any(|own| own.holds(reach, account_of))
                    && policy
                        .groups
                        .iter()
                        .any(|own| own.area == group.area && own.level >= group.level)
            })
        };
        own.iter().all(|policy| policy.allow)
            && policies.iter().filter(|policy| policy.allow).all(|policy| {
                policy
                    .reach
                    .iter()
                    .all(|reach| policy.groups.iter().all(|group| held(reach, group)))
            })
    }
}

impl Policy {
    /// Where it reaches.
    #[must_use]
    pub fn reach(&self) -> &[Reach] {
        &self.reach
    }
}

impl TryFrom<&StoredPolicy> for Policy {
    type Error = String;

    /// The error says what is wrong, for the client.
    fn try_from(stored: &StoredPolicy) -> Result<Self, String> {
        let allow = match stored.effect.as_str() {
            "allow" => true,
            "deny" => false,
            other => return Err(format!("effect must be `allow` or `deny`, not {other:?}")),
        };
        let mut reach = Vec::new();
        for (resource, value) in &stored.resources {
            read_resource(resource, value, &mut reach)?;
        }
        let groups = stored.permission_groups.iter().map(|group| {
            let unknown = || format!("permission group {:?} is not known here", group.id);
            Group::find(&group.id).copied().ok_or_else(unknown)
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        if reach.is_empty() || groups.is_empty() {
            return Err("a policy needs at least one resource and one permission group".to_owned());
        }
        Ok(Self { allow, reach, groups })
    }
}

fn read_resource(resource: &str, value: &Value, reach: &mut Vec<Reach>) -> Result<(), String> {
    let invalid = || {
        format!(
            "{resource:?} is no resource: write com.cloudflare.api.account.<id>, \
             com.cloudflare.api.account.zone.<id> or com.cloudflare.api.user.<id>, and \"*\" as its value"
        )
    };
    let id = |text: &str| super::is_id(text).then(|| text.to_owned()).ok_or_else(invalid);
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

/// Every permission group that there is.
pub const GROUPS: [Group; 14] = [
    group("0cc3a61731504c89b99ec1be78b77aa0", "API Tokens Read", Area::ApiTokens, Level::Read),
    group("686d18d5ac6c441c867cbf6771e58a0a", "API Tokens Write", Area::ApiTokens, Level::Edit),
    group("8acbe5bb0d54464ab867149d7f7cf8ac", "User Details Read", Area::UserDetails, Level::Read),
    group("55a5e17cc99e4a3fa1f3432d262f2e55", "User Details Write", Area::UserDetails, Level::Edit),
    group(
        "c1fde68c7bcc44588cbb6ddbc16d6480",
        "Account Settings Read",
        Area::AccountSettings,
        Level::Read,
    ),
    group(
        "1af1fa2adc104452b74a9a3364202f20",
        "Account Settings Write",
        Area::AccountSettings,
        Level::Edit,
    ),
    group(
        "eb56a6953c034b9d97dd838155666f06",
        "Account API Tokens Read",
        Area::AccountApiTokens,
        Level::Read,
    ),
    group(
        "5bc3f8b21c554832afc660159ab75fa4",
        "Account API Tokens Write",
        Area::AccountApiTokens,
        Level::Edit,
    ),
    group("c8fed203ed3043cba015a93ad1616f1f", "Zone Read", Area::Zone, Level::Read),
    group("e6d2666161e84845a636613608cee8d5", "Zone Write", Area::Zone, Level::Edit),
    group(
        "517b21aee92c4d89936c976ba6e4be55",
        "Zone Settings Read",
        Area::ZoneSettings,
        Level::Read,
    ),
    group(
        "3030687196b94b638145a3953da2b699",
        "Zone Settings Write",
        Area::ZoneSettings,
        Level::Edit,
    ),
    group(
        "7b7216b327b04b8fbc8f524e1f9b7531",
        "SSL and Certificates Read",
        Area::SslAndCertificates,
        Level::Read,
    ),
    group(
        "c03055bc037c4ea9afb9a9f104b7b721",
        "SSL and Certificates Write",
        Area::SslAndCertificates,
        Level::Edit,
    ),
];

const fn group(id: &'static str, name: &'static str, area: Area, level: Level) -> Group {
    Group { id, name, area, level }
}

const ZONE: &str = "com.cloudflare.api.account.zone";

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const Z: &str = "cccccccccccccccccccccccccccccccc";

    fn policy(effect: &str, resources: &str, group: &str) -> Result<Policy, String> {
        let resources = resources.replace("{A}", A).replace("{Z}", Z);
        let json = format!(
            r#"{{"id":"{A}","effect":"{effect}","resources":{resources},"permission_groups":[{{"id":"{group}","name":""}}]}}"#
        );
        Policy::try_from(&serde_json::from_str::<StoredPolicy>(&json).unwrap())
    }

    fn grants(policies: &[(&str, &str, &str)]) -> Grants {
        let policies =
            policies.iter().map(|(effect, resources, group)| policy(effect, resources, group));
        Grants::Policies(policies.collect::<Result<_, _>>().unwrap())
    }

    const EDIT: &str = "SSL and Certificates Write";

    #[test]
    fn each_form_of_resource_reaches_what_it_says() {
        let zone = Target::Zone { id: Z, account: A };
        let foreign = Target::Zone { id: B, account: B };
        for (resources, own, other) in [
            (r#"{"com.cloudflare.api.account.zone.{Z}":"*"}"#, true, false),
            (r#"{"com.cloudflare.api.account.zone.*":"*"}"#, true, true),
            (r#"{"com.cloudflare.api.account.{A}":"*"}"#, true, false),
            (r#"{"com.cloudflare.api.account.*":"*"}"#, true, true),
            (
                r#"{"com.cloudflare.api.account.{A}":{"com.cloudflare.api.account.zone.*":"*"}}"#,
                true,
                false,
            ),
            (
                r#"{"com.cloudflare.api.account.{A}":{"com.cloudflare.api.account.zone.{Z}":"*"}}"#,
                true,
                false,
            ),
            (r#"{"com.cloudflare.api.user.{A}":"*"}"#, false, false),
        ] {
            let grants = grants(&[("allow", resources, EDIT)]);
            let allow = |target| grants.allow(Area::SslAndCertificates, Level::Read, target);
            assert_eq!((allow(zone), allow(foreign)), (own, other), "{resources}");
            assert!(!grants.allow(Area::ZoneSettings, Level::Read, zone), "{resources}");
        }
    }

    #[test]
    fn a_denial_beats_a_permission_and_read_is_not_edit() {
        let zone = Target::Zone { id: Z, account: A };
        let all = r#"{"com.cloudflare.api.account.*":"*"}"#;
        let one = r#"{"com.cloudflare.api.account.zone.{Z}":"*"}"#;
        let read = grants(&[("allow", all, "SSL and Certificates Read")]);
        assert!(!read.allow(Area::SslAndCertificates, Level::Edit, zone));
        let denied = grants(&[("allow", all, EDIT), ("deny", one, EDIT)]);
        assert!(!denied.allow(Area::SslAndCertificates, Level::Edit, zone));
    }

    #[test]
    fn what_is_no_resource_is_refused() {
        for resources in [
            "{}",
            r#"{"com.cloudflare.api.account.x":"*"}"#,
            r#"{"com.cloudflare.api.account.{A}":"read"}"#,
            r#"{"com.cloudflare.api.account.{A}":{"com.cloudflare.api.account.zone.{Z}":1}}"#,
            r#"{"com.cloudflare.api.account.{A}":{"com.cloudflare.api.account.zonex":"*"}}"#,
            r#"{"*":"*"}"#,
        ] {
            assert!(policy("allow", resources, EDIT).is_err(), "{resources}");
        }
        assert!(policy("allow", r#"{"com.cloudflare.api.account.*":"*"}"#, "Everything").is_err());
    }

    #[test]
    fn nobody_gives_what_he_has_not() {
        let account_of = |zone: &str| (zone == Z).then(|| A.to_owned());
        let account = r#"{"com.cloudflare.api.account.{A}":"*"}"#;
        let zone = r#"{"com.cloudflare.api.account.zone.{Z}":"*"}"#;
        let all = r#"{"com.cloudflare.api.account.zone.*":"*"}"#;
        let own = grants(&[("allow", account, EDIT)]);
        let may_give =
            |resources, group| own.hold(&[policy("allow", resources, group).unwrap()], &account_of);
        assert!(may_give(zone, EDIT) && may_give(zone, "SSL and Certificates Read"));
        assert!(!may_give(all, EDIT) && !may_give(zone, "Zone Write"));
    }
}
