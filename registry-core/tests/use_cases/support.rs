//! Two repositories over plain stores, and an authorizer that is watched.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, executor::block_on, stream};
use registry_core::{
    access::Access,
    digest::{Algorithm, Digest},
    error::RegistryError,
    identity::{Caller, Principal, PrincipalKind},
    name::RepositoryName,
    policy::AllowAll,
    ports::{
        Authorizer, AuthorizerError, ContentId, ContentStore, Decision, Question, StoreError,
        StoreErrorKind,
    },
    reference::Reference,
    registry::{Body, Builder, Chunk, ManifestUpload, Registry},
    tag::Tag,
    testing::{Call, ManualClock, Sample, Seeded, Tap, Tapped},
};

use crate::plain::{PlainContents, PlainRecords};

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().expect("it is a name")
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().expect("it is a tag")
}

pub(crate) fn by_tag(text: &str) -> Reference {
    Reference::Tag(tag(text))
}

pub(crate) fn digest(bytes: impl AsRef<[u8]>) -> Digest {
    Algorithm::Sha256.digest(bytes.as_ref())
}

pub(crate) fn body(bytes: impl Into<Bytes>) -> Body {
    stream::iter([Ok(bytes.into())]).boxed()
}

pub(crate) fn chunk(bytes: impl Into<Bytes>) -> Chunk {
    Chunk::new(body(bytes))
}

pub(crate) fn user(id: &str) -> Caller {
    Caller::new(Principal::new(PrincipalKind::User, id), "")
}

/// Two repositories: `a` with an image tagged `v1`, an artifact that refers to it, the blobs of
/// another image, and an upload of alice's that has [`Prepared::BEGUN`]; `b` with a blob of its own.
pub(crate) struct Prepared {
    pub(crate) contents: PlainContents,
    pub(crate) records: PlainRecords,
    pub(crate) clock: Arc<ManualClock>,
    random: Arc<Seeded>,
    pub(crate) image: Sample,
    pub(crate) other: Sample,
    pub(crate) upload: ContentId,
}

impl Prepared {
    pub(crate) const BEGUN: &str = "begun, ";
    /// The blob that only `b` has.
    pub(crate) const SHARED: &str = "shared";

    pub(crate) fn new() -> Self {
        let mut prepared = Self {
            contents: PlainContents::default(),
            records: PlainRecords::default(),
            clock: Arc::default(),
            random: Arc::default(),
            image: Sample::image(1, 2),
            other: Sample::image(2, 1),
            upload: ContentId::new(&Seeded::new(1)),
        };
        prepared.upload = block_on(prepared.fill()).expect("everybody may do everything");
        prepared
    }

    async fn fill(&self) -> Result<ContentId, RegistryError> {
        let (registry, alice, a) = (self.registry(AllowAll), user("alice"), name("a"));
        let artifact = Sample::artifact(3, "text/artifact", &self.image);
        for blob in [&self.image, &self.other, &artifact].into_iter().flat_map(|s| &s.blobs) {
            registry.push_blob(&alice, &a, &digest(blob), chunk(blob.clone())).await?;
        }
        for (sample, reference) in
            [(&self.image, by_tag("v1")), (&artifact, Reference::Digest(artifact.digest()))]
        {
            let upload = ManifestUpload::new(body(sample.manifest.clone()));
            registry.push_manifest(&alice, &a, &reference, &[], upload).await?;
        }
        let shared = digest(Self::SHARED);
        registry.push_blob(&alice, &name("b"), &shared, chunk(Self::SHARED)).await?;
        let upload = registry.open_upload(&alice, &a, None).await?.id;
        registry.append_upload(&alice, &a, &upload, chunk(Self::BEGUN)).await?;
        Ok(upload)
    }

    pub(crate) fn registry(&self, authorizer: impl Authorizer) -> Registry {
        self.builder(authorizer).build()
    }

    /// A registry that is yet to be told something.
    pub(crate) fn builder(&self, authorizer: impl Authorizer) -> Builder {
        let (contents, records) = (self.contents.clone(), self.records.clone());
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        Registry::builder(contents, records, authorizer, clock, random)
    }

    /// A registry whose every call of a store passes a tap.
    pub(crate) fn registry_behind(
        &self,
        tap: &Arc<impl Tap>,
        authorizer: impl Authorizer,
    ) -> Registry {
        self.builder_behind(tap, authorizer).build()
    }

    /// A registry whose every call of a store passes a tap, and that is yet to be told something.
    pub(crate) fn builder_behind(
        &self,
        tap: &Arc<impl Tap>,
        authorizer: impl Authorizer,
    ) -> Builder {
        let contents = Tapped::new(self.contents.clone(), tap);
        let records = Tapped::new(self.records.clone(), tap);
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        Registry::builder(contents, records, authorizer, clock, random)
    }

    /// Half of the time passes for which an unreferenced blob is kept.
    pub(crate) fn let_blobs_go_stale(&self) {
        self.clock.advance(Duration::from_secs(12 * 60 * 60));
    }

    /// Everything in the stores, to be compared.
    pub(crate) fn stored(&self) -> Stored {
        let records = self.records.all();
        let records = records.into_iter().map(|(key, r)| (key.to_string(), r.to_bytes())).collect();
        let contents = block_on(self.contents.list(None).try_collect::<Vec<_>>());
        let contents = contents.expect("it never fails").into_iter().map(|info| info.id).collect();
        Stored { records, contents }
    }
}

/// Everything in the stores. What is written anew differs, since each write has a fresh nonce.
#[derive(PartialEq)]
pub(crate) struct Stored {
    records: Vec<(String, Bytes)>,
    contents: Vec<ContentId>,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.records.iter().map(|(key, _)| key).collect();
        f.debug_struct("Stored").field("keys", &keys).finish_non_exhaustive()
    }
}

/// Stores that fail the calls for which a test names a failure, before they do anything.
pub(crate) struct Failing(Fails);

type Fails = Box<dyn Fn(&Call) -> Option<StoreErrorKind> + Send + Sync>;

impl Failing {
    pub(crate) fn on(
        fails: impl Fn(&Call) -> Option<StoreErrorKind> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self(Box::new(fails)))
    }
}

#[async_trait]
impl Tap for Failing {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        self.0(&call).map_or(Ok(()), |kind| Err(kind.into()))
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Denies what a test says, and remembers what it was asked.
pub(crate) struct Policy {
    denies: Box<dyn Fn(&Access) -> bool + Send + Sync>,
    asked: Mutex<Vec<Access>>,
}

impl Policy {
    pub(crate) fn denying(denies: impl Fn(&Access) -> bool + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { denies: Box::new(denies), asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<Access> {
        self.asked.lock().expect("no test panics within").clone()
    }
}

#[async_trait]
impl Authorizer for Policy {
    async fn authorize(
        &self,
        _: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        self.asked
            .lock()
            .expect("no test panics within")
            .extend(questions.iter().map(|question| question.access.clone()));
        let decide = |question: &Question| match (self.denies)(&question.access) {
            true => Decision::deny("the test says so"),
            false => Decision::allow("the test does not mind"),
        };
        Ok(questions.iter().map(decide).collect())
    }
}
