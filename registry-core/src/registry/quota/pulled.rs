//! Bytes that go out.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};

use super::{STEP, Share};
use crate::{
    error::RegistryError,
    name::RepositoryName,
    ports::{Clock, Content, ContentMeter, Limit, StoreError, StoreErrorKind, Taken},
    registry::Inner,
};

/// How long a blob that has begun to go out waits for its next step. A pull that is faster than its
/// limit becomes slower by this, instead of breaking off.
const PATIENCE: Duration = Duration::from_secs(10);

impl Inner {
    /// Lets a content go out as far as the namespace of its repository has a share left. The first
    /// step is taken here, so that nobody gets half an answer where none was to be had.
    ///
    /// # Errors
    /// [`RegistryError::Throttled`], and those of the limiter.
    pub(in crate::registry) async fn metered(
        &self,
        name: &RepositoryName,
        content: Content,
    ) -> Result<Content, RegistryError> {
        let remaining = content.range().end - content.range().start;
        if self.limiter_of(Limit::PulledBytes).is_none() || remaining == 0 {
            return Ok(content);
        }
        let mut share = self.share(Limit::PulledBytes, name.namespace());
        match share.take(remaining.min(STEP)).await? {
            Taken::Granted(_) => {}
            Taken::Wait(retry_after) => {
                return Err(RegistryError::Throttled { retry_after });
            }
        }
        let clock = Arc::clone(&self.clock);
        Ok(content.metered(Box::new(Meter { state: State::Ready(share), remaining, clock })))
    }
}

struct Meter {
    state: State,
    /// How many bytes have not gone out.
    remaining: u64,
    clock: Arc<dyn Clock>,
}

enum State {
    Ready(Share),
    /// The next step is being taken.
    Taking(BoxFuture<'static, Result<Share, StoreError>>),
    Failed,
}

impl ContentMeter for Meter {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<u64, StoreError>> {
        loop {
            match &mut self.state {
                State::Ready(share) if share.left() > 0 => {
                    return Poll::Ready(Ok(share.left()));
                }
                // It was taken for the whole content, of which nothing is left.
                State::Ready(_) if self.remaining == 0 => return Poll::Ready(Ok(u64::MAX)),
                State::Ready(share) => {
                    let share = std::mem::replace(share, Share::unlimited());
                    let next = next(share, self.remaining.min(STEP), Arc::clone(&self.clock));
                    self.state = State::Taking(next.boxed());
                }
                State::Taking(taking) => match ready!(taking.poll_unpin(cx)) {
                    Ok(share) => self.state = State::Ready(share),
                    Err(error) => {
                        self.state = State::Failed;
                        return Poll::Ready(Err(error));
                    }
                },
                State::Failed => return Poll::Ready(Err(exhausted(None))),
            }
        }
    }

    fn sent(&mut self, bytes: u64) {
        self.remaining = self.remaining.saturating_sub(bytes);
        if let State::Ready(share) = &mut self.state {
            share.spend(bytes);
        }
    }
}

async fn next(mut share: Share, want: u64, clock: Arc<dyn Clock>) -> Result<Share, StoreError> {
    let mut patience = PATIENCE;
    loop {
        match share.take(want).await? {
            Taken::Granted(_) => return Ok(share),
            Taken::Wait(wait) if wait <= patience => {
                patience -= wait;
                clock.sleep(wait).await;
            }
            Taken::Wait(wait) => return Err(exhausted(Some(wait))),
        }
    }
}

fn exhausted(retry_after: Option<Duration>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable { retry_after })
}
