//! Which protocol a connection speaks, told by its first bytes.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// The first bytes of an HTTP/2 connection (RFC 9113 section 3.4), over TLS too.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A protocol that a connection can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
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

/// A connection of which some bytes were read that are to be read again.
pub(super) struct Peeked<I> {
    peeked: BytesMut,
    io: I,
}

impl<I> Peeked<I> {
    pub(super) const fn new(peeked: BytesMut, io: I) -> Self {
        Self { peeked, io }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Peeked<I> {
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

impl<I: AsyncWrite + Unpin> AsyncWrite for Peeked<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
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
