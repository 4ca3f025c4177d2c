//! Heads of HTTP/1.1 requests, judged before hyper reads them. hyper takes what it can make sense
//! of (a bare line feed, a length beside `chunked`); a server behind us may make another sense of
//! it, and the two would disagree where a request ends (RFC 9112 §11.2). What can be read in two
//! ways is refused with 400.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::pulse::Pulse;

/// hyper refuses longer ones.
pub const MAX_HEAD: usize = 64 << 10;
const MAX_LINE: usize = 4096;

/// A connection whose incoming heads are judged as they pass.
pub struct Judged<IO> {
    io: IO,
    scanner: Scanner,
    pulse: Arc<Pulse>,
}

impl<IO> Judged<IO> {
    /// Judges what is read from `io`, into the connection's pulse.
    pub fn new(io: IO, pulse: Arc<Pulse>) -> Self {
        Self { io, scanner: Scanner::default(), pulse }
    }
}

/// Follows the framing of requests through a stream of bytes.
#[derive(Debug, Default)]
struct Scanner {
    state: State,
    heads: u64,
}

#[derive(Debug)]
enum State {
    Head(Vec<u8>),
    Body(u64),
    ChunkSize(Vec<u8>),
    ChunkData(u64),
    Trailer(Vec<u8>),
    /// Not HTTP any longer, or not for hyper to accept either.
    Blind,
    /// Where the body ends, and so where the next head begins, can be read in two ways.
    Lost,
}

/// How a request goes on after its head.
#[derive(Debug, Eq, PartialEq)]
enum Framing {
    Length(u64),
    Chunked,
}

#[derive(Debug, Eq, PartialEq)]
struct Ambiguous;

impl Default for State {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl Scanner {
    fn feed(&mut self, mut bytes: &[u8], pulse: &Pulse) {
        if pulse.is_tunnel() {
            self.state = State::Blind;
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            match &mut self.state {
                State::Blind | State::Lost => return,
                State::Body(left) | State::ChunkData(left) => {
                    let taken = usize::try_from(*left).map_or(bytes.len(), |l| l.min(bytes.len()));
                    *left -= taken as u64;
                    bytes = &bytes[taken..];
                    if *left == 0 {
                        let is_body = matches!(self.state, State::Body(_));
                        self.state =
                            if is_body { State::default() } else { State::ChunkSize(Vec::new()) };
                    }
                    continue;
                }
                State::Head(head) => {
                    head.push(byte);
                    self.state = self.head(pulse);
                }
                State::ChunkSize(line) => {
                    line.push(byte);
                    if byte == b'\n' || line.len() > MAX_LINE {
                        self.state = chunk_size(line);
                    }
                }
                State::Trailer(line) => {
                    line.push(byte);
                    if byte == b'\n' || line.len() > MAX_HEAD {
                        self.state = trailer(line);
                    }
                }
            }
            bytes = rest;
        }
    }

    /// After one more byte of a head.
    fn head(&mut self, pulse: &Pulse) -> State {
        let State::Head(head) = &mut self.state else { return State::Blind };
        if head.as_slice() == b"\r\n" || head.as_slice() == b"\n" {
            return State::default(); // RFC 9112 §2.2: empty lines before a request
        }
        if head.len() == 1 {
            pulse.head_begins(Instant::now());
        }
        if !(head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n")) {
            let over = head.len() > MAX_HEAD;
            return if over { State::Blind } else { State::Head(std::mem::take(head)) };
        }
        pulse.head_ends();
        self.heads += 1;
        match judge(head) {
            Ok(Framing::Length(0)) => State::default(),
            Ok(Framing::Length(length)) => State::Body(length),
            Ok(Framing::Chunked) => State::ChunkSize(Vec::new()),
            Err(Ambiguous) => {
                pulse.head_is_ambiguous(self.heads);
                State::Blind
            }
        }
    }
}

/// How a whole head, with its empty line, frames the request.
fn judge(head: &[u8]) -> Result<Framing, Ambiguous> {
    let (mut lengths, mut codings) = (Vec::new(), 0);
    let mut lines = head.split_inclusive(|b| *b == b'\n');
    let request_line = lines.next().and_then(content).ok_or(Ambiguous)?;
    if request_line.contains(&b'\t') {
        return Err(Ambiguous);
    }
    for line in lines {
        let line = content(line).ok_or(Ambiguous)?;
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.starts_with(b" ") || name.starts_with(b"\t") {
            return Err(Ambiguous); // obsolete line folding (RFC 9112 §5.2)
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(value).ok().filter(|_| digits).ok_or(Ambiguous)?;
            lengths.push(text.parse::<u64>().map_err(|_| Ambiguous)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Ambiguous);
            }
            codings += 1;
        }
    }
    match (lengths.as_slice(), codings) {
        ([], 1) => Ok(Framing::Chunked),
        ([], 0) => Ok(Framing::Length(0)),
        ([length], 0) => Ok(Framing::Length(*length)),
        _ => Err(Ambiguous), // RFC 9112 §6.3: both, or the same field twice
    }
}

