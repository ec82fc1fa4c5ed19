//! Closing an upload (end-6), and pushing a blob in one request (end-4b): the only ways in which
//! a content gets a digest.

use std::{future::ready, sync::Arc};

use futures::TryStreamExt;

use super::{Chunk, discard::Linked, pipeline::receive};
use crate::{
    digest::{Digest, HashState},
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    ports::{
        AuditAction, ContentId, ContentWriter, ReadOptions, SealOptions, StoreError, StoreErrorKind,
    },
    record::{BlobRecord, BlobState, Progress, RecordKey, UploadRecord, UploadState},
    registry::{Inner, Registry, links::Link, quota::Share, retry::ROUNDS, store::Stored},
};

/// Whether the blob record names the content of the upload that is closed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Published {
    /// It does.
    Mine,
    /// Another content holds the same bytes; this one is surplus.
    Another,
}

impl Registry {
    /// Appends the last chunk, if any, and makes the upload a blob of this repository. When this
    /// returns, the blob survives power loss.
    ///
    /// Repeating a close that was interrupted finishes it.
    ///
    /// # Errors
    /// Those of [`Registry::append_upload`]; [`RegistryError::DigestDiffers`]: the upload is as
    /// it was before this request, or dropped where the digest is of another algorithm than was
    /// announced, since the bytes were sealed to be read again.
    pub async fn close_upload(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        id: &ContentId,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(), RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Push, || format!("{name}@{digest}"));
        let caller = trail.caller(caller);
        let begun = self.0.to_close(caller, name, id, digest, chunk);
        let (session, chunk) = trail.step(begun).await?;
        let (inner, name, id, digest) = (self.0.clone(), name.clone(), *id, *digest);
        self.detached(
            async move { trail.end(inner.close(&name, &id, &digest, session, chunk)).await },
        )
        .await
    }

    /// Pushes a blob in one request.
    ///
    /// # Errors
    /// Those of [`Registry::close_upload`]; nothing is left behind, or nothing but an upload that
    /// expires where the storage fails then too.
    pub async fn push_blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(), RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Push, || format!("{name}@{digest}"));
        let caller = trail.caller(caller);
        let begun = self.0.open_to_push(caller, name, digest, chunk.length);
        let (id, session) = trail.step(begun).await?;
        let (inner, name, digest) = (self.0.clone(), name.clone(), *digest);
        self.detached(async move {
            let closed = inner.close(&name, &id, &digest, session, chunk).await;
            if closed.is_err() {
                // The client does not know the upload, so nobody will go on with it.
                inner.give_up(&id).await;
            }
            trail.end(ready(closed)).await
        })
        .await
    }
}

