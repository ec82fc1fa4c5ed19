//! The data directory, before a store is opened in it.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use rustix::process::getegid;

/// What every store has in it.
const MARK: &str = ".registry~";
/// Writing, of everybody and of the group.
const OTHERS: u32 = 0o002;
const GROUP: u32 = 0o020;

/// Everybody on the machine could put keys, users and a control socket of their own into the place
/// of the registry's. The sticky bit keeps them from that only where something is there already.
#[derive(Debug, thiserror::Error)]
#[error(
    "every user of the system may write to {} (its mode is {mode:o}): run `chmod o-w {}`, and look \
     whether somebody has put something there; of a volume that is so by nature name a directory \
     below it",
    path.display(),
    path.display()
)]
pub(crate) struct Exposed {
    path: PathBuf,
    mode: u32,
}

/// Makes it for this user alone, where it does not exist.
pub(crate) fn make(data: &Path) -> io::Result<()> {
    if let Some(parent) = data.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(data) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Refuses one to which everybody may write, and says in the log where a group may that is not this
/// process's own. Its owner is trusted, and so are the directories above.
pub(crate) fn check(data: &Path) -> Result<(), Exposed> {
    // What cannot be looked at cannot be opened, which says why.
    let Ok(found) = fs::metadata(data) else { return Ok(()) };
    let mode = found.mode() & 0o7777;
    match writers(mode, found.gid(), getegid().as_raw()) {
        Writers::Trusted => Ok(()),
        Writers::Group(group) => {
            let path = data.display();
            tracing::warn!(
                "group {group} of the system may write to {path}, and put keys and users of its own \
                 into the place of the registry's: run `chmod g-w {path}`, unless only this server \
                 is in that group"
            );
            Ok(())
        }
        Writers::Everybody => Err(Exposed { path: data.to_owned(), mode }),
    }
}

/// Whether there is a store in it.
pub(crate) fn has_store(data: &Path) -> bool {
    data.join(MARK).exists()
}

/// Who may write to a directory besides its owner.
#[derive(Debug, PartialEq, Eq)]
enum Writers {
    Trusted,
    Group(u32),
    Everybody,
}

/// A process's own group is often that of its user alone.
const fn writers(mode: u32, group: u32, mine: u32) -> Writers {
    if mode & OTHERS != 0 {
        Writers::Everybody
    } else if mode & GROUP != 0 && group != mine {
        Writers::Group(group)
    } else {
        Writers::Trusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_never_may_write_and_of_groups_only_one_s_own_without_a_word() {
        for mode in [0o700, 0o755, 0o750, 0o2755] {
            assert_eq!(writers(mode, 20, 10), Writers::Trusted, "{mode:o}");
        }
        for mode in [0o770, 0o775, 0o2770, 0o1770] {
            assert_eq!(writers(mode, 10, 10), Writers::Trusted, "{mode:o}");
            assert_eq!(writers(mode, 20, 10), Writers::Group(20), "{mode:o}");
        }
        for mode in [0o777, 0o1777, 0o702] {
            assert_eq!(writers(mode, 10, 10), Writers::Everybody, "{mode:o}");
        }
    }
}
