//! Access: a team domain answers by itself; before other hostnames the gate stands.

use access::gate::{Gate, Passage, check, guards};
use access::{Here, Known, Need};
use edge_state::{HostRecord, Key, Records, ZoneRecord};

use crate::{Decision, Facts, Refusal, redirect};

/// Asks at once for the records that almost every request depends on.
pub fn foresee(request: &Facts, hostname: &HostRecord, records: &Records) -> Result<(), Need> {
    let Some(name) = &request.authority.hostname else { return Ok(()) };
    let gates = [Some(name.clone()), name.wildcard()].into_iter().flatten().map(Key::Gate);
    let keys = [Key::Organization(name.clone()), Key::Zone(hostname.zone_id.clone())];
    let lacking = records.lacking(keys.into_iter().chain(gates));
    if lacking.len() > 1 { Err(Need::Records(lacking)) } else { Ok(()) }
}

/// The team domain's answer, if the request is for one.
pub fn team(
    request: &Facts,
    hostname: &HostRecord,
    known: &Known,
    here: &Here,
) -> Result<Option<Decision>, Need> {
    let Some(visit) = request.visit() else { return Ok(None) };
    let Some(organization) = known.records.organization(visit.host)? else { return Ok(None) };
    // The name may have changed hands: then it is nobody's team domain until its owner says so.
    let zone = known.records.zone(&hostname.zone_id)?;
    let owner = zone.and_then(|zone| zone.account_id.as_deref());
    if owner.is_some_and(|owner| owner != organization.account_id) {
        return Ok(None);
    }
    if let Some(redirect) = redirect::https(request) {
        return Ok(Some(Decision::Redirect(redirect))); // Its cookies and forms are for HTTPS alone.
    }
    let response = access::team::answer(organization, &visit, known, here)?;
    Ok(Some(Decision::Access(response.into())))
}

/// What the gate changes about a request that may pass; else the answer.
pub fn before_origin(
    request: &Facts,
    zone: &ZoneRecord,
    known: &Known,
    here: &Here,
) -> Result<Result<Option<Passage>, Decision>, Need> {
    let Some(visit) = request.visit() else { return Ok(Ok(None)) };
    let visit = access::Request { owner: zone.account_id.as_deref(), ..visit };
    if let Some(redirect) = redirect::https(request)
        && guards(&visit, known)?
    {
        return Ok(Err(Decision::Redirect(redirect))); // No token travels over plain HTTP.
    }
    Ok(match check(&visit, known, here)? {
        Gate::Open(passage) => Ok(Some(passage)),
        Gate::Answer(response) => Err(Decision::Access(response.into())),
        Gate::Unguarded { .. } if zone.deny_unmatched => Err(Decision::Refuse(Refusal::Unmatched)),
        Gate::Unguarded { remove } => Ok(Some(Passage { remove, ..Passage::default() })),
    })
}
