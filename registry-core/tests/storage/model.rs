//! One model: random requests to the real registry and to a plain reference agree, with faults in
//! between. Every request meets a new process, so that all of it goes through the stores.

mod reference;
mod request;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, executor::block_on, stream};
use proptest::{collection::vec, prelude::*};
use reference::{Reference, State};
use registry_core::{
    error::{BodyError, RegistryError},
    name::RepositoryName,
    page::Page,
    ports::Source,
    reference::Reference as TagOrDigest,
    registry::{Chunk, ManifestUpload, Registry},
    testing::{Fault, Faults, Sample},
};
use request::{At, Draft, REPOSITORIES, Request, TAGS};

use crate::{
    client::{self, Client, Fact, body, digest, name, tag},
    world::World,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_registry_does_what_the_reference_does(steps in vec(request::step(), 1..50)) {
        let mut run = Run { samples: request::samples(), ..Run::default() };
        run.world.counted = Some(Arc::default());
        for (draft, fault) in steps {
            run.step(draft, fault)?;
            prop_assert_eq!(run.world.check_invariants(), Ok(()));
            run.check_count()?;
        }
    }
}

/// The real registry beside its reference.
#[derive(Default)]
struct Run {
    world: World,
    reference: Reference,
    samples: Vec<Sample>,
    /// Whether any request was cut short so far: it may have left a tag that stands for nothing.
    disturbed: bool,
}

impl Run {
    fn step(&mut self, draft: Draft, fault: Option<(usize, Fault)>) -> Result<(), TestCaseError> {
        let request = draft.finish(&self.reference);
        let before = self.reference.state.clone();
        let wanted = self.reference.apply(&request);
        let faults = fault.map_or_else(Faults::none, |(call, fault)| Faults::at(call, fault));
        let outcome = block_on(self.send(&request, &faults));
        if let Err(RegistryError::Storage(_)) = outcome {
            prop_assert!(fault.is_some(), "{:?} fails undisturbed: {:?}", request, outcome);
            self.disturbed = true;
            block_on(self.go_on(&request, wanted.is_ok()))?;
            let (after, actual) = (&self.reference.state, block_on(self.observe())?);
            let between = actual.is_between(&before, after);
            prop_assert!(between, "{request:?}: {before:#?}, {after:#?}, but {actual:#?}");
            self.reference.state = actual;
        } else {
            let outcome = outcome.map_err(|error| error.code());
            prop_assert_eq!(outcome, wanted, "{:?}", request);
            let actual = block_on(self.observe())?;
            prop_assert_eq!(&actual, &self.reference.state, "{:?}", request);
        }
        Ok(())
    }

    /// What is counted is what is there; after a request that was cut short it may be more.
    fn check_count(&self) -> Result<(), TestCaseError> {
        let counted = self.world.counted.as_ref().expect("it is counted").bytes();
        let mut stored = block_on(self.world.registry().stored_bytes()).expect("it is undisturbed");
        stored.retain(|_, bytes| *bytes > 0);
        if !self.disturbed {
            prop_assert_eq!(&counted, &stored);
        }
        for (namespace, bytes) in &stored {
            let counted = counted.get(namespace).copied().unwrap_or(0);
            prop_assert!(counted >= *bytes, "{} of {} in {}", counted, bytes, namespace);
        }
        Ok(())
    }

