//! Who may do what with a repository in which state: one table of everybody, every state and every
//! use case, under a policy with all that policies have.

use futures::{TryStreamExt, executor::block_on};
use registry_core::{
    access::{Action, Grant, Resource, Scope},
    error::RegistryError,
    identity::{Caller, CredentialKind, Principal, PrincipalKind},
    name::RepositoryName,
    page::Page,
    policy::{AllowAll, PolicyFile},
    ports::{BlobOptions, Fetched, ManifestOptions, ReferrerOptions, Source},
    record::{Nonce, RecordKey, RepositoryRecord, Typed, Visibility},
    reference::Reference,
    registry::{ManifestUpload, Mount, Registry, RepositoryChange},
    testing::{Sample, Seeded},
};

use crate::support::{Prepared, body, by_tag, chunk, digest, name, tag, user};

/// What is public is for all to pull; whoever logs in creates and claims, and does in what is theirs
/// everything; projects push in their namespace; runners pull; admins do everything. What is called
/// `v…` stays what it is, and the keys of projects move nothing.
const POLICY: &str = r#"{
    "rule": [
        {"who": ["everybody"], "repositories": ["**"], "when": ["public"], "actions": ["pull"]},
        {"who": ["user:*"], "repositories": ["**"], "when": ["new"],
         "actions": ["push", "create"]},
        {"who": ["user:*"], "repositories": ["**"], "when": ["unclaimed"],
         "actions": ["push", "claim"]},
        {"who": ["user:*"], "repositories": ["**"], "when": ["owned"],
         "actions": ["pull", "push", "overwrite", "delete", "admin"]},
        {"who": ["project:*"], "repositories": ["{project}/**"],
         "actions": ["pull", "push", "create", "overwrite"]},
        {"who": ["runner:*"], "repositories": ["**"], "actions": ["pull"]},
        {"who": ["group:admins"], "repositories": ["**"],
         "actions": ["pull", "push", "create", "overwrite", "delete", "admin"]},
        {"who": ["authenticated"], "actions": ["catalog"]}
    ],
    "immutable": [{"repositories": ["**"], "tags": ["v*"]}],
    "credentials": {"project-key": ["pull", "push", "create", "delete"]}
}"#;

/// Everybody: the columns. `A` nobody in particular; `o` alice, who owns what is owned; `b` bob, who
/// owns nothing; `r` an admin; `p` the key of the project with this namespace, `q` that of another;
/// `u` the token of a runner of this repository, `v` that of another; `t` a token of alice's that
/// only pulls here.
const EVERYBODY: &str = "A o b r p q u v t";

fn everybody(here: &RepositoryName) -> [Caller; 9] {
    let caller = |principal| Caller::new(principal, "");
    let project = |namespace: &RepositoryName| {
        Principal::project(namespace).with_credential(CredentialKind::ProjectKey, Some("k"))
    };
    let runner = |repository: &RepositoryName| {
        Principal::runner(repository).with_credential(CredentialKind::RunnerToken, None)
    };
    let other = name("elsewhere");
    let root = Principal::new(PrincipalKind::User, "root").with_groups(["admins"]);
    let carried = Grant::new(Resource::Repository(here.clone()), [Action::Pull]);
    [
        Caller::anonymous(),
        user("alice"),
        user("bob"),
        caller(root),
        caller(project(here)),
        caller(project(&other)),
        caller(runner(here)),
        caller(runner(&other)),
        user("alice").with_scope(Scope::Limited([carried].into())),
    ]
}

/// What a repository can be: the lines of each use case.
#[derive(Clone, Copy, Debug)]
enum State {
    New,
    Unclaimed,
    Owned,
    Public,
}

const STATES: [State; 4] = [State::New, State::Unclaimed, State::Owned, State::Public];

