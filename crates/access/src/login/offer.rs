//! The login page: the ways to sign in that are offered.

use edge_state::access::ApplicationRecord;
use edge_state::access::organization::ProviderSummary;

use super::attempt::{Browser, Target};
use crate::Response;
use crate::encoding::query;
use crate::page::login::{self, Provider};
use crate::visit::Visit;

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
pub(crate) fn offered<'a>(
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

fn start_url(visit: &Visit, provider: &ProviderSummary, target: &Target, again: bool) -> String {
    let meta = target.meta.as_ref().map(|meta| meta.seal(visit.home(), visit.here));
    let mut pairs = vec![("redirect_url", target.url.as_str())];
    pairs.extend(target.application.as_deref().map(|id| ("app", id)));
    pairs.extend(meta.as_deref().map(|meta| ("meta", meta)));
    pairs.extend(again.then_some(("again", "1")));
    format!("/access/start/{}?{}", provider.id, query(pairs))
}
