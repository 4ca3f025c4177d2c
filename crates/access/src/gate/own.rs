//! Our own paths on an application's host: `/.access/…`, and the contract's spelling of them.

use edge_state::access::application::SameSite;
use edge_state::access::call::{SignOut, Spend, Spent};
use http::Method;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::answer::RENEW;
use super::person::{Proof, Shown};
use super::{Case, answer, open_case};
use crate::cookie::{self, APPLICATION_SESSION};
use crate::door::{self, Doors};
use crate::encoding::Form;
use crate::event::{Action, Parties as _};
use crate::handover::{self, Handover, MAX_HOPS, binding};
use crate::need::Call;
use crate::page::{Link, logout, message, onward, renewed};
use crate::token::{Issued, verify_application};
use crate::{Here, Known, Need, Request, Response, csrf, get_identity, session};

const PREFIXES: [&str; 2] = ["/.access/", "/cdn-cgi/access/"];

const LOGOUT: &str = "/.access/logout";

/// Applications of a host that are asked whose token this is.
const MAX_ASKED: usize = 20;

/// Whether a path is ours wherever an application stands.
pub(super) fn is_own(path: &str) -> bool {
    PREFIXES.iter().any(|prefix| path.starts_with(prefix))
}

/// The answer to one of our own paths.
pub(super) fn answer(request: &Request, known: &Known, here: &Here) -> Result<Response, Need> {
    let route = PREFIXES.iter().find_map(|prefix| request.path.strip_prefix(prefix));
    let reads = *request.method == Method::GET || *request.method == Method::HEAD;
    let posts = *request.method == Method::POST;
    match route.unwrap_or_default() {
        "authorized" if *request.method == Method::GET => authorized(request, known, here),
        "get-identity" if reads => on_any_case(request, known, here, who),
        "logout" if reads || posts => on_any_case(request, known, here, go),
        "renew" if reads => on_any_case(request, known, here, renew),
        "authorized" | "get-identity" | "logout" | "renew" => {
            Ok(Response { status: 405, ..Response::default() }.with_header("allow", "GET, HEAD"))
        }
        _ => Ok(Response::json(404, &serde_json::json!({ "error": "not_found" }))),
    }
}

