//! A connection's bytes, watched.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BufMut, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::transport::Transport;
use crate::file_windows::FileWindows;

/// The first bytes of an HTTP/2 connection (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A protocol that a connection can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A connection that fails when the other side takes no byte for too long, and whose protocol can
/// be told by its first bytes.
pub(super) struct Guarded<I> {
    io: I,
    /// Read to tell the protocol, and not yet read again.
    peeked: BytesMut,
    /// Where files are sent, what of them is being sent.
    windows: Option<FileWindows>,
    send_timeout: Duration,
    /// Left running over many writes: bytes that go out cost no timer.
    timer: Option<Pin<Box<Sleep>>>,
    has_progressed: bool,
}

impl<I: Transport> Guarded<I> {
    pub(super) const fn new(
        io: I,
        peeked: BytesMut,
        windows: Option<FileWindows>,
        send_timeout: Duration,
    ) -> Self {
        Self { io, peeked, windows, send_timeout, timer: None, has_progressed: false }
    }

    /// Writes the first slices, or sends the file that the first of them is a part of.
    fn poll_some(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(windows) = &self.windows else {
            return Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        };
        match windows.count_others(slices) {
            0 => match slices.first().and_then(|slice| windows.find(slice)) {
                Some(part) => self.io.poll_send(cx, &part),
                None => Poll::Ready(Ok(0)),
            },
            others => Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..others]),
        }
    }

    /// Ready with an error when nothing went out since the timer was set.
    fn check<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.has_progressed = true;
            return written;
        }
        loop {
            let limit = self.send_timeout;
            let timer = self.timer.get_or_insert_with(|| {
                self.has_progressed = false;
                timer(limit)
            });
            ready!(timer.as_mut().poll(cx));
            self.timer = None;
            if !self.has_progressed {
                let stalled = "the client took nothing of the reply for too long";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, stalled)));
            }
        }
    }
}

/// Reads until it is clear which protocol the client speaks.
pub(super) async fn detect<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<(Protocol, BytesMut)> {
    let mut read = BytesMut::with_capacity(PREFACE.len());
    loop {
        let missing = PREFACE.len() - read.len();
        let ended = io.read_buf(&mut (&mut read).limit(missing)).await? == 0;
        if ended || !PREFACE.starts_with(&read) {
            return Ok((Protocol::Http1, read));
        }
        if read.len() == PREFACE.len() {
            return Ok((Protocol::Http2, read));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's time is tokio's, as hyper's is")]
fn timer(time: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(time))
}

impl<I: AsyncRead + Unpin> AsyncRead for Guarded<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.peeked.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let length = self.peeked.len().min(buffer.remaining());
        buffer.put_slice(&self.peeked[..length]);
        self.peeked.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<I: Transport> AsyncWrite for Guarded<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.check(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.poll_some(cx, slices);
        self.check(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
