//! The worker: it translates a request, asks `routing`, and carries out what that decides.
//!
//! - [`settings`]: bindings and variables
//! - [`facts`]: a request, as `routing` sees it
//! - [`records`]: isolate memory, then KV
//! - [`proxy`]: to an origin and back, streaming
//! - [`page`]: responses of our own
//! - [`failure`], [`log`]: what went wrong, and where it is written

mod facts;
mod failure;
mod log;
mod page;
mod proxy;
mod records;
mod settings;

use routing::{Decision, Facts, Refusal};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, event};

use failure::Failure;
use settings::Settings;

/// Answers one request. An error means that the platform could not even make a response.
#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response, Failure> {
    let settings = settings::of(&env);
    let facts = match facts::read(&request, &settings) {
        Ok(facts) => facts,
        Err(unreadable) => return page::refusal(&Refusal::Malformed, unreadable.reader()),
    };
    match answer(&request, &facts, &env, &settings).await {
        Ok(response) => Ok(response),
        Err(failure) => {
            log::failure(&facts, &failure);
            page::refusal(&failure.refusal(), page::reader(&facts))
        }
    }
}

async fn answer(
    request: &Request,
    facts: &Facts,
    env: &Env,
    settings: &Settings,
) -> Result<Response, Failure> {
    match records::decide(facts, env, settings).await? {
        Decision::Answer(text) => page::answer(&text, facts),
        Decision::Redirect(redirect) => page::redirect(&redirect, facts),
        Decision::Proxy(upstream) => proxy::send(request, &upstream, facts, env).await,
        Decision::Refuse(refusal) => page::refusal(&refusal, page::reader(facts)),
    }
}
