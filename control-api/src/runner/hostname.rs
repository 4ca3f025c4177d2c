//! Whether a custom hostname points here, or proves its ownership otherwise. One proof is enough.

use std::net::IpAddr;

use edge_state::Hostname;
use lifecycle::Problem;
use lifecycle::hostname::Event;
use lifecycle::problem::clip;
use lifecycle::validation::{ownership_path, ownership_txt_name, proves_ownership};

use super::{Failure, Report, Runner};
use crate::check::OWNERSHIP_AGENT;
use crate::dns::DnsError;
use crate::store::machines::{self, HostnameRow};

impl Runner {
    pub(super) async fn check_hostname(&self, id: &str) -> Result<Report, Failure> {
        let row = machines::find(&mut self.db.read().await?, id).await?;
        let Some(row) = row else { return Ok(Report::Nothing) };
        let hostname = Hostname::parse(&row.hostname)?;
        let target = Hostname::parse(&row.cname_target)?;
        let Some(elsewhere) = self.points_elsewhere(&row, &hostname, &target).await else {
            return Ok(Report::Hostname(Event::Verified));
        };
        let Some(no_token) = self.lacks_token(&row, &hostname).await else {
            return Ok(Report::Hostname(Event::Verified));
        };
        Ok(Report::Hostname(Event::NotVerified(vec![elsewhere, no_token])))
    }

    /// `None`: it is an alias of the zone's target or of its fallback origin, or has an address of
    /// ours, or the very addresses of the target (as at an apex, where there are no aliases).
    async fn points_elsewhere(
        &self,
        row: &HostnameRow,
        hostname: &Hostname,
        target: &Hostname,
    ) -> Option<Problem> {
        // Whatever name below a wildcard is asked for is answered by it.
        let asked = hostname.as_str().replacen('*', "lintel-check", 1);
        let asked = Hostname::parse(&asked).unwrap_or_else(|_| hostname.clone());
        let aliases = self.resolver.aliases(&asked).await;
        let ours = |name: &String| {
            *name == target.as_str() || row.fallback_origin.as_deref() == Some(name.as_str())
        };
        if aliases.as_ref().is_ok_and(|aliases| aliases.iter().any(ours)) {
            return None;
        }
        let addresses = self.resolver.addresses(&asked).await;
        if let Ok(addresses) = &addresses
            && self.are_ours(addresses, target).await
        {
            return None;
        }
        let (hostname, target) = (hostname.clone(), target.clone());
        let seen = match (aliases, addresses) {
            (Ok(aliases), _) if !aliases.is_empty() => aliases.last().cloned().unwrap_or_default(),
            (_, Ok(addresses)) => {
                addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ")
            }
            (Err(error), _) | (_, Err(error)) => {
                return Some(match error {
                    DnsError::NoSuchName(_) | DnsError::NoAddress(_) => {
                        Problem::NotResolving { hostname, target }
                    }
                    error => Problem::LookUpFailed {
                        name: hostname.to_string(),
                        reason: clip(&error.to_string()),
                    },
                });
            }
        };
        Some(Problem::NotPointing { hostname, target, seen: clip(&seen) })
    }

    async fn are_ours(&self, addresses: &[IpAddr], target: &Hostname) -> bool {
        if addresses.iter().any(|address| self.edge_addresses.contains(address)) {
            return true;
        }
        let targets = self.resolver.addresses(target).await.unwrap_or_default();
        !addresses.is_empty() && addresses.iter().all(|address| targets.contains(address))
    }

    /// `None`: the ownership token is in DNS, or the hostname's present server answers it.
    async fn lacks_token(&self, row: &HostnameRow, hostname: &Hostname) -> Option<Problem> {
        let txt_name = ownership_txt_name(hostname);
        let texts = self.resolver.txt(&txt_name).await;
        if texts.as_ref().is_ok_and(|texts| texts.contains(&row.ownership_token)) {
            return None;
        }
        let path = ownership_path(&row.id);
        if let Ok(answer) = self.public.get(hostname, &path, OWNERSHIP_AGENT).await
            && proves_ownership(&row.ownership_token, answer.status, &answer.body)
        {
            return None;
        }
        Some(match texts {
            Ok(_) => Problem::TokenNotFound { txt_name, token: row.ownership_token.clone() },
            Err(error) => {
                Problem::LookUpFailed { name: txt_name, reason: clip(&error.to_string()) }
            }
        })
    }
}
