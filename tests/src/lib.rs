//! A whole Lintel with everything around it, for end-to-end tests.
//!
//! - [`lintel`]: control-api, edge-tls and workerd with the built worker, as processes; own ports, own folder
//! - [`until`]: waiting for a condition; what fails shows the tail of every log
//! - [`pebble`]: the CA; [`acme_proxy`] stands before it and refuses, loses, holds and counts
//! - [`dns`]: the DNS that control-api and the CA ask
//! - [`feed`]: a control plane of records alone, for an edge without control-api
//! - [`miniflare`]: the worker as on Cloudflare
//! - [`origin`]: the servers behind the edge, and customers' own
//! - [`visitor`]: who comes to the edge; [`openssl`]: another implementation's view of it
//! - [`postgres`]: a database server
//! - [`team`]: identity providers, a mail server and gated applications around all that
//! - [`process`], [`ports`], [`authority`]: what these are made of

pub mod acme_proxy;
pub mod authority;
pub mod dns;
pub mod feed;
pub mod lintel;
pub mod miniflare;
pub mod openssl;
pub mod origin;
pub mod pebble;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod team;
pub mod until;
pub mod visitor;

pub use lintel::Lintel;
pub use lintel_dev::{Context, Failure};
pub use until::until;
