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
}

/// How a request goes on after its head.
#[derive(Debug, Eq, PartialEq)]
enum Framing {
    Length(u64),
    Chunked,
    /// The connection may become another protocol's.
    Upgrade,
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
        while let Some((&byte, rest)) = bytes.split_first() {
            match &mut self.state {
                State::Blind => return,
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
            Ok(Framing::Upgrade) => State::Blind,
            Err(Ambiguous) => {
                pulse.head_is_ambiguous(self.heads);
                State::Blind
            }
        }
    }
}

/// How a whole head, with its empty line, frames the request.
fn judge(head: &[u8]) -> Result<Framing, Ambiguous> {
    let mut lengths = Vec::new();
    let (mut codings, mut upgrade) = (0, head.starts_with(b"CONNECT "));
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
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            upgrade = true;
        }
    }
    match (lengths.as_slice(), codings) {
        ([], 1) => Ok(Framing::Chunked),
        ([] | [0], 0) if upgrade => Ok(Framing::Upgrade),
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
    let size = line.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    let size = std::str::from_utf8(size).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
    match size {
        Some(0) => State::Trailer(Vec::new()),
        Some(size) => size.checked_add(2).map_or(State::Blind, State::ChunkData),
        None => State::Blind,
    }
}

fn trailer(line: &[u8]) -> State {
    match line {
        b"\r\n" | b"\n" => State::default(),
        line if line.ends_with(b"\n") => State::Trailer(Vec::new()),
        _ => State::Blind,
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
        assert_eq!(framing("Upgrade: websocket\r\n"), Ok(Framing::Upgrade));
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
}