/// The application at `/`, else the first one of this host whose token the request has, else any.
fn on_any_case(
    request: &Request,
    known: &Known,
    here: &Here,
    answer: fn(&Case, &Shown) -> Result<Response, Need>,
) -> Result<Response, Need> {
    let mut ids = match door::find(request.host, request.owner, "/", known)? {
        Doors::Applications(ids) => ids,
        _ => Vec::new(),
    };
    let all = door::of(request.host, request.owner, known)?;
    ids.extend(all.iter().take(MAX_ASKED).map(|door| door.application_id.clone()));
    let mut fallback = None;
    let mut refused = None;
    for (at, id) in ids.iter().enumerate() {
        if ids[..at].contains(id) {
            continue;
        }
        match open_case(id, request, known, here)? {
            Ok(case) => match case.shown()? {
                shown @ Shown::Person(_) => return answer(&case, &shown),
                shown => fallback = fallback.or(Some((case, shown))),
            },
            Err(response) => refused = refused.or(Some(response)),
        }
    }
    match (fallback, refused) {
        (Some((case, shown)), _) => answer(&case, &shown),
        (None, Some(response)) => Ok(*response),
        (None, None) => Ok(answer::unavailable(request, None)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "one of several of this type")]
fn who(case: &Case, shown: &Shown) -> Result<Response, Need> {
    Ok(match shown.person() {
        Some(person) => {
            let issued_at = person.issued_at;
            case.readable(Response::json(
                200,
                &get_identity::body(&person.live, issued_at, case.organization),
            ))
        }
        None => case.readable(get_identity::nobody()),
    })
}

/// A window in which somebody signs in again: whoever is signed in sees that it may be closed.
#[expect(clippy::unnecessary_wraps, reason = "one of several of this type")]
fn renew(case: &Case, shown: &Shown) -> Result<Response, Need> {
    Ok(match shown.person() {
        Some(_) => renewed::render(&case.frame()),
        None => case.ask_to_sign_in(shown.refused()),
    })
}

/// Signs out. A link from elsewhere does not, nor does an image: our own form, or the application's
/// own page, does.
fn go(case: &Case, shown: &Shown) -> Result<Response, Need> {
    let said = |name: &str, value: &str| {
        let mut values = case.request.headers.get_all(name).iter();
        values.next().is_some_and(|first| first == value) && values.next().is_none()
    };
    let posted = *case.request.method == Method::POST;
    let wanted = if posted {
        csrf::check(case.request.headers, &case.here.origin(case.request.host)).is_ok()
    } else {
        *case.request.method == Method::GET
            && said("sec-fetch-site", "same-origin")
            && said("sec-fetch-mode", "navigate")
    };
    let person = shown.person();
    if !wanted {
        return Ok(logout::render(&logout::View {
            frame: case.frame(),
            email: person.map(|person| person.live.identity.email.as_str()),
            action: LOGOUT,
            fields: Vec::new(),
        }));
    }
    let mut event = case.event(Action::Logout, true, "nobody was signed in");
    if let Some(person) = person {
        let sign_out = SignOut {
            auth_domain: case.organization.auth_domain.clone(),
            nonce: person.live.nonce.clone(),
            everywhere: false,
        };
        event =
            case.event(Action::Logout, true, "signed out").identity(Some(&person.live.identity));
        if let Err(why) = case.known.call::<Value>(Call::SignOut(sign_out))? {
            return Ok(case.unavailable(&why.0).with_cookies(case.removals()));
        }
    }
    let view = message::View {
        frame: case.frame(),
        status: 200,
        title: "You are signed out",
        text: vec![
            "Here, and of all applications that you opened with the same sign-in.".to_owned(),
        ],
        code: None,
        links: vec![Link { label: "Sign in again".to_owned(), href: "/".to_owned() }],
    };
    Ok(message::render(&view).with_event(event).with_cookies(case.removals()))
}

/// The last hop of a sign-in: the team domain hands over the application's token.
fn authorized(request: &Request, known: &Known, here: &Here) -> Result<Response, Need> {
    let form = Form::parse(request.query);
    let handover = form.get("code").map(|code| handover::open(code, request.host, here));
    let Some(Ok(handover)) = handover else {
        // An old bookmark, or somebody's invention: the application itself knows what to do.
        return Ok(Response::redirect(format!("{}/", here.origin(request.host))));
    };
    let here_stands = door::of(request.host, request.owner, known)?;
    let here_stands = here_stands.iter().any(|d| d.application_id == handover.application_id);
    let case = match open_case(&handover.application_id, request, known, here)? {
        Ok(case) if here_stands && case.organization.auth_domain == handover.auth_domain => case,
        Ok(_) => return Ok(answer::unavailable(request, None)),
        Err(response) => return Ok(*response),
    };
    let target = onward_url(&handover.target, request, here);
    let browsers = cookie::find(request.headers, APPLICATION_SESSION);
    let is_bound = handover.binding.as_ref().is_some_and(|bound| {
        browsers.iter().any(|b| binding(b).as_bytes().ct_eq(bound.as_bytes()).into())
    });
    if !is_bound {
        // Another tab was faster, or a link was opened elsewhere: no token goes to this browser.
        return case.start_again(&handover, target, "the handover is for another browser");
    }
    let spend = Spend {
        auth_domain: handover.auth_domain.clone(),
        token: format!("handover:{}", handover.id),
        until: handover.until,
    };
    match known.call::<Spent>(Call::Spend(spend))? {
        Ok(Spent { first: true }) => {}
        Ok(Spent { first: false }) => {
            return case.start_again(&handover, target, "the handover has been used before");
        }
        Err(why) => return Ok(case.unavailable(&why.0)),
    }
    case.take(&handover, target)
}

/// The target, on this host and nowhere else.
fn onward_url(target: &str, request: &Request, here: &Here) -> String {
    let origin = here.origin(request.host);
    let own = is_own(target) && target != RENEW; // Never in circles.
    let fits = target.starts_with('/') && !own && target.bytes().all(|b| b.is_ascii_graphic());
    format!("{origin}{}", if fits { target } else { "/" })
}

impl Case<'_> {
    /// Sets the cookies that were handed over, if whoever they are for is still admitted.
    fn take(&self, handover: &Handover, target: String) -> Result<Response, Need> {
        let token = &handover.token;
        let issued_at = match verify_application(token, self.application, self.known, self.here)? {
            Ok(verified) => verified.issued_at,
            Err(invalid) => return self.start_again(handover, target, &invalid.to_string()),
        };
        let live = session::live(&handover.nonce, self.organization, self.known, self.here)?;
        let Some(live) = live else {
            return self.start_again(handover, target, "the session is over");
        };
        let (identity, nonce) = (live.identity.clone(), live.nonce.clone());
        let issued = Issued {
            token: handover.token.clone(),
            expires_at: handover.token_expires_at.min(live.expires_at),
        };
        let until = live.expires_at;
        let proof = Proof::Token { text: handover.token.clone(), policy_id: None };
        if let Shown::Refused(why) = self.admit_person(live, issued_at, proof)? {
            let event = self.event(Action::Login, false, why).identity(Some(&identity));
            return Ok(answer::unavailable(self.request, Some(event)));
        }
        let cookies = self.token_cookies(&issued, &nonce).into_iter();
        let cookies = cookies.chain([self.credential_cookie(&nonce, until)]);
        let response = if self.same_site() == SameSite::Strict {
            // The way came from another site: a redirect would not carry Strict cookies.
            onward::render(&self.frame(), &target)
        } else {
            Response::redirect(target)
        };
        Ok(response.with_cookies(cookies))
    }

    /// No token is set. Whoever has one already goes on; the others sign in once more, which a live
    /// session does in passing.
    fn start_again(
        &self,
        handover: &Handover,
        target: String,
        why: &str,
    ) -> Result<Response, Need> {
        if let Shown::Person(_) = self.shown()? {
            return Ok(Response::redirect(target));
        }
        let event = self.event(Action::Login, false, why);
        if handover.hops >= MAX_HOPS {
            let text = "Your browser does not keep this site's cookies, so nobody can be signed in. \
                        Allow cookies for it, and try again.";
            return Ok(self.message(400, "Cookies are blocked", text, &event).with_event(event));
        }
        let path = target.strip_prefix(&self.here.origin(self.request.host)).unwrap_or("/");
        let (url, cookie) = self.login_url(path, handover.hops + 1);
        Ok(Response::redirect(url).with_cookies(cookie).with_event(event))
    }
}
