//! What the audit log is told of each use case, whatever comes of it.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use registry_core::{
    access::{Access, Action, Grant, Resource, Scope},
    error::RegistryError,
    identity::Caller,
    page::Page,
    policy::AllowAll,
    ports::{
        AuditError, AuditEvent, AuditLog, BlobOptions, ContentId, ManifestOptions, ReferrerOptions,
        Source,
    },
    record::Visibility,
    reference::Reference,
    registry::{ManifestUpload, Registry, RepositoryChange},
    testing::{Faults, Seeded},
};

use crate::support::{Policy, Prepared, body, by_tag, chunk, digest, name, tag, user};

/// Remembers what it is told.
#[derive(Default)]
pub(crate) struct Recorded(Mutex<Vec<AuditEvent>>);

#[async_trait]
impl AuditLog for Recorded {
    async fn record(&self, event: &AuditEvent) -> Result<(), AuditError> {
        self.0.lock().unwrap().push(event.clone());
        Ok(())
    }
}

impl Recorded {
    /// Action, resource, outcome and reason of each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |event: &AuditEvent| {
            let AuditEvent { action, resource, outcome, .. } = event;
            let reason = event.reason.as_deref().map(|reason| format!(": {reason}"));
            format!("{action} {resource} {outcome}{}", reason.unwrap_or_default())
        };
        self.0.lock().unwrap().iter().map(line).collect()
    }
}

struct LosesAll;

#[async_trait]
impl AuditLog for LosesAll {
    async fn record(&self, _: &AuditEvent) -> Result<(), AuditError> {
        Err(AuditError("the disk is full".into()))
    }
}

type Answer = Result<(), RegistryError>;

/// One request.
struct Try<'a> {
    registry: &'a Registry,
    caller: &'a Caller,
    prepared: &'a Prepared,
}

impl Try<'_> {
    async fn push(&self, manifest: &Bytes, reference: Reference, tags: &[&str]) -> Answer {
        let tags: Vec<_> = tags.iter().map(|text| tag(text)).collect();
        let upload = ManifestUpload::new(body(manifest.clone()));
        let (registry, a) = (self.registry, name("a"));
        registry.push_manifest(self.caller, &a, &reference, &tags, upload).await.map(drop)
    }

    async fn push_blob(&self, bytes: &'static str) -> Answer {
        let right = digest("right");
        self.registry.push_blob(self.caller, &name("a"), &right, chunk(bytes)).await
    }

    async fn close(&self, rest: &'static str) -> Answer {
        let (name, whole, id) = (name("a"), digest("begun, ended"), &self.prepared.upload);
        self.registry.close_upload(self.caller, &name, id, &whole, chunk(rest)).await
    }

    async fn mount(&self, bytes: &str, from: Option<&str>) -> Answer {
        let (a, from) = (name("a"), from.map(name));
        let digest = digest(bytes);
        self.registry.mount_blob(self.caller, &a, &digest, from.as_ref()).await.map(drop)
    }

    async fn delete(&self, reference: Reference) -> Answer {
        self.registry.delete_manifest(self.caller, &name("a"), &reference).await
    }

    async fn delete_blob(&self, bytes: &[u8]) -> Answer {
        self.registry.delete_blob(self.caller, &name("a"), &digest(bytes)).await
    }
}

