//! Every path that moves or deletes something, under every switch that forbids it. A switch that
//! holds on one path and not on another is none (CVE-2026-41888).

use std::sync::Arc;

use futures::executor::block_on;
use registry_core::{
    error::RegistryError,
    media_type::MediaType,
    policy::{
        AllowAll, CredentialMatrix, Credentials, Immutable, ImmutableTags, Permission, PolicyFile,
        ReadOnly,
    },
    ports::Authorizer,
    reference::Reference,
    registry::{ManifestUpload, Registry},
    testing::Sample,
};

use crate::support::{Prepared, body, by_tag, chunk, digest, name, tag, user};

/// What it is done to: two manifests in `a`, one tagged `v1` and `latest`, the other `edge`, and an
/// artifact without a tag; `v2`, which does not say what it is, and `v3`, whose child is the artifact.
/// Tags that begin with `v` are immutable where some are.
struct Room {
    prepared: Prepared,
    artifact: Sample,
}

impl Room {
    fn new() -> Self {
        let prepared = Prepared::new();
        let open =
            Self { artifact: Sample::artifact(3, "text/artifact", &prepared.image), prepared };
        let registry = open.prepared.registry(AllowAll);
        let index = Sample::index(vec![open.artifact.clone()]);
        let (image, other) = (&open.prepared.image, &open.prepared.other);
        for (sample, to) in [(image, "latest"), (other, "edge"), (&index, "v3")] {
            push(&registry, sample, &by_tag(to), &[]).expect("everybody may");
        }
        let untagged = Reference::Digest(digest(UNTAGGED));
        for (bytes, to) in [(TAGGED, by_tag("v2")), (UNTAGGED, untagged)] {
            push_as(&registry, bytes, MediaType::OCI_INDEX, &to).expect("everybody may");
        }
        open
    }
}

fn push(
    registry: &Registry,
    sample: &Sample,
    reference: &Reference,
    tags: &[&str],
) -> Result<(), RegistryError> {
    let tags: Vec<_> = tags.iter().map(|text| tag(text)).collect();
    let upload = ManifestUpload::new(body(sample.manifest.clone()));
    let alice = user("alice");
    block_on(registry.push_manifest(&alice, &name("a"), reference, &tags, upload)).map(drop)
}

/// Indices that do not say themselves what they are.
const TAGGED: &str = r#"{"schemaVersion":2,"manifests":[]}"#;
const UNTAGGED: &str = r#"{"schemaVersion":2,"manifests":[],"annotations":{}}"#;

fn push_as(
    registry: &Registry,
    bytes: &'static str,
    media_type: &str,
    reference: &Reference,
) -> Result<(), RegistryError> {
    let mut upload = ManifestUpload::new(body(bytes));
    upload.content_type = Some(media_type.parse().expect("a media type"));
    let alice = user("alice");
    block_on(registry.push_manifest(&alice, &name("a"), reference, &[], upload)).map(drop)
}

fn delete(registry: &Registry, reference: Reference) -> Result<(), RegistryError> {
    block_on(registry.delete_manifest(&user("alice"), &name("a"), &reference))
}

type Switch = Box<dyn Fn() -> Arc<dyn Authorizer>>;

type Path = fn(&Registry, &Room) -> Result<(), RegistryError>;

fn by_digest(sample: &Sample) -> Reference {
    Reference::Digest(sample.digest())
}

/// What is done, and what comes of it under each of the [`switches`]: `+` it is done, `D` denied,
/// `U` unsupported.
const PATHS: [(&str, Path, &str); 20] = [
    ("PUT a new tag", |r, room| push(r, &room.prepared.other, &by_tag("new"), &[]), "++U++++"),
    ("PUT a new tag v9", |r, room| push(r, &room.prepared.other, &by_tag("v9"), &[]), "++U++++"),
    ("PUT v1 as it is", |r, room| push(r, &room.prepared.image, &by_tag("v1"), &[]), "++U++++"),
    ("PUT v1, which moves", |r, room| push(r, &room.prepared.other, &by_tag("v1"), &[]), "+DU+DDD"),
    (
        "PUT edge, which moves",
        |r, room| push(r, &room.prepared.image, &by_tag("edge"), &[]),
        "++U+DDD",
    ),
    (
        "PUT a digest, ?tag=v9",
        |r, room| push(r, &room.prepared.other, &by_digest(&room.prepared.other), &["v9"]),
        "++U++++",
    ),
    (
        "PUT a digest, ?tag=v1, as it is",
        |r, room| push(r, &room.prepared.image, &by_digest(&room.prepared.image), &["v1"]),
        "++U++++",
    ),
    (
        "PUT a digest, ?tag=v1, which moves",
        |r, room| push(r, &room.prepared.other, &by_digest(&room.prepared.other), &["v1"]),
        "+DU+DDD",
    ),
    (
        "PUT a digest, ?tag=new&tag=v1, of which one moves",
        |r, room| push(r, &room.prepared.other, &by_digest(&room.prepared.other), &["new", "v1"]),
        "+DU+DDD",
    ),
    (
        "PUT a digest, ?tag=latest, which moves",
        |r, room| push(r, &room.prepared.other, &by_digest(&room.prepared.other), &["latest"]),
        "++U+DDD",
    ),
    (
        "PUT a digest",
        |r, room| push(r, &room.prepared.other, &by_digest(&room.prepared.other), &[]),
        "++U++++",
    ),
    ("DELETE v1", |r, _| delete(r, by_tag("v1")), "+DUD+DD"),
    ("DELETE latest", |r, _| delete(r, by_tag("latest")), "++UD+DD"),
    (
        "DELETE a digest with v1 and latest",
        |r, room| delete(r, by_digest(&room.prepared.image)),
        "+DUD+DD",
    ),
    ("DELETE a digest with edge", |r, room| delete(r, by_digest(&room.prepared.other)), "++UD+DD"),
    // D18: a tag that stays is one that names the same digest. What the manifest refers to is not
    // held by it.
    (
        "DELETE a digest without tags, a child of v3",
        |r, room| delete(r, by_digest(&room.artifact)),
        "++UD+DD",
    ),
    ("DELETE a digest", |r, _| delete(r, Reference::Digest(digest(UNTAGGED))), "++UD+DD"),
    (
        "DELETE a blob of v1",
        |r, room| {
            let digest = digest(&room.prepared.image.blobs[0]);
            block_on(r.delete_blob(&user("alice"), &name("a"), &digest))
        },
        "++UD+DD",
    ),
    // What is no manifest's is not what the switches are about, but for the last.
    (
        "POST a blob",
        |r, _| block_on(r.push_blob(&user("alice"), &name("a"), &digest("x"), chunk("x"))),
        "++U++++",
    ),
    (
        "DELETE an upload",
        |r, room| block_on(r.cancel_upload(&user("alice"), &name("a"), &room.prepared.upload)),
        "++U++++",
    ),
];