/// A registry with `a` in some state, where it exists: an image tagged `v1` and `latest`, another
/// tagged `edge`, an artifact without a tag, and an upload of alice's. There is no `n`. In `b` is a
/// blob, of carol's.
struct Room {
    prepared: Prepared,
    artifact: Sample,
    here: RepositoryName,
}

impl Room {
    fn new(state: State) -> Self {
        let prepared = Prepared::new();
        let artifact = Sample::artifact(3, "text/artifact", &prepared.image);
        let here = name(if matches!(state, State::New) { "n" } else { "a" });
        let room = Self { prepared, artifact, here };
        let (registry, alice) = (room.prepared.registry(AllowAll), user("alice"));
        for (sample, to) in [(&room.prepared.image, "latest"), (&room.prepared.other, "edge")] {
            let upload = ManifestUpload::new(body(sample.manifest.clone()));
            block_on(registry.push_manifest(&alice, &name("a"), &by_tag(to), &[], upload))
                .expect("everybody may");
        }
        room.make("b", "user:carol", Visibility::Private);
        match state {
            State::New => {}
            State::Unclaimed => room.make("a", "", Visibility::Private),
            State::Owned => room.make("a", "user:alice", Visibility::Private),
            State::Public => room.make("a", "user:alice", Visibility::Public),
        }
        room
    }

    fn make(&self, repository: &str, owner: &str, visibility: Visibility) {
        let key = RecordKey::repository(&name(repository));
        let all = self.prepared.records.all();
        let (_, record) = all.iter().find(|(other, _)| *other == key).expect("it exists");
        let found = RepositoryRecord::decode(record).expect("a repository");
        let made = RepositoryRecord::new(found.id, found.created, owner.to_owned(), visibility);
        self.prepared.records.adopt(key, made.encode(Nonce::new(&Seeded::new(5))));
    }
}

/// A request of somebody.
struct Attempt {
    registry: Registry,
    caller: Caller,
    room: Room,
}

impl Attempt {
    async fn pull(&self, reference: Reference) -> Result<char, RegistryError> {
        let options = ManifestOptions::default();
        let found = self.registry.manifest(&self.caller, &self.room.here, &reference, &options);
        Ok(found_or_unknown(&found.await?))
    }

    async fn push(&self, sample: &Sample, to: &str) -> Result<char, RegistryError> {
        let upload = ManifestUpload::new(body(sample.manifest.clone()));
        let (registry, here) = (&self.registry, &self.room.here);
        registry.push_manifest(&self.caller, here, &by_tag(to), &[], upload).await?;
        Ok('+')
    }

    async fn delete(&self, reference: Reference) -> Result<char, RegistryError> {
        let (registry, here) = (&self.registry, &self.room.here);
        registry.delete_manifest(&self.caller, here, &reference).await?;
        Ok('+')
    }

    async fn mount(
        &self,
        to: &RepositoryName,
        from: &RepositoryName,
        blob: &[u8],
    ) -> Result<char, RegistryError> {
        let digest = digest(blob);
        Ok(match self.registry.mount_blob(&self.caller, to, &digest, Some(from)).await? {
            Mount::Mounted => '+',
            Mount::Upload(_) => 'u',
        })
    }
}

fn found_or_unknown<T>(fetched: &Fetched<T>) -> char {
    match fetched {
        Fetched::Found(_) => '+',
        Fetched::Unknown | Fetched::RepositoryUnknown => '0',
    }
}

/// A manifest that needs nothing, so that it can be pushed anywhere.
fn index() -> Sample {
    Sample::index(Vec::new())
}

