//! The policies of a token, judged.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::group::{Area, Group, Level};
use super::reach::{self, Reach, Target};

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

impl StoredPolicy {
    /// Reads a token's policies; the error says why they cannot be read.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
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
        let mut reached = Vec::new();
        for (resource, value) in &stored.resources {
            reach::read(resource, value, &mut reached)?;
        }
        let groups = stored.permission_groups.iter().map(|group| {
            let unknown = || format!("permission group {:?} is not known here", group.id);
            Group::find(&group.id).copied().ok_or_else(unknown)
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        if reached.is_empty() || groups.is_empty() {
            return Err("a policy needs at least one resource and one permission group".to_owned());
        }
        Ok(Self { allow, reach: reached, groups })
    }
}

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
