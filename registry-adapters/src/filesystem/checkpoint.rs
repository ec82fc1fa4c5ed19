//! How a checkpoint is known to be of the bytes that are there.
//!
//! A length alone does not say it: when a content is cut to an older checkpoint and written anew,
//! it can be as long again and hold other bytes, while somebody still holds the newer checkpoint.
//! So every cut below bytes that may have been checkpointed begins a new *line*, which is kept
//! with the file before the cut, and every checkpoint names its line. Neither survives the
//! machine, after whose stop any byte may be gone: a checkpoint also names the boot.

use registry_core::ports::{Checkpoint, Random, StoreError, StoreErrorKind};

use super::error::{Error, Result};
use crate::system::SystemRandom;

/// What a checkpoint of this store says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) offset: u64,
    line: u64,
}

/// The line of a content, as it is kept with its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    id: u64,
    /// Which line was cut, and where.
    from: Mark,
}

impl Mark {
    /// Reads a checkpoint's state.
    pub(super) fn of(checkpoint: &Checkpoint, boot: &str) -> Result<Self> {
        if *checkpoint == Checkpoint::START {
            return Ok(Self::default());
        }
        let state = std::str::from_utf8(checkpoint.state()).ok();
        let line = state.and_then(|state| state.strip_prefix(boot)?.strip_prefix('/'));
        let line = line.and_then(|line| u64::from_str_radix(line, 16).ok()).ok_or(Error::Lost)?;
        Ok(Self { offset: checkpoint.offset(), line })
    }
}

impl Line {
    /// The name under which it is kept.
    pub(super) const ATTRIBUTE: &str = "user.registry.line";

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let number = |at| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        Some(Self { id: number(0)?, from: Mark { line: number(8)?, offset: number(16)? } })
    }

    pub(super) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (at, number) in [self.id, self.from.line, self.from.offset].into_iter().enumerate() {
            bytes[at * 8..][..8].copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// A new line that goes on from a checkpoint.
    pub(super) fn cut(from: Mark) -> Self {
        let mut id = [0; 8];
        SystemRandom.fill(&mut id);
        Self { id: u64::from_be_bytes(id), from }
    }

    /// Whether the bytes below a checkpoint are in this line. One of an older line than that which
    /// was cut counts as lost, though its bytes may be there.
    pub(super) fn has(&self, mark: Mark) -> bool {
        mark.offset == 0
            || mark.line == self.id
            || mark.line == self.from.line && mark.offset <= self.from.offset
    }

    /// A checkpoint of this line.
    pub(super) fn checkpoint(&self, offset: u64, boot: &str) -> Result<Checkpoint, StoreError> {
        Checkpoint::new(offset, format!("{boot}/{:x}", self.id))
            .map_err(|error| StoreError::with_source(StoreErrorKind::Other, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_holds_until_its_bytes_are_cut() {
        let first = Line::default();
        let mark = |line: &Line, offset| {
            Mark::of(&line.checkpoint(offset, "boot").unwrap(), "boot").unwrap()
        };
        let second = Line::cut(mark(&first, 5));
        assert_eq!(Line::from_bytes(&second.to_bytes()), Some(second));
        assert!(first.has(mark(&first, 9)) && !second.has(mark(&first, 9)));
        assert!(second.has(mark(&first, 5)) && second.has(mark(&second, 9)));
        assert!(second.has(Mark::default()), "nothing is needed for the start");
        let third = Line::cut(mark(&second, 7));
        assert!(third.has(mark(&second, 7)) && !third.has(mark(&second, 9)));
        assert!(!third.has(mark(&first, 9)));
    }

    #[test]
    fn a_checkpoint_of_another_boot_or_store_is_lost() {
        let here = Line::default().checkpoint(5, "boot").unwrap();
        assert!(Mark::of(&here, "boot").is_ok());
        for (checkpoint, boot) in [
            (here, "another"),
            (Checkpoint::new(5, &b"xyz"[..]).unwrap(), "boot"),
            (Checkpoint::new(5, &b""[..]).unwrap(), "boot"),
        ] {
            assert!(matches!(Mark::of(&checkpoint, boot), Err(Error::Lost)));
        }
    }
}
