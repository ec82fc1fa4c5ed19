//! Every system call of the filesystem store.
//!
//! [`Calls`] is the seam behind which a test fails a call or loses what was not synced. A path is
//! relative to an open folder and is resolved beneath it without following any link, so that
//! nothing planted in the tree leads out of it.

use std::{
    fmt::Debug,
    fs::{self, File},
    io::{self, IoSlice},
    ops::Range,
    path::Path,
};

use rustix::{
    fs::{
        Advice, AtFlags, Dir, FallocateFlags, FileType, FlockOperation, Mode, OFlags, RenameFlags,
        ResolveFlags, XattrFlags,
    },
    io::Errno,
};

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// A folder.
    Folder,
    /// A file to read.
    Read,
    /// A file to read and write.
    Write,
    /// A file to read and write, created with [`UNSEALED`] where there is none.
    Append,
    /// A new file to write.
    Create,
}

/// The mode of a content that is not sealed. The sticky bit, which means nothing on a file, is the
/// mark: it comes with the file's name and goes with the sync of a seal, and a tree that was
/// copied by whatever means holds none.
pub(super) const UNSEALED: u32 = STICKY | 0o600;
/// The mode of a sealed content.
pub(super) const SEALED: u32 = 0o444;
const STICKY: u32 = 0o1000;

/// What the file system says of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    /// What it is.
    pub(super) kind: Kind,
    /// How many bytes it has.
    pub(super) size: u64,
    /// Whether it carries the mark of [`UNSEALED`].
    pub(super) unsealed: bool,
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Other,
}

/// The system calls, as far as this store needs them.
pub(super) trait Calls: Debug + Send + Sync + 'static {
    /// Opens the root, which is the only path that may lead through links; it is created where
    /// there is none.
    fn open_root(&self, path: &Path) -> io::Result<File>;
    fn open(&self, folder: &File, path: &str, how: How) -> io::Result<File>;
    fn create_folder(&self, folder: &File, name: &str) -> io::Result<()>;
    fn remove(&self, folder: &File, name: &str, kind: Kind) -> io::Result<()>;
    fn rename(&self, from: (&File, &str), to: (&File, &str)) -> io::Result<()>;
    /// Gives each of two files the other's name.
    fn exchange(&self, one: (&File, &str), other: (&File, &str)) -> io::Result<()>;
    /// Calls back for every entry but `.` and `..`; those whose names are no UTF-8 are no names of
    /// ours and left out.
    fn entries(&self, folder: &File, each: &mut dyn FnMut(&str, Kind)) -> io::Result<()>;
    fn status(&self, file: &File) -> io::Result<Status>;
    fn status_at(&self, folder: &File, name: &str) -> io::Result<Status>;
    /// Reads from an offset; fewer bytes than the buffer has room for only at the end.
    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes some of the buffers at an offset.
    fn write(&self, file: &File, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;
    fn truncate(&self, file: &File, size: u64) -> io::Result<()>;
    /// Reserves room behind the end of a file without making it longer.
    fn reserve(&self, file: &File, range: Range<u64>) -> io::Result<()>;
    /// Makes the kernel begin to write a range to the disk.
    fn begin_write_back(&self, file: &File, range: Range<u64>) -> io::Result<()>;
    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()>;
    /// A small value kept with a file; `None` where there is none.
    fn attribute(&self, file: &File, name: &str) -> io::Result<Option<Vec<u8>>>;
    fn set_attribute(&self, file: &File, name: &str, value: &[u8]) -> io::Result<()>;
    /// Makes a file or a folder survive power loss.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Makes the whole file system survive power loss.
    fn sync_all(&self, root: &File) -> io::Result<()>;
    /// How many bytes the file system has left.
    fn free(&self, root: &File) -> io::Result<u64>;
    /// Locks a file until it is closed; says whether nobody else had it locked.
    fn lock(&self, file: &File) -> io::Result<bool>;
    /// What changes whenever the machine starts.
    fn boot_id(&self) -> io::Result<String>;
}