/// The use cases, and what becomes of each: a line for each of the [`STATES`], with a letter for
/// each of [`EVERYBODY`].
///
/// `+` it is done; `-` denied; `s` the token does not carry it; `0` what it is about is not there;
/// `u` a mount that opens an upload instead; `.` the repository is not among those listed.
const TABLE: &str = "
                                A o b r p q u v t
    pull a manifest by tag
        new                     - - - 0 0 - 0 - -
        unclaimed               - - - + + - + - -
        owned                   - + - + + - + - +
        public                  + + + + + - + - +
    pull a manifest by digest
        new                     - - - 0 0 - 0 - -
        unclaimed               - - - + + - + - -
        owned                   - + - + + - + - +
        public                  + + + + + - + - +
    pull a blob
        new                     - - - 0 0 - 0 - -
        unclaimed               - - - + + - + - -
        owned                   - + - + + - + - +
        public                  + + + + + - + - +
    look at a blob
        new                     - - - 0 0 - 0 - -
        unclaimed               - - - + + - + - -
        owned                   - + - + + - + - +
        public                  + + + + + - + - +
    list the tags
        new                     - - - 0 0 - 0 - -
        unclaimed               - - - + + - + - -
        owned                   - + - + + - + - +
        public                  + + + + + - + - +
    list the referrers
        new                     - - - 0 0 - 0 - -
        unclaimed               - - - + + - + - -
        owned                   - + - + + - + - +
        public                  + + + + + - + - +
    push a blob
        new                     - + + + + - - - s
        unclaimed               - + + + + - - - s
        owned                   - + - + + - - - s
        public                  - + - + + - - - s
    open an upload
        new                     - + + + + - - - s
        unclaimed               - + + + + - - - s
        owned                   - + - + + - - - s
        public                  - + - + + - - - s
    ask for alice's upload
        new                     - 0 0 0 0 - - - s
        unclaimed               - + 0 0 0 - - - s
        owned                   - + - 0 0 - - - s
        public                  - + - 0 0 - - - s
    go on with alice's upload
        new                     - 0 0 0 0 - - - s
        unclaimed               - + 0 0 0 - - - s
        owned                   - + - 0 0 - - - s
        public                  - + - 0 0 - - - s
    close alice's upload
        new                     - 0 0 0 0 - - - s
        unclaimed               - + 0 0 0 - - - s
        owned                   - + - 0 0 - - - s
        public                  - + - 0 0 - - - s
    cancel alice's upload
        new                     - 0 0 0 0 - - - s
        unclaimed               - + 0 0 0 - - - s
        owned                   - + - 0 0 - - - s
        public                  - + - 0 0 - - - s
    mount from what is carol's
        new                     - u u + u - - - s
        unclaimed               - u u + u - - - s
        owned                   - u - + u - - - s
        public                  - u - + u - - - s
    mount from here to elsewhere
        new                     - u u u - u - - s
        unclaimed               - u u + - u - - s
        owned                   - + u + - u - - s
        public                  - + + + - u - - s
    push a new tag
        new                     - + + + + - - - s
        unclaimed               - + + + + - - - s
        owned                   - + - + + - - - s
        public                  - + - + + - - - s
    push a new tag v9
        new                     - + + + + - - - s
        unclaimed               - + + + + - - - s
        owned                   - + - + + - - - s
        public                  - + - + + - - - s
    move a tag
        new                     - + + + + - - - s
        unclaimed               - - - + - - - - s
        owned                   - + - + - - - - s
        public                  - + - + - - - - s
    move v1
        new                     - + + + + - - - s
        unclaimed               - - - - - - - - s
        owned                   - - - - - - - - s
        public                  - - - - - - - - s
    push by digest with ?tag=v1
        new                     - + + + + - - - s
        unclaimed               - - - - - - - - s
        owned                   - - - - - - - - s
        public                  - - - - - - - - s
    delete a tag
        new                     - - - 0 - - - - s
        unclaimed               - - - + - - - - s
        owned                   - + - + - - - - s
        public                  - + - + - - - - s
    delete v1
        new                     - - - - - - - - s
        unclaimed               - - - - - - - - s
        owned                   - - - - - - - - s
        public                  - - - - - - - - s
    delete a manifest with v1
        new                     - - - 0 - - - - s
        unclaimed               - - - - - - - - s
        owned                   - - - - - - - - s
        public                  - - - - - - - - s
    delete a manifest with a tag
        new                     - - - 0 - - - - s
        unclaimed               - - - + - - - - s
        owned                   - + - + - - - - s
        public                  - + - + - - - - s
    delete a manifest without
        new                     - - - 0 - - - - s
        unclaimed               - - - + - - - - s
        owned                   - + - + - - - - s
        public                  - + - + - - - - s
    delete a blob
        new                     - - - 0 - - - - s
        unclaimed               - - - + - - - - s
        owned                   - + - + - - - - s
        public                  - + - + - - - - s
    find it in the catalog
        new                     - . . . - - - - s
        unclaimed               - . . + - - - - s
        owned                   - + . + - - - - s
        public                  - + + + - - - - s
    make it public
        new                     - - - 0 - - - - s
        unclaimed               - - - + - - - - s
        owned                   - + - + - - - - s
        public                  - + - + - - - - s
    list all repositories
        new                     - - - . - - - - s
        unclaimed               - - - + - - - - s
        owned                   - - - + - - - - s
        public                  - - - + - - - - s
    list all uploads
        new                     - - - + - - - - s
        unclaimed               - - - + - - - - s
        owned                   - - - + - - - - s
        public                  - - - + - - - - s
    cancel any upload
        new                     - - - + - - - - s
        unclaimed               - - - + - - - - s
        owned                   - - - + - - - - s
        public                  - - - + - - - - s
