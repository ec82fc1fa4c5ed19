//! The tree of an open store: its folders, its syncs, and what stops it.

use std::{
    fs::File,
    io, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use registry_core::record::RecordKey;
use rustix::io::Errno;
use tracing::{error, warn};

use super::{
    Durability,
    calls::{Calls, How, Kind},
    error::{Context, Error, Result},
};
use crate::layout;

/// The folder of everything that is neither a content nor a record that lasts. Its name, as every
/// name in it, is outside the grammar of keys.
pub(super) const OWN: &str = ".registry~";
/// Where files are written before they get their names.
pub(super) const TEMPORARY: &str = "temporary";
/// Volatile records lie below it, in a folder for each start of the machine.
pub(super) const VOLATILE: &str = "volatile";
/// Says that a sync failed, in the words of [`Calls::boot_id`].
pub(super) const SYNC_FAILED: &str = "sync-failed";
/// Says that whatever is in the tree survives power loss.
pub(super) const SYNCED: &str = "synced";
/// Room that is given up when the disk is full, so that something can be deleted.
const RESERVE: &str = "reserve";
const RESERVE_SIZE: u64 = 16 << 20;

/// An open store, shared by its contents and its records.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) calls: Arc<dyn Calls>,
    pub(super) boot: String,
    root: File,
    own: File,
    temporary: File,
    durability: Durability,
    stopped: AtomicBool,
    /// Whether room is set aside; locked while that changes.
    reserved: Mutex<bool>,
    names: AtomicU64,
    /// Locked for as long as it is open, and closed last.
    _lock: File,
}

impl Tree {
    /// The tree below an open root that is prepared and locked.
    pub(super) fn new(
        calls: Arc<dyn Calls>,
        boot: String,
        root: File,
        durability: Durability,
        lock: File,
    ) -> Result<Self> {
        let own = calls.open(&root, OWN, How::Folder).to("open a folder of")?;
        let temporary = calls.open(&own, TEMPORARY, How::Folder).to("open a folder of")?;
        let reserved =
            absent(calls.status_at(&own, RESERVE)).to("look for the reserve of")?.is_some();
        let tree = Self {
            calls,
            boot,
            root,
            own,
            temporary,
            durability,
            stopped: AtomicBool::new(false),
            reserved: Mutex::new(reserved),
            names: AtomicU64::new(0),
            _lock: lock,
        };
        tree.set_aside();
        Ok(tree)
    }

    /// Opens a file; `None` where there is none.
    pub(super) fn open(&self, path: &str, how: How) -> Result<Option<File>> {
        absent(self.calls.open(&self.root, path, how)).to("open a file")
    }

    /// Where a folder or file of records is: volatile ones lie apart.
    pub(super) fn place(&self, path: &str) -> String {
        let key = layout::key_prefix(path) + "x";
        match key.parse::<RecordKey>() {
            Ok(key) if key.is_volatile() => format!("{OWN}/{VOLATILE}/{}/{path}", self.boot),
            _ => path.to_owned(),
        }
    }

    /// Opens a folder; `None` where there is none.
    pub(super) fn folder(&self, path: &str) -> Result<Option<File>> {
        absent(self.calls.open(&self.root, path, How::Folder)).to("open a folder")
    }

    /// The folder of all records, or of the volatile ones.
    pub(super) fn top(&self, durable: bool) -> Result<File> {
        let path = if durable { "." } else { &format!("{OWN}/{VOLATILE}/{}", self.boot) };
        self.calls.open(&self.root, path, How::Folder).to("open a folder")
    }

