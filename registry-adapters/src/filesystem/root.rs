//! Opening a directory as a store.

use std::{fs::File, io, path::Path, sync::Arc};

use tracing::{info, warn};

use super::{
    Durability, OpenError,
    calls::{Calls, How, Kind},
    error::Error,
    tree::{OWN, SYNC_FAILED, SYNCED, TEMPORARY, Tree, VOLATILE, absent, write_mark},
};
use crate::layout;

const FORMAT: &str = "format";
const FORMAT_1: &[u8] = b"1\n";
const LOCK: &str = "lock";

/// Makes sure that a directory is a store or can become one, that nobody else has it open, and
/// that what it shows survives power loss; then opens it.
pub(super) fn open(
    calls: Arc<dyn Calls>,
    path: &Path,
    durability: Durability,
) -> Result<Tree, OpenError> {
    let opening = Opening { calls: &*calls, path };
    let root = calls.open_root(path).map_err(|error| opening.failed("open it", error))?;
    opening.refuse_foreign(&root)?;
    let own = opening.own_folder(&root)?;
    let lock = opening.lock(&own)?;
    let new = opening.check_format(&own, &root)?;
    opening.refuse_case(&root)?;
    let boot = calls.boot_id().map_err(|error| opening.failed("read the boot id", error))?;
    opening.refuse_failed_sync(&own, &boot)?;
    if opening.was_cut_short(&own)? && !new && durability == Durability::PowerSafe {
        info!("the store was not closed: syncing its file system");
        calls.sync_all(&root).map_err(|error| opening.failed("sync", error))?;
    }
    opening.make_folders(&root, durability)?;
    opening.clear(&own, TEMPORARY, None)?;
    opening.clear(&own, VOLATILE, Some(&boot))?;
    let volatile = opening.open(&own, VOLATILE, How::Folder)?;
    opening.create_folder(&volatile, &boot)?;
    let tree = Tree::new(Arc::clone(&calls), boot, root, durability, lock);
    tree.map_err(|error| opening.error(error))
}

struct Opening<'a> {
    calls: &'a dyn Calls,
    path: &'a Path,
}