/// A use case, and what is told where all may do all, and where nobody may do anything.
struct Case {
    does: &'static str,
    run: fn(&Try<'_>) -> Answer,
    /// `IMAGE` and so on stand for digests.
    done: &'static [&'static str],
    denied: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        does: "a manifest is pulled",
        run: |t| {
            let (a, v1, options) = (name("a"), by_tag("v1"), ManifestOptions::default());
            block_on(t.registry.manifest(t.caller, &a, &v1, &options)).map(drop)
        },
        done: &[],
        denied: &["pull a:v1 refused: the test says so"],
    },
    Case {
        does: "a blob is pulled",
        run: |t| {
            let (blob, options) = (digest(&t.prepared.image.blobs[0]), BlobOptions::default());
            block_on(t.registry.blob(t.caller, &name("a"), &blob, &options)).map(drop)
        },
        done: &[],
        denied: &["pull a@BLOB refused: the test says so"],
    },
    Case {
        does: "the tags are listed",
        run: |t| block_on(t.registry.tags(t.caller, &name("a"), &Page::default())).map(drop),
        done: &[],
        denied: &["pull a refused: the test says so"],
    },
    Case {
        does: "the referrers are listed",
        run: |t| {
            let (image, options) = (t.prepared.image.digest(), ReferrerOptions::default());
            block_on(t.registry.referrers(t.caller, &name("a"), &image, &options)).map(drop)
        },
        done: &[],
        denied: &["pull a@IMAGE refused: the test says so"],
    },
    Case {
        does: "the repositories are listed",
        run: |t| block_on(t.registry.repositories(t.caller, &Page::default())).map(drop),
        done: &[],
        denied: &["catalog  refused: the test says so"],
    },
    Case {
        does: "an upload is opened",
        run: |t| block_on(t.registry.open_upload(t.caller, &name("a"), None)).map(drop),
        done: &[],
        denied: &["push a refused: the test says so"],
    },
    Case {
        does: "an upload is looked at",
        run: |t| {
            let id = &t.prepared.upload;
            block_on(t.registry.upload_status(t.caller, &name("a"), id)).map(drop)
        },
        done: &[],
        denied: &["push a refused: the test says so"],
    },
    Case {
        does: "an upload goes on",
        run: |t| {
            let (a, id) = (name("a"), &t.prepared.upload);
            block_on(t.registry.append_upload(t.caller, &a, id, chunk("more"))).map(drop)
        },
        done: &[],
        denied: &["push a refused: the test says so"],
    },
    Case {
        does: "an upload is cancelled",
        run: |t| block_on(t.registry.cancel_upload(t.caller, &name("a"), &t.prepared.upload)),
        done: &[],
        denied: &["push a refused: the test says so"],
    },
    Case {
        does: "an upload is closed",
        run: |t| block_on(t.close("ended")),
        done: &["push a@WHOLE done"],
        denied: &["push a@WHOLE refused: the test says so"],
    },
    Case {
        does: "a blob is pushed",
        run: |t| block_on(t.push_blob("right")),
        done: &["push a@RIGHT done"],
        denied: &["push a@RIGHT refused: the test says so"],
    },
    Case {
        does: "a blob is mounted",
        run: |t| block_on(t.mount(Prepared::SHARED, Some("b"))),
        done: &["mount a@SHARED from b done"],
        denied: &["mount a@SHARED from b refused: the test says so"],
    },
    Case {
        does: "a blob is mounted from anywhere",
        run: |t| block_on(t.mount(Prepared::SHARED, None)),
        done: &["mount a@SHARED done"],
        denied: &["mount a@SHARED refused: the test says so"],
    },
    Case {
        does: "a blob that is nowhere is not mounted",
        run: |t| block_on(t.mount("right", Some("b"))),
        done: &[],
        denied: &["mount a@RIGHT from b refused: the test says so"],
    },
    Case {
        does: "a manifest is pushed by tag",
        run: |t| block_on(t.push(&t.prepared.other.manifest, by_tag("new"), &[])),
        done: &["push a:new@OTHER done"],
        denied: &["push a:new refused: the test says so"],
    },
    Case {
        does: "a manifest is pushed by digest with tags",
        run: |t| {
            let other = &t.prepared.other;
            block_on(t.push(&other.manifest, Reference::Digest(other.digest()), &["x", "y"]))
        },
        done: &["push a:x,y@OTHER done"],
        denied: &["push a:x,y@OTHER refused: the test says so"],
    },
    Case {
        does: "a tag is deleted",
        run: |t| block_on(t.delete(by_tag("v1"))),
        done: &["delete a:v1 done"],
        denied: &["delete a:v1 refused: the test says so"],
    },
    Case {
        does: "a manifest is deleted",
        run: |t| block_on(t.delete(Reference::Digest(t.prepared.image.digest()))),
        done: &["delete a@IMAGE done"],
        denied: &["delete a@IMAGE refused: the test says so"],
    },
    Case {
        does: "a blob is deleted",
        run: |t| block_on(t.delete_blob(&t.prepared.image.blobs[0])),
        done: &["delete a@BLOB done"],
        denied: &["delete a@BLOB refused: the test says so"],
    },
    Case {
        does: "a repository is made public",
        run: |t| {
            let public = RepositoryChange::new().visible_to(Visibility::Public);
            block_on(t.registry.change_repository(t.caller, &name("a"), &public)).map(drop)
        },
        done: &["admin a done"],
        denied: &["admin a refused: the test says so"],
    },
    Case {
        does: "all repositories are listed",
        run: |t| block_on(t.registry.all_repositories(t.caller, &Page::default())).map(drop),
        done: &[],
        denied: &["admin repositories refused: the test says so"],
    },
    Case {
        does: "all uploads are listed",
        run: |t| block_on(t.registry.uploads(t.caller)).map(drop),
        done: &[],
        denied: &["admin uploads refused: the test says so"],
    },
    Case {
        does: "somebody's upload is cancelled",
        run: |t| block_on(t.registry.cancel_any_upload(t.caller, &t.prepared.upload)),
        done: &["admin upload UPLOAD done"],
        denied: &["admin upload UPLOAD refused: the test says so"],
    },
];

