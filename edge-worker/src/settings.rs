//! Bindings and variables. They cannot change while an isolate lives, so they are read once in it.

use std::cell::OnceCell;
use std::rc::Rc;

use edge_state::seal::{KeyRing, SealingKey};
use worker::Env;

use crate::failure::Failure;
use crate::{crypto, log};

/// The KV namespace with the records.
pub const STATE: &str = "STATE";

/// The egress of a point of presence of one's own. Without it the platform's `fetch` connects.
pub const ORIGIN: &str = "ORIGIN";

/// The way to the control plane, where edge-tls or another worker relays to it.
pub const CONTROL: &str = "CONTROL";

/// The operator's choices.
pub struct Settings {
    /// `LINTEL_POP`, the name of the point of presence. Its presence means that edge-tls is in
    /// front, which owns `X-Forwarded-Proto`; elsewhere a visitor may have written that header.
    pub pop: Option<String>,
    /// `LINTEL_HTTPS_PORT`: where visitors reach HTTPS, if not on 443.
    pub https_port: Option<u16>,
    /// `LINTEL_RECORD_TTL_MILLIS`: for how long a record is used without being read again.
    pub record_ttl_millis: u64,
    /// `LINTEL_ALLOW_PRIVATE_NETWORKS`: without an egress of ours, whether providers may be asked in
    /// the clear. With one, that has the say.
    pub allow_private_networks: bool,
    /// Whether there is an egress that takes request targets byte for byte.
    pub has_egress: bool,
    /// `LINTEL_ACCESS_KEY`: opens and seals what Access keeps in records and browsers. Without it
    /// nobody signs in: then this is a key that nobody else has.
    pub access_keys: KeyRing,
    /// Where the control plane is, unless [`CONTROL`] leads there.
    pub control: Option<Control>,
}

/// The control plane, over the network.
pub struct Control {
    /// `LINTEL_CONTROL_URL`, without a slash at its end.
    pub url: String,
    /// `Authorization`: `LINTEL_EDGE_TOKEN`.
    pub authorization: String,
}

/// Together with the feed's own delay this stays far below a second from commit to answer.
const RECORD_TTL_MILLIS: u64 = 250;

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

/// The settings of this isolate.
pub fn of(env: &Env) -> Result<Rc<Settings>, Failure> {
    SETTINGS.with(|cell| {
        if let Some(settings) = cell.get() {
            return Ok(settings.clone());
        }
        let settings = Rc::new(read(env)?);
        Ok(cell.get_or_init(|| settings).clone())
    })
}

fn read(env: &Env) -> Result<Settings, Failure> {
    Ok(Settings {
        pop: variable(env, "LINTEL_POP"),
        https_port: number(env, "LINTEL_HTTPS_PORT"),
        record_ttl_millis: number(env, "LINTEL_RECORD_TTL_MILLIS").unwrap_or(RECORD_TTL_MILLIS),
        allow_private_networks: variable(env, "LINTEL_ALLOW_PRIVATE_NETWORKS")
            .is_some_and(|value| value == "true"),
        has_egress: env.service(ORIGIN).is_ok(),
        access_keys: access_keys(env)?,
        control: control(env),
    })
}

fn access_keys(env: &Env) -> Result<KeyRing, Failure> {
    let name = "LINTEL_ACCESS_KEY";
    match variable(env, name).map(|lines| KeyRing::parse(&lines)) {
        Some(Ok(keys)) => return Ok(keys),
        Some(Err(error)) => log::setting(name, &error.to_string()),
        None => {}
    }
    let key = SealingKey::new("none", crypto::random()?);
    let key = key.unwrap_or_else(|_| unreachable!("the id is a good one"));
    Ok(KeyRing::new(key, []))
}

fn control(env: &Env) -> Option<Control> {
    let url = variable(env, "LINTEL_CONTROL_URL")?.trim_end_matches('/').to_owned();
    let token = variable(env, "LINTEL_EDGE_TOKEN").unwrap_or_default();
    Some(Control { url, authorization: format!("Bearer {token}") })
}

fn variable(env: &Env, name: &str) -> Option<String> {
    let text = env.var(name).ok().map(|value| value.to_string());
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn number<N: std::str::FromStr>(env: &Env, name: &'static str) -> Option<N> {
    let text = variable(env, name)?;
    let number = text.parse().ok();
    if number.is_none() {
        log::setting(name, &format!("{text:?} is no number in its range"));
    }
    number
}
