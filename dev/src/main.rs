//! `make run`: a whole Lintel on this machine, in the foreground, until Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use lintel_dev::access::{AUTH_DOMAIN, Demo, GATED_HOSTNAME};
use lintel_dev::announcement::{self, Announcement};
use lintel_dev::application::Application;
use lintel_dev::child::Child;
use lintel_dev::config::Config;
use lintel_dev::house::House;
use lintel_dev::onboard::{self, HOSTNAME, Tenant};
use lintel_dev::origin;
use lintel_dev::provider;
use lintel_dev::state::State;
use lintel_dev::wait;
use lintel_dev::{Context as _, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Nobody takes longer to leave.
const LEAVING: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run());
    // A read of standard input may never return.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let config = Config::from_env()?;
    let state = State::open(&config.state)?;
    let announcement = Announcement::none_yet(&state);
    // Whoever stopped it a moment ago may still be putting its ports down.
    let free = wait::until("the ports are free", LEAVING, async || config.ports.check_free());
    if free.await.is_err() {
        config.ports.check_free()?;
    }
    let origin = origin::start(config.ports.origin).await?;
    println!("Starting control-api and edge-tls");
    let house = House::start(&config, &state)?;
    let outcome = tokio::select! {
        failure = house.death() => Err(failure),
        failure = open(&config, &state, &house, &announcement) => failure,
        () = stop.asked() => Ok(()),
    };
    drop(announcement);
    println!("Stopping");
    tokio::select! {
        killed = house.stop() => {
            for name in killed {
                eprintln!("warning: {name} did not end in time and was killed");
            }
        }
        // Asked a second time: what still runs is killed as it is dropped.
        () = stop.asked() => {}
    }
    origin.abort();
    outcome
}

/// Returns only if it fails.
async fn open(
    config: &Config,
    state: &State,
    house: &House,
    announcement: &Announcement<'_>,
) -> Result<(), Failure> {
    let opened = async {
        house.ready(config, state).await?;
        let tenant = Tenant::open(config, state).await?;
        println!("Onboarding {HOSTNAME} through the API");
        tenant.onboard(HOSTNAME, |states| println!("  {states}")).await?;
        onboard::visit(config, state).await?;
        println!("Opening the door to {GATED_HOSTNAME}");
        let application = Application::start(config, state).await?;
        let demo = Demo::open(config, state, &tenant, &application.metadata).await?;
        let provider = provider::start(config, state, &demo.redirect_url).await?;
        for hostname in [AUTH_DOMAIN, GATED_HOSTNAME] {
            tenant.onboard(hostname, |states| println!("  {hostname}: {states}")).await?;
        }
        announcement.publish(config, &tenant)?;
        print!("{}", announcement::welcome(config, state, &tenant));
        Ok::<_, Failure>([provider, application.child])
    };
    match opened.await {
        Ok([provider, application]) => Err(tokio::select! {
            exit = provider.exit() => ended(&provider, &exit),
            exit = application.exit() => ended(&application, &exit),
        }),
        Err(failure) => Err(Failure::new(format!("{failure}\n{}", house.log_tails()))),
    }
}

fn ended(child: &Child, exit: &str) -> Failure {
    let (name, tail) = (child.name(), child.log_tail());
    Failure::new(format!("the demo {name} ended by itself ({exit})\n{tail}"))
}

/// The ways in which somebody asks us to end.
struct Stop {
    signals: [Signal; 3],
    /// Whether the end of standard input is one of them (`LINTEL_LIFELINE=stdin`).
    lifeline: bool,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("listening for signals");
        let signals = [
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ];
        let lifeline = std::env::var("LINTEL_LIFELINE").is_ok_and(|value| value == "stdin");
        Ok(Self { signals, lifeline })
    }

    async fn asked(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            () = end_of_input(), if self.lifeline => self.lifeline = false,
        }
    }
}

async fn end_of_input() {
    // Nothing is ever written to a lifeline; an error ends it as well.
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
}
