//! Where the lines go.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Where the lines go.
#[derive(Debug)]
pub(super) enum Sink {
    Stdout,
    File { path: PathBuf, file: File },
}

impl Sink {
    /// A file that is added to; where there is none it is made, for this user alone.
    pub(super) fn file(path: &Path) -> io::Result<Self> {
        Ok(Self::File { path: path.to_owned(), file: open(path)? })
    }

    /// Writes whole lines. Where the file was moved away, to a new one in its place.
    pub(super) fn write(&mut self, lines: &str) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines.as_bytes())?;
                stdout.flush()
            }
            Self::File { path, file } => {
                if !is_at(file, path)? {
                    // The lines before are kept where the file went.
                    report(file.sync_data());
                    *file = open(path)?;
                }
                file.write_all(lines.as_bytes())
            }
        }
    }

    /// Brings what is written to the disk.
    pub(super) fn sync(&self) {
        if let Self::File { file, .. } = self {
            report(file.sync_data());
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(path)
}

/// Whether the file is still the one of that name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// The lines are written, as far as the process can tell.
fn report(synced: io::Result<()>) {
    if let Err(error) = synced {
        let error = &error as &dyn std::error::Error;
        tracing::error!(error, "the audit log may not survive a power cut: it cannot be synced");
    }
}
