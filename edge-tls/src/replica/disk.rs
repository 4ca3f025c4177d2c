//! The replica's file: records as they came, the sequence up to which they are complete, and what
//! this version could not read. Every change commits together with the sequence that it belongs to.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use edge_state::change::Change;
use edge_state::{Key, record};
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    StorageError, Table, TableDefinition, WriteTransaction,
};

/// Text of each record, and a number that no two writes on this machine share.
const RECORDS: TableDefinition<&str, (u64, &str)> = TableDefinition::new("records");
/// Newest text of records that this version does not understand; the last one that it did stays in
/// [`RECORDS`]. A later version of this program takes them up when it opens the file.
const HELD_BACK: TableDefinition<&str, &str> = TableDefinition::new("held_back");
const META: TableDefinition<&str, i64> = TableDefinition::new("meta");

/// Absent while a snapshot is being taken, and before the first.
const SEQUENCE: &str = "sequence";
const REVISION: &str = "revision";

/// Reading a hot record touches pages that the system caches anyway.
const CACHE_BYTES: usize = 32 << 20;

/// The replica's file.
pub struct Disk {
    database: Database,
}

/// One record as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// Differs after every write, whatever sequence the control plane gave it.
    pub revision: u64,
    /// [`edge_state::Record::encode`]'s text.
    pub text: String,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process holds the file.
    #[error("{0} is in use by another edge-tls. Stop it, or give this one its own LINTEL_DATA_DIR")]
    InUse(String),
    /// Reading or writing failed.
    #[error("the replica on disk: {0}")]
    Storage(#[from] redb::Error),
}

impl Disk {
    /// Opens the file or makes it. One that is damaged is put aside: the control plane has
    /// everything that was in it.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        let open = || Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let database = match open() {
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                return Err(DiskError::InUse(path.display().to_string()));
            }
            Err(error) if is_damage(&error) => {
                let aside = path.with_extension("damaged");
                tracing::error!(%error, aside = %aside.display(), "the replica is damaged: starting from an empty one");
                std::fs::rename(path, aside).map_err(redb::Error::Io)?;
                open().map_err(redb::Error::from)?
            }
            other => other.map_err(redb::Error::from)?,
        };
        let disk = Self { database };
        disk.take_up_held_back()?;
        Ok(disk)
    }

    /// Up to which change the replica is complete; `None`: it needs a snapshot.
    pub fn sequence(&self) -> Result<Option<i64>, DiskError> {
        let read = self.database.begin_read().map_err(redb::Error::from)?;
        let meta = read.open_table(META).map_err(redb::Error::from)?;
        Ok(meta.get(SEQUENCE).map_err(redb::Error::from)?.map(|value| value.value()))
    }

    /// One record.
    pub fn get(&self, key: &Key) -> Result<Option<Stored>, DiskError> {
        self.look_up(key, |revision, text| Stored { revision, text: text.to_owned() })
    }

    /// The revision of one record, without its text.
    pub fn revision(&self, key: &Key) -> Result<Option<u64>, DiskError> {
        self.look_up(key, |revision, _| revision)
    }

    /// How many records there are, and how many newer versions of them are held back.
    pub fn counts(&self) -> Result<(u64, u64), DiskError> {
        let read = self.database.begin_read().map_err(redb::Error::from)?;
        let records = read.open_table(RECORDS).map_err(redb::Error::from)?;
        let held_back = read.open_table(HELD_BACK).map_err(redb::Error::from)?;
        let count = |length: Result<u64, StorageError>| length.map_err(redb::Error::from);
        Ok((count(records.len())?, count(held_back.len())?))
    }

    /// Writes changes and, with them, up to where the replica is complete now.
    pub fn apply(&self, changes: &[Change], next: Option<i64>) -> Result<(), DiskError> {
        self.write(|write| {
            write_changes(write, changes)?;
            if let Some(next) = next {
                write.open_table(META)?.insert(SEQUENCE, next)?;
            }
            Ok(())
        })
    }

    /// A snapshot begins: what is there is served on, but is no longer complete.
    pub fn begin_snapshot(&self) -> Result<(), DiskError> {
        self.write(|write| {
            write.open_table(META)?.remove(SEQUENCE)?;
            Ok(())
        })
    }

    /// A snapshot is through: what was not in it is gone.
    pub fn end_snapshot(&self, seen: &HashSet<String>, sequence: i64) -> Result<(), DiskError> {
        self.write(|write| {
            write.open_table(RECORDS)?.retain(|key, _| seen.contains(key))?;
            write.open_table(HELD_BACK)?.retain(|key, _| seen.contains(key))?;
            write.open_table(META)?.insert(SEQUENCE, sequence)?;
            Ok(())
        })
    }

    fn look_up<T>(
        &self,
        key: &Key,
        f: impl FnOnce(u64, &str) -> T,
    ) -> Result<Option<T>, DiskError> {
        let read = self.database.begin_read().map_err(redb::Error::from)?;
        let records = read.open_table(RECORDS).map_err(redb::Error::from)?;
        let found = records.get(key.to_string().as_str()).map_err(redb::Error::from)?;
        Ok(found.map(|found| {
            let (revision, text) = found.value();
            f(revision, text)
        }))
    }

    fn write(
        &self,
        f: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), DiskError> {
        let write = self.database.begin_write().map_err(redb::Error::from)?;
        f(&write)?;
        write.commit().map_err(redb::Error::from)?;
        Ok(())
    }

    /// Makes the tables, and reads again what an older version of this program could not.
    fn take_up_held_back(&self) -> Result<(), DiskError> {
        self.write(|write| {
            write.open_table(RECORDS)?;
            write.open_table(META)?;
            let mut held_back = write.open_table(HELD_BACK)?;
            let mut readable = Vec::new();
            held_back.retain(|key, text| {
                let known = key.parse().is_ok_and(|key| record::is_understood(&key, text));
                if known {
                    let (key, value) = (key.to_owned(), Some(text.to_owned()));
                    readable.push(Change { sequence: 0, key, value });
                }
                !known
            })?;
            drop(held_back);
            write_changes(write, &readable)
        })
    }
}

