//! Login events that the control plane does not have yet, in a file of their own. What was taken
//! over from the worker survives this process.

use std::path::Path;

use edge_state::access::call::LoginEvent;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    TableDefinition,
};

use crate::replica::disk::is_damage;

/// By order of arrival: the event as JSON.
const EVENTS: TableDefinition<u64, &str> = TableDefinition::new("events");
const CACHE_BYTES: usize = 4 << 20;

/// So many wait at most: some 100 MB, and a working day of a company of thousands. Then the oldest
/// go.
pub const KEPT: u64 = 100_000;
/// A longer one (a person in thousands of groups) is kept without its identity.
const MAX_EVENT: usize = 64 << 10;

/// The file of waiting events.
pub struct Disk {
    database: Database,
    kept: u64,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the login events on disk: {0}")]
pub struct DiskError(#[from] redb::Error);

/// Events that go together.
#[derive(Debug, Default)]
pub struct Waiting {
    /// The number of the last of them.
    pub last: u64,
    /// The events, oldest first.
    pub events: Vec<LoginEvent>,
}

impl Disk {
    /// Opens the file or makes it. One that is damaged is put aside, for who wants to look into it.
    pub fn open(path: &Path, kept: u64) -> Result<Self, DiskError> {
        let open = || Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let database = match open() {
            Err(error) if is_damage(&error) => {
                let aside = path.with_extension("damaged");
                tracing::error!(%error, aside = %aside.display(), "the file of login events is damaged: they are lost unless it can be read by hand");
                std::fs::rename(path, aside).map_err(redb::Error::Io)?;
                open()
            }
            other => other,
        };
        let disk = Self { database: database.map_err(redb::Error::from)?, kept };
        disk.write(|_| Ok(()))?; // The table is there from now on.
        Ok(disk)
    }

    /// Adds events; returns how many old ones had to go for them.
    pub fn keep(&self, events: &[LoginEvent]) -> Result<u64, DiskError> {
        let kept = self.kept;
        self.write(|table| {
            let next = table.last()?.map_or(0, |(number, _)| number.value() + 1);
            for (number, event) in (next..).zip(events) {
                table.insert(number, text(event).as_str())?;
            }
            let over = table.len()?.saturating_sub(kept);
            for _ in 0..over {
                table.pop_first()?;
            }
            Ok(over)
        })
    }

    /// The oldest events, `limit` at most.
    pub fn oldest(&self, limit: usize) -> Result<Waiting, DiskError> {
        let read = || {
            let table = self.database.begin_read()?.open_table(EVENTS)?;
            let mut waiting = Waiting::default();
            for entry in table.iter()?.take(limit) {
                let (number, text) = entry?;
                waiting.last = number.value();
                match serde_json::from_str(text.value()) {
                    Ok(event) => waiting.events.push(event),
                    Err(error) => tracing::error!(%error, "a login event on disk is unreadable"),
                }
            }
            Ok::<_, redb::Error>(waiting)
        };
        Ok(read()?)
    }

    /// Forgets events up to this number.
    pub fn forget(&self, last: u64) -> Result<(), DiskError> {
        self.write(|table| {
            table.retain_in(..=last, |_, _| false)?;
            Ok(())
        })
    }

    /// How many wait.
    pub fn len(&self) -> Result<u64, DiskError> {
        let read = || Ok::<_, redb::Error>(self.database.begin_read()?.open_table(EVENTS)?.len()?);
        Ok(read()?)
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> Result<bool, DiskError> {
        Ok(self.len()? == 0)
    }

    fn write<T>(
        &self,
        f: impl FnOnce(&mut redb::Table<'_, u64, &'static str>) -> Result<T, redb::StorageError>,
    ) -> Result<T, DiskError> {
        let written = || {
            let write = self.database.begin_write()?;
            let result = f(&mut write.open_table(EVENTS)?)?;
            write.commit()?;
            Ok::<_, redb::Error>(result)
        };
        Ok(written()?)
    }
}

fn text(event: &LoginEvent) -> String {
    let encode = |event: &LoginEvent| serde_json::to_string(event).unwrap_or_default();
    let text = encode(event);
    if text.len() <= MAX_EVENT {
        return text;
    }
    encode(&LoginEvent { identity: None, ..event.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(ids: std::ops::Range<u32>) -> Vec<LoginEvent> {
        let event = |id: u32| {
            let event = serde_json::json!({
                "id": id.to_string(), "auth_domain": "team.example.com", "at_millis": 0,
                "action": "login", "allowed": true, "ray_id": "r", "reason": "",
            });
            serde_json::from_value(event).unwrap()
        };
        ids.map(event).collect()
    }

    fn ids(waiting: &Waiting) -> Vec<&str> {
        waiting.events.iter().map(|event| event.id.as_str()).collect()
    }

    #[test]
    fn events_survive_and_go_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logins.redb");
        let disk = Disk::open(&path, KEPT).unwrap();
        assert_eq!(disk.keep(&events(0..3)).unwrap(), 0);
        drop(disk);
        let disk = Disk::open(&path, KEPT).unwrap();
        let first = disk.oldest(2).unwrap();
        assert_eq!(ids(&first), ["0", "1"]);
        disk.keep(&events(3..4)).unwrap();
        disk.forget(first.last).unwrap();
        let rest = disk.oldest(10).unwrap();
        assert_eq!(ids(&rest), ["2", "3"]);
        disk.forget(rest.last).unwrap();
        assert!(disk.is_empty().unwrap());
        disk.keep(&events(4..5)).unwrap();
        assert_eq!(ids(&disk.oldest(1).unwrap()), ["4"]);
    }

    #[test]
    fn the_oldest_go_when_it_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(&folder.path().join("logins.redb"), 3).unwrap();
        assert_eq!(disk.keep(&events(0..5)).unwrap(), 2);
        assert_eq!(disk.keep(&events(5..6)).unwrap(), 1);
        assert_eq!(ids(&disk.oldest(10).unwrap()), ["3", "4", "5"]);
    }

    #[test]
    fn what_is_too_long_goes_without_its_identity() {
        let mut event = events(0..1).remove(0);
        let identity = serde_json::json!({
            "email": "a@example.com", "subject": "x".repeat(MAX_EVENT),
            "idp": { "id": "1", "type": "oidc" }, "authenticated_at": 0,
        });
        event.identity = Some(serde_json::from_value(identity).unwrap());
        let kept: LoginEvent = serde_json::from_str(&text(&event)).unwrap();
        assert_eq!((kept.identity, kept.id), (None, event.id));
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logins.redb");
        std::fs::write(&path, "not a database").unwrap();
        let disk = Disk::open(&path, KEPT).unwrap();
        assert!(disk.is_empty().unwrap());
        assert!(folder.path().join("logins.damaged").exists());
    }
}
