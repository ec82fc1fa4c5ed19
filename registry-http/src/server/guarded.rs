//! A connection's bytes, watched.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
    time::Sleep,
};

use crate::file_windows::{FilePart, FileWindows};

/// A connection that fails when the other side takes no byte for too long, and that can send files.
pub(super) struct Guarded {
    io: TcpStream,
    /// Where files are sent, what of them is being sent.
    windows: Option<FileWindows>,
    send_timeout: Duration,
    /// Left running over many writes: bytes that go out cost no timer.
    timer: Option<Pin<Box<Sleep>>>,
    has_progressed: bool,
}

impl Guarded {
    pub(super) const fn new(io: TcpStream, send_timeout: Duration) -> Self {
        Self { io, windows: None, send_timeout, timer: None, has_progressed: false }
    }

    /// From now on sends the files whose windows are among these.
    pub(super) fn send_files(&mut self, windows: FileWindows) {
        self.windows = Some(windows);
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
                Some(part) => poll_sendfile(&self.io, cx, &part),
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

/// `sendfile`: the pages go from the page cache to the network and are never copied.
fn poll_sendfile(io: &TcpStream, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>> {
    loop {
        ready!(io.poll_write_ready(cx))?;
        let mut offset = part.offset;
        let sent = io.try_io(Interest::WRITABLE, || {
            let offset = Some(&mut offset);
            Ok(rustix::fs::sendfile(io, &*part.file, offset, part.length)?)
        });
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            sent => return Poll::Ready(sent),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server's time is tokio's, as hyper's is")]
fn timer(time: Duration) -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(time))
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Guarded {
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
