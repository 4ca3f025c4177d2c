//! A stored certificate with its machine.

use edge_state::KeyType;
use lifecycle::certificate::Certificate;

use super::error::{EngineError, unreadable};
use crate::store::certificates::CertificateRow;

/// A certificate's row with its machine.
pub(crate) struct Live {
    pub(crate) row: CertificateRow,
    pub(crate) key_type: KeyType,
    pub(crate) state: Certificate,
}

impl Live {
    pub(crate) fn read(row: CertificateRow) -> Result<Self, EngineError> {
        let state =
            serde_json::from_str(&row.state).map_err(|error| unreadable(&row.id, &error))?;
        let p256 = row.key_type == KeyType::P256.as_str();
        let key_type = if p256 { KeyType::P256 } else { KeyType::Rsa2048 };
        Ok(Self { row, key_type, state })
    }
}
