//! Opening a directory as a store.

use std::{fs::File, io, path::Path, sync::Arc};

use rustix::io::Errno;
use tracing::{info, warn};

use super::{
    Durability, OpenError,
    calls::{Calls, How, Kind},
    error::{Context, Error},
    tree::{
        OWN, SYNC_FAILED, SYNCED, TEMPORARY, Tree, VOLATILE, absent, mark_failed_sync, write_mark,
    },
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
    let opening = Opening { calls: &*calls, path, durability };
    let opened = opening.open().and_then(|Opened { root, lock, boot, .. }| {
        Ok(Tree::new(Arc::clone(&calls), boot, root, durability, lock)?)
    });
    opened.map_err(|trouble| match trouble {
        Trouble::Refused(refused) => refused,
        Trouble::Failed(Error::Call(what, source)) => {
            OpenError::Call { what, path: path.into(), source }
        }
        Trouble::Failed(other) => {
            OpenError::Call { what: "open", path: path.into(), source: io::Error::other(other) }
        }
    })
}

struct Opening<'a> {
    calls: &'a dyn Calls,
    path: &'a Path,
    durability: Durability,
}

struct Opened {
    root: File,
    own: File,
    lock: File,
    boot: String,
}

/// Why it cannot be opened.
enum Trouble {
    Refused(OpenError),
    Failed(Error),
}

type Result<T, E = Trouble> = std::result::Result<T, E>;

