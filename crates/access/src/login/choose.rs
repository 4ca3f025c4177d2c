//! `/access/login`: who is signed in goes on; who is not chooses a provider.

use edge_state::access::ApplicationRecord;
use http::Method;

use super::offer::{offered, page};
use super::place::Given;
use super::{finish, refusal, start, target};
use crate::event::Parties as _;
use crate::visit::Visit;
use crate::{Need, Response, csrf};

/// `/access/login[/{application}]`
pub(crate) fn answer(visit: &Visit, segment: Option<&str>) -> Result<Response, Need> {
    let posted = visit.request.method == Method::POST;
    let given = if posted { visit.form()? } else { visit.query() };
    let (target, application) = match target::find(visit, segment, &given)? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    if posted && let Err(foreign) = csrf::check(visit.request.headers, &visit.origin()) {
        return Ok(refusal::foreign(visit, &foreign.to_string(), target.login_url()));
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

/// `auto_redirect_to_identity`, where there is nothing to choose.
fn goes_straight(visit: &Visit, application: Option<&ApplicationRecord>) -> bool {
    let launcher = || visit.organization.launcher.as_ref().is_some_and(|l| l.skip_login_page);
    match application {
        Some(application) => application.auto_redirect_to_identity,
        None => launcher().then_some(true),
    }
    .unwrap_or(visit.organization.auto_redirect_to_identity)
}
