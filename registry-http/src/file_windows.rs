//! Which bytes are a part of which file, so that a connection can send the file instead of them.

use std::{
    fs::File,
    io::IoSlice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The windows of files that one connection is sending at the moment: a body adds them, and the
/// connection knows them again by their address when hyper wants to write them.
///
/// Should one not be known again, nothing is wrong: a window is a mapping of the file's bytes, and
/// can be written like any other.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileWindows(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone, Debug)]
struct Entry {
    /// The addresses of the window's bytes.
    start: usize,
    end: usize,
    file: Arc<File>,
    /// Where in the file the window starts.
    offset: u64,
}

/// A part of a file that is to be sent.
#[derive(Debug)]
pub(crate) struct FilePart {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

/// Bytes that are known to be a window of a file for as long as they live.
pub(crate) struct FileWindow<T: AsRef<[u8]>> {
    bytes: T,
    windows: FileWindows,
}

impl FileWindows {
    /// The part of a file that these bytes are.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<FilePart> {
        let address = bytes.as_ptr().addr();
        let entries = self.entries();
        let entry = entries.iter().find(|e| (e.start..e.end).contains(&address))?;
        let length = bytes.len().min(entry.end - address);
        let offset = entry.offset + (address - entry.start) as u64;
        Some(FilePart { file: Arc::clone(&entry.file), offset, length })
    }

    /// How many of the first slices are no part of any file.
    pub(crate) fn count_others(&self, slices: &[IoSlice<'_>]) -> usize {
        let entries = self.entries();
        if entries.is_empty() {
            return slices.len();
        }
        let is_other = |slice: &&IoSlice<'_>| {
            let address = slice.as_ptr().addr();
            !entries.iter().any(|entry| (entry.start..entry.end).contains(&address))
        };
        slices.iter().take_while(is_other).count()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        // Nobody panics while holding it, and the list is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: AsRef<[u8]>> FileWindow<T> {
    /// Bytes that are those of the file from `offset` on.
    pub(crate) fn new(bytes: T, file: Arc<File>, offset: u64, windows: &FileWindows) -> Self {
        let addresses = bytes.as_ref().as_ptr_range();
        let (start, end) = (addresses.start.addr(), addresses.end.addr());
        windows.entries().push(Entry { start, end, file, offset });
        Self { bytes, windows: windows.clone() }
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for FileWindow<T> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

/// Forgotten before the bytes are: other bytes may come to lie at the same address.
impl<T: AsRef<[u8]>> Drop for FileWindow<T> {
    fn drop(&mut self) {
        let start = self.bytes.as_ref().as_ptr().addr();
        self.windows.entries().retain(|entry| entry.start != start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_known_by_its_address_for_as_long_as_it_lives() {
        let windows = FileWindows::default();
        let file = Arc::new(File::open("/dev/null").expect("a file"));
        let window = FileWindow::new(vec![0_u8; 100], file, 1000, &windows);
        let bytes = window.as_ref();

        let part = windows.find(&bytes[10..30]).expect("a part of the window");
        assert_eq!((part.offset, part.length), (1010, 20));
        let head = [0_u8; 10];
        assert!(windows.find(&head).is_none());
        let slices = [&head[..], &head, bytes, &head].map(IoSlice::new);
        assert_eq!(windows.count_others(&slices), 2);
        assert_eq!(windows.count_others(&slices[2..]), 0);

        drop(window);
        assert!(windows.entries().is_empty());
        assert_eq!(windows.count_others(&[IoSlice::new(&head)]), 1);
    }
}