    async fn send(&mut self, request: &Request, faults: &Arc<Faults>) -> Result<(), RegistryError> {
        let registry = self.world.registry_behind(faults);
        let at = |repository: &usize| Client::new(&registry, REPOSITORIES[*repository]);
        match request {
            Request::PushBlob { repository, bytes, right } => {
                let Client { registry, name, caller } = at(repository);
                let sent = if *right { bytes.clone() } else { Bytes::from("something else") };
                registry.push_blob(&caller, &name, &digest(bytes), Chunk::new(body([sent]))).await
            }
            Request::Open { repository } => {
                let id = at(repository).open().await?;
                self.reference.opened(*repository, id);
                Ok(())
            }
            Request::Append { id, repository, offset, bytes, at: place } => {
                let Client { registry, name, caller } = at(repository);
                let chunk = chunk(bytes, *offset, *place);
                registry.append_upload(&caller, &name, id, chunk).await.map(drop)
            }
            Request::Close { id, repository, rest, digest, .. } => {
                at(repository).close(id, rest.clone(), *digest).await.map(drop)
            }
            Request::Cancel { id, repository } => {
                let Client { registry, name, caller } = at(repository);
                registry.cancel_upload(&caller, &name, id).await
            }
            Request::Mount { repository, digest, from } => {
                let from = from.map(|from| REPOSITORIES[from]);
                at(repository).mount(digest, from).await.map(drop)
            }
            Request::PushManifest { repository, sample, tags, by_tag: true } => {
                let Client { registry, name, caller } = at(repository);
                let upload = ManifestUpload::new(body([sample.manifest.clone()]));
                let to = TagOrDigest::Tag(tag(tags[0]));
                registry.push_manifest(&caller, &name, &to, &[], upload).await.map(drop)
            }
            Request::PushManifest { repository, sample, tags, by_tag: false } => {
                at(repository).push_manifest(sample, tags).await.map(drop)
            }
            Request::DeleteManifest { repository, digest } => {
                let Client { registry, name, caller } = at(repository);
                registry.delete_manifest(&caller, &name, &TagOrDigest::Digest(*digest)).await
            }
            Request::DeleteTag { repository, tag: text } => {
                let Client { registry, name, caller } = at(repository);
                registry.delete_manifest(&caller, &name, &TagOrDigest::Tag(tag(text))).await
            }
            Request::DeleteBlob { repository, digest } => {
                let Client { registry, name, caller } = at(repository);
                registry.delete_blob(&caller, &name, digest).await
            }
            Request::Wait { hours } => {
                self.world.clock.advance(Duration::from_secs(hours * 3600));
                Ok(())
            }
        }
    }

    /// What a client does whose upload was cut short: it goes on with it. `fits`: the request
    /// would have succeeded.
    async fn go_on(&mut self, request: &Request, fits: bool) -> Result<(), TestCaseError> {
        let registry = self.world.registry();
        match request {
            Request::Append { id, repository, .. } => {
                // No more bytes, but both know again when the upload expires.
                let Client { registry, name, caller } =
                    Client::new(&registry, REPOSITORIES[*repository]);
                match registry.append_upload(&caller, &name, id, Chunk::empty()).await {
                    Ok(_) => self.reference.renew(id),
                    Err(RegistryError::UploadUnknown) => {}
                    Err(error) => prop_assert!(false, "the upload cannot go on: {:?}", error),
                }
                Ok(())
            }
            Request::Close { .. } => self.repeat_close(&registry, request, fits).await,
            _ => Ok(()),
        }
    }

    async fn repeat_close(
        &self,
        registry: &Registry,
        request: &Request,
        fits: bool,
    ) -> Result<(), TestCaseError> {
        let Request::Close { id, repository, all, digest, right, .. } = request else {
            return Ok(());
        };
        let client = Client::new(registry, REPOSITORIES[*repository]);
        let status = registry.upload_status(&client.caller, &client.name, id).await.ok();
        let offset = status.map_or(all.len(), |status| status.offset as usize);
        match client.close(id, all.slice(offset..), *digest).await {
            Ok(_) => prop_assert!(right, "other bytes became {}", digest),
            Err(RegistryError::DigestDiffers(_)) => prop_assert!(!right, "{} differs", digest),
            // It had ended before, one way or the other.
            Err(RegistryError::UploadUnknown) => {}
            Err(error) => prop_assert!(false, "the repeated close fails: {:?}", error),
        }
        let there = Fact::Blob(client.name.clone(), *digest).holds(registry).await;
        prop_assert!(!fits || there.unwrap(), "{} was closed and is lost", digest);
        Ok(())
    }

