//! An application's host: the gate, and behind it an origin that says whom it sees.

use access::gate::{Gate, check};
use access::{Here, Known, Need, Request, Response};

pub fn answer(request: &Request, known: &Known, here: &Here) -> Result<Response, Need> {
    let passage = match check(request, known, here)? {
        Gate::Unguarded { .. } => return Ok(Response { status: 404, ..Response::default() }),
        Gate::Answer(response) => return Ok(response),
        Gate::Open(passage) => passage,
    };
    let who = passage.set.iter().find(|(name, _)| *name == "cf-access-authenticated-user-email");
    Ok(Response {
        status: 200,
        headers: passage.response_headers,
        body: who.map(|(_, email)| email.clone()).unwrap_or_default(),
        events: passage.events,
        ..Response::default()
    })
}
