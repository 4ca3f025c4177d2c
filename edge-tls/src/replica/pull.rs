//! Follows the control plane's feed: long polls for changes, takes a snapshot when it must, and
//! makes this point of presence known. The control plane may be away for days: the replica serves
//! on, and this asks on.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use edge_state::change::{Changes, PointOfPresence, SnapshotPage};
use rand::Rng as _;
use reqwest::{Client, Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{DiskError, Replica};
use crate::metrics;

/// How long the control plane holds a question that has no answer yet.
const WAIT: Duration = Duration::from_secs(25);
/// What a page may take beyond that.
const TRANSFER: Duration = Duration::from_secs(30);
const PAGE: usize = 1000;
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LAST: Duration = Duration::from_secs(5);

/// Where the feed is, and as whom to ask.
pub struct Feed {
    client: Client,
    base: Url,
    token: SecretString,
    pop: String,
    announcement: PointOfPresence,
}

/// A question to the control plane that brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// Unreachable, or not an answer of ours.
    #[error("no answer from the control plane: {0}")]
    Http(#[from] reqwest::Error),
    /// It answered, but not what was asked for.
    #[error("the control plane answered {0}{hint}", hint = hint(*.0))]
    Status(StatusCode),
    /// The answer could not be kept.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Feed {
    /// A feed below `base`. The announcement is what the control plane shall know of us.
    pub fn new(
        base: &Url,
        token: SecretString,
        pop: String,
        announcement: PointOfPresence,
    ) -> Result<Self, PullError> {
        let client = Client::builder().connect_timeout(Duration::from_secs(5)).build()?;
        Ok(Self { client, base: base.clone(), token, pop, announcement })
    }

    /// Follows the feed into the replica until `stop`.
    pub async fn follow(self, replica: Replica, stop: CancellationToken) {
        let (mut announced, mut retry) = (false, RETRY_FIRST);
        let mut away_since: Option<Instant> = None;
        while !stop.is_cancelled() {
            let outcome = tokio::select! {
                outcome = self.step(&replica, &mut announced) => outcome,
                () = stop.cancelled() => return,
            };
            let Err(error) = outcome else {
                metrics::replica_answered();
                retry = RETRY_FIRST;
                if let Some(since) = away_since.take() {
                    tracing::info!(away = ?since.elapsed(), "the control plane answers again");
                }
                continue;
            };
            metrics::replica_pull_failed();
            if away_since.is_none() {
                away_since = Some(Instant::now());
                tracing::warn!(%error, "serving from the replica alone");
            } else {
                tracing::debug!(%error, "still serving from the replica alone");
            }
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::select! {
                () = tokio::time::sleep(retry.mul_f64(jitter)) => {}
                () = stop.cancelled() => return,
            }
            retry = (retry * 2).min(RETRY_LAST);
        }
    }

    /// One question: the changes since what we have, or all there is.
    async fn step(&self, replica: &Replica, announced: &mut bool) -> Result<(), PullError> {
        if !*announced {
            match self.announce().await {
                Ok(()) => *announced = true,
                Err(error @ PullError::Status(_)) => tracing::warn!(%error, "not made known yet"),
                Err(error) => return Err(error),
            }
        }
        let wait = if *announced { WAIT } else { RETRY_LAST };
        let since = *replica.sequence().borrow();
        let Some(since) = since else {
            return self.snapshot(replica).await;
        };
        let answer: Option<Changes> = self.changes(since, wait).await?;
        match answer {
            Some(answer) if answer.next >= since => {
                if answer.next > since {
                    replica.apply(answer.changes, Some(answer.next)).await?;
                }
                Ok(())
            }
            // Forgotten, or a control plane from a backup, which may have forgotten us as well.
            _ => {
                tracing::warn!(since, "the feed does not continue here: taking a snapshot");
                *announced = false;
                self.snapshot(replica).await
            }
        }
    }

    /// `None`: the control plane cannot continue from `since`.
    async fn changes(&self, since: i64, wait: Duration) -> Result<Option<Changes>, PullError> {
        let request = self.client.get(self.url(&["changes"]));
        let request = request.query(&[("since", since.to_string()), ("pop", self.pop.clone())]);
        let request = request.query(&[("limit", PAGE as u64), ("wait", wait.as_secs())]);
        let response = self.send(request.timeout(wait + TRANSFER)).await?;
        if response.status() == StatusCode::GONE {
            return Ok(None);
        }
        Ok(Some(read(response).await?))
    }

    /// Pages may be of different moments, each record in them is the newest of its moment: so each
    /// is served as it comes, and the changes since the first page follow.
    async fn snapshot(&self, replica: &Replica) -> Result<(), PullError> {
        replica.begin_snapshot().await?;
        let (mut seen, mut after, mut sequence) = (HashSet::new(), None::<String>, None);
        loop {
            let request = self.client.get(self.url(&["snapshot"])).query(&[("limit", PAGE)]);
            let request = request.query(&after.as_ref().map(|after| [("after", after)]));
            let page: SnapshotPage = read(self.send(request.timeout(TRANSFER)).await?).await?;
            let sequence = *sequence.get_or_insert(page.sequence);
            seen.extend(page.records.iter().map(|record| record.key.clone()));
            replica.apply(page.records, None).await?;
            after = page.next;
            if after.is_none() {
                tracing::info!(records = seen.len(), sequence, "snapshot taken");
                return Ok(replica.end_snapshot(seen, sequence).await?);
            }
        }
    }

    async fn announce(&self) -> Result<(), PullError> {
        let request = self.client.put(self.url(&["points_of_presence", &self.pop]));
        let response = self.send(request.json(&self.announcement).timeout(TRANSFER)).await?;
        if !response.status().is_success() {
            return Err(PullError::Status(response.status()));
        }
        tracing::info!(pop = self.pop, https = self.announcement.https_address, "made known");
        Ok(())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, PullError> {
        Ok(request.bearer_auth(self.token.expose_secret()).send().await?)
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["edge", "v1"]).extend(segments);
        }
        url
    }
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, PullError> {
    match response.status() {
        StatusCode::OK => Ok(response.json().await?),
        status => Err(PullError::Status(status)),
    }
}

fn hint(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => ": LINTEL_EDGE_TOKEN differs from control-api's",
        StatusCode::NOT_FOUND => ": is LINTEL_CONTROL_URL control-api's own address?",
        _ => "",
    }
}
