//! Where somebody wants to go, read from a URL or form and vetted.

use edge_state::Hostname;
use edge_state::access::ApplicationRecord;
use edge_state::key::is_token;

use super::attempt::Target;
use crate::admission::{Entrance, NotAdmitted, admit};
use crate::encoding::Form;
use crate::event::{Action, Parties as _};
use crate::handover::Meta;
use crate::page::Link;
use crate::redirect::{self, NoReturn};
use crate::visit::{Visit, Words};
use crate::{Need, Response};

/// A target, and its application's record.
pub(crate) type Found<'a> = (Target, Option<&'a ApplicationRecord>);

/// Doors of one hostname that are looked at.
const MAX_DOORS: usize = 50;

/// Reads `redirect_url`, `kid` and `meta` for the application that `segment` names: by its id, or by
/// the hostname of its door. `Err(Response)`: a page that says what is wrong.
pub(crate) fn find<'a>(
    visit: &Visit<'a>,
    segment: Option<&str>,
    given: &Form,
) -> Result<Result<Found<'a>, Response>, Need> {
    let meta = given.get("meta").and_then(|text| Meta::open(text, visit.home(), visit.here));
    let redirect_url = given.get("redirect_url");
    let target = |application: Option<&ApplicationRecord>, url: url::Url| {
        // What one host said of the browser holds for that host; its certificate is not carried on.
        let meta = meta.filter(|meta| url.host_str() == Some(meta.host.as_str()));
        let meta = meta.map(|mut meta| {
            if let Some(certificate) = &mut meta.certificate {
                certificate.der = None;
            }
            meta
        });
        Target { application: application.map(|a| a.id.clone()), url: url.into(), meta }
    };
    let Some(segment) = segment else {
        return Ok(match redirect::to_team(redirect_url, visit.home(), visit.here) {
            Ok(url) => Ok((target(None, url), None)),
            Err(reason) => Err(no_return(visit, reason, None)),
        });
    };
    let (base, id) = if segment.contains('.') {
        let host = Hostname::parse(segment).ok();
        let id = match &host {
            Some(host) => by_hostname(visit, host, given.get("kid"))?,
            None => None,
        };
        (host, id)
    } else {
        (None, is_token(segment).then(|| segment.to_owned()))
    };
    let Some(id) = id else {
        return Ok(Err(not_admitted(visit, NotAdmitted::NoApplication, None)));
    };
    let entrance = Entrance { application: Some(&id), ..visit.entrance() };
    let application = match admit(&entrance, visit.known)? {
        Ok(admitted) => admitted.application,
        Err(reason) => {
            let application = visit.known.records.application(&id)?;
            let application = application.filter(|found| found.auth_domain == *visit.home());
            return Ok(Err(not_admitted(visit, reason, application)));
        }
    };
    let Some(application) = application else {
        return Ok(Err(not_admitted(visit, NotAdmitted::NoApplication, None)));
    };
    let url = redirect::to_application(redirect_url, base.as_ref(), application, visit.here);
    Ok(match url {
        Ok(url) => Ok((target(Some(application), url), Some(application))),
        Err(reason) => Err(no_return(visit, reason, Some(application))),
    })
}

/// The application of this organisation that stands at the hostname; `kid`, its `aud`, says which
/// one if there are several.
fn by_hostname(visit: &Visit, host: &Hostname, kid: Option<&str>) -> Result<Option<String>, Need> {
    let wildcard = host.as_str().split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let wildcard = wildcard.and_then(|wildcard| Hostname::parse(&wildcard).ok());
    let mut only = None;
    for name in std::iter::once(host.clone()).chain(wildcard) {
        let Some(gate) = visit.known.records.gate(&name)? else { continue };
        let doors = gate.doors.iter().filter(|door| redirect::stands_at(&door.host_pattern, host));
        for door in doors.take(MAX_DOORS) {
            let id = &door.application_id;
            let Some(application) = visit.known.records.application(id)? else { continue };
            if application.auth_domain != *visit.home() {
                continue;
            }
            match kid {
                Some(kid) if application.aud == kid => return Ok(Some(id.clone())),
                Some(_) => {}
                // Without `kid` the first one serves: its own gate sends people on.
                None => only = only.or_else(|| Some(id.clone())),
            }
        }
    }
    Ok(only)
}

/// What is off or missing looks the same from outside.
pub(crate) fn not_admitted(
    visit: &Visit,
    reason: NotAdmitted,
    application: Option<&ApplicationRecord>,
) -> Response {
    let words = match reason {
        NotAdmitted::UserOff | NotAdmitted::UserRevoked => Words {
            status: 403,
            title: "This account cannot sign in",
            text: "Please ask your administrator.",
            links: Vec::new(),
        },
        _ => Words {
            status: 403,
            title: "This is not available",
            text: "The application does not exist, or it is switched off.",
            links: vec![home()],
        },
    };
    let event = visit.event(Action::Login, false, reason.to_string()).application(application);
    visit.refuse(words, event)
}

fn no_return(visit: &Visit, reason: NoReturn, application: Option<&ApplicationRecord>) -> Response {
    let event = visit.event(Action::Login, false, reason.to_string()).application(application);
    let link = match application {
        Some(application) => Link {
            label: format!("Go to {}", application.name),
            href: format!("/access/login/{}", application.id),
        },
        None => home(),
    };
    let words = Words {
        status: 400,
        title: "This link leads elsewhere",
        text: "The address that it wants to return to does not belong to the application.",
        links: vec![link],
    };
    visit.refuse(words, event)
}

pub(crate) fn home() -> Link {
    Link { label: "Your applications".to_owned(), href: "/".to_owned() }
}