/// A line without its CRLF; `None` if it ends otherwise or has a CR inside.
fn content(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r'))
}

fn chunk_size(line: &[u8]) -> State {
    let line = content(line).unwrap_or_default();
    let size = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii_end();
    let digits = !size.is_empty() && size.iter().all(u8::is_ascii_hexdigit);
    let size = std::str::from_utf8(size).ok().filter(|_| digits);
    match size.and_then(|text| u64::from_str_radix(text, 16).ok()) {
        Some(0) => State::Trailer(Vec::new()),
        Some(size) => size.checked_add(2).map_or(State::Lost, State::ChunkData),
        None => State::Lost,
    }
}

fn trailer(line: &[u8]) -> State {
    match content(line) {
        Some(b"") => State::default(),
        Some(_) => State::Trailer(Vec::new()),
        None => State::Lost,
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Judged<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        let poll = Pin::new(&mut this.io).poll_read(cx, buf);
        this.scanner.feed(&buf.filled()[before..], &this.pulse);
        if matches!(this.scanner.state, State::Lost) {
            buf.set_filled(before);
            let lost = "the end of a body can be read in two ways";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, lost)));
        }
        poll
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Judged<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(lines: &str) -> Result<Framing, Ambiguous> {
        judge(format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes())
    }

    #[test]
    fn one_way_to_read_it() {
        assert_eq!(framing(""), Ok(Framing::Length(0)));
        assert_eq!(framing("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(framing("transfer-encoding:CHUNKED\r\n"), Ok(Framing::Chunked));
        assert_eq!(framing("Upgrade: websocket\r\n"), Ok(Framing::Length(0)));
    }

    #[test]
    fn two_ways_to_read_it() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "A: b\n",
            "A: b\r c\r\n",
            "A: b\r\n X: folded\r\n",
        ] {
            assert_eq!(framing(lines), Err(Ambiguous), "{lines:?}");
        }
    }

    /// The number of heads found, and which one was refused, however the bytes are cut.
    fn scan(stream: &str) -> (u64, Option<u64>) {
        let mut results = Vec::new();
        for size in [1, 2, 3, 7, stream.len()] {
            let (mut scanner, pulse) = (Scanner::default(), Pulse::new(Instant::now()));
            for bytes in stream.as_bytes().chunks(size) {
                scanner.feed(bytes, &pulse);
            }
            let refused = (0..10).map(|_| pulse.requested()).find(|(_, clear)| !clear);
            results.push((scanner.heads, refused.map(|(request, _)| request)));
        }
        results.dedup();
        assert_eq!(results.len(), 1, "cutting the stream changes nothing: {results:?}");
        results[0]
    }

    #[test]
    fn heads_are_found_behind_bodies() {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let sized =
            "POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n...";
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5;x=\"y\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";
        let both =
            "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(sized.len() - sized.find("\r\n\r\n").unwrap() - 4, 30);
        assert_eq!(scan(&[get, sized, chunked, "\r\n", get].concat()), (4, None));
        assert_eq!(scan(&[get, sized, chunked, both].concat()), (4, Some(4)));
        assert_eq!(scan(&[both, get].concat()), (1, Some(1)));
    }

    #[test]
    fn what_only_asks_to_be_a_tunnel_hides_no_head_behind_it() {
        let both =
            "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        for asks in [
            "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n",
            "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(scan(&[asks, both].concat()), (2, Some(2)), "{asks:?}");
        }
        let (mut scanner, pulse) = (Scanner::default(), Pulse::new(Instant::now()));
        pulse.is_now_a_tunnel();
        scanner.feed(both.as_bytes(), &pulse);
        assert_eq!((scanner.heads, pulse.requested().1), (0, true), "not HTTP any longer");
    }

    #[test]
    fn a_body_whose_end_is_unclear_ends_the_connection() {
        let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(MAX_LINE));
        for body in [
            long.as_str(),
            "5\nhello\r\n0\r\n\r\n",
            "5;x\nhello\r\n0\r\n\r\n",
            "5;x\ry\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "\r\n",
            "ffffffffffffffff\r\n",
            "0\r\n\nX: y\r\n\r\n",
            "0\r\nX: y\n\r\n",
        ] {
            let (mut scanner, pulse) = (Scanner::default(), Pulse::new(Instant::now()));
            scanner.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", &pulse);
            scanner.feed(body.as_bytes(), &pulse);
            assert!(matches!(scanner.state, State::Lost), "{body:?}: {:?}", scanner.state);
        }
    }
}
