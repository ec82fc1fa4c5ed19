//! Keys as files in a directory: `<seconds since 1970>.<id>.pem`, each written once and never
//! changed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
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
pub(super) const OTHERS: u32 = 0o077;
/// Neither strangers, nor, for writing, the group.
pub(super) const STRANGERS: u32 = 0o027;

/// A directory of keys, which several servers may share.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

/// Says that nobody else writes, for as long as it lives.
pub(super) struct Lock(#[expect(dead_code, reason = "closing it gives the lock back")] File);

impl Directory {
    /// Makes the directory where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Io { path: path.into(), source };
        if !path.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
            sync(path.parent()).map_err(failed)?;
        }
        let directory = fs::metadata(path).map_err(failed)?;
        if !directory.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        check(path, &directory.permissions(), OTHERS, 0o700)?;
        Ok(Self { path: path.into() })
    }

    /// The keys that are there. Those that are known are not read again.
    pub(super) fn read(&self, known: &Keys) -> Result<Keys, KeyError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(|e| self.failed(e))? {
            let name = entry.map_err(|e| self.failed(e))?.file_name();
            let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".pem")) else {
                continue;
            };
            let path = self.path.join(&name);
            let Some((since, id)) = parse(stem) else { return Err(KeyError::Foreign { path }) };
            let key = match known.get(id) {
                Some(key) => Arc::clone(key),
                None => match read(&path, OTHERS) {
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
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = options.open(self.path.join(LOCK)).map_err(|e| self.failed(e))?;
        lock.lock().map_err(|e| self.failed(e))?;
        Ok(Lock(lock))
    }

    /// Adds a key, which survives power loss before anybody sees it.
    pub(super) fn add(&self, key: &Published, _: &Lock) -> Result<(), KeyError> {
        let write = || {
            let temporary = self.path.join(TEMPORARY);
            // Of a server that was killed: whoever holds the lock is the only one who writes.
            match fs::remove_file(&temporary) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(key.key.to_pem().as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, self.file(key))?;
            sync(Some(&self.path))
        };
        write().map_err(|e| self.failed(e))
    }

    /// Removes keys.
    pub(super) fn remove(&self, keys: &[Published], _: &Lock) -> Result<(), KeyError> {
        let remove = || {
            keys.iter().try_for_each(|key| fs::remove_file(self.file(key)))?;
            sync(Some(&self.path))
        };
        remove().map_err(|e| self.failed(e))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, Published { since, key }: &Published) -> PathBuf {
        self.path.join(format!("{}.{}.pem", since.as_secs(), key.id()))
    }

    fn failed(&self, source: io::Error) -> KeyError {
        KeyError::Io { path: self.path.clone(), source }
    }
}

/// The key in a file, for which only some may have permissions.
pub(super) fn read(path: &Path, forbidden: u32) -> Result<Key, KeyError> {
    let failed = |source| KeyError::Io { path: path.into(), source };
    let file = File::open(path).map_err(failed)?;
    // Of the file that is open, since another may have the name by now.
    check(path, &file.metadata().map_err(failed)?.permissions(), forbidden, 0o600)?;
    let mut text = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut text).map_err(failed)?;
    Key::from_pem(&text).map_err(|_| KeyError::NotAKey { path: path.into() })
}

fn check(
    path: &Path,
    permissions: &Permissions,
    forbidden: u32,
    wanted: u32,
) -> Result<(), KeyError> {
    let mode = permissions.mode() & 0o7777;
    if mode & forbidden == 0 {
        Ok(())
    } else {
        Err(KeyError::Exposed { path: path.into(), mode, wanted })
    }
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
