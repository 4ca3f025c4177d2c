//! Waiting for a condition. Nothing else in these tests may sleep.

use std::time::Duration;

use lintel_dev::{Failure, wait};

/// Asks at growing intervals until the answer is `Ok`; fails with what it last saw.
/// [`crate::Lintel::until`] adds the tail of every log.
pub async fn until<T>(
    what: &str,
    ask: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    wait::until(what, LIMIT, ask).await
}

/// Generous: it is reached only by what is broken, also on a slow machine.
pub const LIMIT: Duration = Duration::from_mins(3);
