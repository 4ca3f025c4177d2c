//! The login page: which provider.

use edge_state::access::ApplicationRecord;
use edge_state::access::organization::ProviderSummary;
use http::Method;

use super::attempt::{Browser, Target};
use super::finish::{self, Given};
use super::{start, target};
use crate::encoding::query;
use crate::event::{Action, Parties as _};
use crate::page::Link;
use crate::page::login::{self, Provider};
use crate::visit::{Visit, Words};
use crate::{Need, Response, csrf};

/// `/access/login[/{application}]`: who is signed in goes on; who is not chooses a provider.
pub(crate) fn answer(visit: &Visit, segment: Option<&str>) -> Result<Response, Need> {
    let posted = visit.request.method == Method::POST;
    let given = if posted { visit.form()? } else { visit.query() };
    let (target, application) = match target::find(visit, segment, &given)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    if posted && let Err(foreign) = csrf::check(visit.request.headers, &visit.origin()) {
        return Ok(self::foreign(visit, &foreign.to_string(), target.login_url()));
    }
    let again = given.get("again").is_some();
    let recognised = if again { Err(None) } else { visit.recognise()? };
    let over = match recognised {
        Ok(session) => {
            let given = if posted { Given::read(&given) } else { Given::default() };
            return finish::proceed(visit, &session, &target, &given);
        }
        Err(over) => over,
    };
    let offered = offered(visit, application);
    if let ([only], false) = (offered.as_slice(), again)
        && goes_straight(visit, application)
    {
        return start::begin(visit, &only.id, target, false);
    }
    let page = page(visit, &target, application, None, again);
    Ok(match over {
        Some(event) => page.with_event(event.application(application)),
        None => page,
    })
}

/// The page. Signing in there leads to `target`. `again`: whoever comes this way wants to be asked.
pub(crate) fn page(
    visit: &Visit,
    target: &Target,
    application: Option<&ApplicationRecord>,
    notice: Option<&str>,
    again: bool,
) -> Response {
    let providers = offered(visit, application);
    let view = login::View {
        frame: visit.frame(),
        application: application.map_or(&visit.organization.name, |a| &a.name),
        header: visit.organization.login_design.header_text.as_deref(),
        notice,
        providers: providers
            .into_iter()
            .map(|provider| Provider {
                id: &provider.id,
                name: &provider.name,
                kind: &provider.kind,
                href: start_url(visit, provider, target, again),
            })
            .collect(),
    };
    Browser::of(visit.request.headers, visit.here).keep(login::render(&view))
}

/// Providers that are on and that the application allows.
fn offered<'a>(
    visit: &Visit<'a>,
    application: Option<&ApplicationRecord>,
) -> Vec<&'a ProviderSummary> {
    let allowed = |provider: &&ProviderSummary| {
        let all = application.is_none_or(|application| application.allowed_idps.is_empty());
        let named = || application.is_some_and(|a| a.allowed_idps.contains(&provider.id));
        provider.enabled && (all || named())
    };
    visit.organization.identity_providers.iter().filter(allowed).collect()
}

/// `auto_redirect_to_identity`, where there is nothing to choose.
fn goes_straight(visit: &Visit, application: Option<&ApplicationRecord>) -> bool {
    let launcher = || visit.organization.launcher.as_ref().is_some_and(|l| l.skip_login_page);
    match application {
        Some(application) => application.auto_redirect_to_identity,
        None => launcher().then_some(true),
    }
    .unwrap_or(visit.organization.auto_redirect_to_identity)
}

fn start_url(visit: &Visit, provider: &ProviderSummary, target: &Target, again: bool) -> String {
    let meta = target.meta.as_ref().map(|meta| meta.seal(visit.home(), visit.here));
    let mut pairs = vec![("redirect_url", target.url.as_str())];
    pairs.extend(target.application.as_deref().map(|id| ("app", id)));
    pairs.extend(meta.as_deref().map(|meta| ("meta", meta)));
    pairs.extend(again.then_some(("again", "1")));
    format!("/access/start/{}?{}", provider.id, query(pairs))
}

/// A form that another site posted, or an old page of ours: it does nothing.
pub(crate) fn foreign(visit: &Visit, reason: &str, retry: String) -> Response {
    let words = Words {
        status: 403,
        title: "Please try again",
        text: "This form did not come from our own page, so nothing was done.",
        links: vec![Link { label: "Start again".to_owned(), href: retry }],
    };
    visit.refuse(words, visit.event(Action::Login, false, reason))
}
