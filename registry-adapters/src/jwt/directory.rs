//! Keys as files in a directory: `<seconds since 1970>.<id>.pem`, each written once and never
//! changed.
//!
//! The directory is opened anew for whatever is done, and looked at then: somebody may have put
//! another into its place. What is in it is opened beneath it. No link is followed.

use std::{
    fs::{self, DirBuilder, File, Metadata},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, openat, renameat, unlinkat},
    io::Errno,
    process::geteuid,
};

use super::{
    KeyError,
    key::Key,
    keys::{Keys, Published},
};

/// Of whatever is no key, the first is for those who write, the other for what is being written.
const LOCK: &str = "lock";
const TEMPORARY: &str = "new";
/// Larger than any key is.
const MAX_SIZE: u64 = 16 << 10;
/// Nobody but the owner.
const OTHERS: u32 = 0o077;
/// Neither strangers, nor, for writing, the group.
const STRANGERS: u32 = 0o027;
/// A planted pipe must not make the opening wait.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// A directory of keys, which several servers may share.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

/// Says that nobody else writes, for as long as it lives.
pub(super) struct Lock {
    folder: File,
    #[expect(dead_code, reason = "closing it gives the lock back")]
    file: File,
}

impl Directory {
    /// Makes the directory where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, KeyError> {
        let directory = Self { path: path.into() };
        // Also not where a link leads nowhere.
        if fs::symlink_metadata(path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
            made.and_then(|()| sync(path.parent())).map_err(|e| directory.failed(e))?;
        }
        directory.enter()?;
        Ok(directory)
    }

    /// The keys that are there. Those that are known are not read again.
    pub(super) fn read(&self, known: &Keys) -> Result<Keys, KeyError> {
        let folder = self.enter()?;
        let mut keys = Vec::new();
        for entry in Dir::read_from(&folder).map_err(|e| self.failed(e))? {
            let entry = entry.map_err(|e| self.failed(e))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let Some(stem) = name.strip_suffix(".pem") else { continue };
            let path = self.path.join(name);
            let Some((since, id)) = parse(stem) else { return Err(KeyError::Foreign { path }) };
            let key = match known.get(id) {
                Some(key) => Arc::clone(key),
                None => match read_beneath(&folder, name, &path) {
                    Ok(key) if key.id() == id => Arc::new(key),
                    Ok(_) => return Err(KeyError::Foreign { path }),
                    // Another server has just retired it.
                    Err(KeyError::Io { source, .. })
                        if source.kind() == io::ErrorKind::NotFound =>
                    {
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            keys.push(Published { since, key });
        }
        Ok(Keys::new(keys))
    }

    /// Waits until no other server writes.
    pub(super) fn lock(&self) -> Result<Lock, KeyError> {
        let folder = self.enter()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = openat(&folder, LOCK, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(lock.map_err(|e| self.failed(e))?);
        file.lock().map_err(|e| self.failed(e))?;
        Ok(Lock { folder, file })
    }

    /// Adds a key, which survives power loss before anybody sees it.
    pub(super) fn add(&self, key: &Published, lock: &Lock) -> Result<(), KeyError> {
        let folder = &lock.folder;
        let write = || {
            // Of a server that was killed: whoever holds the lock is the only one who writes.
            match unlinkat(folder, TEMPORARY, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mut file = File::from(openat(folder, TEMPORARY, flags, Mode::RUSR | Mode::WUSR)?);
            file.write_all(key.key.to_pem().as_bytes())?;
            file.sync_all()?;
            renameat(folder, TEMPORARY, folder, name_of(key))?;
            folder.sync_all()
        };
        write().map_err(|e: io::Error| self.failed(e))
    }

    /// Removes keys.
    pub(super) fn remove(&self, keys: &[Published], lock: &Lock) -> Result<(), KeyError> {
        let remove = || {
            for key in keys {
                unlinkat(&lock.folder, name_of(key), AtFlags::empty())?;
            }
            lock.folder.sync_all()
        };
        remove().map_err(|e| self.failed(e))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the directory itself, which is ours alone.
    fn enter(&self) -> Result<File, KeyError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&self.path, flags, Mode::empty());
        let folder = File::from(opened.map_err(|error| not_opened(&self.path, error))?);
        let metadata = folder.metadata().map_err(|e| self.failed(e))?;
        check(&self.path, &metadata, OTHERS, 0o700)?;
        Ok(folder)
    }

    fn failed(&self, source: impl Into<io::Error>) -> KeyError {
        KeyError::Io { path: self.path.clone(), source: source.into() }
    }
}

/// The key in a file that is configured, which may be a link, and which its group may read.
pub(super) fn read_configured(path: &Path) -> Result<Key, KeyError> {
    let opened = rustix::fs::open(path, READ, Mode::empty());
    read(path, opened.map_err(|error| not_opened(path, error))?.into(), STRANGERS)
}

/// The key in a file of a directory, which nobody else may read.
fn read_beneath(folder: &File, name: &str, path: &Path) -> Result<Key, KeyError> {
    let opened = openat(folder, name, READ | OFlags::NOFOLLOW, Mode::empty());
    read(path, opened.map_err(|error| not_opened(path, error))?.into(), OTHERS)
}

fn read(path: &Path, file: File, forbidden: u32) -> Result<Key, KeyError> {
    let failed = |source| KeyError::Io { path: path.into(), source };
    // Of the file that is open, since another may have the name by now.
    check(path, &file.metadata().map_err(failed)?, forbidden, 0o600)?;
    let mut text = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut text).map_err(failed)?;
    Key::from_pem(&text).map_err(|_| KeyError::NotAKey { path: path.into() })
}

/// Whether it belongs to us, and others have none of these permissions.
fn check(path: &Path, found: &Metadata, forbidden: u32, wanted: u32) -> Result<(), KeyError> {
    let (owner, me) = (found.uid(), geteuid().as_raw());
    let mode = found.mode() & 0o7777;
    if !is_trusted(owner, me) {
        Err(KeyError::Owner { path: path.into(), owner, me })
    } else if mode & forbidden != 0 {
        Err(KeyError::Exposed { path: path.into(), mode, wanted })
    } else {
        Ok(())
    }
}

/// Whether what this user owns is as good as our own: root has whatever it wants.
const fn is_trusted(owner: u32, me: u32) -> bool {
    owner == me || owner == 0
}

/// The kernel says of a link that it is one, or that it is no directory.
fn not_opened(path: &Path, error: Errno) -> KeyError {
    let is_link = matches!(error, Errno::LOOP | Errno::NOTDIR)
        && fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let path = path.into();
    if is_link { KeyError::Link { path } } else { KeyError::Io { path, source: error.into() } }
}

fn name_of(Published { since, key }: &Published) -> String {
    format!("{}.{}.pem", since.as_secs(), key.id())
}

/// When it was published, and its id, from a name without its ending.
fn parse(stem: &str) -> Option<(Duration, &str)> {
    let (since, id) = stem.split_once('.')?;
    let seconds: u64 = since.parse().ok()?;
    // Written in one way only. Later than year 10000 is no time.
    let is_time = seconds < 1 << 38 && seconds.to_string() == since;
    let is_id =
        !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    (is_time && is_id).then_some((Duration::from_secs(seconds), id))
}

fn sync(directory: Option<&Path>) -> io::Result<()> {
    // The parent of a relative path of one name is written as nothing.
    let directory = directory.filter(|path| !path.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::is_trusted;

    #[test]
    fn keys_are_taken_from_oneself_and_from_root_alone() {
        assert!(is_trusted(1000, 1000) && is_trusted(0, 1000) && is_trusted(0, 0));
        assert!(!is_trusted(1001, 1000) && !is_trusted(1000, 0));
    }
}
