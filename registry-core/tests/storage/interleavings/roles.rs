//! What the actors of a scene do.

use bytes::Bytes;
use registry_core::{
    ports::{BlobOptions, ContentId, Source},
    testing::Sample,
};

use super::scene::{Part, Process};
use crate::client::{Client, Fact, digest};

pub(super) fn part<F>(act: impl Fn(Process) -> F + 'static) -> Part
where
    F: Future<Output = ()> + Send + 'static,
{
    Box::new(move |process| Box::pin(act(process)))
}

/// Pushes a manifest whose blobs were there; whoever is told that they are not pushes nothing.
pub(super) fn pushes_manifest(sample: &Sample, tags: &'static [&'static str]) -> Part {
    let sample = sample.clone();
    part(move |process| {
        let sample = sample.clone();
        async move {
            let client = Client::new(&process.registry, "a");
            if let Ok(facts) = client.push_manifest(&sample, tags).await {
                let name = client.name.clone();
                let blobs = sample.blobs.iter().map(|b| Fact::Blob(name.clone(), digest(b)));
                process.ledger.add(facts.into_iter().chain(blobs));
            }
        }
    })
}

/// Pushes everything, and starts over when a blob was collected meanwhile.
pub(super) fn pushes(sample: &Sample, tags: &'static [&'static str]) -> Part {
    let sample = sample.clone();
    part(move |process| {
        let sample = sample.clone();
        async move {
            let client = Client::new(&process.registry, "a");
            for _ in 0..3 {
                let mut facts = Vec::new();
                if client.push(&sample, tags, &mut facts).await.is_ok() {
                    return process.ledger.add(facts);
                }
            }
        }
    })
}

pub(super) fn pushes_blob(bytes: &Bytes, repository: &'static str) -> Part {
    let bytes = bytes.clone();
    part(move |process| {
        let bytes = bytes.clone();
        async move {
            let client = Client::new(&process.registry, repository);
            process.ledger.add(client.push_blob(&bytes).await.ok());
        }
    })
}

/// Closes an upload that has all its bytes.
pub(super) fn closes(id: ContentId, bytes: &Bytes) -> Part {
    let digest = digest(bytes);
    part(move |process| async move {
        let client = Client::new(&process.registry, "a");
        process.ledger.add(client.close(&id, Bytes::new(), digest).await.ok());
    })
}

pub(super) fn cancels(id: ContentId) -> Part {
    part(move |process| async move {
        let client = Client::new(&process.registry, "a");
        // That the upload is not there any more is as good.
        let _ = process.registry.cancel_upload(&client.caller, &client.name, &id).await;
    })
}

pub(super) fn mounts(bytes: &Bytes) -> Part {
    let digest = digest(bytes);
    part(move |process| async move {
        let mounted = Client::new(&process.registry, "b").mount(&digest, Some("a")).await;
        process.ledger.add(mounted.ok().flatten());
    })
}

pub(super) fn deletes_manifest(sample: &Sample) -> Part {
    let digest = sample.digest();
    part(move |process| async move {
        let deleted = Client::new(&process.registry, "a").delete_manifest(digest).await;
        process.ledger.add(deleted.ok());
    })
}

pub(super) fn deletes_blob(bytes: &Bytes) -> Part {
    let digest = digest(bytes);
    part(move |process| async move {
        // It counts for repository "a" only, of which nobody is promised anything here.
        let _ = Client::new(&process.registry, "a").delete_blob(digest).await;
    })
}

/// Looks whether a blob is there, and pushes the manifest without the blob when it is.
pub(super) fn relies_on_head(sample: &Sample) -> Part {
    let pushes = pushes_manifest(sample, &["latest"]);
    let digest = digest(&sample.blobs[0]);
    Box::new(move |process| {
        let registry = process.registry.clone();
        let push = pushes(process);
        Box::pin(async move {
            let client = Client::new(&registry, "a");
            let mut options = BlobOptions::default();
            options.head = true;
            let head = registry.blob(&client.caller, &client.name, &digest, &options).await;
            if head.is_ok_and(|found| found.found().is_some()) {
                push.await;
            }
        })
    })
}

/// A collector that fails does nothing more, and loses nothing.
pub(super) fn collects_blobs() -> Part {
    part(|process| async move { drop(process.collector.collect_blobs().await) })
}

pub(super) fn collects_links() -> Part {
    part(|process| async move { drop(process.collector.collect_links().await) })
}

pub(super) fn sweeps() -> Part {
    part(|process| async move {
        drop(process.collector.sweep_orphans().await);
        drop(process.collector.reap().await);
    })
}

pub(super) fn collects_everything() -> Part {
    part(|process| async move {
        drop(process.collector.collect_links().await);
        drop(process.collector.collect_blobs().await);
        drop(process.collector.sweep_orphans().await);
        drop(process.collector.reap().await);
    })
}
