//! Pushing a manifest (end-7a, end-7b): what comes before the storage protocol.

use std::iter::{once, repeat};

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;

use super::{
    ManifestUpload, PushedManifest,
    commit::{Commit, TagGrant},
};
use crate::{
    access::{Access, Action},
    digest::{Algorithm, Digest},
    error::RegistryError,
    identity::Caller,
    manifest::Manifest,
    name::RepositoryName,
    ports::{AuditAction, Question},
    reference::Reference,
    registry::{Body, Inner, Registry, authorize::Outcome, repositories::PushTarget},
    tag::Tag,
};

impl Registry {
    /// Pushes a manifest, and sets tags with a push by digest.
    ///
    /// # Errors
    /// [`RegistryError::ManifestTooLarge`], [`RegistryError::ManifestInvalid`],
    /// [`RegistryError::DigestDiffers`], [`RegistryError::SizeInvalid`],
    /// [`RegistryError::ManifestBlobUnknown`], [`RegistryError::ManifestBody`],
    /// [`RegistryError::QuotaExceeded`];
    /// [`RegistryError::Denied`], also where a tag would move and may not. After any of them there
    /// is neither the manifest nor a tag of it, unless somebody else set such a tag just meanwhile.
    pub async fn push_manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
        tags: &[Tag],
        upload: ManifestUpload,
    ) -> Result<PushedManifest, RegistryError> {
        let mut trail =
            self.0.trail(caller, AuditAction::Push, || pushed_to(name, reference, tags));
        let read = self.read_manifest(trail.caller(caller), name, reference, tags, upload);
        let commit = trail.step(read).await?;
        let digest = commit.digest;
        if let Reference::Tag(_) = reference {
            trail.add(|| format!("@{digest}"));
        }
        let subject = commit.manifest.subject().map(|subject| subject.digest);
        let inner = self.0.clone();
        self.detached(async move { trail.end(inner.commit(&commit)).await }).await?;
        Ok(PushedManifest { digest, subject, tags: tags.to_vec() })
    }

    /// Reads a manifest, and finds out what may be done with it.
    async fn read_manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
        tags: &[Tag],
        upload: ManifestUpload,
    ) -> Result<Commit, RegistryError> {
        let mut target = self.0.push_target(caller, name).await?;
        let mut grants = self.0.grants(caller, &target, reference, tags).await?;
        if upload.length.is_some_and(|length| length > Manifest::MAX_SIZE as u64) {
            return Err(RegistryError::ManifestTooLarge);
        }
        if let Reference::Digest(digest) = reference {
            // Known before the body is: whoever is refused need not send it.
            self.0.refuse_moves(caller, &target, digest, &grants).await?;
        }
        let bytes = collect(upload.body).await?;
        if upload.length.is_some_and(|length| length != bytes.len() as u64) {
            return Err(RegistryError::SizeInvalid);
        }
        let algorithm = match reference {
            Reference::Tag(_) => Algorithm::Sha256,
            Reference::Digest(digest) => digest.algorithm(),
        };
        let digest = algorithm.digest(&bytes);
        if let Reference::Digest(given) = reference
            && *given != digest
        {
            return Err(RegistryError::DigestDiffers(*given));
        }
        let manifest = Manifest::parse(bytes, upload.content_type)?;
        self.0.refuse_moves(caller, &target, &digest, &grants).await?;
        let decided_on = target.version();
        let repository = self.0.enter(caller, &mut target).await?;
        if target.version() != decided_on {
            // Another repository than was asked about, in which others may have set the tags.
            grants = self.0.grants(caller, &target, reference, tags).await?;
            self.0.refuse_moves(caller, &target, &digest, &grants).await?;
        }
        let (caller, name) = (caller.clone(), name.clone());
        Ok(Commit { caller, name, repository, digest, manifest, tags: grants })
    }
}

impl Inner {
    /// Overwriting is authorized before anything is written.
    async fn grants(
        &self,
        caller: &Caller,
        target: &PushTarget<'_>,
        reference: &Reference,
        tags: &[Tag],
    ) -> Result<Vec<TagGrant>, RegistryError> {
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        let tags: Vec<&Tag> = tag.into_iter().chain(tags).collect();
        let question = |tag: &&Tag| {
            let access = Access::tag(Action::Overwrite, target.name, tag);
            Question::within(access, target.repository().cloned())
        };
        let questions: Vec<Question> = tags.iter().map(question).collect();
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let outcomes = self.decide(caller, &questions).await?;
        let grant = |(tag, outcome): (&Tag, Outcome)| TagGrant {
            tag: tag.clone(),
            fixed: match outcome {
                Outcome::Allowed(_) => None,
                Outcome::Refused(refusal) => Some(refusal),
            },
        };
        Ok(tags.into_iter().zip(outcomes).map(grant).collect())
    }

    /// Refuses where a tag would move that may not, before anything is stored (D21). The tag is put
    /// with [`Expect::Absent`](crate::ports::Expect::Absent) all the same: it may come meanwhile.
    async fn refuse_moves(
        &self,
        caller: &Caller,
        target: &PushTarget<'_>,
        digest: &Digest,
        grants: &[TagGrant],
    ) -> Result<(), RegistryError> {
        let Some(repository) = target.repository() else { return Ok(()) };
        for TagGrant { tag, fixed } in grants {
            let Some(refusal) = fixed else { continue };
            let target = self.resolve_tag(&repository.id, tag).await?;
            if target.is_some_and(|(target, _)| target != *digest) {
                return Err(self.refuse(caller, refusal));
            }
        }
        Ok(())
    }
}

/// The tags of a push, and its digest where that is known.
fn pushed_to(name: &RepositoryName, reference: &Reference, tags: &[Tag]) -> String {
    let mut text = name.to_string();
    let (tag, digest) = match reference {
        Reference::Tag(tag) => (Some(tag), None),
        Reference::Digest(digest) => (None, Some(digest)),
    };
    for (before, tag) in once(":").chain(repeat(",")).zip(tag.into_iter().chain(tags)) {
        text.push_str(before);
        text.push_str(tag.as_str());
    }
    if let Some(digest) = digest {
        text.push_str(&format!("@{digest}"));
    }
    text
}

/// Reads a body that may have [`Manifest::MAX_SIZE`] bytes, counted while they come: nobody needs
/// to send a `Content-Length`.
async fn collect(body: Body) -> Result<Bytes, RegistryError> {
    let mut body = body.map_err(RegistryError::ManifestBody);
    let Some(first) = body.try_next().await? else { return Ok(Bytes::new()) };
    let Some(second) = body.try_next().await? else { return within_limit(first) };
    let mut bytes = BytesMut::from(first);
    bytes.extend_from_slice(&second);
    while bytes.len() <= Manifest::MAX_SIZE
        && let Some(more) = body.try_next().await?
    {
        bytes.extend_from_slice(&more);
    }
    within_limit(bytes.freeze())
}

fn within_limit(bytes: Bytes) -> Result<Bytes, RegistryError> {
    if bytes.len() <= Manifest::MAX_SIZE { Ok(bytes) } else { Err(RegistryError::ManifestTooLarge) }
}
