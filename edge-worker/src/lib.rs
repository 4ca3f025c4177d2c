//! The worker: it translates a request, asks `routing`, and carries out what that decides.
//!
//! - [`settings`]: bindings and variables
//! - [`facts`]: a request, as `routing` sees it
//! - [`needs`]: what decisions lack: records, answers, signatures
//! - [`memory`]: what an isolate keeps; [`outside`]: whom it asks; [`crypto`], [`body`]
//! - [`events`]: the login log
//! - [`proxy`]: to an origin and back, streaming
//! - [`page`]: responses of our own
//! - [`failure`], [`log`]: what went wrong, and where it is written

#[cfg(feature = "bench")]
mod bench;
mod body;
mod crypto;
mod events;
mod facts;
mod failure;
mod log;
mod memory;
mod needs;
mod outside;
mod page;
mod proxy;
mod settings;
#[cfg(feature = "vectors")]
mod vectors;

use std::rc::Rc;

use routing::{Decision, Facts, Refusal};
use worker::web_sys::{Request, Response};
use worker::{Context, Env, event};

use failure::Failure;
use needs::{Asking, Signing};
use settings::Settings;

/// Answers one request. An error means that the platform could not even make a response.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response, Failure> {
    #[cfg(feature = "vectors")]
    if request.url().ends_with("/vectors") {
        return vectors::answer(&request).await;
    }
    let settings = settings::of(&env)?;
    let mut facts = match facts::read(&request, &settings) {
        Ok(facts) => facts,
        Err(unreadable) => return page::refusal(&Refusal::Malformed, unreadable.reader()),
    };
    #[cfg(feature = "bench")]
    if bench::is_asked(&request) {
        let asking = Asking { request: &request, env: &env, settings: &settings };
        return bench::answer(&asking, &mut facts).await;
    }
    match answer(&request, &mut facts, &env, &settings, &context).await {
        Ok(response) => Ok(response),
        Err(failure) => {
            log::failure(&facts, &failure);
            page::refusal(&failure.refusal(), page::reader(&facts))
        }
    }
}

async fn answer(
    request: &Request,
    facts: &mut Facts,
    env: &Env,
    settings: &Rc<Settings>,
    context: &Context,
) -> Result<Response, Failure> {
    let asking = Asking { request, env, settings };
    match asking.decide(facts).await? {
        Decision::Answer(text) => page::answer(&text, facts),
        Decision::Redirect(redirect) => page::redirect(&redirect, facts),
        Decision::Access(response) => {
            let mut response = response.finish(&Signing { asking: &asking, facts }).await;
            events::send(std::mem::take(&mut response.events), env, settings, context);
            page::access(&response, facts)
        }
        Decision::Proxy(mut upstream) => {
            events::send(std::mem::take(&mut upstream.events), env, settings, context);
            proxy::send(request, &upstream, facts, env).await
        }
        Decision::Refuse(refusal) => page::refusal(&refusal, page::reader(facts)),
    }
}
