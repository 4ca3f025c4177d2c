//! A server may answer, and close, before it has read the whole request (RFC 9112 §9.5): a page for
//! an upload that it refuses. hyper takes the failing write for the end of everything, and the answer
//! that waits to be read would be lost. So what cannot be written any more is dropped here, and the
//! reading side says how it ends.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that is listened to when the other end has stopped reading.
pub struct HearsEarly<IO> {
    io: IO,
    unheard: bool,
}

impl<IO> HearsEarly<IO> {
    /// Listens to `io`.
    pub fn new(io: IO) -> Self {
        Self { io, unheard: false }
    }

    /// That the other end does not read is no error.
    fn forgive<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error)
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
            {
                self.unheard = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for HearsEarly<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for HearsEarly<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.unheard {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        written.map(|written| self.forgive(written, buf.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        if self.unheard {
            return Poll::Ready(Ok(all));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        written.map(|written| self.forgive(written, all))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unheard {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        flushed.map(|flushed| self.forgive(flushed, ()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixStream;

    use super::*;

    #[tokio::test]
    async fn the_answer_is_read_though_the_question_was_not() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut ours = HearsEarly::new(ours);
        ours.write_all(b"the beginning").await.unwrap();
        theirs.write_all(b"no, thank you").await.unwrap();
        drop(theirs);
        for _ in 0..3 {
            ours.write_all(&vec![0; 1 << 16]).await.unwrap();
            ours.flush().await.unwrap();
        }
        let mut answer = [0; 13];
        ours.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"no, thank you");
    }
}
