//! What was taken from a limit and is not used yet.

use std::{error::Error, sync::Arc, time::Duration};

use futures::FutureExt;

use super::STEP;
use crate::{
    error::{RegistryError, Shortage},
    ports::{LimitKey, RateLimiter, StoreError, Taken, Tasks},
};

/// When a limiter is asked again that granted nothing and did not say when it would.
const AGAIN: Duration = Duration::from_secs(1);

/// What was taken from a limit and is not used yet. Whatever is left when it is dropped is given
/// back.
pub(in crate::registry) struct Share {
    /// `None`: nothing is limited.
    limited: Option<Limited>,
    left: u64,
}

#[derive(Clone)]
struct Limited {
    limiter: Arc<dyn RateLimiter>,
    tasks: Option<Arc<dyn Tasks>>,
    key: LimitKey,
}

impl Share {
    pub(super) fn new(
        limiter: &Arc<dyn RateLimiter>,
        tasks: Option<&Arc<dyn Tasks>>,
        key: LimitKey,
    ) -> Self {
        let limited = Limited { limiter: Arc::clone(limiter), tasks: tasks.cloned(), key };
        Self { limited: Some(limited), left: 0 }
    }

    pub(in crate::registry) const fn unlimited() -> Self {
        Self { limited: None, left: 0 }
    }

    /// How much is left of it.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Has so many bytes at hand; nothing is taken for others.
    ///
    /// # Errors
    /// [`RegistryError::QuotaExceeded`], and those of the limiter.
    pub(in crate::registry) async fn hold(&mut self, bytes: u64) -> Result<(), RegistryError> {
        self.fill(bytes, bytes).await
    }

    /// Makes sure that so many bytes are to be had now, and has the first step of them at hand: the
    /// others are taken when they come, and are for anybody until then.
    ///
    /// # Errors
    /// As of [`Share::hold`].
    pub(in crate::registry) async fn begin(&mut self, bytes: u64) -> Result<(), RegistryError> {
        self.hold(bytes).await?;
        let surplus = self.left.saturating_sub(STEP);
        self.left -= surplus;
        if let Some(limited) = &self.limited {
            limited.clone().give_back(surplus).await;
        }
        Ok(())
    }

    /// Has so many bytes at hand, and a step of them where there are as many: more will follow.
    ///
    /// # Errors
    /// As of [`Share::hold`].
    pub(in crate::registry) async fn hold_step(&mut self, bytes: u64) -> Result<(), RegistryError> {
        self.fill(bytes, bytes.saturating_add(STEP)).await
    }

    async fn fill(&mut self, needed: u64, wanted: u64) -> Result<(), RegistryError> {
        while let Some(subject) = self.limited.as_ref().map(|limited| limited.key.subject.clone())
            && self.left < needed
        {
            if let Taken::Wait(_) = self.take(wanted - self.left).await? {
                let shortage = Shortage { subject, needed, left: self.left };
                return Err(RegistryError::QuotaExceeded(Box::new(shortage)));
            }
        }
        Ok(())
    }

    /// Takes up to so many more; without a limit, all of them.
    pub(super) async fn take(&mut self, want: u64) -> Result<Taken, StoreError> {
        let taken = match &self.limited {
            Some(limited) => limited.limiter.take(&limited.key, want).await?,
            None => Taken::Granted(want),
        };
        match taken {
            // One that grants nothing of something breaks its contract, and is not asked for ever.
            Taken::Granted(0) if want > 0 => return Ok(Taken::Wait(AGAIN)),
            Taken::Granted(granted) => self.left = self.left.saturating_add(granted),
            Taken::Wait(_) => {}
        }
        Ok(taken)
    }

    /// Uses so many of those at hand: they are not given back.
    pub(in crate::registry) const fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// Has so many at hand again that were spent and turned out not to be used.
    pub(in crate::registry) const fn unspend(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes);
    }

    /// Gives back what is left.
    pub(in crate::registry) async fn settle(mut self) {
        let left = std::mem::take(&mut self.left);
        if let Some(limited) = self.limited.take() {
            limited.give_back(left).await;
        }
    }
}

impl Limited {
    async fn give_back(self, unused: u64) {
        if unused == 0 {
            return;
        }
        if let Err(error) = self.limiter.give_back(&self.key, unused).await {
            let (subject, error) = (&self.key.subject, &error as &dyn Error);
            tracing::warn!(%subject, unused, error, "bytes that were not used stay counted");
        }
    }
}

/// For the request that is dropped on its way. Without [`Tasks`] a limiter that does not answer at
/// once is not waited for, and the rest stays counted.
impl Drop for Share {
    fn drop(&mut self) {
        let Some(limited) = self.limited.take().filter(|_| self.left > 0) else { return };
        let (tasks, rest) = (limited.tasks.clone(), limited.give_back(self.left));
        match tasks {
            Some(tasks) => tasks.spawn(rest.boxed()),
            None => drop(rest.now_or_never()),
        }
    }
}