/// The calls of Linux.
#[derive(Debug)]
pub(super) struct Linux;

impl Calls for Linux {
    fn open_root(&self, path: &Path) -> io::Result<File> {
        fs::create_dir_all(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
    }

    fn open(&self, folder: &File, path: &str, how: How) -> io::Result<File> {
        let (flags, mode) = match how {
            How::Folder => (OFlags::RDONLY | OFlags::DIRECTORY, 0),
            // A planted pipe must not make the opening wait.
            How::Read => (OFlags::RDONLY | OFlags::NONBLOCK, 0),
            How::Write => (OFlags::RDWR | OFlags::NONBLOCK, 0),
            How::Append => (OFlags::RDWR | OFlags::NONBLOCK | OFlags::CREATE, UNSEALED),
            How::Create => (OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, 0o600),
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let mode = Mode::from_raw_mode(mode);
        Ok(rustix::fs::openat2(folder, path, flags | OFlags::CLOEXEC, mode, resolve)?.into())
    }

    fn create_folder(&self, folder: &File, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(folder, name, Mode::RWXU)?)
    }

    fn remove(&self, folder: &File, name: &str, kind: Kind) -> io::Result<()> {
        let flags = if kind == Kind::Folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        Ok(rustix::fs::unlinkat(folder, name, flags)?)
    }

    fn rename(&self, from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
        Ok(rustix::fs::renameat(from.0, from.1, to.0, to.1)?)
    }

    fn exchange(&self, one: (&File, &str), other: (&File, &str)) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(one.0, one.1, other.0, other.1, RenameFlags::EXCHANGE)?)
    }

    fn entries(&self, folder: &File, each: &mut dyn FnMut(&str, Kind)) -> io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if matches!(name, "." | "..") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                // Some file systems do not say it here.
                FileType::Unknown => self.status_at(folder, name)?.kind,
                _ => Kind::Other,
            };
            each(name, kind);
        }
        Ok(())
    }

    fn status(&self, file: &File) -> io::Result<Status> {
        Ok(rustix::fs::fstat(file)?.into())
    }

    fn status_at(&self, folder: &File, name: &str) -> io::Result<Status> {
        Ok(rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.into())
    }

    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match rustix::io::pread(file, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    fn write(&self, file: &File, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::pwritev(file, buffers, offset))?)
    }

    fn truncate(&self, file: &File, size: u64) -> io::Result<()> {
        Ok(rustix::fs::ftruncate(file, size)?)
    }

    fn reserve(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        let size = range.end - range.start;
        Ok(rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, range.start, size)?)
    }

    fn begin_write_back(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        // Linux begins to write the dirty pages of the range and then drops the clean ones, of
        // which a range that was just written has none. It measures like `sync_file_range`, for
        // which there is no safe function.
        let length = (range.end - range.start).try_into().ok();
        Ok(rustix::fs::fadvise(file, range.start, length, Advice::DontNeed)?)
    }

    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(file, Mode::from_raw_mode(mode))?)
    }

    fn attribute(&self, file: &File, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut value = [0; 64];
        match rustix::fs::fgetxattr(file, name, &mut value) {
            Ok(size) => Ok(Some(value[..size].to_vec())),
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn set_attribute(&self, file: &File, name: &str, value: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())?)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        Ok(rustix::fs::fsync(file)?)
    }

    fn sync_all(&self, root: &File) -> io::Result<()> {
        Ok(rustix::fs::syncfs(root)?)
    }

    fn free(&self, root: &File) -> io::Result<u64> {
        let status = rustix::fs::fstatvfs(root)?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn boot_id(&self) -> io::Result<String> {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        Ok(id.trim().to_owned())
    }
}

impl From<rustix::fs::Stat> for Status {
    fn from(stat: rustix::fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            _ => Kind::Other,
        };
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Self { kind, size, unsealed: stat.st_mode & STICKY != 0 }
    }
}
