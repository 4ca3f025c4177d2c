//! Only in builds for `make bench-saml`: one request, decided many times over, by the very code that
//! serves it; and what that can never be faster than.
//!
//! - `X-Bench: conversions`: verifies the session's token, judges and issues, every time anew.
//!   Records are remembered as always. That a token is spent is said here: the control plane's
//!   answer is a matter of its network.
//! - `X-Bench: arithmetic`: the same, with every signature made up: what it costs beside RSA.
//! - `X-Bench: signatures`: RSA-2048 signatures by one key (`X-Bench-Key: {owner} {kid}`) alone.
//!
//! `X-Bench-Times` says how often. The answer is the last one's body, or what went wrong.

use std::sync::Arc;

use access::letter::Shell;
use access::need::{Call, KeyHolder, Sign};
use access::{Here, Known, Reply};
use edge_state::Records;
use edge_state::access::call::Spent;
use routing::{Decision, Facts, MAX_ROUNDS, Need};
use web_sys::{Request, Response};
use worker::Date;

use crate::crypto::{self, keys::OurKey};
use crate::failure::Failure;
use crate::memory::Fresh;
use crate::needs::{Asking, Signing};

/// As long as the `SignedInfo` of a response.
const MESSAGE: [u8; 640] = [b'x'; 640];

/// Whether this request is one of these.
pub fn is_asked(request: &Request) -> bool {
    header(request, "x-bench").is_some()
}

/// Does it.
pub async fn answer(asking: &Asking<'_>, facts: &mut Facts) -> Result<Response, Failure> {
    let times = header(asking.request, "x-bench-times").and_then(|times| times.parse().ok());
    let times: u32 = times.unwrap_or(1);
    let what = header(asking.request, "x-bench");
    let outcome = match what.as_deref() {
        Some("signatures") => signatures(asking, facts, times).await,
        Some(what) => conversions(asking, facts, times, what == "conversions").await,
        None => Err("nothing is asked".to_owned()),
    };
    let (body, status) = outcome.map_or_else(|why| (why, 500), |body| (body, 200));
    let init = web_sys::ResponseInit::new();
    init.set_status(status);
    let made = Response::new_with_opt_str_and_init(Some(&body), &init);
    made.map_err(Failure::platform("making a response"))
}

async fn conversions(
    asking: &Asking<'_>,
    facts: &mut Facts,
    times: u32,
    with_signatures: bool,
) -> Result<String, String> {
    let mut body = Err("none was asked for".to_owned());
    for _ in 0..times {
        body = Ok(convert(asking, facts, with_signatures).await?);
    }
    body
}

async fn convert(
    asking: &Asking<'_>,
    facts: &mut Facts,
    with_signatures: bool,
) -> Result<String, String> {
    let mut known = Known::new(Records::with_memory(Arc::new(Fresh)));
    let here = Here {
        now_millis: i64::try_from(Date::now().as_millis()).unwrap_or(i64::MAX),
        entropy: &crypto::random().map_err(|failure| failure.to_string())?,
        keys: &asking.settings.access_keys,
        https_port: asking.settings.https_port,
    };
    for _ in 0..=MAX_ROUNDS {
        let need = match routing::decide(facts, &known, &here) {
            Ok(Decision::Access(response)) if response.letter.is_some() => {
                let response = if with_signatures {
                    response.finish(&Signing { asking, facts }).await
                } else {
                    response.finish(&Forger).await
                };
                return if response.status == 200 { Ok(response.body) } else { Err(response.body) };
            }
            Ok(decision) => return Err(format!("it is not issued: {decision:?}")),
            Err(need) => need,
        };
        let made_up = match &need {
            Need::Call(call) if matches!(call.as_ref(), Call::Spend(_)) => {
                Some(Reply::Called(serde_json::json!(Spent { first: true }).to_string()))
            }
            Need::Verify(_) if !with_signatures => Some(Reply::Verified(true)),
            _ => None,
        };
        match made_up {
            Some(reply) => known.insert(need, reply),
            None => asking.meet(need, facts, &mut known).await.map_err(|f| f.to_string())?,
        }
    }
    Err("no decision".to_owned())
}

/// Signs nothing, as fast as can be.
struct Forger;

impl Shell for Forger {
    async fn carry_out(&self, _: Need) -> Reply {
        Reply::Signed(vec![0; 256])
    }
}

async fn signatures(asking: &Asking<'_>, facts: &Facts, times: u32) -> Result<String, String> {
    let key = header(asking.request, "x-bench-key").unwrap_or_default();
    let (owner, kid) = key.split_once(' ').ok_or("X-Bench-Key: {owner} {kid}")?;
    let (holder, kid) = (KeyHolder::Saml(owner.to_owned()), kid.to_owned());
    let mut sign = Sign { holder, kid, message: MESSAGE.to_vec() };
    asking.sign(&sign, facts).await?; // Now the platform has the key.
    let open = || Err("the key was forgotten".to_owned());
    for n in 0..times {
        sign.message.splice(..4, n.to_be_bytes());
        let key = OurKey { holder: &sign.holder, kid: &sign.kid, open: &open };
        crypto::sign(key, &sign.message).await?;
    }
    Ok(String::new())
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).ok().flatten()
}
