//! The ways in which clients push a blob.

use std::fmt;

use crate::{
    content::{Content, OCTETS},
    failure::Outcome,
    reply::Reply,
    repository::{Repository, last_byte},
    target::Target,
    url::Url,
};

/// One way to push a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// One POST with the digest and all bytes.
    PostOnly,
    /// A POST, then a PUT with all bytes.
    PostPut,
    /// One chunk, then a PUT without bytes.
    SingleChunk,
    /// One PATCH in chunked transfer coding, without any length or range, then a PUT.
    Stream,
    /// Three chunks, then a PUT without bytes.
    Chunks,
    /// Two chunks, then a PUT with the third.
    ChunksAndPut,
    /// As `Chunks`, with a chunk out of order before each.
    OutOfOrder,
    /// As `ChunksAndPut`, with a chunk out of order before each.
    OutOfOrderAndPut,
}

impl Way {
    pub(crate) const ALL: [Self; 8] = [
        Self::PostOnly,
        Self::PostPut,
        Self::SingleChunk,
        Self::Stream,
        Self::Chunks,
        Self::ChunksAndPut,
        Self::OutOfOrder,
        Self::OutOfOrderAndPut,
    ];

    /// Pushes these bytes under this digest, which may be wrong. Gives the last reply, whatever it
    /// is; the steps before it must succeed.
    pub(crate) async fn push(
        self,
        t: &Target,
        r: &Repository<'_>,
        digest: &str,
        blob: &Content,
    ) -> Outcome<Reply> {
        match self {
            Self::PostOnly => {
                let post = t.post(format!("{}?digest={digest}", r.uploads()));
                post.header("content-type", OCTETS).body(blob.bytes.clone()).send().await
            }
            Self::PostPut => {
                let put = r.close(&r.open_upload().await?, digest);
                put.header("content-type", OCTETS).body(blob.bytes.clone()).send().await
            }
            Self::SingleChunk => {
                let session = r.open_upload().await?;
                let chunk = r.chunk(&session, 0, &blob.bytes).expect(202).await?;
                close(r, &chunk.location()?, digest).await
            }
            Self::Stream => {
                let session = r.open_upload().await?;
                let patch = t.patch(&session).header("content-type", OCTETS);
                let patch = patch.chunked(blob.bytes.clone()).expect(202).await?;
                close(r, &patch.location()?, digest).await
            }
            Self::Chunks | Self::ChunksAndPut | Self::OutOfOrder | Self::OutOfOrderAndPut => {
                self.push_chunks(t, r, digest, blob).await
            }
        }
    }

    async fn push_chunks(
        self,
        t: &Target,
        r: &Repository<'_>,
        digest: &str,
        blob: &Content,
    ) -> Outcome<Reply> {
        let put_last = matches!(self, Self::ChunksAndPut | Self::OutOfOrderAndPut);
        let disordered = matches!(self, Self::OutOfOrder | Self::OutOfOrderAndPut);
        let len = blob.bytes.len();
        let step = len / 3 + 1;
        let mut session = r.open_upload().await?;
        for start in [0, step, 2 * step] {
            if disordered {
                session = self.stray(t, r, digest, blob, session, start).await?;
            }
            let end = (start + step).min(len);
            let piece = &blob.bytes[start..end];
            if put_last && end == len {
                return r.last_chunk(&session, digest, start, piece).send().await;
            }
            let chunk = r.chunk(&session, start, piece).expect(202).await?;
            chunk.has("range", format!("0-{}", end - 1))?;
            session = chunk.location()?;
        }
        close(r, &session, digest).await
    }

    /// Sends a chunk that skips ahead, or back to the start, and asks how far the upload is.
    async fn stray(
        self,
        t: &Target,
        r: &Repository<'_>,
        digest: &str,
        blob: &Content,
        session: Url,
        at: usize,
    ) -> Outcome<Url> {
        let len = blob.bytes.len();
        let step = len / 3 + 1;
        let start = if at + step < len { at + step } else { 0 };
        let end = (start + step).min(len);
        let piece = &blob.bytes[start..end];
        let (place, stray) = match self == Self::OutOfOrderAndPut && end == len {
            true => {
                let place = session.with(format!("digest={digest}"));
                (place, r.last_chunk(&session, digest, start, piece))
            }
            false => (session.clone(), r.chunk(&session, start, piece)),
        };
        stray.expect(416).await?;
        let status = t.get(place).expect(204).await?;
        let last = last_byte(&status)?;
        status.ensure(at == 0 || last == at - 1, format!("Range: 0-{}", at.saturating_sub(1)))?;
        status.location()
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostOnly => "a single POST",
            Self::PostPut => "POST and PUT",
            Self::SingleChunk => "a single chunk",
            Self::Stream => "a stream",
            Self::Chunks => "chunks",
            Self::ChunksAndPut => "chunks and a PUT with the last",
            Self::OutOfOrder => "chunks after strays",
            Self::OutOfOrderAndPut => "chunks after strays and a PUT with the last",
        })
    }
}

async fn close(r: &Repository<'_>, session: &Url, digest: &str) -> Outcome<Reply> {
    r.close(session, digest).header("content-type", OCTETS).send().await
}
