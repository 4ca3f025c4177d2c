//! Thousands of histories of one hostname: a certificate authority, a database, an edge and a
//! public DNS that fail in every way, and both machines between them. What must never happen is
//! checked after every commit; what must happen in the end is checked after the storm.
//!
//! A failing history prints its seed: `SEED=n cargo test -p lifecycle --test simulation` repeats it.
//! `SEEDS=n` runs another number of them.

mod authority;
mod database;
mod dice;
mod edge;
mod world;

use std::time::Duration;

use world::World;

const DAY: Duration = Duration::from_hours(24);

#[allow(clippy::disallowed_methods, reason = "how a person picks a history")]
fn seeds(default: u64) -> Box<dyn Iterator<Item = u64>> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("SEED") {
        Some(seed) => Box::new(seed..=seed),
        None => Box::new(0..number("SEEDS").unwrap_or(default)),
    }
}

/// Runs a history; a panic in it names its seed.
fn history(seed: u64, live: impl FnOnce(&mut World)) {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut world = World::new(seed);
        live(&mut world);
    }));
    if let Err(panic) = result {
        eprintln!("replay with SEED={seed}");
        std::panic::resume_unwind(panic);
    }
}

/// Answers lost, repeated and reordered; kills before and after each commit; authorities, points of
/// presence and DNS that come and go; a clock that jumps both ways.
#[test]
fn after_any_storm_the_hostname_is_live() {
    for seed in seeds(5_000) {
        history(seed, |world| {
            world.begin();
            world.storm(250);
            world.end_faults();
            world.settle();
        });
    }
}

/// As above, but the hostname lives for a year after it: it is renewed again and again, and what is
/// served is valid at every moment.
#[test]
fn after_any_storm_it_is_renewed_for_ever() {
    for seed in seeds(100) {
        history(seed, |world| {
            world.begin();
            world.storm(100);
            world.end_faults();
            if world.settle() {
                world.live_on(365 * DAY);
            }
        });
    }
}

/// SECURITY: for any lifetime from an hour to 398 days, an outage of a third of it, whenever it
/// begins, lets no certificate expire, and no authority is asked in a busy loop.
#[test]
fn no_outage_of_a_third_of_its_life_lets_a_certificate_expire() {
    for seed in seeds(250) {
        history(seed, |world| {
            let lifetime = world.choose_lifetime();
            world.begin();
            world.end_faults();
            assert!(world.settle());
            let quiet = lifetime.mul_f64(2.0 * world.uniform());
            world.live_on(quiet);
            let asked = world.requests();
            world.authorities_down(true);
            world.live_on(lifetime.mul_f64(1.0 / 3.0));
            // Two certificates at two authorities: daily at most, but for the first day and the
            // last days of a life.
            let days = lifetime.as_secs() / (3 * 86_400);
            let asked = world.requests() - asked;
            assert!(asked <= 4 * (days + 60), "{asked} requests in {days} days");
            world.authorities_down(false);
            world.live_on(2 * lifetime);
        });
    }
}

/// Issue 7: with the authority refusing the second order the hostname is live all the same.
#[test]
fn a_refused_rsa_order_never_harms_the_hostname() {
    for seed in seeds(100) {
        history(seed, |world| {
            world.refuse_rsa();
            world.begin();
            world.end_faults();
            world.settle();
            world.live_on(300 * DAY);
        });
    }
}
