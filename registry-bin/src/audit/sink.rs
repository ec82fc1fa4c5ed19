//! Where the lines go.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

/// Where the lines go.
#[derive(Debug)]
pub(super) struct Sink {
    file: File,
    /// Where it was opened; `None` for standard output.
    path: Option<PathBuf>,
    /// Whether it ends within a line, as after a write that was cut short.
    is_torn: bool,
}

impl Sink {
    pub(super) fn stdout() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { file, path: None, is_torn: false })
    }

    /// A file that is added to; where there is none it is made, for this user alone.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        Ok(Self { file: open(path)?, path: Some(path.to_owned()), is_torn: ends_within_line(path) })
    }

    /// Writes whole lines. Where the file was moved away, to a new one in its place.
    pub(super) fn write(&mut self, lines: &str) -> io::Result<()> {
        self.follow();
        if self.is_torn {
            // A line that is cut short takes none with it.
            add(&mut self.file, b"\n", &mut self.is_torn)?;
        }
        add(&mut self.file, lines.as_bytes(), &mut self.is_torn)
    }

    /// Brings what is written to the disk.
    pub(super) fn sync(&self) {
        if self.path.is_some() {
            report(self.file.sync_data());
        }
    }

    /// Opens a new file where the one of this name is gone. The old one is better than none.
    fn follow(&mut self) {
        let Some(path) = self.path.as_deref().filter(|path| is_gone(&self.file, path)) else {
            return;
        };
        match open(path) {
            Ok(file) => {
                // The lines before are kept where the file went.
                report(self.file.sync_data());
                self.is_torn = ends_within_line(path);
                self.file = file;
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the audit log goes on in the file that was moved away");
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(path)
}

/// Adds the bytes, and notes whether what is there then ends within a line.
fn add(file: &mut impl Write, mut bytes: &[u8], is_torn: &mut bool) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                *is_torn = bytes[..written].last() != Some(&b'\n');
                bytes = &bytes[written..];
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Whether a file, which another process may have left so, ends within a line. One that cannot be
/// read is taken for whole, as is what is no file.
fn ends_within_line(path: &Path) -> bool {
    let last = || -> io::Result<Option<u8>> {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() == 0 {
            return Ok(None);
        }
        let mut last = [0];
        File::open(path)?.read_exact_at(&mut last, metadata.len() - 1)?;
        Ok(Some(last[0]))
    };
    last().is_ok_and(|last| last.is_some_and(|byte| byte != b'\n'))
}

/// Whether there is no file of that name any more, or another. Where that cannot be found out, the
/// one that is open is good.
fn is_gone(file: &File, path: &Path) -> bool {
    let Ok(ours) = file.metadata() else { return false };
    match fs::metadata(path) {
        Ok(found) => (found.dev(), found.ino()) != (ours.dev(), ours.ino()),
        Err(e) => e.kind() == io::ErrorKind::NotFound,
    }
}

/// The lines are written, as far as the process can tell.
fn report(synced: io::Result<()>) {
    if let Err(error) = synced {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the audit log may not survive a power cut: it cannot be synced");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A disk with room for so many bytes.
    struct Disk {
        kept: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let written = bytes.len().min(self.room);
            if written == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= written;
            self.kept.extend(&bytes[..written]);
            Ok(written)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_write_that_is_cut_short_within_a_line_is_noted_and_one_after_a_line_is_not() {
        for (room, is_torn_then) in [(0, false), (2, true), (3, false), (5, true), (6, false)] {
            let mut disk = Disk { kept: Vec::new(), room };
            let mut is_torn = false;
            assert_eq!(add(&mut disk, b"ab\ncd\n", &mut is_torn).is_ok(), room == 6);
            assert_eq!(is_torn, is_torn_then, "{room}");
            assert_eq!(disk.kept, b"ab\ncd\n"[..room]);
        }
    }

    #[test]
    fn a_torn_line_swallows_none_that_comes_after_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("audit");
        fs::write(&path, "a\nto").expect("a file");
        let mut sink = Sink::file(&path).expect("it opens");
        sink.write("b\nc\n").expect("it is kept");
        sink.write("d\n").expect("it is kept");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "a\nto\nb\nc\nd\n");
    }

    #[test]
    fn a_name_that_cannot_be_looked_at_loses_no_line() {
        let directory = tempfile::tempdir().expect("a directory");
        let [path, moved] = ["audit", "audit.1"].map(|name| directory.path().join(name));
        let mut sink = Sink::file(&path).expect("it opens");
        fs::rename(&path, &moved).expect("a rename");
        // Links in a circle cannot be followed.
        symlink(&path, &path).expect("a link");
        sink.write("a\n").expect("it is kept");
        fs::remove_file(&path).expect("it is there");
        // Nor can a file be made where a folder is missing.
        symlink(directory.path().join("no/such/folder"), &path).expect("a link");
        sink.write("b\n").expect("it is kept");
        assert_eq!(fs::read_to_string(&moved).expect("a file"), "a\nb\n");
    }
}
