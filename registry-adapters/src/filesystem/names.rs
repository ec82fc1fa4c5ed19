//! The names in the folders of records, sorted and kept in bounded memory.
//!
//! A store that is the only owner of its tree may remember what is in a folder: whoever changes
//! the folder says so here, once the change is durable. So the first page of a listing reads its
//! folders, and every further one costs as much as it shows.

use std::{
    collections::BTreeSet,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use registry_core::record::RecordKey;

use super::{
    cache::Cache,
    calls::Kind,
    error::{Context, Error, Result},
    stripes::Stripes,
    tree::Tree,
};
use crate::layout;

/// The names in the folders that were listed lately. The name of a record ends in `!`, that of a
/// folder in `/`: then the byte order of the names is that of the keys.
#[derive(Debug)]
pub(super) struct Names {
    folders: Mutex<Cache<Box<str>, BTreeSet<Box<str>>>>,
    /// Shared by those who change a folder, from before the change until it is durable and said
    /// here; held alone by whoever reads the folder.
    changing: Stripes<RwLock<()>>,
    limit: usize,
}

/// Where a listing is.
#[derive(Debug)]
pub(super) struct Page {
    /// The folder of all keys that are wanted.
    pub(super) folder: String,
    /// Only keys that are greater than this text.
    pub(super) after: String,
    /// At most so many.
    pub(super) limit: usize,
}

impl Page {
    /// The keys of this page, and after which the next one starts.
    pub(super) fn with_next(&self, keys: Vec<RecordKey>) -> (Vec<RecordKey>, Option<String>) {
        let last = keys.last().filter(|_| keys.len() == self.limit);
        let next = last.map(|key| key.as_str().to_owned());
        (keys, next)
    }
}

/// What a name or a folder costs in memory, besides the bytes of its name.
const OVERHEAD: usize = 48;

impl Names {
    /// Remembers about as many bytes as `limit`.
    pub(super) fn new(limit: usize) -> Self {
        let folders = Mutex::new(Cache::new(limit, limit));
        Self { folders, changing: Stripes::new(64), limit }
    }

    /// To hold from before a folder is changed until the change is durable and said here.
    pub(super) fn changing(&self, folder: &str) -> RwLockReadGuard<'_, ()> {
        self.changing.shared(folder)
    }

    /// Says that a name came into a folder. No listing sees that before `record` is done, and none
    /// that starts later misses it.
    pub(super) fn came(&self, folder: &str, name: &str, record: impl FnOnce()) {
        let mut folders = self.folders();
        record();
        folders.update(folder, |names| match names.insert(name.into()) {
            true => weight(name).cast_signed(),
            false => 0,
        });
    }

    /// Says that a name went from a folder, as [`Names::came`].
    pub(super) fn went(&self, folder: &str, name: &str, record: impl FnOnce()) {
        let mut folders = self.folders();
        record();
        folders.update(folder, |names| match names.remove(name) {
            true => -weight(name).cast_signed(),
            false => 0,
        });
    }

    /// Says that nobody knows what became of a change to a folder.
    pub(super) fn forget(&self, folder: &str) {
        self.folders().remove(folder);
    }

    /// The next keys, in order; `None` when folders would have to be read for that.
    pub(super) fn page_at_hand(&self, page: &Page) -> Option<Vec<RecordKey>> {
        let mut keys = Vec::new();
        let known = self.walk(&page.folder, page, None, &mut keys);
        matches!(known, Ok(true)).then_some(keys)
    }

    /// The next keys, in order.
    pub(super) fn page(&self, tree: &Tree, page: &Page) -> Result<Vec<RecordKey>> {
        let mut keys = Vec::new();
        self.walk(&page.folder, page, Some(tree), &mut keys)?;
        Ok(keys)
    }

    /// Collects the keys below a folder in order. Says whether all names were known, or could be
    /// read.
    fn walk(
        &self,
        folder: &str,
        page: &Page,
        tree: Option<&Tree>,
        keys: &mut Vec<RecordKey>,
    ) -> Result<bool> {
        let mut range = Range::new(folder, page);
        loop {
            let known = self.folders().get(folder).map(|names| range.names(names));
            let names = match (known, tree) {
                (Some(names), _) => names,
                (None, Some(tree)) => self.read(tree, folder, &range)?,
                (None, None) => return Ok(false),
            };
            let Some(last) = names.last() else { return Ok(true) };
            range.start = Bound::Excluded(last.clone());
            for name in names {
                let path = format!("{folder}/{name}");
                if let Some(below) = path.strip_suffix('/') {
                    if lies_after(below, &page.after) && !self.walk(below, page, tree, keys)? {
                        return Ok(false);
                    }
                } else {
                    keys.extend(
                        layout::key(&path).filter(|key| key.as_str() > page.after.as_str()),
                    );
                }
                if keys.len() >= page.limit {
                    return Ok(true);
                }
            }
        }
    }

    /// Reads a folder and remembers its names, unless they are too many; gives those of the range.
    fn read(&self, tree: &Tree, folder: &str, range: &Range) -> Result<Vec<Box<str>>> {
        let _alone = self.changing.alone(folder);
        let mut found =
            Found { names: BTreeSet::new(), weight: OVERHEAD + folder.len(), all: true };
        let mut odd = None;
        if let Some(open) = tree.folder(&tree.place(folder))? {
            let mut each = |name: &str, kind| match entry(folder, name, kind) {
                Some(Ok(name)) => found.add(name, range, self.limit),
                Some(Err(path)) => odd = Some(path),
                None => {}
            };
            tree.calls.entries(&open, &mut each).to("list a folder")?;
        }
        if let Some(path) = odd {
            return Err(Error::NotAFile(path));
        }
        let wanted = range.names(&found.names);
        if found.all {
            self.folders().insert(folder.into(), found.names, found.weight);
        }
        Ok(wanted)
    }

    fn folders(&self) -> MutexGuard<'_, Cache<Box<str>, BTreeSet<Box<str>>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was found in a folder so far.
struct Found {
    names: BTreeSet<Box<str>>,
    weight: usize,
    /// Whether it is everything, or only the next names of the range.
    all: bool,
}

impl Found {
    fn add(&mut self, name: Box<str>, range: &Range, limit: usize) {
        self.weight += weight(&name);
        self.names.insert(name);
        if self.weight > limit {
            self.all = false;
            self.names = range.names(&self.names).into_iter().collect();
            self.weight = self.names.iter().map(|name| weight(name)).sum();
        }
    }
}

/// Which names of a folder are wanted.
struct Range {
    start: Bound<Box<str>>,
    limit: usize,
}

impl Range {
    fn new(folder: &str, page: &Page) -> Self {
        let floor = layout::floor(&page.after);
        let inside = floor.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
        let start = inside.map_or(Bound::Unbounded, |rest| {
            // The folder that the floor leads into sorts before the floor.
            Bound::Included(rest.find('/').map_or(rest, |slash| &rest[..=slash]).into())
        });
        Self { start, limit: page.limit }
    }

    fn names(&self, of: &BTreeSet<Box<str>>) -> Vec<Box<str>> {
        let start = self.start.as_ref().map(|name| &**name);
        of.range::<str, _>((start, Bound::Unbounded)).take(self.limit).cloned().collect()
    }
}

/// The name of an entry as it is kept; its path where it is something else under a record's name,
/// which no listing may leave out; nothing where it is none of ours.
fn entry(folder: &str, name: &str, kind: Kind) -> Option<Result<Box<str>, String>> {
    let path = || format!("{folder}/{name}");
    match kind {
        Kind::File => name.ends_with('!').then(|| Ok(name.into())),
        _ if layout::key(&path()).is_some() => Some(Err(path())),
        Kind::Folder => Some(Ok(format!("{name}/").into())),
        Kind::Other => None,
    }
}

/// Whether any key of a folder may be greater.
fn lies_after(folder: &str, after: &str) -> bool {
    let prefix = layout::key_prefix(folder);
    prefix.as_str() > after || after.starts_with(&prefix)
}

fn weight(name: &str) -> usize {
    name.len() + OVERHEAD
}
