//! A range of an open file as a body, window by window.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use registry_core::ports::{Content, ContentMeter, StoreError, StoreErrorKind};
use rustix::{
    fs::{Advice, fadvise},
    io::{ReadWriteFlags, preadv2},
};
use tokio::task::{JoinHandle, spawn_blocking};

use super::mapped::Mapping;
use crate::file_windows::{FileWindow, FileWindows};

/// How much of the file is mapped at once: enough that mapping costs nothing beside sending,
/// little enough to be read from a disk in a moment.
const WINDOW: u64 = 4 * 1024 * 1024;

/// How far apart the bytes are that are looked for in the page cache. Each look costs a
/// microsecond, and what was read together is mostly dropped together.
const STRIDE: u64 = 1024 * 1024;

/// A range of an open file. Must be polled inside a tokio runtime.
///
/// What is in the page cache is sent at once. What is not is first read on a thread for blocking
/// work, so that a slow disk does not stop everybody else.
pub(super) struct FileBody {
    file: Arc<File>,
    /// What has not been handed out.
    rest: Range<u64>,
    windows: FileWindows,
    loading: Option<JoinHandle<io::Result<Mapping>>>,
    /// Counts what is handed out, where somebody limits that.
    meter: Option<Box<dyn ContentMeter>>,
    /// How much that lets out at once.
    most: u64,
}

impl FileBody {
    /// The range of a content, where that is in a file; else gives the content back.
    pub(super) fn new(mut content: Content, windows: &FileWindows) -> Result<Self, Content> {
        let meter = content.take_meter();
        match content.into_file() {
            Ok((file, rest)) => {
                let (file, windows) = (Arc::new(file), windows.clone());
                Ok(Self { file, rest, windows, loading: None, meter, most: u64::MAX })
            }
            Err(content) => Err(match meter {
                Some(meter) => content.metered(meter),
                None => content,
            }),
        }
    }

    /// The number of bytes that have not been handed out.
    pub(super) const fn remaining(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StoreError>>> {
        if self.remaining() == 0 {
            return Poll::Ready(None);
        }
        if let Some(meter) = &mut self.meter {
            self.most = ready!(meter.poll_ready(cx))?;
        }
        let window = ready!(self.poll_window(cx));
        if let (Some(meter), Ok(bytes)) = (&mut self.meter, &window) {
            meter.sent(bytes.len() as u64);
        }
        let failed = |error| StoreError::with_source(StoreErrorKind::Other, error);
        Poll::Ready(Some(window.map_err(failed)))
    }

    fn poll_window(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let mapping = match &mut self.loading {
            Some(loading) => {
                let loaded = ready!(Pin::new(loading).poll(cx));
                self.loading = None;
                loaded.map_err(io::Error::other)??
            }
            None => {
                let (start, length) = (self.rest.start, self.window_length());
                let mapping = Mapping::new(&self.file, start, length)?;
                if !is_cached(&self.file, start..start + length as u64) {
                    let file = Arc::clone(&self.file);
                    self.loading = Some(spawn_blocking(move || load(&file, start, mapping)));
                    return self.poll_window(cx);
                }
                mapping
            }
        };
        let offset = self.rest.start;
        self.rest.start += self.window_length() as u64;
        let file = Arc::clone(&self.file);
        Poll::Ready(Ok(Bytes::from_owner(FileWindow::new(mapping, file, offset, &self.windows))))
    }

    fn window_length(&self) -> usize {
        // It is at most `WINDOW`, which any `usize` holds.
        usize::try_from(self.remaining().min(WINDOW).min(self.most)).unwrap_or(usize::MAX)
    }
}

/// Whether a range is in the page cache, by some of its bytes. Where the file system cannot say, it
/// is taken not to be.
fn is_cached(file: &File, range: Range<u64>) -> bool {
    let can_read = |offset| {
        let mut byte = [0];
        let buffer = &mut [IoSliceMut::new(&mut byte)];
        preadv2(file, buffer, offset, ReadWriteFlags::NOWAIT) == Ok(1)
    };
    let mut offsets = range.clone().step_by(STRIDE as usize).chain([range.end - 1]);
    offsets.all(can_read)
}

/// Reads a window, and has the disk begin with the next.
fn load(file: &File, start: u64, mapping: Mapping) -> io::Result<Mapping> {
    fadvise(file, start, (2 * WINDOW).try_into().ok(), Advice::WillNeed)?;
    mapping.load()?;
    Ok(mapping)
}