impl Opening<'_> {
    fn open(&self) -> Result<Opened> {
        let root = self.calls.open_root(self.path).to("open")?;
        self.refuse_foreign(&root)?;
        self.create_folder(&root, OWN)?;
        let own = self.own_folder(&root)?;
        let lock = self.lock(&own)?;
        let new = self.is_new(&own)?;
        self.refuse_case(&root)?;
        let boot = self.calls.boot_id().to("tell when the machine started, for")?;
        self.refuse_failed_sync(&own, &boot)?;
        let opened = Opened { root, own, lock, boot };
        if new {
            self.write_format(&opened)?;
        }
        if self.was_cut_short(&opened.own)? && !new && self.durability == Durability::PowerSafe {
            info!("the store was not closed: syncing its file system");
            self.synced(&opened, self.calls.sync_all(&opened.root))?;
        }
        self.make_folders(&opened)?;
        self.clear(&opened.own, TEMPORARY, None)?;
        self.clear(&opened.own, VOLATILE, Some(&opened.boot))?;
        self.create_folder(&self.enter(&opened.own, VOLATILE)?, &opened.boot)?;
        Ok(opened)
    }

    /// Refuses a directory with something in it that is not a store's.
    fn refuse_foreign(&self, root: &File) -> Result<()> {
        let (mut ours, mut other) = (false, None);
        let mut look = |name: &str, _: Kind| match name {
            OWN => ours = true,
            // The root of a file system has it.
            "lost+found" => {}
            name => other = Some(name.to_owned()),
        };
        self.calls.entries(root, &mut look).to("list the files of")?;
        match other {
            Some(found) if !ours => Err(OpenError::Foreign { path: self.path.into(), found })?,
            _ => Ok(()),
        }
    }

    fn own_folder(&self, root: &File) -> Result<File> {
        match self.calls.open(root, OWN, How::Folder) {
            // The first call of its kind. An old kernel says the one, a sandbox either.
            Err(error) if KERNEL.contains(&error.raw_os_error()) => Err(OpenError::Kernel)?,
            opened => Ok(opened.to("open a folder of")?),
        }
    }

    fn lock(&self, own: &File) -> Result<File> {
        let lock = self.calls.open(own, LOCK, How::Append).to("open the lock of")?;
        let free = self.calls.lock(&lock).to("lock")?;
        if free { Ok(lock) } else { Err(OpenError::Busy(self.path.into()))? }
    }

    /// Says whether it is a new store. A directory that was prepared by half says no format yet;
    /// then nothing else is in it.
    fn is_new(&self, own: &File) -> Result<bool> {
        let format = self.mark(own, FORMAT)?.unwrap_or_default();
        if format == FORMAT_1 {
            return Ok(false);
        }
        if !format.is_empty() {
            let found = String::from_utf8_lossy(&format).trim().to_owned();
            Err(OpenError::Format { path: self.path.into(), found })?;
        }
        Ok(true)
    }

    fn write_format(&self, opened: &Opened) -> Result<()> {
        let format = write_mark(self.calls, &opened.own, FORMAT, FORMAT_1)?;
        for file in [&format, &opened.own, &opened.root] {
            self.synced(opened, self.calls.sync(file))?;
        }
        Ok(())
    }

    /// The store's own folder has a name of lower-case letters.
    fn refuse_case(&self, root: &File) -> Result<()> {
        let other = absent(self.calls.status_at(root, &OWN.to_uppercase()));
        match other.to("look for a name in upper case in")? {
            Some(_) => Err(OpenError::IgnoresCase(self.path.into()))?,
            None => Ok(()),
        }
    }

    fn refuse_failed_sync(&self, own: &File, boot: &str) -> Result<()> {
        match self.mark(own, SYNC_FAILED)? {
            None => Ok(()),
            Some(when) if when == boot.as_bytes() => Err(self.sync_failed())?,
            Some(_) => {
                warn!("a sync of this store failed before the machine was last started");
                Ok(self.calls.remove(own, SYNC_FAILED, Kind::File).to("remove a mark of")?)
            }
        }
    }

    /// The outcome of any sync while opening. The next start would find clean what this one failed
    /// to write, and must not sync it again and believe it.
    fn synced(&self, opened: &Opened, outcome: io::Result<()>) -> Result<()> {
        Ok(outcome.to("sync").map_err(|error| {
            mark_failed_sync(self.calls, &opened.own, &opened.boot, &error);
            self.sync_failed()
        })?)
    }

    fn sync_failed(&self) -> OpenError {
        OpenError::SyncFailed(self.path.join(OWN).join(SYNC_FAILED))
    }

    /// Whether the process before was killed, or did not sync. It may have left names and bytes
    /// that only the kernel's memory knows; they are shown from now on, so they must survive.
    fn was_cut_short(&self, own: &File) -> Result<bool> {
        let synced = absent(self.calls.remove(own, SYNCED, Kind::File));
        Ok(synced.to("remove a mark of")?.is_none())
    }

    /// Creates what is used all the time, so that no request has to.
    fn make_folders(&self, opened: &Opened) -> Result<()> {
        for name in [TEMPORARY, VOLATILE] {
            self.create_folder(&opened.own, name)?;
        }
        for (parent, names) in layout::folders() {
            let parent = match parent {
                "" => &opened.root,
                parent => &self.enter(&opened.root, parent)?,
            };
            let mut created = false;
            for name in names {
                created |= self.create_folder(parent, &name)?;
            }
            if created && self.durability == Durability::PowerSafe {
                self.synced(opened, self.calls.sync(parent))?;
            }
        }
        Ok(())
    }

    /// Removes everything in a folder, but one entry.
    fn clear(&self, parent: &File, name: &str, but: Option<&str>) -> Result<()> {
        let folder = self.enter(parent, name)?;
        let mut entries = Vec::new();
        let mut each = |name: &str, kind: Kind| entries.push((name.to_owned(), kind));
        self.calls.entries(&folder, &mut each).to("list old files of")?;
        entries.retain(|(name, _)| Some(name.as_str()) != but);
        for (name, kind) in entries {
            if kind == Kind::Folder {
                self.clear(&folder, &name, None)?;
            }
            self.calls.remove(&folder, &name, kind).to("remove old files of")?;
        }
        Ok(())
    }

    fn enter(&self, parent: &File, name: &str) -> Result<File> {
        Ok(self.calls.open(parent, name, How::Folder).to("open a folder of")?)
    }

    /// Says whether it was not there.
    fn create_folder(&self, parent: &File, name: &str) -> Result<bool> {
        match self.calls.create_folder(parent, name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            created => Ok(created.map(|()| true).to("create a folder of")?),
        }
    }

    /// What a small file of the store's own says, if it is there.
    fn mark(&self, own: &File, name: &str) -> Result<Option<Vec<u8>>> {
        let file = absent(self.calls.open(own, name, How::Read)).to("open a mark of")?;
        let Some(file) = file else { return Ok(None) };
        let mut bytes = vec![0; 64];
        let read = self.calls.read(&file, &mut bytes, 0).to("read a mark of")?;
        bytes.truncate(read);
        Ok(Some(bytes))
    }
}

const KERNEL: [Option<i32>; 2] =
    [Some(Errno::NOSYS.raw_os_error()), Some(Errno::PERM.raw_os_error())];

impl From<OpenError> for Trouble {
    fn from(refused: OpenError) -> Self {
        Self::Refused(refused)
    }
}

impl From<Error> for Trouble {
    fn from(failed: Error) -> Self {
        Self::Failed(failed)
    }
}
