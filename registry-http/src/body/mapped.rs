//! The one place with `unsafe`: parts of a file as memory.
//!
//! A mapped window goes to the socket without a copy of its own: `writev` reads the page cache.
//! That is only right where nothing but the kernel reads the window, which is plain HTTP/1. There
//! an I/O error or a truncated file makes `writev` fail; if this process read the bytes itself, to
//! encrypt or to frame them, the same would be a signal that ends it.
#![expect(unsafe_code, reason = "the operating system cannot promise that a file stays as it is")]

use std::{
    fs::File,
    io,
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use memmap2::{Mmap, MmapOptions};
use registry_core::ports::{StoreError, StoreErrorKind};
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of the file is mapped at once: enough that mapping costs little beside sending, little
/// enough that a slow client keeps few pages from being reclaimed.
const WINDOW: u64 = 1024 * 1024;

/// A range of an open file, window by window.
///
/// The next window is mapped and read into the page cache on a thread for blocking work while the
/// one before it is sent, so that a slow disk never stops the reactor.
pub(super) struct MappedFile {
    file: Arc<File>,
    /// What has not been handed out.
    rest: Range<u64>,
    next: Option<JoinHandle<io::Result<Mmap>>>,
}

impl MappedFile {
    pub(super) fn new(file: File, range: Range<u64>) -> Self {
        Self { file: Arc::new(file), rest: range, next: None }
    }

    /// The number of bytes that have not been handed out.
    pub(super) const fn remaining(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    /// The next window. Must be polled inside a tokio runtime.
    pub(super) fn poll_window(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StoreError>>> {
        if self.remaining() == 0 {
            return Poll::Ready(None);
        }
        let start = self.rest.start;
        let length = self.remaining().min(WINDOW);
        let file = &self.file;
        let next = self.next.get_or_insert_with(|| prepare(file, start, length));
        let mapped = ready!(Pin::new(next).poll(cx)).unwrap_or_else(|e| Err(io::Error::other(e)));
        self.rest.start += length;
        self.next = (self.remaining() > 0)
            .then(|| prepare(&self.file, self.rest.start, self.remaining().min(WINDOW)));
        let failed = |error| StoreError::with_source(StoreErrorKind::Other, error);
        Poll::Ready(Some(mapped.map(Bytes::from_owner).map_err(failed)))
    }
}

fn prepare(file: &Arc<File>, start: u64, length: u64) -> JoinHandle<io::Result<Mmap>> {
    let file = Arc::clone(file);
    spawn_blocking(move || map(&file, start, length))
}

fn map(file: &File, start: u64, length: u64) -> io::Result<Mmap> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    // SAFETY: a mapping is undefined behaviour when the file changes under a reader in this
    // process. A sealed content never changes (the contract of `ContentStore`), and even if
    // somebody else truncated or rewrote it, no code of this process reads the window: plain
    // HTTP/1 passes it to `writev`, where a page that cannot be read is `EFAULT`.
    unsafe { MmapOptions::new().offset(start).len(length).populate().map(file) }
}
