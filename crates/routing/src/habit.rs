//! Which records the requests of a hostname needed lately. When one of them has to be read again,
//! so have the others, most likely: then they are read side by side.

use std::collections::BTreeMap;

use edge_state::{Hostname, Key};

/// Keys by hostname, the ones that were needed last in front.
#[derive(Debug, Default)]
pub struct Habits(BTreeMap<Hostname, Vec<Key>>);

/// Hostnames; when there are more it begins anew.
const HOSTNAMES: usize = 1024;
/// For each of them.
const KEYS: usize = 32;

impl Habits {
    /// A request for this hostname needed this record.
    pub fn note(&mut self, hostname: &Hostname, key: &Key) {
        if is_of_one_visitor(key) {
            return;
        }
        if self.0.len() >= HOSTNAMES && !self.0.contains_key(hostname) {
            self.0.clear();
        }
        let keys = self.0.entry(hostname.clone()).or_default();
        if let Some(at) = keys.iter().position(|known| known == key) {
            keys[..=at].rotate_right(1);
        } else {
            keys.truncate(KEYS - 1);
            keys.insert(0, key.clone());
        }
    }

    /// What it will need, most likely.
    #[must_use]
    pub fn of(&self, hostname: &Hostname) -> &[Key] {
        self.0.get(hostname).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The next visitor needs another one.
fn is_of_one_visitor(key: &Key) -> bool {
    matches!(key, Key::Session(_) | Key::Challenge(_) | Key::ServiceToken(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    fn of(habits: &Habits, hostname: &str) -> Vec<String> {
        let keys = habits.of(&Hostname::parse(hostname).unwrap());
        keys.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_last_needed_come_first_and_visitors_own_do_not_count() {
        let (mut habits, hostname) = (Habits::default(), Hostname::parse("a.com").unwrap());
        for text in ["host:a.com", "app:1", "session:x", "acme:t", "host:a.com"] {
            habits.note(&hostname, &key(text));
        }
        assert_eq!(of(&habits, "a.com"), ["host:a.com", "app:1"]);
        assert!(of(&habits, "b.com").is_empty());
    }

    #[test]
    fn it_is_bounded() {
        let (mut habits, hostname) = (Habits::default(), Hostname::parse("a.com").unwrap());
        for number in 0..2 * KEYS {
            habits.note(&hostname, &key(&format!("app:{number}")));
        }
        let keys = of(&habits, "a.com");
        assert_eq!(
            (keys.len(), keys[0].as_str(), keys[KEYS - 1].as_str()),
            (32, "app:63", "app:32")
        );
        for number in 0..HOSTNAMES {
            let other = Hostname::parse(&format!("a{number}.example")).unwrap();
            habits.note(&other, &key("app:1"));
        }
        assert!(habits.0.len() <= HOSTNAMES);
    }
}
