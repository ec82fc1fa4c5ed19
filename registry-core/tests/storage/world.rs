//! Stores, and registries over them: each registry is a process that can be stopped.

use std::{collections::BTreeMap, sync::Arc};

use registry_core::{
    digest::Digest,
    policy::AllowAll,
    ports::Clock,
    record::{BlobRecord, BlobState, ManifestRecord, ReferenceKind, Retention},
    registry::{Builder, Registry},
    testing::{ManualClock, Seeded, Tap, Tapped},
};

use crate::{
    counted::Counted,
    plain::{PlainContents, PlainRecords},
};

/// What outlives a process.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) contents: PlainContents,
    pub(crate) records: PlainRecords,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<Seeded>,
    /// What counts the bytes that are kept, where they are.
    pub(crate) counted: Option<Arc<Counted>>,
}

impl World {
    /// A process that nothing disturbs.
    pub(crate) fn registry(&self) -> Registry {
        self.builder(self.contents.clone(), self.records.clone()).build()
    }

    /// A process whose every call of a store passes a tap.
    pub(crate) fn registry_behind(&self, tap: &Arc<impl Tap>) -> Registry {
        let contents = Tapped::new(self.contents.clone(), tap);
        self.builder(contents, Tapped::new(self.records.clone(), tap)).build()
    }

    /// A world of its own that starts where this one is.
    pub(crate) fn fork(&self) -> Self {
        let clock = ManualClock::default();
        clock.advance(self.clock.monotonic());
        Self {
            contents: self.contents.fork(),
            records: self.records.fork(),
            clock: Arc::new(clock),
            // What it makes up is not what this one did.
            random: Arc::new(Seeded::new(1)),
            counted: None,
        }
    }

    pub(crate) fn builder(
        &self,
        contents: impl registry_core::ports::ContentStore,
        records: impl registry_core::ports::RecordStore,
    ) -> Builder {
        self.builder_under(contents, records, AllowAll)
    }

    /// Where not everybody may do everything.
    pub(crate) fn builder_under(
        &self,
        contents: impl registry_core::ports::ContentStore,
        records: impl registry_core::ports::RecordStore,
        authorizer: impl registry_core::ports::Authorizer,
    ) -> Builder {
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let builder = Registry::builder(contents, records, authorizer, clock, random);
        match &self.counted {
            Some(counted) => builder.limiter(counted.clone()),
            None => builder,
        }
    }

    /// What must hold whatever happened (invariant I1 and what it rests on).
    ///
    /// * A blob record that is live or condemned names a sealed content with the bytes of its
    ///   digest.
    /// * Every blob that a visible, pinned manifest needs has such a record.
    pub(crate) fn check_invariants(&self) -> Result<(), String> {
        let records = self.records.all();
        let mut blobs = BTreeMap::new();
        for (key, record) in &records {
            let Some(digest) = key.after::<Digest>("blob/") else { continue };
            let blob = record.view::<BlobRecord>().expect("a blob record");
            if blob.state == BlobState::Gone {
                continue;
            }
            let bytes = self.contents.sealed(&blob.content);
            let bytes = bytes.ok_or_else(|| format!("{key} names a content that is not there"))?;
            if digest.algorithm().digest(&bytes) != digest || bytes.len() as u64 != blob.size {
                return Err(format!("{key} names other bytes"));
            }
            blobs.insert(digest, blob);
        }
        for (key, record) in records.iter().filter(|(key, _)| key.kind() == "manifest") {
            let manifest = record.view::<ManifestRecord>().expect("a manifest record");
            if !manifest.is_visible() || manifest.retention != Retention::Pinned {
                continue;
            }
            for reference in &manifest.references {
                if reference.kind == ReferenceKind::Blob && !blobs.contains_key(&reference.digest) {
                    return Err(format!("{key} needs {}, which is gone", reference.digest));
                }
            }
        }
        Ok(())
    }
}