";

async fn run(does: &str, t: &Attempt) -> Result<char, RegistryError> {
    let Attempt { registry, caller, room } = t;
    let Room { prepared, artifact, here } = room;
    let blob = digest(&prepared.image.blobs[0]);
    match does {
        "pull a manifest by tag" => t.pull(by_tag("v1")).await,
        "pull a manifest by digest" => t.pull(Reference::Digest(prepared.image.digest())).await,
        "pull a blob" => {
            let options = BlobOptions::default();
            Ok(found_or_unknown(&registry.blob(caller, here, &blob, &options).await?))
        }
        "look at a blob" => {
            let mut options = BlobOptions::default();
            options.head = true;
            Ok(found_or_unknown(&registry.blob(caller, here, &blob, &options).await?))
        }
        "list the tags" => {
            Ok(found_or_unknown(&registry.tags(caller, here, &Page::default()).await?))
        }
        "list the referrers" => {
            let (options, image) = (ReferrerOptions::default(), prepared.image.digest());
            let listed = registry.referrers(caller, here, &image, &options).await?;
            let some = !listed.entries.try_collect::<Vec<_>>().await?.is_empty();
            Ok(if some { '+' } else { '0' })
        }
        "push a blob" => {
            registry.push_blob(caller, here, &digest("x"), chunk("x")).await?;
            Ok('+')
        }
        "open an upload" => {
            registry.open_upload(caller, here, None).await?;
            Ok('+')
        }
        "ask for alice's upload" => {
            registry.upload_status(caller, here, &prepared.upload).await?;
            Ok('+')
        }
        "go on with alice's upload" => {
            registry.append_upload(caller, here, &prepared.upload, chunk("more")).await?;
            Ok('+')
        }
        "close alice's upload" => {
            let (id, whole) = (&prepared.upload, digest("begun, ended"));
            registry.close_upload(caller, here, id, &whole, chunk("ended")).await?;
            Ok('+')
        }
        "cancel alice's upload" => {
            registry.cancel_upload(caller, here, &prepared.upload).await?;
            Ok('+')
        }
        "mount from what is carol's" => {
            t.mount(here, &name("b"), Prepared::SHARED.as_bytes()).await
        }
        "mount from here to elsewhere" => {
            t.mount(&name("elsewhere"), here, &prepared.image.blobs[0]).await
        }
        "push a new tag" => t.push(&index(), "new").await,
        "push a new tag v9" => t.push(&index(), "v9").await,
        "move a tag" => t.push(&index(), "edge").await,
        "move v1" => t.push(&index(), "v1").await,
        "push by digest with ?tag=v1" => {
            let (sample, v1) = (index(), [tag("v1")]);
            let upload = ManifestUpload::new(body(sample.manifest.clone()));
            let by_digest = Reference::Digest(sample.digest());
            registry.push_manifest(caller, here, &by_digest, &v1, upload).await?;
            Ok('+')
        }
        "delete a tag" => t.delete(by_tag("latest")).await,
        "delete v1" => t.delete(by_tag("v1")).await,
        "delete a manifest with v1" => t.delete(Reference::Digest(prepared.image.digest())).await,
        "delete a manifest with a tag" => {
            t.delete(Reference::Digest(prepared.other.digest())).await
        }
        "delete a manifest without" => t.delete(Reference::Digest(artifact.digest())).await,
        "delete a blob" => {
            registry.delete_blob(caller, here, &blob).await?;
            Ok('+')
        }
        "find it in the catalog" => {
            let listed = registry.repositories(caller, &Page::default()).await?;
            let names: Vec<_> = listed.entries.try_collect().await?;
            Ok(if names.contains(here) { '+' } else { '.' })
        }
        "make it public" => {
            let public = RepositoryChange::new().visible_to(Visibility::Public);
            registry.change_repository(caller, here, &public).await?;
            Ok('+')
        }
        "list all repositories" => {
            let listed = registry.all_repositories(caller, &Page::default()).await?;
            let all: Vec<_> = listed.entries.try_collect().await?;
            Ok(if all.iter().any(|status| status.name == *here) { '+' } else { '.' })
        }
        "list all uploads" => {
            let listed = registry.uploads(caller).await?;
            let all: Vec<_> = listed.entries.try_collect().await?;
            Ok(if all.iter().any(|session| session.id == prepared.upload) { '+' } else { '.' })
        }
        "cancel any upload" => {
            registry.cancel_any_upload(caller, &prepared.upload).await?;
            Ok('+')
        }
        other => panic!("no use case is called {other:?}"),
    }
}

