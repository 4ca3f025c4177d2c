//! One visitor's connection, as those know it who answer its requests.

use std::net::IpAddr;
use std::sync::Arc;

use crate::admission::Admission;
use crate::pulse::Pulse;
use crate::tls::Agreed;

/// One visitor's connection.
pub struct Visitor {
    /// Its address.
    pub client: IpAddr,
    /// Absent on the plain port.
    pub agreed: Option<Agreed>,
    /// Whether it moves.
    pub pulse: Arc<Pulse>,
    /// The place that it takes, until the last holder of this value drops it.
    pub admission: Admission,
}

impl Visitor {
    /// A visitor who takes its place until the last holder of this value drops it.
    #[must_use]
    pub fn new(
        client: IpAddr,
        agreed: Option<Agreed>,
        pulse: Arc<Pulse>,
        admission: Admission,
    ) -> Self {
        Self { client, agreed, pulse, admission }
    }
}