/// Whether a new file would do better.
pub(crate) fn is_damage(error: &DatabaseError) -> bool {
    match error {
        DatabaseError::Storage(StorageError::Corrupted(_))
        | DatabaseError::UpgradeRequired(_)
        | DatabaseError::RepairAborted => true,
        DatabaseError::Storage(StorageError::Io(error)) => error.kind() == ErrorKind::InvalidData,
        _ => false,
    }
}

fn write_changes(write: &WriteTransaction, changes: &[Change]) -> Result<(), redb::Error> {
    let mut meta = write.open_table(META)?;
    let mut records = write.open_table(RECORDS)?;
    let mut held_back = write.open_table(HELD_BACK)?;
    let mut revision = meta.get(REVISION)?.map_or(0, |value| value.value());
    for change in changes {
        revision += 1;
        write_change(&mut records, &mut held_back, change, revision.unsigned_abs())?;
    }
    meta.insert(REVISION, revision)?;
    Ok(())
}

fn write_change(
    records: &mut Table<'_, &'static str, (u64, &'static str)>,
    held_back: &mut Table<'_, &'static str, &'static str>,
    change: &Change,
    revision: u64,
) -> Result<(), redb::Error> {
    let key = change.key.as_str();
    let Some(text) = change.value.as_deref() else {
        records.remove(key)?;
        held_back.remove(key)?;
        return Ok(());
    };
    if key.parse().is_ok_and(|key| record::is_understood(&key, text)) {
        records.insert(key, (revision, text))?;
        held_back.remove(key)?;
    } else {
        tracing::warn!(
            key,
            sequence = change.sequence,
            "record of an unknown kind or version: serving the last one understood"
        );
        held_back.insert(key, text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = r#"{"v":1,"token":"t","key_authorization":"t.k","hostname":"a.com"}"#;

    fn change(key: &str, value: Option<&str>) -> Change {
        Change { sequence: 1, key: key.to_owned(), value: value.map(str::to_owned) }
    }

    fn text(disk: &Disk, key: &str) -> Option<String> {
        disk.get(&key.parse().unwrap()).unwrap().map(|stored| stored.text)
    }

    #[test]
    fn records_and_sequence_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replica.redb");
        let disk = Disk::open(&path).unwrap();
        assert_eq!(disk.sequence().unwrap(), None);
        disk.apply(&[change("acme:t", Some(TOKEN))], Some(7)).unwrap();
        assert!(matches!(Disk::open(&path), Err(DiskError::InUse(_))));
        drop(disk);
        let disk = Disk::open(&path).unwrap();
        assert_eq!(disk.sequence().unwrap(), Some(7));
        assert_eq!(text(&disk, "acme:t").as_deref(), Some(TOKEN));
        disk.apply(&[change("acme:t", None)], Some(8)).unwrap();
        assert_eq!(text(&disk, "acme:t"), None);
    }

    #[test]
    fn the_last_understood_version_stays() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(&folder.path().join("replica.redb")).unwrap();
        disk.apply(&[change("acme:t", Some(TOKEN))], Some(1)).unwrap();
        let newer = TOKEN.replace("\"v\":1", "\"v\":2");
        disk.apply(&[change("acme:t", Some(&newer)), change("pool:x", Some("{}"))], Some(2))
            .unwrap();
        assert_eq!(text(&disk, "acme:t").as_deref(), Some(TOKEN));
        assert_eq!(disk.counts().unwrap(), (1, 2));
        disk.apply(&[change("acme:t", None)], Some(3)).unwrap();
        assert_eq!(disk.counts().unwrap(), (0, 1));
    }

    #[test]
    fn a_snapshot_replaces_what_it_does_not_name() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(&folder.path().join("replica.redb")).unwrap();
        let old = [change("acme:t", Some(TOKEN)), change("acme:old", Some(TOKEN))];
        disk.apply(&old, Some(9)).unwrap();
        disk.begin_snapshot().unwrap();
        assert_eq!(disk.sequence().unwrap(), None);
        assert!(text(&disk, "acme:old").is_some(), "served until the snapshot is through");
        let before = disk.revision(&"acme:t".parse().unwrap()).unwrap();
        disk.apply(&[change("acme:t", Some(TOKEN))], None).unwrap();
        disk.end_snapshot(&HashSet::from(["acme:t".to_owned()]), 3).unwrap();
        assert_eq!(text(&disk, "acme:old"), None);
        assert_eq!(disk.sequence().unwrap(), Some(3));
        assert_ne!(disk.revision(&"acme:t".parse().unwrap()).unwrap(), before);
    }

    #[test]
    fn a_damaged_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replica.redb");
        drop(Disk::open(&path).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..64].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        let disk = Disk::open(&path).unwrap();
        assert_eq!(disk.sequence().unwrap(), None);
        assert!(path.with_extension("damaged").exists());
    }
}
