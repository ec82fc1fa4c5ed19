//! The body of a request on its way into the core.

use std::{
    error::Error,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::{
    FutureExt, Stream, future,
    stream::{self, BoxStream, StreamExt},
};
use hyper::{HeaderMap, body::Body, http::request::Parts};
use registry_core::{
    error::{BodyError, RegistryError},
    ports::Clock,
};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

use crate::{
    budget::Share,
    pace::{BodyTimeouts, Pace},
    request,
};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
type Frames = BoxStream<'static, Result<Bytes, BoxError>>;

/// How much of a body that nobody wants is read nevertheless, and for how long. A client that is
/// still sending when the connection closes may never see the reply; one that sees it stops.
const DRAIN_BYTES: u64 = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A request's body as the core reads it. Nothing is read before it is polled.
///
/// Dropped early on HTTP/1, it goes on reading for a little in the background, so that the client
/// gets to the reply. HTTP/2 needs no such thing: it resets the one stream.
pub(crate) struct Incoming {
    /// `None` when it has ended or failed.
    frames: Option<Frames>,
    pace: Pace,
    clock: Arc<dyn Clock>,
    received: Arc<AtomicU64>,
    length: Option<u64>,
    is_http1: bool,
    /// The client has been told to send, or sends without being told.
    is_coming: bool,
    memory: Memory,
}

/// A body's share of the memory that all bodies may take.
enum Memory {
    /// It needs none, or needs it no more.
    Free,
    /// It is taken before the first byte is read.
    Wanted(Share),
    /// It is held until the body has been read.
    Held(#[expect(dead_code, reason = "held, and given back when dropped")] OwnedSemaphorePermit),
}

impl Incoming {
    /// The body of the request with this head; `None` where it has none.
    pub(crate) fn new<B>(
        head: &Parts,
        body: B,
        timeouts: BodyTimeouts,
        clock: &Arc<dyn Clock>,
    ) -> Option<Self>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        (!body.is_end_stream()).then(|| Self {
            length: body.size_hint().exact(),
            frames: Some(frames(body)),
            pace: Pace::new(timeouts, Arc::clone(clock)),
            clock: Arc::clone(clock),
            received: Arc::default(),
            is_http1: request::is_http1(head),
            is_coming: !request::waits_to_send(head),
            memory: Memory::Free,
        })
    }

    /// How long it will be, where that is known.
    const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Counts the bytes that arrive.
    pub(crate) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }

    /// Takes the share when the body is first read, and keeps it until it has been read.
    pub(crate) fn with_share(mut self: Box<Self>, share: Share) -> Box<Self> {
        self.memory = Memory::Wanted(share);
        self
    }

    /// Reads on in the background where the client waits for that.
    fn abandon(&mut self) {
        let Some(frames) = self.frames.take() else { return };
        if !(self.is_http1 && self.is_coming) {
            return;
        }
        // Without a runtime there is no server whose client would wait.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(drain(frames, Arc::clone(&self.clock)));
        }
    }
}

impl Stream for Incoming {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Memory::Wanted(share) = &mut this.memory {
            match ready!(share.poll_unpin(cx)) {
                Ok(permit) => this.memory = Memory::Held(permit),
                Err(error) => {
                    this.memory = Memory::Free;
                    this.abandon();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let Some(frames) = &mut this.frames else { return Poll::Ready(None) };
        this.is_coming = true;
        let item = match frames.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(bytes))) => {
                this.pace.received(bytes.len());
                this.received.fetch_add(bytes.len() as u64, Relaxed);
                return Poll::Ready(Some(Ok(bytes)));
            }
            Poll::Ready(item) => item.map(|item| item.map_err(BodyError::Broken)),
            Poll::Pending => {
                ready!(this.pace.poll_too_slow(cx));
                Some(Err(BodyError::TimedOut))
            }
        };
        this.frames = None;
        this.memory = Memory::Free;
        Poll::Ready(item)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// How long the body will be, where the request says so.
pub(crate) fn body_length(
    headers: &HeaderMap,
    body: Option<&Incoming>,
) -> Result<Option<u64>, RegistryError> {
    let length = body.map_or(Some(0), Incoming::length);
    Ok(request::content_length(headers)?.or(length))
}

/// The data frames of a body. Trailers say nothing to a registry.
fn frames<B>(body: B) -> Frames
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = Box::pin(body);
    let next = move |cx: &mut Context<'_>| loop {
        let frame = ready!(body.as_mut().poll_frame(cx));
        match frame.map(|frame| frame.map(|frame| frame.into_data().ok())) {
            Some(Ok(None)) => {}
            Some(Ok(Some(bytes))) => return Poll::Ready(Some(Ok(bytes))),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        }
    };
    stream::poll_fn(next).boxed()
}

async fn drain(mut frames: Frames, clock: Arc<dyn Clock>) {
    let read = async move {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(bytes)) = frames.next().await {
            match left.checked_sub(bytes.len() as u64) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    future::select(pin!(read), clock.sleep(DRAIN_TIME)).await;
}
