//! The contract between control plane and edge.
//!
//! `control-api` writes records, points of presence and the worker read them. Every way a record
//! can travel (the feed, Workers KV, a replica on disk) carries exactly these bytes.
//!
//! - [`key`]: the one place where a record's key is spelled
//! - [`record`]: encoding with a schema version
//! - [`name`]: a normalised DNS name
//! - [`hostname`]: what the edge knows of a custom hostname
//! - [`zone`]: what all hostnames of one SaaS zone share
//! - [`origin`]: where requests go; [`tls`]: how visitors come
//! - [`address`]: how far an IP address reaches
//! - [`challenge`]: the answer to an ACME http-01 challenge
//! - [`certificate`]: chains and sealed private keys, for points of presence of one's own
//! - [`access`]: applications, policies, providers, sessions
//! - [`records`]: what was read so far for one request, and what is missing; [`recall`]: what is
//!   found in memory meanwhile
//! - [`seal`]: secrets at rest
//! - [`change`]: the feed that carries changes, in order

pub mod access;
pub mod address;
pub mod certificate;
pub mod challenge;
pub mod change;
pub mod hostname;
pub mod key;
pub mod name;
pub mod origin;
pub mod recall;
pub mod record;
pub mod records;
pub mod seal;
pub mod tls;
pub mod zone;

pub use certificate::{CertificateRecord, EdgeCertificate, KeyType};
pub use challenge::ChallengeRecord;
pub use change::{Change, Changes, SnapshotPage};
pub use hostname::HostRecord;
pub use key::Key;
pub use name::{Hostname, InvalidHostname};
pub use record::{DecodeError, Record};
pub use records::{Entry, Missing, Records};
pub use zone::ZoneRecord;
