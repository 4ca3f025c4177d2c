//! What the edge answers and serves, asked as visitors ask.

use std::time::Duration;

use edge_state::{Hostname, KeyType};
use futures_util::future::join_all;
use lifecycle::Problem;
use lifecycle::certificate::Event;
use lifecycle::problem::clip;
use lifecycle::validation::Challenge;

use super::trouble::look_failed;
use super::{Failure, Runner};
use crate::check::AGENT;
use crate::metrics::WRONG_CERTIFICATE;
use crate::probe::served_serial;
use crate::store::changes::{self, RegisteredPoint};

/// A point of presence that has not been heard of for this long holds no new challenge back: the
/// look from outside tells whether visitors meet one that does not answer.
const SILENT: Duration = Duration::from_mins(15);

impl Runner {
    /// Looks for the challenge at every point of presence, and as the public sees it: a certificate
    /// authority is asked to look only at what is there, for its limits on failures are low.
    pub(super) async fn check_challenge(
        &self,
        hostname: &Hostname,
        target: &Hostname,
        (order, challenge): (&str, &Challenge),
    ) -> Result<Event, Failure> {
        let path = challenge.path();
        let now = self.now();
        let points = changes::points(&mut self.db.read().await?).await?;
        let heard = |point: &&RegisteredPoint| {
            now.since(lifecycle::Timestamp::from_millis(point.last_seen_at)) < SILENT
        };
        let looks = points.iter().filter(heard).map(async |point| {
            let answer = self.public.get_at(&point.http_address, hostname, &path).await;
            let reason = match answer {
                Ok(answer) if challenge.is_answered_by(answer.status, &answer.body) => return None,
                Ok(answer) => format!("it answered {}", answer.status),
                Err(error) => clip(&error.to_string()),
            };
            let point_of_presence = point.name.clone();
            Some(Problem::ChallengeNotAtEdge { point_of_presence, reason })
        });
        if let Some(problem) = join_all(looks).await.into_iter().flatten().next() {
            return Ok(Event::Failed(problem));
        }
        let url = challenge.url(hostname);
        Ok(match self.public.get(hostname, &path, AGENT).await {
            Ok(answer) if challenge.is_answered_by(answer.status, &answer.body) => {
                Event::ChallengeVisible { order: order.to_owned() }
            }
            Ok(answer) => Event::Failed(Problem::WrongAnswer { url, status: answer.status }),
            Err(error) => Event::Failed(look_failed(&error, url, hostname, target)),
        })
    }

    /// Shakes hands with every point of presence: a certificate is active when all serve it.
    pub(super) async fn probe(
        &self,
        hostname: &Hostname,
        key_type: KeyType,
        serial: &str,
    ) -> Result<Event, Failure> {
        let points = changes::points(&mut self.db.read().await?).await?;
        if points.is_empty() {
            return Ok(Event::Failed(Problem::NoPointOfPresence));
        }
        let looks = points.iter().map(async |point| {
            let point_of_presence = point.name.clone();
            match served_serial(&point.https_address, hostname, key_type).await {
                Ok(served) if served == serial => None,
                Ok(served) => {
                    let name = point_of_presence.clone();
                    metrics::counter!(WRONG_CERTIFICATE, "point_of_presence" => name).increment(1);
                    let expected = serial.to_owned();
                    Some(Problem::OtherSerial { point_of_presence, served, expected })
                }
                Err(error) => {
                    let reason = clip(&error.to_string());
                    Some(Problem::PointOfPresenceDown { point_of_presence, reason })
                }
            }
        });
        Ok(match join_all(looks).await.into_iter().flatten().next() {
            Some(problem) => Event::Failed(problem),
            None => Event::Served { serial: serial.to_owned() },
        })
    }
}
