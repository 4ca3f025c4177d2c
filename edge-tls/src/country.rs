//! From an address to a country, by an MMDB file that the operator keeps up to date.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use maxminddb::{MaxMindDbError, PathElement, Reader};

use crate::metrics;

/// The countries of addresses. By default it knows none.
#[derive(Default)]
pub struct Countries {
    file: PathBuf,
    loaded: ArcSwapOption<Loaded>,
}

struct Loaded {
    reader: Reader<Vec<u8>>,
    stamp: Stamp,
}

/// What changes when the file does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CountryError {
    /// Reading failed.
    #[error("LINTEL_COUNTRY_DATABASE names {0:?}, which cannot be read: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// Not the format.
    #[error("LINTEL_COUNTRY_DATABASE names {0:?}, which is no MMDB file: {1}")]
    Format(PathBuf, #[source] MaxMindDbError),
}

impl Countries {
    /// Reads the file.
    pub fn open(file: PathBuf) -> Result<Self, CountryError> {
        let countries = Self { file, loaded: ArcSwapOption::empty() };
        countries.load(countries.stamp()?)?;
        Ok(countries)
    }

    /// ISO 3166-1 alpha-2, upper case.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<String> {
        let loaded = self.loaded.load();
        let found = loaded.as_ref()?.reader.lookup(address.to_canonical()).ok()?;
        let path = [PathElement::Key("country"), PathElement::Key("iso_code")];
        let code: String = found.decode_path(&path).ok()??;
        let is_code = code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic());
        is_code.then(|| code.to_ascii_uppercase())
    }

    /// Reads the file again if it changed. While it cannot be read, what was read before counts.
    pub async fn refresh(self: Arc<Self>) {
        let refreshed = tokio::task::spawn_blocking(move || self.refresh_now()).await;
        if let Ok(Err(error)) = refreshed {
            metrics::country_database_loaded(false);
            tracing::error!(%error, "the country database of before is used on");
        }
    }

    fn refresh_now(&self) -> Result<(), CountryError> {
        let Some(known) = self.loaded.load().as_ref().map(|loaded| loaded.stamp) else {
            return Ok(());
        };
        let stamp = self.stamp()?;
        if stamp == known { Ok(()) } else { self.load(stamp) }
    }

    fn load(&self, stamp: Stamp) -> Result<(), CountryError> {
        let bytes = std::fs::read(&self.file).map_err(|error| self.io(error))?;
        let reader = Reader::from_source(bytes);
        let reader = reader.map_err(|error| CountryError::Format(self.file.clone(), error))?;
        tracing::info!(built = reader.metadata().build_epoch, "country database read");
        metrics::country_database_loaded(true);
        self.loaded.store(Some(Arc::new(Loaded { reader, stamp })));
        Ok(())
    }

    fn stamp(&self) -> Result<Stamp, CountryError> {
        let metadata = std::fs::metadata(&self.file).map_err(|error| self.io(error))?;
        Ok(Stamp { modified: metadata.modified().ok(), length: metadata.len() })
    }

    fn io(&self, error: io::Error) -> CountryError {
        CountryError::Io(self.file.clone(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `tests/country/make.py`.
    const GERMAN: &[u8] = include_bytes!("../tests/country/german.mmdb");
    const FRENCH: &[u8] = include_bytes!("../tests/country/french.mmdb");

    fn of(countries: &Countries, address: &str) -> Option<String> {
        countries.of(address.parse().unwrap())
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("country.mmdb");
        std::fs::write(&file, GERMAN).unwrap();
        let countries = Arc::new(Countries::open(file.clone()).unwrap());
        for address in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"] {
            assert_eq!(of(&countries, address).as_deref(), Some("DE"), "{address}");
        }
        assert_eq!(of(&countries, "198.51.100.1"), None);

        std::fs::write(&file, "half a file").unwrap();
        countries.clone().refresh().await;
        assert_eq!(of(&countries, "192.0.2.7").as_deref(), Some("DE"));
        std::fs::remove_file(&file).unwrap();
        countries.clone().refresh().await;
        assert_eq!(of(&countries, "192.0.2.7").as_deref(), Some("DE"));

        std::fs::write(&file, FRENCH).unwrap();
        let written = std::fs::File::options().write(true).open(&file).unwrap();
        written.set_modified(SystemTime::UNIX_EPOCH).unwrap(); // Of the same length as before.
        countries.clone().refresh().await;
        assert_eq!(of(&countries, "192.0.2.7").as_deref(), Some("FR"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let error = Countries::open("/nowhere/country.mmdb".into()).err().unwrap();
        assert!(error.to_string().starts_with("LINTEL_COUNTRY_DATABASE names \"/nowhere"));
        assert_eq!(of(&Countries::default(), "192.0.2.7"), None);
    }
}