fn run(case: &Case, registry: &Registry, prepared: &Prepared, caller: &Caller) -> Answer {
    (case.run)(&Try { registry, caller, prepared })
}

/// What is expected, with the digests and the upload of what is prepared.
fn spelled(lines: &[&str], prepared: &Prepared) -> Vec<String> {
    let words = [
        ("UPLOAD", prepared.upload.to_string()),
        ("IMAGE", prepared.image.digest().to_string()),
        ("OTHER", prepared.other.digest().to_string()),
        ("BLOB", digest(&prepared.image.blobs[0]).to_string()),
        ("SHARED", digest(Prepared::SHARED).to_string()),
        ("RIGHT", digest("right").to_string()),
        ("WHOLE", digest("begun, ended").to_string()),
    ];
    let spell = |line: &&str| {
        words.iter().fold((*line).to_owned(), |line, (word, text)| line.replace(word, text))
    };
    lines.iter().map(spell).collect()
}

#[test]
fn what_is_done_and_what_is_refused_is_told_with_the_reason() {
    for case in CASES {
        for denies in [false, true] {
            let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
            let builder = prepared.builder(Policy::denying(move |_| denies));
            let registry = builder.audit(Arc::clone(&log)).build();
            let result = run(case, &registry, &prepared, &user("alice"));
            assert_eq!(result.is_err(), denies, "{}: {result:?}", case.does);
            let want = if denies { case.denied } else { case.done };
            assert_eq!(log.lines(), spelled(want, &prepared), "{}", case.does);
        }
    }
}

#[test]
fn a_scope_that_does_not_cover_it_is_a_reason_too() {
    for case in CASES {
        let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
        let registry = prepared.builder(AllowAll).audit(Arc::clone(&log)).build();
        let elsewhere = Grant::new(Resource::Repository(name("elsewhere")), [Action::Pull]);
        let caller = user("alice").with_scope(Scope::Limited([elsewhere].into()));
        run(case, &registry, &prepared, &caller).expect_err("the scope is for something else");
        let want: Vec<_> = spelled(case.denied, &prepared)
            .iter()
            .map(|line| {
                line.replace("the test says so", "the scope of the token does not cover it")
            })
            .collect();
        assert_eq!(log.lines(), want, "{}", case.does);
    }
}

