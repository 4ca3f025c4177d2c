//! Ports for programs that are told where to listen.

use std::net::{TcpListener, UdpSocket};

/// Free for TCP and UDP a moment ago, and below the ports that the system gives to clients, which
/// would take it in the meantime. Another test may still be faster: who starts a program on it looks
/// whether it runs, and otherwise tries others.
pub fn port() -> u16 {
    for _ in 0..100 {
        let port = rand::random_range(12_000..20_000);
        let taken = TcpListener::bind(("127.0.0.1", port)).is_err();
        if !taken && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port")
}