impl Opening<'_> {
    /// Refuses a directory with something in it that is not a store's.
    fn refuse_foreign(&self, root: &File) -> Result<(), OpenError> {
        let (mut ours, mut other) = (false, None);
        let mut look = |name: &str, _: Kind| match name {
            OWN => ours = true,
            // The root of a file system has it.
            "lost+found" => {}
            name => other = Some(name.to_owned()),
        };
        self.calls.entries(root, &mut look).map_err(|error| self.failed("list files", error))?;
        match other {
            Some(found) if !ours => Err(OpenError::Foreign { path: self.path.into(), found }),
            _ => Ok(()),
        }
    }

    fn own_folder(&self, root: &File) -> Result<File, OpenError> {
        self.create_folder(root, OWN)?;
        self.open(root, OWN, How::Folder)
    }

    fn lock(&self, own: &File) -> Result<File, OpenError> {
        let lock = self.open(own, LOCK, How::Append)?;
        match self.calls.lock(&lock) {
            Ok(true) => Ok(lock),
            Ok(false) => Err(OpenError::Busy(self.path.into())),
            Err(error) => Err(self.failed("lock it", error)),
        }
    }

    /// Says whether it is a new store. A directory that was prepared by half says no format yet;
    /// then nothing else is in it.
    fn check_format(&self, own: &File, root: &File) -> Result<bool, OpenError> {
        let format = absent(self.calls.open(own, FORMAT, How::Read));
        if let Some(file) = format.map_err(|error| self.failed("read the format", error))? {
            let mut bytes = [0; 16];
            let read = self.calls.read(&file, &mut bytes, 0);
            let read = read.map_err(|error| self.failed("read the format", error))?;
            match &bytes[..read] {
                FORMAT_1 => return Ok(false),
                b"" => {}
                other => {
                    let found = String::from_utf8_lossy(other).trim().to_owned();
                    return Err(OpenError::Format { path: self.path.into(), found });
                }
            }
        }
        let file = write_mark(self.calls, own, FORMAT, FORMAT_1).map_err(|e| self.error(e))?;
        for synced in [&file, own, root] {
            self.calls.sync(synced).map_err(|error| self.failed("sync the format", error))?;
        }
        Ok(true)
    }

    /// The store's own folder has a name of lower-case letters.
    fn refuse_case(&self, root: &File) -> Result<(), OpenError> {
        match self.calls.status_at(root, &OWN.to_uppercase()) {
            Ok(_) => Err(OpenError::IgnoresCase(self.path.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed("look for a name in upper case", error)),
        }
    }

    fn refuse_failed_sync(&self, own: &File, boot: &str) -> Result<(), OpenError> {
        let mark = absent(self.calls.open(own, SYNC_FAILED, How::Read));
        let Some(mark) = mark.map_err(|error| self.failed("look for a failed sync", error))? else {
            return Ok(());
        };
        let mut when = [0; 64];
        let read = self.calls.read(&mark, &mut when, 0);
        let read = read.map_err(|error| self.failed("look for a failed sync", error))?;
        if when[..read] == *boot.as_bytes() {
            return Err(OpenError::SyncFailed(self.path.join(OWN).join(SYNC_FAILED)));
        }
        warn!("a sync of this store failed before the machine was last started");
        self.remove(own, SYNC_FAILED, Kind::File)
    }

    /// Whether the process before was killed, or did not sync. It may have left names and bytes
    /// that only the kernel's memory knows; they are shown from now on, so they must survive.
    fn was_cut_short(&self, own: &File) -> Result<bool, OpenError> {
        let synced = absent(self.calls.remove(own, SYNCED, Kind::File));
        let synced = synced.map_err(|error| self.failed("look for the last stop", error))?;
        Ok(synced.is_none())
    }

    /// Creates what is used all the time, so that no request has to.
    fn make_folders(&self, root: &File, durability: Durability) -> Result<(), OpenError> {
        let own = (OWN, [TEMPORARY, VOLATILE].map(str::to_owned).to_vec());
        for (parent, names) in [own].into_iter().chain(layout::folders()) {
            let parent = match parent {
                "" => root,
                parent => &self.open(root, parent, How::Folder)?,
            };
            let mut created = false;
            for name in names {
                created |= self.create_folder(parent, &name)?;
            }
            if created && durability == Durability::PowerSafe {
                let synced = self.calls.sync(parent);
                synced.map_err(|error| self.failed("sync a folder", error))?;
            }
        }
        Ok(())
    }

    /// Removes everything in a folder, but one entry.
    fn clear(&self, parent: &File, name: &str, but: Option<&str>) -> Result<(), OpenError> {
        let folder = self.open(parent, name, How::Folder)?;
        let mut entries = Vec::new();
        let mut each = |name: &str, kind: Kind| entries.push((name.to_owned(), kind));
        let listed = self.calls.entries(&folder, &mut each);
        listed.map_err(|error| self.failed("list old files", error))?;
        entries.retain(|(name, _)| Some(name.as_str()) != but);
        for (name, kind) in entries {
            if kind == Kind::Folder {
                self.clear(&folder, &name, None)?;
            }
            self.remove(&folder, &name, kind)?;
        }
        Ok(())
    }

    fn open(&self, folder: &File, path: &str, how: How) -> Result<File, OpenError> {
        self.calls.open(folder, path, how).map_err(|error| match error.raw_os_error() {
            // Seccomp filters answer with either.
            Some(code)
                if [rustix::io::Errno::NOSYS, rustix::io::Errno::PERM]
                    .map(rustix::io::Errno::raw_os_error)
                    .contains(&code) =>
            {
                OpenError::Kernel
            }
            _ => self.failed("open its files", error),
        })
    }

    /// Says whether it was not there.
    fn create_folder(&self, folder: &File, name: &str) -> Result<bool, OpenError> {
        match self.calls.create_folder(folder, name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.failed("create a folder", error)),
        }
    }

    fn remove(&self, folder: &File, name: &str, kind: Kind) -> Result<(), OpenError> {
        self.calls
            .remove(folder, name, kind)
            .map_err(|error| self.failed("remove old files", error))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> OpenError {
        OpenError::Call { what, path: self.path.into(), source }
    }

    fn error(&self, error: Error) -> OpenError {
        match error {
            Error::Call(what, source) => self.failed(what, source),
            other => self.failed("prepare it", io::Error::other(other)),
        }
    }
}