    /// Everything that a client can see.
    async fn observe(&self) -> Result<State, TestCaseError> {
        let (registry, mut state) = (self.world.registry(), State::default());
        for number in 0..REPOSITORIES.len() {
            self.observe_contents(&registry, number, &mut state).await?;
            self.observe_tags(&registry, number, &mut state).await?;
        }
        for upload in &self.reference.uploads {
            let Client { caller, name, .. } =
                Client::new(&registry, REPOSITORIES[upload.repository]);
            match registry.upload_status(&caller, &name, &upload.id).await {
                Ok(status) => drop(state.uploads.insert(upload.id, status.offset)),
                Err(RegistryError::UploadUnknown) => {}
                Err(error) => prop_assert!(false, "{:?}", error),
            }
        }
        Ok(state)
    }

    async fn observe_contents(
        &self,
        registry: &Registry,
        number: usize,
        state: &mut State,
    ) -> Result<(), TestCaseError> {
        let name = name(REPOSITORIES[number]);
        let pushed = self.samples.iter().flat_map(|sample| &sample.blobs);
        let pushed = pushed.map(|blob| (digest(blob), blob.clone()));
        for (blob, bytes) in pushed.chain(self.reference.uploaded.clone()) {
            if let Some(found) = client::blob(registry, &name, &blob).await.unwrap() {
                prop_assert_eq!(found, bytes);
                state.blobs.insert((number, blob));
            }
        }
        for sample in &self.samples {
            let digest = sample.digest();
            let found = client::manifest(registry, &name, TagOrDigest::Digest(digest)).await;
            if let Some((_, bytes)) = found.unwrap() {
                prop_assert_eq!(&bytes, &sample.manifest);
                state.manifests.insert((number, digest));
            }
            for referrer in client::referrers(registry, &name, &digest).await.unwrap() {
                state.referrers.insert((number, digest, referrer));
            }
        }
        Ok(())
    }

    async fn observe_tags(
        &self,
        registry: &Registry,
        number: usize,
        state: &mut State,
    ) -> Result<(), TestCaseError> {
        let name = name(REPOSITORIES[number]);
        let mut resolving = BTreeSet::new();
        for text in TAGS {
            let found = client::manifest(registry, &name, TagOrDigest::Tag(tag(text))).await;
            if let Some((digest, _)) = found.unwrap() {
                state.tags.insert((number, text), digest);
                resolving.insert(text.to_owned());
            }
        }
        let Some(all) = tags(registry, &name, Page::default()).await else {
            prop_assert!(resolving.is_empty(), "tags in no repository");
            return Ok(());
        };
        state.repositories.insert(number);
        let listed: BTreeSet<String> = all.iter().cloned().collect();
        prop_assert!(listed.is_superset(&resolving), "{:?} lacks {:?}", listed, resolving);
        prop_assert!(self.disturbed || listed == resolving, "{:?}, not {:?}", listed, resolving);
        prop_assert_eq!(one_by_one(registry, &name).await, all);
        Ok(())
    }
}

/// A chunk of these bytes, and what it says of itself.
fn chunk(bytes: &Bytes, offset: u64, at: At) -> Chunk {
    let mut chunk = Chunk::new(body([bytes.clone()]));
    let length = bytes.len() as u64;
    match at {
        At::Unsaid => {}
        // No range has no byte in it.
        At::Right if length == 0 => {}
        At::Right => chunk.range = format!("{offset}-{}", offset + length - 1).parse().ok(),
        At::Wrong => chunk.range = "7777-7779".parse().ok(),
        At::Short => chunk.length = Some(length + 1),
        At::BreaksOff => {
            chunk.body = stream::iter([Ok(bytes.clone()), Err(BodyError::TimedOut)]).boxed();
        }
    }
    chunk
}

/// The tags of a page, unless there is no such repository.
async fn tags(registry: &Registry, name: &RepositoryName, page: Page) -> Option<Vec<String>> {
    let Client { caller, .. } = Client::new(registry, name.as_str());
    let listed = registry.tags(&caller, name, &page).await.unwrap().found()?;
    Some(listed.entries.map_ok(|tag| tag.to_string()).try_collect().await.unwrap())
}

/// All tags, in pages of one.
async fn one_by_one(registry: &Registry, name: &RepositoryName) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    loop {
        let page = Page::new(Some("1"), all.last().cloned()).expect("1 is a number");
        let next = tags(registry, name, page).await.unwrap_or_default();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}