impl Inner {
    /// The session that is to be closed, if the request fits it.
    async fn to_close(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        id: &ContentId,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(Stored<UploadRecord>, Chunk), RegistryError> {
        let repository = self.to_go_on(caller, name).await?;
        let session = self.session(caller, &repository, id).await?;
        if !closes_with(&session.value, digest) {
            self.admit(&session.value, &chunk)?;
        }
        Ok((session, chunk))
    }

    /// A session of its own for a blob that comes in one request.
    async fn open_to_push(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        length: Option<u64>,
    ) -> Result<(ContentId, Stored<UploadRecord>), RegistryError> {
        let repository = self.to_push(caller, name).await?;
        if length.is_some_and(|length| length > self.limit()) {
            return Err(RegistryError::BlobTooLarge { limit: self.limit() });
        }
        let announced = Some(digest.algorithm());
        let id = self.open_session(caller, name, &repository, announced).await?.id;
        Ok((id, self.session(caller, &repository, &id).await?))
    }

    async fn close(
        &self,
        name: &RepositoryName,
        id: &ContentId,
        digest: &Digest,
        session: Stored<UploadRecord>,
        chunk: Chunk,
    ) -> Result<(), RegistryError> {
        let completed = if closes_with(&session.value, digest) {
            self.complete_again(id, &session).await
        } else {
            let mut share = self.stored(name);
            let completed = self.complete(id, digest, &session, chunk, &mut share).await;
            share.settle().await;
            completed
        };
        let (closing, writer) = self.unless_lost(id, &session, completed).await?;
        self.seal(id, digest, &closing, writer).await?;
        self.finish(name, id, digest, &closing).await
    }

    /// Step 1 of a close that is repeated: it was done.
    async fn complete_again(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
    ) -> Result<(Arc<UploadRecord>, Box<dyn ContentWriter>), RegistryError> {
        match self.open_content(id, session, None).await {
            Ok(writer) => Ok((self.forfeit(id, session).await?, writer)),
            // The close that this one repeats is still at work.
            Err(RegistryError::UploadRange { .. }) => Err(RegistryError::Busy),
            Err(error) => Err(error),
        }
    }

    /// Whoever repeats a close cannot tell whether the first one linked the blob, and neither can
    /// that one from now on: the bytes stay counted, once at least.
    async fn forfeit(
        &self,
        id: &ContentId,
        session: &Stored<UploadRecord>,
    ) -> Result<Arc<UploadRecord>, RegistryError> {
        if !self.counts_stored() || session.value.namespace.is_empty() {
            return Ok(Arc::clone(&session.value));
        }
        let forfeited = session.value.counted_in("");
        match self.swap(&RecordKey::upload(id), &forfeited, &session.version).await? {
            Ok(_) => Ok(Arc::new(forfeited)),
            Err(_) => Err(self.overtaken(id).await),
        }
    }

    /// Step 1: all bytes are in and verified; from the swap on nobody appends.
    async fn complete(
        &self,
        id: &ContentId,
        digest: &Digest,
        session: &Stored<UploadRecord>,
        chunk: Chunk,
        share: &mut Share,
    ) -> Result<(Arc<UploadRecord>, Box<dyn ContentWriter>), RegistryError> {
        let progress = self.admit(&session.value, &chunk)?;
        let expected = chunk.length.or(chunk.range.map(|range| range.length()));
        let size = expected.and_then(|length| length.checked_add(progress.offset()));
        share.begin(expected.unwrap_or(0)).await?;
        let mut writer = self.open_content(id, session, size).await?;
        let (hash, room) = (progress.hash_for(digest.algorithm()), self.room(progress, share));
        let received = receive(chunk.body, room, hash, &*self.hash, &mut *writer).await?;
        received.end?;
        if expected.is_some_and(|length| length != received.length) {
            return Err(RegistryError::SizeInvalid);
        }
        let same = received.hash.algorithm() == digest.algorithm();
        if same && received.hash.clone().finish() != *digest {
            return Err(RegistryError::DigestDiffers(*digest));
        }
        let progress = Progress { checkpoint: writer.checkpoint().await?, hash: received.hash };
        let closing = session.value.closing(*digest, progress, self.expiry());
        let closing = closing.ok_or(RegistryError::UploadUnknown)?;
        self.go_on_with(id, session, &closing, share).await?;
        Ok((Arc::new(closing), writer))
    }

    /// Step 2: the bytes survive power loss and are what the digest says.
    async fn seal(
        &self,
        id: &ContentId,
        digest: &Digest,
        closing: &UploadRecord,
        mut writer: Box<dyn ContentWriter>,
    ) -> Result<(), RegistryError> {
        writer.seal(&SealOptions::default()).await?;
        drop(writer);
        let hashed = closing.progress().map(|progress| progress.hash.algorithm());
        if hashed != Some(digest.algorithm()) && self.rehash(id, digest).await? != *digest {
            // Where this fails the client is told so: it knows the upload, and closes it again.
            self.discard(id, Linked::No).await?;
            return Err(RegistryError::DigestDiffers(*digest));
        }
        Ok(())
    }

    /// Steps 3 to 5: the digest stands for the bytes, and the repository may read them.
    async fn finish(
        &self,
        name: &RepositoryName,
        id: &ContentId,
        digest: &Digest,
        closing: &UploadRecord,
    ) -> Result<(), RegistryError> {
        let published = self.publish(id, digest, closing.offset()).await?;
        let linked = match self.link(digest, &closing.repository, name).await? {
            Link::New => Linked::Maybe,
            // The bytes count already: those of the upload are given back.
            Link::Renewed => Linked::No,
        };
        match published {
            Published::Another => self.discard(id, linked).await,
            Published::Mine => self.close_session(id, linked).await,
        }
    }

    /// Step 3: the blob record names a content with these bytes.
    async fn publish(
        &self,
        id: &ContentId,
        digest: &Digest,
        size: u64,
    ) -> Result<Published, RegistryError> {
        let key = RecordKey::blob(digest);
        for _ in ROUNDS {
            let blob = self.read::<BlobRecord>(&key).await?;
            // Read after the blob record: whoever drops this upload aborts it first and changes
            // the blob record afterwards, so that either this sees the one or the swap fails.
            let session = self.read::<UploadRecord>(&RecordKey::upload(id)).await?;
            if !session.is_some_and(|session| closes_with(&session.value, digest)) {
                return Err(RegistryError::UploadUnknown);
            }
            let (named, published) = match &blob {
                Some(Stored { value, .. }) if value.state == BlobState::Live => {
                    if value.content == *id {
                        return Ok(Published::Mine);
                    }
                    if value.size == size && self.intact(value).await?.is_some() {
                        if self.keep(digest).await?.is_some() {
                            return Ok(Published::Another);
                        }
                        continue;
                    }
                    // The bytes that the record names were lost: this upload heals the blob.
                    (*id, Published::Mine)
                }
                Some(Stored { value, .. }) if value.state == BlobState::Condemned => {
                    let mine = value.content == *id;
                    (value.content, if mine { Published::Mine } else { Published::Another })
                }
                _ => (*id, Published::Mine),
            };
            let live = BlobRecord::live(named, size, self.now());
            if self.replace(&key, &live, blob.as_ref()).await?.is_ok() {
                return Ok(published);
            }
        }
        Err(RegistryError::Busy)
    }

    /// Step 5: nobody needs the session any more.
    async fn close_session(&self, id: &ContentId, linked: Linked) -> Result<(), RegistryError> {
        let key = RecordKey::upload(id);
        for _ in ROUNDS {
            let Some(session) = self.read::<UploadRecord>(&key).await? else { return Ok(()) };
            if self.remove(&key, &session.version).await?.is_ok() {
                self.uncount(&session.value, linked).await;
                return Ok(());
            }
        }
        Err(RegistryError::Busy)
    }

    /// The digest was announced by nobody: the one case in which bytes are read again.
    async fn rehash(&self, id: &ContentId, digest: &Digest) -> Result<Digest, RegistryError> {
        let content = self.contents.read(id, &ReadOptions::default()).await?;
        let content = content.ok_or_else(|| StoreError::new(StoreErrorKind::Corrupt))?;
        let start = HashState::new(digest.algorithm());
        let state = content
            .into_stream()
            .try_fold(start, |state, bytes| async move {
                Ok(self.hash.update(state, vec![bytes]).await)
            })
            .await?;
        Ok(state.finish())
    }
}

fn closes_with(session: &UploadRecord, digest: &Digest) -> bool {
    matches!(&session.state, UploadState::Closing { digest: closing, .. } if closing == digest)
}
