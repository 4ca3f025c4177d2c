//! Login events on their way to the control plane, after the visitor has the answer.

use std::rc::Rc;
use std::time::Duration;

use edge_state::access::call::LoginEvent;
use worker::{Context, Delay, Env};

use crate::settings::Settings;
use crate::{log, memory, outside};

/// Waits between tries; after them the events wait for the next login here.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Sends events once the response is on its way.
pub fn send(events: Vec<LoginEvent>, env: &Env, settings: &Rc<Settings>, context: &Context) {
    if events.is_empty() {
        return;
    }
    let lost = memory::push_events(events);
    if lost > 0 {
        log::events_lost(lost);
    }
    let (env, settings) = (env.clone(), settings.clone());
    context.wait_until(async move {
        while let Some(batch) = memory::take_events() {
            let mut sent = outside::log(&batch, &env, &settings).await;
            for pause in PAUSES {
                if sent.is_ok() {
                    break;
                }
                Delay::from(pause).await;
                sent = outside::log(&batch, &env, &settings).await;
            }
            let waiting = memory::settle_events(&batch, sent.is_ok());
            if let Err(why) = sent {
                return log::events_wait(waiting, &why);
            }
        }
    });
}
