//! Answers over HTTP that serve more than one request, as [`Cache`] says.

use std::collections::BTreeMap;

use crate::known::{Fetched, Reply};
use crate::need::Cache;

/// Answers by [`Cache::name`].
#[derive(Debug, Default)]
pub struct Documents(BTreeMap<String, Document>);

#[derive(Debug)]
struct Document {
    /// The last one with status 200.
    good: Option<Fetched>,
    /// What came of the last try.
    last: Reply,
    /// Seconds since 1970.
    tried_at: i64,
}

/// An isolate serves a few organisations, each with a few providers.
const KEPT: usize = 256;

impl Documents {
    /// What is to be used without asking anybody, at `now` in seconds since 1970.
    #[must_use]
    pub fn find(&self, cache: &Cache, now: i64) -> Option<Reply> {
        let document = self.0.get(&cache.name)?;
        let age = |since: i64| now.saturating_sub(since);
        let fresh = document.good.as_ref().filter(|good| {
            let is_new_enough = cache.newer_than.is_none_or(|than| good.at > than);
            is_new_enough && (0..i64::from(cache.seconds)).contains(&age(good.at))
        });
        let tried = (0..i64::from(cache.refresh_seconds)).contains(&age(document.tried_at));
        match fresh {
            Some(fresh) => Some(Reply::Fetched(fresh.clone())),
            None if tried => Some(document.best()),
            None => None,
        }
    }

    /// Keeps what came of a fetch, and returns what is to be used: while a provider fails, its last
    /// good answer.
    pub fn insert(&mut self, cache: &Cache, reply: Reply, now: i64) -> Reply {
        if self.0.len() >= KEPT && !self.0.contains_key(&cache.name) {
            let oldest = self.0.iter().min_by_key(|(_, document)| document.tried_at);
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.0.remove(&name);
            }
        }
        let earlier = self.0.remove(&cache.name).and_then(|document| document.good);
        let good = match &reply {
            Reply::Fetched(fetched) if fetched.status == 200 => Some(fetched.clone()),
            _ => earlier,
        };
        let document = Document { good, last: reply, tried_at: now };
        let best = document.best();
        self.0.insert(cache.name.clone(), document);
        best
    }
}

impl Document {
    fn best(&self) -> Reply {
        self.good.clone().map_or_else(|| self.last.clone(), Reply::Fetched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(newer_than: Option<i64>) -> Cache {
        Cache { name: "jwks".into(), seconds: 600, refresh_seconds: 30, newer_than }
    }

    fn answer(status: u16, body: &str, at: i64) -> Reply {
        let content_type = "application/json".to_owned();
        Reply::Fetched(Fetched { status, content_type, body: body.into(), at })
    }

    fn body(reply: Option<Reply>) -> Option<String> {
        reply.map(|reply| match reply {
            Reply::Fetched(fetched) => fetched.body,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn a_good_answer_serves_for_its_time() {
        let mut documents = Documents::default();
        assert!(documents.find(&cache(None), 1000).is_none());
        documents.insert(&cache(None), answer(200, "a", 1000), 1000);
        assert_eq!(body(documents.find(&cache(None), 1599)).as_deref(), Some("a"));
        assert!(documents.find(&cache(None), 1600).is_none());
        assert!(documents.find(&cache(None), 999).is_none(), "a clock that went back");
    }

    #[test]
    fn who_wants_a_newer_one_gets_it_now_and_then() {
        let mut documents = Documents::default();
        documents.insert(&cache(None), answer(200, "a", 1000), 1000);
        let wants = cache(Some(1000));
        assert_eq!(body(documents.find(&wants, 1029)).as_deref(), Some("a"));
        assert!(documents.find(&wants, 1030).is_none());
        documents.insert(&wants, answer(200, "b", 1030), 1030);
        assert_eq!(body(documents.find(&wants, 1600)).as_deref(), Some("b"));
    }

    #[test]
    fn while_it_fails_the_last_good_one_serves() {
        let mut documents = Documents::default();
        documents.insert(&cache(None), answer(200, "a", 1000), 1000);
        for failed in [answer(500, "oops", 1700), Reply::Failed("timeout".into())] {
            let used = documents.insert(&cache(None), failed, 1700);
            assert_eq!(body(Some(used)).as_deref(), Some("a"));
        }
        assert_eq!(body(documents.find(&cache(None), 1729)).as_deref(), Some("a"));
        assert!(documents.find(&cache(None), 1730).is_none(), "it is asked again");
    }

    #[test]
    fn a_failure_is_not_repeated_at_once() {
        let mut documents = Documents::default();
        documents.insert(&cache(None), Reply::Failed("timeout".into()), 1000);
        assert!(matches!(documents.find(&cache(None), 1029), Some(Reply::Failed(_))));
        assert!(documents.find(&cache(None), 1030).is_none());
    }

    #[test]
    fn the_oldest_go() {
        let mut documents = Documents::default();
        for number in 0..=KEPT {
            let at = i64::try_from(number).unwrap();
            let cache = Cache { name: number.to_string(), ..cache(None) };
            documents.insert(&cache, answer(200, "a", at), at);
        }
        assert_eq!(documents.0.len(), KEPT);
        assert!(!documents.0.contains_key("0") && documents.0.contains_key("1"));
    }
}
