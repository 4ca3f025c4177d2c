//! Asking until a condition holds.

use std::time::Duration;

use tokio::time::Instant;

use crate::Failure;

/// Asks at growing intervals until the answer is `Ok`. What the question last saw, its `Err`, is
/// told when the limit ends.
pub async fn until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let end = Instant::now() + limit;
    let mut pause = SHORTEST_PAUSE;
    let mut seen = Failure::new("no answer at all");
    loop {
        // A question that hangs counts as one that was not answered in time.
        match tokio::time::timeout_at(end, ask()).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(failure)) => seen = failure,
            Err(_) => {}
        }
        if Instant::now() + pause >= end {
            return Err(Failure::new(format!("not after {limit:?}: {what}; last seen: {seen}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_with_the_first_good_answer() {
        let mut asked = 0;
        let answer = until("the third answer", Duration::from_mins(1), async || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { Err(Failure::new("too early")) }
        });
        assert_eq!(answer.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn it_tells_what_it_saw_last_also_if_the_question_hangs() {
        let mut told = 0;
        let answer = until("tea", Duration::from_secs(1), async || {
            if told == 2 {
                std::future::pending::<()>().await;
            }
            told += 1;
            Err::<(), _>(Failure::new(format!("coffee {told}")))
        });
        let failure = answer.await.unwrap_err().to_string();
        assert_eq!(failure, format!("not after 1s: tea; last seen: coffee {told}"));
    }
}
