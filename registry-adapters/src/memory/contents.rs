//! Contents in memory.

use std::{
    collections::BTreeMap,
    mem,
    ops::{Bound, Range},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use registry_core::ports::{
    Checkpoint, Content, ContentBytes, ContentId, ContentInfo, ContentLimits, ContentStore,
    ContentWriter, ReadOptions, RedirectOptions, SealOptions, StoreError, StoreErrorKind,
    WriteOptions,
};

/// A content store in memory. Clones share what they hold.
#[derive(Clone, Debug, Default)]
pub struct MemoryContents(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    contents: BTreeMap<ContentId, Stored>,
    /// How many checkpoints there were. Each piece carries the number of its own, and so does the
    /// checkpoint's state: that is how a checkpoint is known to be of these bytes and no others.
    checkpoints: u64,
}

#[derive(Debug, Default)]
struct Stored {
    pieces: Vec<Piece>,
    sealed: bool,
    busy: bool,
}

/// What was written between two checkpoints, or one buffer of it.
#[derive(Clone, Debug)]
struct Piece {
    checkpoint: u64,
    end: u64,
    bytes: Bytes,
}

/// How many entries a listing takes at once, so that it never holds the lock for long.
const BATCH: usize = 256;

impl MemoryContents {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs between two changes that belong together.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next entries of a listing.
    fn batch(&self, after: Option<ContentId>) -> Vec<ContentInfo> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let later = state.contents.range((after, Bound::Unbounded));
        later
            .take(BATCH)
            .map(|(id, stored)| ContentInfo { id: *id, sealed: stored.sealed })
            .collect()
    }
}

#[async_trait]
impl ContentStore for MemoryContents {
    fn limits(&self) -> ContentLimits {
        ContentLimits::default()
    }

    async fn open(
        &self,
        id: &ContentId,
        at: &Checkpoint,
        _options: &WriteOptions,
    ) -> Result<Box<dyn ContentWriter>, StoreError> {
        let mut state = self.state();
        if *at == Checkpoint::START {
            state.contents.entry(*id).or_default();
        }
        let stored = state.contents.get_mut(id).ok_or(StoreErrorKind::Lost)?;
        if stored.busy {
            return Err(StoreErrorKind::Busy.into());
        }
        let pieces = stored.pieces_below(at);
        if stored.sealed && pieces != Some(stored.pieces.len()) {
            return Err(StoreErrorKind::Sealed.into());
        }
        let kept = pieces.ok_or(StoreErrorKind::Lost)?;
        stored.busy = true;
        Ok(Box::new(MemoryWriter {
            contents: self.clone(),
            id: *id,
            at: at.clone(),
            kept,
            written: Vec::new(),
        }))
    }

    async fn read(
        &self,
        id: &ContentId,
        options: &ReadOptions,
    ) -> Result<Option<Content>, StoreError> {
        let state = self.state();
        let Some(stored) = state.contents.get(id).filter(|stored| stored.sealed) else {
            return Ok(None);
        };
        let size = stored.size();
        let range = options.range.clone().unwrap_or(0..size);
        if range.start > range.end || range.end > size {
            return Err(StoreErrorKind::Corrupt.into());
        }
        Ok(Some(Content::new(size, range.clone(), stored.bytes(&range))))
    }

    async fn redirect(
        &self,
        _id: &ContentId,
        _options: &RedirectOptions,
    ) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn delete(&self, id: &ContentId) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.contents.get(id).is_some_and(|stored| stored.busy) {
            return Err(StoreErrorKind::Busy.into());
        }
        Ok(state.contents.remove(id).is_some())
    }

    fn list(
        &self,
        after: Option<ContentId>,
    ) -> BoxStream<'static, Result<ContentInfo, StoreError>> {
        let contents = self.clone();
        let batches = stream::unfold(after, move |after| {
            let batch = contents.batch(after);
            let last = batch.last().map(|info| Some(info.id));
            async move { last.map(|last| (stream::iter(batch), last)) }
        });
        batches.flatten().map(Ok).boxed()
    }
}

impl Stored {
    fn size(&self) -> u64 {
        self.pieces.last().map_or(0, |piece| piece.end)
    }

    /// How many pieces lie below a checkpoint; `None` when it is not of these pieces.
    fn pieces_below(&self, at: &Checkpoint) -> Option<usize> {
        if at.offset() == 0 {
            return Some(0);
        }
        let last = self.pieces.binary_search_by_key(&at.offset(), |piece| piece.end).ok()?;
        (self.pieces[last].state() == *at.state()).then_some(last + 1)
    }

    fn bytes(&self, range: &Range<u64>) -> ContentBytes {
        let first = self.pieces.partition_point(|piece| piece.end <= range.start);
        let after = self.pieces.partition_point(|piece| piece.start() < range.end);
        let mut parts: Vec<Bytes> =
            self.pieces[first..after.max(first)].iter().map(|piece| piece.part(range)).collect();
        match parts.len() {
            0 => ContentBytes::Memory(Bytes::new()),
            1 => ContentBytes::Memory(parts.remove(0)),
            _ => ContentBytes::Stream(stream::iter(parts.into_iter().map(Ok)).boxed()),
        }
    }
}

impl Piece {
    fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    fn state(&self) -> Bytes {
        Bytes::copy_from_slice(&self.checkpoint.to_be_bytes())
    }

    /// The part of it that lies in a range that it touches.
    fn part(&self, range: &Range<u64>) -> Bytes {
        let inside = |offset: u64| {
            let offset = offset.clamp(self.start(), self.end) - self.start();
            usize::try_from(offset).unwrap_or(usize::MAX)
        };
        self.bytes.slice(inside(range.start)..inside(range.end))
    }
}

/// What it writes stays its own until a checkpoint: dropping it changes nothing.
struct MemoryWriter {
    contents: MemoryContents,
    id: ContentId,
    at: Checkpoint,
    /// How many of the content's pieces lie below `at`.
    kept: usize,
    written: Vec<Bytes>,
}

#[async_trait]
impl ContentWriter for MemoryWriter {
    async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError> {
        if self.contents.state().contents.get(&self.id).is_some_and(|stored| stored.sealed) {
            return Err(StoreErrorKind::Sealed.into());
        }
        self.written.extend(buffers.into_iter().filter(|buffer| !buffer.is_empty()));
        Ok(())
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        if self.written.is_empty() {
            return Ok(self.at.clone());
        }
        let mut state = self.contents.state();
        state.checkpoints += 1;
        let checkpoint = state.checkpoints;
        // A busy content is not deleted.
        let stored = state.contents.get_mut(&self.id).ok_or(StoreErrorKind::Lost)?;
        stored.pieces.truncate(self.kept);
        let mut end = self.at.offset();
        for bytes in mem::take(&mut self.written) {
            end += bytes.len() as u64;
            stored.pieces.push(Piece { checkpoint, end, bytes });
        }
        self.kept = stored.pieces.len();
        self.at = Checkpoint::new(end, checkpoint.to_be_bytes().to_vec())
            .map_err(|error| StoreError::with_source(StoreErrorKind::Other, error))?;
        Ok(self.at.clone())
    }

    async fn seal(&mut self, _options: &SealOptions) -> Result<(), StoreError> {
        self.written.clear();
        let mut state = self.contents.state();
        let stored = state.contents.get_mut(&self.id).ok_or(StoreErrorKind::Lost)?;
        stored.pieces.truncate(self.kept);
        stored.sealed = true;
        Ok(())
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        if let Some(stored) = self.contents.state().contents.get_mut(&self.id) {
            stored.busy = false;
        }
    }
}