#[test]
fn what_fails_is_told_in_the_words_of_the_client() {
    type Fails = (fn(&Try<'_>) -> Answer, &'static str);
    let cases: [Fails; 8] = [
        (|t| block_on(t.push_blob("wrong")), "push a@RIGHT failed: the content has another digest"),
        (|t| block_on(t.close("wrong")), "push a@WHOLE failed: the content has another digest"),
        (|t| block_on(t.push(&Bytes::from("{"), by_tag("new"), &[])), "push a:new failed: "),
        (
            |t| {
                let missing = registry_core::testing::Sample::image(9, 1);
                block_on(t.push(&missing.manifest, by_tag("new"), &[]))
            },
            "push a:new@MISSING failed: the manifest refers to content",
        ),
        (|t| block_on(t.delete(by_tag("none"))), "delete a:none failed: the manifest is not known"),
        (|t| block_on(t.delete_blob(b"right")), "delete a@RIGHT failed: the blob is not known"),
        (
            |t| {
                let (nowhere, right) = (name("nowhere"), digest("right"));
                block_on(t.registry.delete_blob(t.caller, &nowhere, &right))
            },
            "delete nowhere@RIGHT failed: the repository is not known",
        ),
        (
            |t| {
                let id = ContentId::new(&Seeded::new(77));
                block_on(t.registry.cancel_any_upload(t.caller, &id))
            },
            "admin upload GONE failed: the upload is not known",
        ),
    ];
    for (run, want) in cases {
        let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
        let registry = prepared.builder(AllowAll).audit(Arc::clone(&log)).build();
        let caller = &user("alice");
        run(&Try { registry: &registry, caller, prepared: &prepared }).expect_err(want);
        let missing = registry_core::testing::Sample::image(9, 1).digest().to_string();
        let gone = ContentId::new(&Seeded::new(77)).to_string();
        let want = spelled(&[want], &prepared)[0].replace("MISSING", &missing);
        let want = &want.replace("GONE", &gone);
        let lines = log.lines();
        assert!(lines.len() == 1 && lines[0].starts_with(want), "{lines:?}, not {want}");
    }
}

#[test]
fn a_storage_that_fails_is_told_of_without_its_internals() {
    let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
    let faults = Faults::at(0, registry_core::testing::Fault::ALL[0]);
    let contents = registry_core::testing::Faulty::new(prepared.contents.clone(), &faults);
    let records = registry_core::testing::Faulty::new(prepared.records.clone(), &faults);
    let (clock, random) = (Arc::clone(&prepared.clock), registry_core::testing::Seeded::new(9));
    let registry = Registry::builder(contents, records, AllowAll, clock, random)
        .audit(Arc::clone(&log))
        .build();
    block_on(registry.delete_blob(&user("alice"), &name("a"), &digest("right"))).unwrap_err();
    let want = spelled(&["delete a@RIGHT failed: the registry's storage failed"], &prepared);
    assert_eq!(log.lines(), want);
}

#[test]
fn an_event_says_who_when_and_from_where() {
    let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
    let registry = prepared.builder(AllowAll).audit(Arc::clone(&log)).build();
    let peer: IpAddr = "192.0.2.7".parse().unwrap();
    let mut caller = user("alice").with_peer(peer);
    caller.request_id = "r1".into();
    let (a, right) = (name("a"), digest("right"));
    block_on(registry.push_blob(&caller, &a, &right, chunk("right"))).unwrap();
    let events = log.0.lock().unwrap();
    assert_eq!((events[0].principal.id(), events[0].peer), ("alice", Some(peer)));
    assert_eq!(&*events[0].request_id, "r1");
    assert_eq!(events[0].time, registry_core::ports::Clock::now(&*prepared.clock));
}

#[test]
fn a_mount_whose_source_is_refused_is_told_though_the_client_is_not() {
    let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
    let source = Access::repository(Action::Pull, &name("b"));
    let builder = prepared.builder(Policy::denying(move |access| *access == source));
    let registry = builder.audit(Arc::clone(&log)).build();
    let caller = &user("alice");
    let t = Try { registry: &registry, caller, prepared: &prepared };
    block_on(t.mount(Prepared::SHARED, Some("b"))).expect("an upload is opened");
    // Nobody named a source here.
    block_on(t.mount(Prepared::SHARED, None)).expect("an upload is opened");
    let want = spelled(&["mount a@SHARED from b refused: the test says so"], &prepared);
    assert_eq!(log.lines(), want);
}

#[test]
fn a_mount_whose_token_was_not_asked_for_the_source_is_told_with_that_reason() {
    let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
    let registry = prepared.builder(AllowAll).audit(Arc::clone(&log)).build();
    let pushes = Grant::new(Resource::Repository(name("a")), [Action::Push]);
    let caller = &user("alice").with_scope(Scope::Limited([pushes].into()));
    let t = Try { registry: &registry, caller, prepared: &prepared };
    block_on(t.mount(Prepared::SHARED, Some("b"))).expect_err("it is to come back with a token");
    let want = ["mount a@SHARED from b refused: the token was not asked for it"];
    assert_eq!(log.lines(), spelled(&want, &prepared));
}

#[test]
fn what_is_not_for_reading_without_credentials_fills_no_log() {
    for case in CASES {
        let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
        let builder = prepared.builder(Policy::denying(|_| true));
        let registry = builder.audit(Arc::clone(&log)).build();
        run(case, &registry, &prepared, &Caller::anonymous()).expect_err("nobody may");
        let reads = |line: &String| line.starts_with("pull ") || line.starts_with("catalog ");
        let mut want = spelled(case.denied, &prepared);
        want.retain(|line| !reads(line));
        assert_eq!(log.lines(), want, "{}", case.does);
    }
}

#[test]
fn a_log_that_fails_changes_nothing() {
    for case in CASES {
        for denies in [false, true] {
            let prepared = Prepared::new();
            let policy = Policy::denying(move |_| denies);
            let registry = prepared.builder(policy).audit(LosesAll).build();
            let result = run(case, &registry, &prepared, &user("alice"));
            assert_eq!(result.is_err(), denies, "{}: {result:?}", case.does);
        }
    }
}

#[test]
fn what_a_caller_was_refused_before_is_not_why_it_is_refused_now() {
    let (prepared, log) = (Prepared::new(), Arc::new(Recorded::default()));
    let registry = prepared.builder(Policy::denying(|_| true)).audit(Arc::clone(&log)).build();
    let caller = &user("alice");
    let t = Try { registry: &registry, caller, prepared: &prepared };
    block_on(t.push_blob("right")).unwrap_err();
    let open = prepared.builder(AllowAll).audit(Arc::clone(&log)).build();
    let t = Try { registry: &open, ..t };
    block_on(t.push_blob("wrong")).unwrap_err();
    assert!(log.lines()[1].contains("another digest"), "{:?}", log.lines());
}