/// The switches, in the order of the letters in [`PATHS`].
fn switches() -> Vec<(&'static str, Switch)> {
    fn immutable(policy: impl Authorizer) -> ImmutableTags<impl Authorizer> {
        let every = ["**".parse().expect("a pattern")];
        let tags = Immutable::new(every, ["v*".parse().expect("a pattern")]);
        ImmutableTags::new(tags, policy)
    }
    fn file(json: &str) -> PolicyFile {
        serde_json::from_str(json).expect("a policy")
    }
    let without = |permission: Permission| {
        let others = Permission::ALL.into_iter().filter(move |other| *other != permission);
        let credentials = Credentials::new();
        let kind = user("alice").principal.credential();
        CredentialMatrix::new(credentials.limit(kind, others), AllowAll)
    };
    vec![
        ("none", Box::new(|| Arc::new(AllowAll))),
        ("immutable tags", Box::new(|| Arc::new(immutable(AllowAll)))),
        ("read-only", Box::new(|| Arc::new(immutable(ReadOnly(AllowAll))))),
        (
            "credentials that delete nothing",
            Box::new(move || Arc::new(without(Permission::Delete))),
        ),
        (
            "credentials that move nothing",
            Box::new(move || Arc::new(without(Permission::Overwrite))),
        ),
        (
            "rules that give neither",
            Box::new(|| {
                Arc::new(file(
                    r#"{"rule": [{"who": ["everybody"], "repositories": ["**"],
                        "actions": ["pull", "push", "create"]}]}"#,
                ))
            }),
        ),
        (
            "a file with all of it",
            Box::new(|| {
                Arc::new(file(
                    r#"{"rule": [{"who": ["everybody"], "repositories": ["**"],
                        "actions": ["pull", "push", "create", "overwrite", "delete"]}],
                        "immutable": [{"repositories": ["a"], "tags": ["v*"]}],
                        "credentials": {"other": ["pull", "push", "create"]}}"#,
                ))
            }),
        ),
    ]
}

#[test]
fn every_switch_holds_on_every_path_and_what_it_forbids_leaves_no_trace() {
    for (column, (switch, policy)) in switches().into_iter().enumerate() {
        for (path, run, expected) in PATHS {
            let room = Room::new();
            let before = room.prepared.stored();
            let outcome = run(&room.prepared.registry(policy()), &room);
            let letter = match &outcome {
                Ok(()) => '+',
                Err(RegistryError::Denied) => 'D',
                Err(RegistryError::Unsupported) => 'U',
                Err(error) => panic!("{path} with {switch}: {error:?}"),
            };
            assert_eq!(expected.chars().nth(column), Some(letter), "{path} with {switch}");
            if outcome.is_err() {
                assert_eq!(room.prepared.stored(), before, "{path} with {switch}");
            }
        }
    }
}

/// Whoever pulled it would get the same bytes, to be taken for something else: as if the tag moved.
#[test]
fn a_manifest_is_never_of_another_media_type_whoever_pushes_it_again() {
    let types =
        [MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST, MediaType::DOCKER_LIST, "text/plain"];
    for media_type in types {
        for (bytes, reference) in [
            (TAGGED, by_tag("v2")),
            (TAGGED, by_tag("new")),
            (TAGGED, Reference::Digest(digest(TAGGED))),
            (UNTAGGED, Reference::Digest(digest(UNTAGGED))),
        ] {
            let room = Room::new();
            let before = room.prepared.stored();
            let pushed = push_as(&room.prepared.registry(AllowAll), bytes, media_type, &reference);
            let refused = matches!(pushed, Err(RegistryError::ManifestInvalid(_)));
            assert!(refused, "{reference} as {media_type}: {pushed:?}");
            assert_eq!(room.prepared.stored(), before, "{reference} as {media_type}");
        }
    }
}
