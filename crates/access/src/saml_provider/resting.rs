//! Attempts that wait in the browser while the provider is asked. `RelayState` has 80 bytes at most
//! (SAML bindings §3.4.3), so it names the attempt, and a cookie of that name holds it.

use edge_state::access::application::SameSite;
use url::Url;

use crate::Response;
use crate::cookie::{self, SetCookie};
use crate::handover::{open_value, seal_value};
use crate::login::attempt::{Attempt, LIFETIME};
use crate::visit::Visit;

/// Begins the name of each cookie; behind it stands the attempt's id.
const PREFIX: &str = "__Host-CF_Attempt_";

/// So many may wait in one browser: the oldest go first.
const MOST: usize = 10;

/// So much may they weigh, all together: a quarter of what the edge reads of a request's head. See
/// `saml::sso::kept`.
const MOST_BYTES: usize = 8 << 10;

/// Browsers keep no cookie of more than 4,096 bytes, its name among them.
const LONGEST: usize = 3_900;

/// A response that came once may come again for so long, by the back button, and still lead on.
const AFTERWARDS: i64 = 10 * 60;

/// Makes the browser keep it.
pub(super) fn keep(visit: &Visit, attempt: &mut Attempt, mut response: Response) -> Response {
    let mut sealed = seal(visit, attempt);
    // A page at least is returned to, if not with all of its query.
    for shorten in [without_query, without_path] {
        if sealed.len() > LONGEST {
            attempt.target.url = shorten(&attempt.target.url);
            sealed = seal(visit, attempt);
        }
    }
    let (mut count, mut bytes) = (1, sealed.len());
    for (name, value, _) in others(visit) {
        (count, bytes) = (count + 1, bytes + value.len());
        if count > MOST || bytes > MOST_BYTES {
            response.headers.push(("set-cookie", cookie(&name, "", None).removal()));
        }
    }
    let name = format!("{PREFIX}{}", attempt.id);
    response.with_header("set-cookie", cookie(&name, &sealed, Some(LIFETIME)).header())
}

/// The one of this id, if it waits here.
pub(super) fn find(visit: &Visit, id: &str) -> Option<Attempt> {
    let found = cookie::find(visit.request.headers, &format!("{PREFIX}{id}"));
    found.iter().find_map(|text| open(visit, text)).filter(|attempt| attempt.id == id)
}

/// It was answered: it need not wait much longer.
pub(super) fn let_go(visit: &Visit, attempt: &Attempt, response: Response) -> Response {
    let name = format!("{PREFIX}{}", attempt.id);
    let sealed = seal(visit, attempt);
    response.with_header("set-cookie", cookie(&name, &sealed, Some(AFTERWARDS)).header())
}

/// All that wait here, the youngest first; what cannot be read comes last.
fn others(visit: &Visit) -> Vec<(String, String, i64)> {
    let found = cookie::beginning_with(visit.request.headers, PREFIX).into_iter();
    let mut found: Vec<_> = found
        .map(|(name, value)| {
            let at = open(visit, &value).map_or(i64::MIN, |attempt| attempt.at);
            (name, value, at)
        })
        .collect();
    found.sort_by_key(|(_, _, at)| std::cmp::Reverse(*at));
    found
}

fn cookie<'c>(name: &'c str, value: &'c str, max_age: Option<i64>) -> SetCookie<'c> {
    SetCookie { name, value, path: "/", http_only: true, same_site: SameSite::Lax, max_age }
}

fn seal(visit: &Visit, attempt: &Attempt) -> String {
    seal_value(attempt, &purpose(visit), visit.here)
}

fn open(visit: &Visit, text: &str) -> Option<Attempt> {
    open_value(text, &purpose(visit), visit.here)
}

fn purpose(visit: &Visit) -> String {
    format!("resting attempt:{}", visit.home())
}

fn without_query(url: &str) -> String {
    url.split('?').next().unwrap_or_default().to_owned()
}

fn without_path(url: &str) -> String {
    Url::parse(url).ok().and_then(|url| url.join("/").ok()).map(Into::into).unwrap_or_default()
}
