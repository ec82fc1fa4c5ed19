//! The one place with `unsafe`: parts of a file as memory.
//!
//! A window is handed to hyper as bytes, and the connection sends it without anybody in this
//! process reading it: by `sendfile`, or by `writev` out of the page cache. That is only right on
//! plain HTTP/1, where an I/O error or a truncated file makes the system call fail; if this process
//! read the bytes itself, to encrypt or to frame them, the same would be a signal that ends it.
#![expect(unsafe_code, reason = "nobody can promise that a file stays as it is")]

use std::{fs::File, io};

use memmap2::{Advice, Mmap, MmapOptions};

/// A part of a file as memory. Nothing of it is read until somebody asks.
pub(super) struct Mapping(Mmap);

impl Mapping {
    pub(super) fn new(file: &File, offset: u64, length: usize) -> io::Result<Self> {
        // SAFETY: a mapping is undefined behaviour when the file changes under a reader in this
        // process. A sealed content never changes (the contract of `ContentStore`), and should
        // somebody else truncate or rewrite it, neither this crate nor hyper reads the window: see
        // above.
        Ok(Self(unsafe { MmapOptions::new().offset(offset).len(length).map(file)? }))
    }

    /// Reads all of it into the page cache. Waits for the disk.
    pub(super) fn load(&self) -> io::Result<()> {
        match self.0.advise(Advice::PopulateRead) {
            // Before Linux 5.14. Whoever sends it then waits in our place.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            loaded => loaded,
        }
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
