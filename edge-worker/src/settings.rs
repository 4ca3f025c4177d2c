//! Bindings and variables. They cannot change while an isolate lives, so they are read once in it.

use std::cell::OnceCell;
use std::rc::Rc;

use worker::Env;

use crate::log;

/// The KV namespace with the records.
pub const STATE: &str = "STATE";

/// The egress of a point of presence of one's own. Without it the platform's `fetch` connects.
pub const ORIGIN: &str = "ORIGIN";

/// The operator's choices.
pub struct Settings {
    /// `LINTEL_POP`, the name of the point of presence. Its presence means that edge-tls is in
    /// front, which owns `X-Forwarded-Proto`; elsewhere a visitor may have written that header.
    pub pop: Option<String>,
    /// `LINTEL_HTTPS_PORT`: where visitors reach HTTPS, if not on 443.
    pub https_port: Option<u16>,
    /// `LINTEL_RECORD_TTL_MILLIS`: for how long a record is used without being read again.
    pub record_ttl_millis: u64,
    /// Whether there is an egress that takes request targets byte for byte.
    pub has_egress: bool,
}

/// Together with the feed's own delay this stays far below a second from commit to answer.
const RECORD_TTL_MILLIS: u64 = 250;

thread_local! {
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

/// The settings of this isolate.
pub fn of(env: &Env) -> Rc<Settings> {
    SETTINGS.with(|cell| cell.get_or_init(|| Rc::new(read(env))).clone())
}

fn read(env: &Env) -> Settings {
    Settings {
        pop: variable(env, "LINTEL_POP"),
        https_port: number(env, "LINTEL_HTTPS_PORT"),
        record_ttl_millis: number(env, "LINTEL_RECORD_TTL_MILLIS").unwrap_or(RECORD_TTL_MILLIS),
        has_egress: env.service(ORIGIN).is_ok(),
    }
}

fn variable(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty())
}

fn number<N: std::str::FromStr>(env: &Env, name: &'static str) -> Option<N> {
    let text = variable(env, name)?;
    let number = text.parse().ok();
    if number.is_none() {
        log::setting(name, &text);
    }
    number
}
