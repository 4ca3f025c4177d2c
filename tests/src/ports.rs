//! Ports that no other test on this machine uses, nor the system gives to outgoing connections.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use lintel_dev::Failure;

/// A block of ports, held as long as this lives.
#[derive(Debug)]
pub struct Ports {
    /// The block's first port; who listens on it, owns the block.
    flag: TcpListener,
    next: AtomicU16,
}

impl Ports {
    /// Takes the next block that nobody holds. One that was just given back comes last: what was
    /// killed may still be putting its ports down.
    pub fn reserve() -> Result<Self, Failure> {
        static TAKEN: AtomicU16 = AtomicU16::new(0);
        let offset = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or(0);
        for _ in 0..BLOCKS {
            let index = (TAKEN.fetch_add(1, Ordering::Relaxed) % BLOCKS + offset) % BLOCKS;
            let first = FIRST + index * BLOCK;
            if let Ok(flag) = TcpListener::bind((Ipv4Addr::LOCALHOST, first)) {
                return Ok(Self { flag, next: AtomicU16::new(first + 1) });
            }
        }
        Err(Failure::new("every block of ports is taken: do other tests hang?"))
    }

    /// The next free one.
    pub fn next(&self) -> Result<u16, Failure> {
        let end = self.flag.local_addr()?.port() + BLOCK;
        loop {
            let port = self.next.fetch_add(1, Ordering::Relaxed);
            if port >= end {
                return Err(Failure::new("a block of ports is used up"));
            }
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
    }
}

/// A port of this machine.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The loopback address at which a customer's own server stands: not one of the edge's.
pub const CUSTOMERS_OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Below the range that Linux takes for outgoing connections (32768 and up).
const FIRST: u16 = 20_000;
const BLOCK: u16 = 40;
const BLOCKS: u16 = 300;
