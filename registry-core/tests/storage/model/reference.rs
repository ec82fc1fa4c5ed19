//! The reference: what a registry is, in sets and maps.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use registry_core::{digest::Digest, error::ErrorCode, ports::ContentId, testing::Sample};

use super::request::{At, Request};
use crate::client::digest;

/// Everything that a client can see. Numbers stand for repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) repositories: BTreeSet<usize>,
    pub(super) blobs: BTreeSet<(usize, Digest)>,
    pub(super) manifests: BTreeSet<(usize, Digest)>,
    pub(super) tags: BTreeMap<(usize, &'static str), Digest>,
    /// The subject, then what refers to it.
    pub(super) referrers: BTreeSet<(usize, Digest, Digest)>,
    /// How many bytes each open upload has.
    pub(super) uploads: BTreeMap<ContentId, u64>,
}

impl State {
    /// Whether each thing is as in one of the two.
    pub(super) fn is_between(&self, before: &Self, after: &Self) -> bool {
        among(&self.repositories, &before.repositories, &after.repositories)
            && among(&self.blobs, &before.blobs, &after.blobs)
            && among(&self.manifests, &before.manifests, &after.manifests)
            && among(&self.referrers, &before.referrers, &after.referrers)
            && each(&self.tags, &before.tags, &after.tags)
            && each(&self.uploads, &before.uploads, &after.uploads)
    }
}

fn among<T: Ord>(actual: &BTreeSet<T>, before: &BTreeSet<T>, after: &BTreeSet<T>) -> bool {
    actual.iter().all(|item| before.contains(item) || after.contains(item))
        && before.intersection(after).all(|item| actual.contains(item))
}

fn each<K: Ord, V: PartialEq>(
    actual: &BTreeMap<K, V>,
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
) -> bool {
    let mut keys = actual.keys().chain(before.keys()).chain(after.keys());
    keys.all(|key| [before.get(key), after.get(key)].contains(&actual.get(key)))
}

/// An upload that was opened, in whatever state it is now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    pub(super) id: ContentId,
    pub(super) repository: usize,
    /// In hours since the beginning.
    expires: u64,
}

#[derive(Default)]
pub(super) struct Reference {
    pub(super) state: State,
    /// Every upload there ever was.
    pub(super) uploads: Vec<Upload>,
    /// Every blob that an upload was to become.
    pub(super) uploaded: BTreeMap<Digest, Bytes>,
    /// In hours since the beginning.
    now: u64,
}

/// How long an upload may rest, in hours.
const EXPIRY: u64 = 24;

impl Reference {
    /// Does it, and says what the registry must answer.
    pub(super) fn apply(&mut self, request: &Request) -> Result<(), ErrorCode> {
        let state = &mut self.state;
        match request {
            Request::PushBlob { repository, bytes, right } => {
                state.repositories.insert(*repository);
                check(*right, ErrorCode::DigestInvalid)?;
                state.blobs.insert((*repository, digest(bytes)));
            }
            Request::Open { repository } => drop(state.repositories.insert(*repository)),
            Request::Append { id, bytes, at, .. } => self.append(id, bytes.len() as u64, *at)?,
            Request::Close { id, repository, digest, right, rehashed, all, .. } => {
                self.open(id)?;
                if *right || *rehashed {
                    self.state.uploads.remove(id);
                }
                check(*right, ErrorCode::DigestInvalid)?;
                self.state.blobs.insert((*repository, *digest));
                self.uploaded.insert(*digest, all.clone());
            }
            Request::Cancel { id, .. } => {
                self.open(id)?;
                self.state.uploads.remove(id);
            }
            Request::Mount { repository, digest, from } => {
                state.repositories.insert(*repository);
                let mut there = state.blobs.iter().filter(|(_, blob)| blob == digest);
                if there.any(|(source, _)| from.is_none_or(|from| from == *source)) {
                    state.blobs.insert((*repository, *digest));
                }
            }
            Request::PushManifest { repository, sample, tags, .. } => {
                self.push_manifest(*repository, sample, tags)?;
            }
            Request::DeleteManifest { repository, digest } => {
                check(state.repositories.contains(repository), ErrorCode::NameUnknown)?;
                let there = state.manifests.remove(&(*repository, *digest));
                check(there, ErrorCode::ManifestUnknown)?;
                state.tags.retain(|(at, _), to| (at, &*to) != (repository, digest));
                state.referrers.retain(|(at, _, by)| (at, by) != (repository, digest));
            }
            Request::DeleteTag { repository, tag } => {
                check(state.repositories.contains(repository), ErrorCode::NameUnknown)?;
                let removed = state.tags.remove(&(*repository, *tag));
                check(removed.is_some(), ErrorCode::ManifestUnknown)?;
            }
            Request::DeleteBlob { repository, digest } => {
                check(state.repositories.contains(repository), ErrorCode::NameUnknown)?;
                check(state.blobs.remove(&(*repository, *digest)), ErrorCode::BlobUnknown)?;
            }
            Request::Wait { hours } => {
                self.now += hours;
                for upload in self.uploads.iter().filter(|upload| upload.expires <= self.now) {
                    state.uploads.remove(&upload.id);
                }
            }
        }
        Ok(())
    }

    /// The registry opened an upload.
    pub(super) fn opened(&mut self, repository: usize, id: ContentId) {
        self.uploads.push(Upload { id, repository, expires: self.now + EXPIRY });
        self.state.uploads.insert(id, 0);
    }

    /// Somebody used an upload.
    pub(super) fn renew(&mut self, id: &ContentId) {
        let upload = self.uploads.iter_mut().find(|upload| upload.id == *id);
        upload.expect("it was opened").expires = self.now + EXPIRY;
    }

    fn append(&mut self, id: &ContentId, length: u64, at: At) -> Result<(), ErrorCode> {
        let offset = self.open(id)?;
        check(at != At::Wrong, ErrorCode::BlobUploadRange)?;
        check(at != At::Short, ErrorCode::SizeInvalid)?;
        // What came of a broken body is kept, since nobody said how much there would be.
        self.state.uploads.insert(*id, offset + length);
        self.renew(id);
        check(at != At::BreaksOff, ErrorCode::Timeout)
    }

    fn open(&self, id: &ContentId) -> Result<u64, ErrorCode> {
        self.state.uploads.get(id).copied().ok_or(ErrorCode::BlobUploadUnknown)
    }

    fn push_manifest(
        &mut self,
        repository: usize,
        sample: &Sample,
        tags: &[&'static str],
    ) -> Result<(), ErrorCode> {
        let state = &mut self.state;
        state.repositories.insert(repository);
        let blobs = sample.blobs.iter().all(|b| state.blobs.contains(&(repository, digest(b))));
        let child = |child: &Sample| state.manifests.contains(&(repository, child.digest()));
        check(blobs && sample.children.iter().all(child), ErrorCode::ManifestBlobUnknown)?;
        state.manifests.insert((repository, sample.digest()));
        state.tags.extend(tags.iter().map(|tag| ((repository, *tag), sample.digest())));
        let subject = sample.subject.map(|subject| (repository, subject, sample.digest()));
        state.referrers.extend(subject);
        Ok(())
    }
}

fn check(holds: bool, code: ErrorCode) -> Result<(), ErrorCode> {
    if holds { Ok(()) } else { Err(code) }
}
