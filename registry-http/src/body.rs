//! The body of a reply.

#[cfg(not(target_os = "linux"))]
#[path = "body/elsewhere.rs"]
mod file;
#[cfg(target_os = "linux")]
mod file;
#[cfg(target_os = "linux")]
mod mapped;

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use hyper::body::{Body, Frame, SizeHint};
use registry_core::{error::RegistryError, ports::Content};

use self::file::FileBody;
use crate::{access_log::AccessEntry, chain::Chain, file_windows::FileWindows};

/// The body of a reply: a [`Body`] that is never held whole, except where it is small.
///
/// It fails when the content cannot be read to its end; the server then breaks the connection off,
/// so that the client sees that something is missing.
///
/// Behind [`serve`](crate::serve) a frame of a blob may be a part of a file, which the connection
/// sends without reading it. Whoever wraps the service and reads such a frame relies on nobody
/// truncating the file meanwhile.
pub struct ResponseBody {
    kind: Kind,
    /// The request that it answers, for the log of what fails on the way.
    request_id: Option<Arc<str>>,
    /// The line of the access log, where anybody reads that.
    entry: Option<Box<AccessEntry>>,
}

enum Kind {
    Empty,
    Full(Bytes),
    /// With the number of bytes still to come, where that is known.
    Stream(BoxStream<'static, Result<Bytes, RegistryError>>, Option<u64>),
    File(FileBody),
}

impl ResponseBody {
    pub(crate) const fn empty() -> Self {
        Self::new(Kind::Empty)
    }

    pub(crate) const fn full(bytes: Bytes) -> Self {
        Self::new(Kind::Full(bytes))
    }

    /// A stream of unknown length.
    pub(crate) const fn stream(stream: BoxStream<'static, Result<Bytes, RegistryError>>) -> Self {
        Self::new(Kind::Stream(stream, None))
    }

    /// The range of a content: a file where the connection sends files and the content is one,
    /// else a stream.
    pub(crate) fn content(content: Content, windows: Option<&FileWindows>) -> Self {
        let length = content.range().end - content.range().start;
        if length == 0 {
            return Self::empty();
        }
        let file = match windows {
            Some(windows) => FileBody::new(content, windows),
            None => Err(content),
        };
        Self::new(match file {
            Ok(file) => Kind::File(file),
            Err(content) => {
                Kind::Stream(content.into_stream().map_err(Into::into).boxed(), Some(length))
            }
        })
    }

    const fn new(kind: Kind) -> Self {
        Self { kind, request_id: None, entry: None }
    }

    /// The number of bytes still to come, where that is known.
    pub(crate) const fn length(&self) -> Option<u64> {
        self.kind.length()
    }

    /// The body of the same reply to `HEAD`.
    pub(crate) fn without_bytes(self) -> Self {
        Self { kind: Kind::Empty, ..self }
    }

    /// The same body as the answer to this request.
    pub(crate) fn of_request(self, id: Arc<str>, entry: Option<Box<AccessEntry>>) -> Self {
        let mut body = Self { request_id: Some(id), entry, ..self };
        if let Some(entry) = &mut body.entry {
            entry.is_complete = body.kind.length() == Some(0);
        }
        body
    }

    fn record(&mut self, item: &Option<Result<Bytes, RegistryError>>) {
        if let Some(Err(error)) = item {
            let request_id = self.request_id.as_deref();
            tracing::error!(request_id, error = %Chain(error), "the reply broke off");
        }
        if let Some(entry) = &mut self.entry {
            match item {
                Some(Ok(bytes)) => entry.sent += bytes.len() as u64,
                Some(Err(_)) => return,
                None => entry.is_complete = true,
            }
            // A server need not ask again after the last byte.
            entry.is_complete |= self.kind.length() == Some(0);
        }
    }
}

impl Kind {
    const fn length(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Full(bytes) => Some(bytes.len() as u64),
            Self::Stream(_, remaining) => *remaining,
            Self::File(file) => Some(file.remaining()),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RegistryError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(bytes)))
            }
            Self::Stream(stream, remaining) => {
                let item = ready!(stream.poll_next_unpin(cx));
                if let (Some(Ok(bytes)), Some(remaining)) = (&item, remaining) {
                    *remaining = remaining.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(item)
            }
            Self::File(file) => {
                file.poll_next(cx).map(|item| item.map(|item| item.map_err(Into::into)))
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = RegistryError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RegistryError>>> {
        let item = ready!(self.kind.poll(cx));
        self.record(&item);
        Poll::Ready(item.map(|item| item.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Empty => "Empty",
            Kind::Full(_) => "Full",
            Kind::Stream(..) => "Stream",
            Kind::File(_) => "File",
        };
        write!(f, "ResponseBody::{kind}({:?})", self.length())
    }
}
