//! What carries the bytes of a connection.

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest},
    net::TcpStream,
};

use crate::file_windows::FilePart;

/// A stream of bytes to a client.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether bytes go to the kernel as they are, by vectored writes or out of a file; not so
    /// where they are encrypted on the way.
    const IS_PLAIN: bool;

    /// Sends some of a part of a file, only ever called where [`Transport::IS_PLAIN`].
    fn poll_send(&mut self, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>>;
}

impl Transport for TcpStream {
    const IS_PLAIN: bool = true;

    /// `sendfile`: the pages go from the page cache to the network and are never copied.
    fn poll_send(&mut self, cx: &mut Context<'_>, part: &FilePart) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            let mut offset = part.offset;
            let sent = self.try_io(Interest::WRITABLE, || {
                let offset = Some(&mut offset);
                Ok(rustix::fs::sendfile(&*self, &*part.file, offset, part.length)?)
            });
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                sent => return Poll::Ready(sent),
            }
        }
    }
}