    /// A new file without a name of its own yet, which is removed unless it gets one.
    pub(super) fn temporary(&self) -> Result<Temporary<'_>> {
        self.temporary_as(self.names.fetch_add(1, Ordering::Relaxed).to_string())
    }

    fn temporary_as(&self, name: String) -> Result<Temporary<'_>> {
        let file = self.calls.open(&self.temporary, &name, How::Create);
        Ok(Temporary { tree: self, file: file.to("create a file")?, name: Some(name) })
    }

    /// Makes a file or folder survive power loss, if that was promised.
    pub(super) fn sync(&self, file: &File) -> Result<()> {
        if self.durability == Durability::ProcessSafe {
            return Ok(());
        }
        self.writable()?;
        self.calls.sync(file).to("sync").inspect_err(|error| self.stop(error))
    }

    /// As [`Tree::sync`], for a file that the caller removes when the disk turns out to be full.
    pub(super) fn sync_new(&self, file: &File) -> Result<()> {
        if self.durability == Durability::ProcessSafe {
            return Ok(());
        }
        self.writable()?;
        let synced = self.calls.sync(file).to("sync a file");
        synced.inspect_err(|error| {
            if !error.is_full() {
                self.stop(error)
            }
        })
    }

    /// Refuses when a sync failed.
    pub(super) fn writable(&self) -> Result<()> {
        if self.is_stopped() { Err(Error::Stopped) } else { Ok(()) }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// How many bytes are left for new contents.
    pub(super) fn free(&self) -> Result<u64> {
        self.calls.free(&self.root).to("ask for free space")
    }

    /// Does what makes room in the end; when the disk is too full even for that, it is done again
    /// with the reserve released, whoever released it.
    pub(super) fn with_reserve<T>(&self, work: impl Fn() -> Result<T>) -> Result<T> {
        match work() {
            Err(error) if error.is_full() && !self.is_stopped() => {
                self.release();
                work()
            }
            outcome => outcome,
        }
    }

    /// Sets room aside, unless that is done or there is little.
    pub(super) fn set_aside(&self) {
        let mut reserved = self.reserved();
        let enough = || matches!(self.free(), Ok(free) if free > 4 * RESERVE_SIZE);
        if *reserved || !enough() {
            return;
        }
        match self.reserve() {
            Ok(()) => *reserved = true,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                warn!(error, "cannot set room aside for deletions on a full disk");
            }
        }
    }

    /// The file has its name only once there is room in it.
    fn reserve(&self) -> Result<()> {
        let file = self.temporary_as(format!("new-{RESERVE}"))?;
        self.calls.reserve(&file.file, 0..RESERVE_SIZE).to("reserve room")?;
        file.rename(&self.own, RESERVE)
    }

    /// Returns once the reserve is gone: who comes while another releases it waits for that.
    fn release(&self) {
        let mut reserved = self.reserved();
        if mem::take(&mut *reserved) {
            warn!("the disk is full: the reserve is released, delete or collect something");
            let _ = self.calls.remove(&self.own, RESERVE, Kind::File);
        }
    }

    fn reserved(&self) -> MutexGuard<'_, bool> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a failed sync the kernel may believe that what it lost is on the disk, so that a
    /// second sync would succeed and prove nothing. Nothing may be written until the kernel has
    /// forgotten, which the next start checks.
    pub(super) fn stop(&self, error: &Error) {
        if self.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        mark_failed_sync(&*self.calls, &self.own, &self.boot, error);
    }

    /// Puts a small file among the store's own. It speaks to the next process on this machine, so
    /// it need not survive power loss.
    fn mark(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_mark(&*self.calls, &self.own, name, bytes).map(drop)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // Without syncs, or after a failed one, nobody knows what survives.
        if self.durability == Durability::PowerSafe
            && !self.is_stopped()
            && let Err(error) = self.mark(SYNCED, b"")
        {
            let error = &error as &dyn std::error::Error;
            warn!(error, "the store's end is not marked: the next start will sync");
        }
    }
}

/// A file without a name of its own yet.
#[derive(Debug)]
pub(super) struct Temporary<'a> {
    tree: &'a Tree,
    pub(super) file: File,
    name: Option<String>,
}

impl Temporary<'_> {
    /// Gives it its name, instead of whatever had that name.
    pub(super) fn rename(mut self, folder: &File, name: &str) -> Result<()> {
        let Some(temporary) = &self.name else { return Ok(()) };
        let to = (folder, name);
        self.tree.calls.rename((&self.tree.temporary, temporary), to).to("rename a file")?;
        self.name = None;
        Ok(())
    }

    /// As [`Temporary::rename`], for a file that is not synced.
    ///
    /// When a file replaces another of the same name, ext4 writes it to the disk at once, lest a
    /// program that forgot to sync it loses both. When the two change names, it does not, and the
    /// old one is removed: a hundred times faster.
    pub(super) fn exchange(self, folder: &File, name: &str) -> Result<()> {
        let Some(temporary) = &self.name else { return Ok(()) };
        let to = (folder, name);
        match self.tree.calls.exchange((&self.tree.temporary, temporary), to) {
            Ok(()) => Ok(()),
            // There is no old one, or the file system cannot do it.
            Err(error) if UNABLE.contains(&error.raw_os_error()) => self.rename(folder, name),
            outcome => outcome.to("exchange two files"),
        }
    }
}

const UNABLE: [Option<i32>; 3] = [
    Some(Errno::NOENT.raw_os_error()),
    Some(Errno::INVAL.raw_os_error()),
    Some(Errno::NOSYS.raw_os_error()),
];

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // What stays behind is removed at the next start.
        if let Some(name) = self.name.take() {
            let _ = self.tree.calls.remove(&self.tree.temporary, &name, Kind::File);
        }
    }
}

/// Says that a sync failed, and leaves a mark of it for the next process on this machine.
pub(super) fn mark_failed_sync(calls: &dyn Calls, own: &File, boot: &str, error: &Error) {
    error!(error = error as &dyn std::error::Error, "a sync failed: the store stops writing");
    let mark = || write_mark(calls, own, SYNC_FAILED, boot.as_bytes());
    let marked = mark().or_else(|error| {
        // A sync may fail because the disk is full. What is reserved is better spent on this.
        if error.is_full() {
            let _ = calls.remove(own, RESERVE, Kind::File);
            return mark();
        }
        Err(error)
    });
    if let Err(error) = marked {
        error!(error = &error as &dyn std::error::Error, "cannot leave a mark of it");
    }
}

/// Puts a small file into a folder.
pub(super) fn write_mark(
    calls: &dyn Calls,
    folder: &File,
    name: &str,
    bytes: &[u8],
) -> Result<File> {
    absent(calls.remove(folder, name, Kind::File)).to("replace a mark of the store")?;
    let file = calls.open(folder, name, How::Create).to("create a mark of the store")?;
    if !bytes.is_empty() {
        calls.write(&file, &[io::IoSlice::new(bytes)], 0).to("write a mark of the store")?;
    }
    Ok(file)
}

/// Turns absence into a value.
pub(super) fn absent<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A path's folder and its last name.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}