/// What becomes of a use case for everybody.
fn line(does: &str, state: State) -> String {
    let policy: PolicyFile = serde_json::from_str(POLICY).expect("a policy");
    let letters = (0..9).map(|column| {
        let room = Room::new(state);
        let caller = everybody(&room.here)[column].clone();
        let registry = room.prepared.registry(policy.clone());
        let before = room.prepared.stored();
        let attempt = Attempt { registry, caller, room };
        let letter = match block_on(run(does, &attempt)) {
            Ok(letter) => letter,
            Err(RegistryError::Denied) => '-',
            Err(RegistryError::InsufficientScope) => 's',
            Err(
                RegistryError::NameUnknown
                | RegistryError::ManifestUnknown
                | RegistryError::BlobUnknown
                | RegistryError::UploadUnknown,
            ) => '0',
            Err(error) => panic!("{does}: {error:?}"),
        };
        if matches!(letter, '-' | 's') {
            assert_eq!(attempt.room.prepared.stored(), before, "{does}, {state:?}, {column}");
        }
        letter.to_string()
    });
    letters.collect::<Vec<_>>().join(" ")
}

#[test]
fn everybody_in_every_state_with_every_use_case() {
    let mut lines = TABLE.lines().skip(1);
    assert_eq!(lines.next().map(str::trim), Some(EVERYBODY));
    let mut use_cases = 0;
    while let Some(does) = lines.next().map(str::trim) {
        use_cases += 1;
        for state in STATES {
            let (word, expected) = lines.next().and_then(|l| l.trim().split_once(' ')).expect(does);
            assert_eq!(word, format!("{state:?}").to_lowercase(), "{does}");
            assert_eq!(line(does, state), expected.trim(), "{does}, {word}");
        }
    }
    assert_eq!(use_cases, 30, "each has its lines");
}
