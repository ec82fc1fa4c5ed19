//! The upload session as a pure state machine: [`UploadRecord`] → [`UploadRecord`].
//!
//! ```text
//! open ──append──▶ open ──close──▶ closing ──(published)──▶ the record is deleted
//!   └────drop────▶ aborted ◀──drop────┘
//! ```

use crate::{
    digest::{Algorithm, Digest},
    range::ContentRange,
    record::{Progress, RepositoryId, Timestamp, UploadRecord, UploadState},
};

/// Why a chunk does not fit a session. The session is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// The session takes no bytes any more: it was dropped.
    #[error("the upload was dropped")]
    Dropped,
    /// The session takes no bytes any more: it becomes a blob.
    #[error("the upload is being closed")]
    Closing,
    /// The chunk starts elsewhere than where the session goes on
    /// (distribution-spec, "Pushing a blob in chunks": 416).
    #[error("the upload goes on at byte {offset}")]
    Offset {
        /// Where the session goes on.
        offset: u64,
    },
    /// `Content-Range` and `Content-Length` of the chunk disagree.
    #[error("Content-Range and Content-Length disagree")]
    Size,
}

impl UploadRecord {
    /// A new session.
    #[must_use]
    pub fn open(
        repository: RepositoryId,
        owner: String,
        announced: Option<Algorithm>,
        expires: Timestamp,
    ) -> Self {
        let progress = Progress::start(announced.unwrap_or(Algorithm::Sha256));
        let state = UploadState::Open { progress, announced };
        Self { repository, owner, state, namespace: String::new(), expires }
    }

    /// The session, whose bytes count among those of this namespace; none where it is empty.
    #[must_use]
    pub fn counted_in(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Whether it may be used at all: in its repository, by whoever opened it, before it expires,
    /// and not once it was dropped.
    #[must_use]
    pub fn admits(&self, repository: &RepositoryId, owner: &str, now: Timestamp) -> bool {
        self.repository == *repository
            && self.owner == owner
            && now < self.expires
            && !matches!(self.state, UploadState::Aborted { .. })
    }

    /// Where a chunk goes on that says this of itself. A chunk without range is taken to go on
    /// where the session does.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub fn accept(
        &self,
        range: Option<ContentRange>,
        length: Option<u64>,
    ) -> Result<&Progress, UploadError> {
        let progress = match &self.state {
            UploadState::Open { progress, .. } => progress,
            UploadState::Closing { .. } => return Err(UploadError::Closing),
            UploadState::Aborted { .. } => return Err(UploadError::Dropped),
        };
        if let Some(range) = range {
            if range.start() != progress.offset() {
                return Err(UploadError::Offset { offset: progress.offset() });
            }
            if length.is_some_and(|length| length != range.length()) {
                return Err(UploadError::Size);
            }
        }
        Ok(progress)
    }

    /// The session after more bytes; `None` unless it is open and does not go backwards.
    #[must_use]
    pub fn advanced(&self, to: Progress, expires: Timestamp) -> Option<Self> {
        match &self.state {
            UploadState::Open { progress, announced } if progress.offset() <= to.offset() => {
                let state = UploadState::Open { progress: to, announced: *announced };
                Some(Self { state, expires, ..self.clone() })
            }
            _ => None,
        }
    }

    /// The session with its last bytes, about to become a blob; `None` as for
    /// [`UploadRecord::advanced`].
    #[must_use]
    pub fn closing(&self, digest: Digest, to: Progress, expires: Timestamp) -> Option<Self> {
        let advanced = self.advanced(to.clone(), expires)?;
        Some(Self { state: UploadState::Closing { digest, progress: to }, ..advanced })
    }

    /// The session dropped, from whatever state.
    #[must_use]
    pub fn aborted(&self) -> Self {
        let digest = match &self.state {
            UploadState::Open { .. } => None,
            UploadState::Closing { digest, .. } => Some(*digest),
            UploadState::Aborted { digest } => *digest,
        };
        Self { state: UploadState::Aborted { digest }, ..self.clone() }
    }

    /// How many bytes the session holds; none once it was dropped.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match &self.state {
            UploadState::Open { progress, .. } | UploadState::Closing { progress, .. } => {
                progress.offset()
            }
            UploadState::Aborted { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{digest::HashState, ports::Checkpoint};

    fn at(millis: u64) -> Timestamp {
        Timestamp::from(std::time::UNIX_EPOCH).plus(std::time::Duration::from_millis(millis))
    }

    fn progress(offset: u64) -> Progress {
        Progress {
            checkpoint: Checkpoint::new(offset, vec![]).unwrap(),
            hash: HashState::new(Algorithm::Sha256),
        }
    }

    fn session() -> UploadRecord {
        UploadRecord::open("r".parse().unwrap(), "user:a".into(), None, at(10))
            .advanced(progress(5), at(10))
            .unwrap()
    }

    #[test]
    fn a_session_is_bound_to_repository_principal_and_time() {
        let r = "r".parse().unwrap();
        assert!(session().admits(&r, "user:a", at(9)));
        assert!(!session().admits(&r, "user:a", at(10)));
        assert!(!session().admits(&r, "user:b", at(9)));
        assert!(!session().admits(&"s".parse().unwrap(), "user:a", at(9)));
        assert!(!session().aborted().admits(&r, "user:a", at(9)));
    }

    #[test]
    fn a_chunk_goes_on_where_the_session_does() {
        let range = |text: &str| Some(text.parse().unwrap());
        let accept = |range, length| session().accept(range, length).map(Progress::offset);
        assert_eq!(accept(None, None), Ok(5));
        assert_eq!(accept(range("5-6"), None), Ok(5));
        assert_eq!(accept(range("5-6"), Some(2)), Ok(5));
        assert_eq!(accept(range("5-6"), Some(3)), Err(UploadError::Size));
        assert_eq!(accept(range("0-4"), Some(5)), Err(UploadError::Offset { offset: 5 }));
        assert_eq!(accept(range("6-7"), Some(9)), Err(UploadError::Offset { offset: 5 }));
    }

    #[test]
    fn only_an_open_session_moves_and_never_backwards() {
        let digest = Algorithm::Sha256.digest(b"");
        let closing = session().closing(digest, progress(7), at(20)).unwrap();
        assert_eq!((closing.offset(), closing.expires), (7, at(20)));
        assert_eq!(closing.accept(None, None).unwrap_err(), UploadError::Closing);
        assert!(closing.advanced(progress(8), at(30)).is_none());
        assert!(session().advanced(progress(4), at(20)).is_none());
        let aborted = closing.aborted().aborted();
        assert!(matches!(aborted.state, UploadState::Aborted { digest: Some(d) } if d == digest));
        assert_eq!(aborted.accept(None, None).unwrap_err(), UploadError::Dropped);
        assert!(aborted.closing(digest, progress(9), at(20)).is_none());
    }
}
