//! The App Launcher: exactly the applications that this person may open.

use std::collections::BTreeSet;

use edge_state::access::{ApplicationRecord, OrganizationRecord};
use edge_state::{Hostname, Key};

use crate::admission::admit;
use crate::login::attempt::Target;
use crate::login::finish;
use crate::login::place::{Place, web};
use crate::login::refusal::refused;
use crate::page::launcher::{Tile, View, render};
use crate::policy::Outcome;
use crate::redirect::sso_path;
use crate::visit::{Session, Visit};
use crate::{Here, Need, Response};

/// More applications are not shown: each is weighed.
const MAX_APPLICATIONS: usize = 500;

/// Longer searches find nothing.
const MAX_SEARCH: usize = 100;

/// `/`
pub(crate) fn answer(visit: &Visit) -> Result<Response, Need> {
    let target = Target { application: None, url: format!("{}/", visit.origin()), meta: None };
    let Some(session) = visit.session()? else {
        return Ok(Response::redirect("/access/login"));
    };
    if let Some(refused) = guard(visit, &session, &target)? {
        return Ok(refused);
    }
    let listed = || visit.organization.applications.iter().take(MAX_APPLICATIONS);
    let lacking = visit.known.records.lacking(listed().cloned().map(Key::Application));
    if !lacking.is_empty() {
        return Err(Need::Records(lacking));
    }
    let mut open = Vec::new();
    for id in listed() {
        if let Some(tile) = tile(visit, &session, id)? {
            open.push(tile);
        }
    }
    let query = visit.query();
    let search = query.get("q").unwrap_or_default().trim();
    let search: String = search.chars().take(MAX_SEARCH).collect();
    let tag = query.get("tag").filter(|tag| !tag.is_empty());
    let tags: BTreeSet<&str> =
        open.iter().flat_map(|tile| tile.tags.iter().map(String::as_str)).collect();
    let total = open.len();
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    open.retain(|tile| {
        let text = format!("{} {}", tile.name, tile.tags.join(" ")).to_lowercase();
        let tagged = tag.is_none_or(|tag| tile.tags.iter().any(|one| one == tag));
        tagged && words.iter().all(|word| text.contains(word))
    });
    Ok(render(&View {
        frame: visit.frame(),
        launcher: visit.organization.launcher.as_ref(),
        email: &session.identity().email,
        logout: "/access/logout",
        search: &search,
        tag,
        tags: tags.into_iter().collect(),
        tiles: open,
        total,
    }))
}

/// The App Launcher's own application, if there is one, says who sees the App Launcher at all.
fn guard(visit: &Visit, session: &Session, target: &Target) -> Result<Option<Response>, Need> {
    let Some(launcher) = &visit.organization.launcher else { return Ok(None) };
    let admitted = admit(&visit.entrance_of(session, &launcher.application_id), visit.known)?;
    let application = match admitted.map(|admitted| admitted.application) {
        Ok(Some(application)) => application,
        Ok(None) => return Ok(None),
        Err(reason) => return refused(visit, reason, None, target).map(Some),
    };
    let verdict = finish::judge(visit, session.identity(), &application.policies, target)?;
    if verdict.outcome.admits() {
        return Ok(None);
    }
    let by = verdict.outcome.policy().and_then(|at| application.policies.get(at));
    let place = Place { visit, session, target, application };
    Ok(Some(place.deny(&verdict.reason(), by.map(|policy| policy.id.as_str()), "")))
}

fn tile<'a>(visit: &Visit<'a>, session: &Session, id: &str) -> Result<Option<Tile<'a>>, Need> {
    let Some(application) = visit.known.records.application(id)? else { return Ok(None) };
    let admitted = admit(&visit.entrance_of(session, id), visit.known)?.is_ok();
    if !admitted || !application.app_launcher_visible {
        return Ok(None);
    }
    let Some(href) = href(application, visit.organization, visit.here) else { return Ok(None) };
    // A bookmark is a link: without policies it is for everybody who is signed in.
    let free = application.kind == "bookmark" && application.policies.is_empty();
    if !free {
        let target = Target { application: Some(id.to_owned()), url: href.clone(), meta: None };
        let verdict = finish::judge(visit, session.identity(), &application.policies, &target)?;
        if !matches!(verdict.outcome, Outcome::Allow { .. } | Outcome::Bypass { .. }) {
            return Ok(None);
        }
    }
    Ok(Some(Tile {
        id: &application.id,
        name: &application.name,
        href,
        logo_url: application.logo_url.as_deref(),
        tags: &application.tags,
    }))
}

/// Where a tile leads; nowhere: it is not shown.
fn href(
    application: &ApplicationRecord,
    organization: &OrganizationRecord,
    here: &Here,
) -> Option<String> {
    if let Some(url) = application.launch_url.as_deref() {
        return web(url);
    }
    if application.saml.is_some() {
        return Some(format!(
            "{}{}",
            here.origin(&organization.auth_domain),
            sso_path(&application.id)
        ));
    }
    let domain = application.domain.as_deref()?;
    if application.kind == "bookmark" {
        let url =
            if domain.contains("://") { domain.to_owned() } else { format!("https://{domain}") };
        return web(&url);
    }
    let (host, path) = domain.split_once('/').unwrap_or((domain, ""));
    let host = Hostname::parse(host).ok().filter(|_| !domain.contains('*'))?;
    (host != organization.auth_domain).then(|| format!("{}/{path}", here.origin(&host)))
}
