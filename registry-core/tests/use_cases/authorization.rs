//! Every use case, what it asks the authorizer, and what is left of it when that is denied.

use std::{future::Future, pin::Pin, sync::Arc};

use futures::{TryStreamExt, executor::block_on};
use registry_core::{
    access::{Access, Action, Grant, Resource, Scope},
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    page::Page,
    policy::{AllowAll, Anonymous, AnonymousAccess},
    ports::{BlobOptions, Fetched, ManifestOptions, ReferrerOptions, Source},
    reference::Reference,
    registry::{ManifestUpload, Mount, Registry},
    testing::{Call, Faults},
};

use crate::support::{Policy, Prepared, body, by_tag, chunk, digest, name, tag, user};

/// One request to a registry over what is [`Prepared`].
pub(super) struct Attempt<'a> {
    pub(super) registry: Registry,
    pub(super) caller: Caller,
    pub(super) prepared: &'a Prepared,
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<String, RegistryError>> + 'a>>;

/// A use case, and what must be asked before it is done.
struct UseCase {
    does: &'static str,
    asks: Vec<Access>,
    /// What it answers when all of that is allowed.
    answers: &'static str,
    /// What may be denied and is answered so, instead of [`RegistryError::Denied`].
    quiet: Vec<(Access, &'static str)>,
    /// What is asked too, perhaps often, and changes nothing: time is not to tell something.
    besides: Option<Access>,
    run: Box<dyn for<'a> Fn(&'a Attempt<'_>) -> Answer<'a>>,
}

impl UseCase {
    fn new(
        does: &'static str,
        asks: impl IntoIterator<Item = Access>,
        answers: &'static str,
        run: impl AsyncFn(&Attempt<'_>) -> Result<String, RegistryError> + 'static,
    ) -> Self {
        let run = Arc::new(run);
        Self {
            does,
            asks: asks.into_iter().collect(),
            answers,
            quiet: Vec::new(),
            besides: None,
            run: Box::new(move |attempt| {
                let run = Arc::clone(&run);
                Box::pin(async move { run(attempt).await })
            }),
        }
    }

    fn quietly(mut self, denied: Access, answers: &'static str) -> Self {
        self.quiet.push((denied, answers));
        self
    }

    fn asking_besides(self, access: Access) -> Self {
        Self { besides: Some(access), ..self }
    }

    fn try_at(&self, prepared: &Prepared, registry: Registry, caller: Caller) -> Outcome {
        match block_on((self.run)(&Attempt { registry, caller, prepared })) {
            Ok(answer) => Outcome::Answer(answer),
            Err(RegistryError::Denied) => Outcome::Denied,
            Err(RegistryError::InsufficientScope) => Outcome::OutOfScope,
            Err(error) => panic!("{}: {error:?}", self.does),
        }
    }

    /// What must come of it where this is denied and nothing else.
    fn without(&self, denied: &Access) -> Outcome {
        let quiet = self.quiet.iter().find(|(access, _)| access == denied);
        quiet.map_or(Outcome::Denied, |(_, answer)| Outcome::Answer((*answer).to_owned()))
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Answer(String),
    Denied,
    OutOfScope,
}

pub(super) fn on(action: Action, repository: &str) -> Access {
    Access::repository(action, &name(repository))
}

fn overwrites(text: &str) -> Access {
    Access::tag(Action::Overwrite, &name("a"), &tag(text))
}

fn deletes(text: &str) -> Access {
    Access::tag(Action::Delete, &name("a"), &tag(text))
}

fn lists() -> Access {
    Access::registry(Action::Catalog)
}

fn done(_: impl Sized) -> String {
    "done".to_owned()
}

fn found<T>(fetched: Fetched<T>) -> String {
    match fetched {
        Fetched::Found(_) => "found",
        Fetched::Unknown => "unknown",
        Fetched::RepositoryUnknown => "no repository",
    }
    .to_owned()
}

impl Attempt<'_> {
    async fn pull(&self, reference: Reference) -> Result<String, RegistryError> {
        let options = ManifestOptions::default();
        self.registry.manifest(&self.caller, &name("a"), &reference, &options).await.map(found)
    }

    async fn pull_blob(&self, head: bool) -> Result<String, RegistryError> {
        let mut options = BlobOptions::default();
        options.head = head;
        let digest = digest(&self.prepared.image.blobs[0]);
        self.registry.blob(&self.caller, &name("a"), &digest, &options).await.map(found)
    }

    pub(super) async fn mount(&self, from: Option<&str>) -> Result<String, RegistryError> {
        let (digest, from) = (digest(Prepared::SHARED), from.map(name));
        let (registry, a) = (&self.registry, name("a"));
        Ok(match registry.mount_blob(&self.caller, &a, &digest, from.as_ref()).await? {
            Mount::Mounted => "mounted".to_owned(),
            Mount::Upload(_) => "an upload".to_owned(),
        })
    }

    async fn push(&self, reference: Reference, tags: &[&str]) -> Result<String, RegistryError> {
        let tags: Vec<_> = tags.iter().map(|text| tag(text)).collect();
        let upload = ManifestUpload::new(body(self.prepared.other.manifest.clone()));
        let (registry, a) = (&self.registry, name("a"));
        registry.push_manifest(&self.caller, &a, &reference, &tags, upload).await.map(done)
    }

    async fn delete(&self, reference: Reference) -> Result<String, RegistryError> {
        self.registry.delete_manifest(&self.caller, &name("a"), &reference).await.map(done)
    }

    fn image(&self) -> Digest {
        self.prepared.image.digest()
    }

    fn other(&self) -> Digest {
        self.prepared.other.digest()
    }
}

fn use_cases() -> Vec<UseCase> {
    let mut all = reads();
    all.extend(uploads());
    all.extend(writes());
    all
}

fn reads() -> Vec<UseCase> {
    let pull = || [on(Action::Pull, "a")];
    vec![
        UseCase::new("a manifest by tag", pull(), "found", async |t| t.pull(by_tag("v1")).await),
        UseCase::new("a manifest by digest", pull(), "found", async |t| {
            t.pull(Reference::Digest(t.image())).await
        }),
        UseCase::new("a blob", pull(), "found", async |t| t.pull_blob(false).await),
        UseCase::new("a look at a blob", pull(), "found", async |t| t.pull_blob(true).await),
        UseCase::new("the tags", pull(), "found", async |t| {
            t.registry.tags(&t.caller, &name("a"), &Page::default()).await.map(found)
        }),
        UseCase::new("the referrers", pull(), "1", async |t| {
            let options = ReferrerOptions::default();
            let listed = t.registry.referrers(&t.caller, &name("a"), &t.image(), &options).await?;
            Ok(listed.entries.try_collect::<Vec<_>>().await?.len().to_string())
        }),
        UseCase::new(
            "the catalog",
            [lists(), on(Action::Pull, "a"), on(Action::Pull, "b")],
            "a b",
            async |t| {
                let listed = t.registry.repositories(&t.caller, &Page::default()).await?;
                let names: Vec<_> = listed.entries.try_collect().await?;
                Ok(names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            },
        )
        .quietly(on(Action::Pull, "a"), "b")
        .quietly(on(Action::Pull, "b"), "a"),
    ]
}

fn uploads() -> Vec<UseCase> {
    let push = || [on(Action::Push, "a")];
    let push_and_pull = || [on(Action::Push, "a"), on(Action::Pull, "b")];
    vec![
        UseCase::new("an upload is opened", push(), "done", async |t| {
            t.registry.open_upload(&t.caller, &name("a"), None).await.map(done)
        }),
        UseCase::new("its status", push(), "7", async |t| {
            let (name, id) = (name("a"), &t.prepared.upload);
            let status = t.registry.upload_status(&t.caller, &name, id).await?;
            Ok(status.offset.to_string())
        }),
        UseCase::new("it goes on", push(), "11", async |t| {
            let (name, id) = (name("a"), &t.prepared.upload);
            let status = t.registry.append_upload(&t.caller, &name, id, chunk("more")).await?;
            Ok(status.offset.to_string())
        }),
        UseCase::new("it is closed", push(), "done", async |t| {
            let (name, id, digest) = (name("a"), &t.prepared.upload, digest("begun, ended"));
            t.registry.close_upload(&t.caller, &name, id, &digest, chunk("ended")).await.map(done)
        }),
        // D23
        UseCase::new("it is cancelled", push(), "done", async |t| {
            t.registry.cancel_upload(&t.caller, &name("a"), &t.prepared.upload).await.map(done)
        }),
        UseCase::new("a blob is pushed", push(), "done", async |t| {
            let (name, digest) = (name("a"), digest("x"));
            t.registry.push_blob(&t.caller, &name, &digest, chunk("x")).await.map(done)
        }),
        // D11, D12
        UseCase::new("a mount", push_and_pull(), "mounted", async |t| t.mount(Some("b")).await)
            .quietly(on(Action::Pull, "b"), "an upload"),
        UseCase::new("a mount from anywhere", push_and_pull(), "mounted", async |t| {
            t.mount(None).await
        })
        .quietly(on(Action::Pull, "b"), "an upload")
        .asking_besides(on(Action::Pull, "a")),
    ]
}

fn writes() -> Vec<UseCase> {
    let push = |tags: &[&str]| {
        let tags: Vec<_> = tags.iter().map(|text| overwrites(text)).collect();
        [on(Action::Push, "a")].into_iter().chain(tags)
    };
    let delete = || [on(Action::Delete, "a")];
    vec![
        UseCase::new("a manifest is pushed by digest", push(&[]), "done", async |t| {
            t.push(Reference::Digest(t.other()), &[]).await
        }),
        UseCase::new("by a new tag", push(&["new"]), "done", async |t| {
            t.push(by_tag("new"), &[]).await
        })
        .quietly(overwrites("new"), "done"),
        UseCase::new("by a tag that moves", push(&["v1"]), "done", async |t| {
            t.push(by_tag("v1"), &[]).await
        }),
        UseCase::new("by digest with tags", push(&["new", "v1"]), "done", async |t| {
            t.push(Reference::Digest(t.other()), &["new", "v1"]).await
        })
        .quietly(overwrites("new"), "done"),
        UseCase::new("a tag is deleted", [deletes("v1")], "done", async |t| {
            t.delete(by_tag("v1")).await
        }),
        // Its tags go with it.
        UseCase::new(
            "a manifest is deleted",
            delete().into_iter().chain([deletes("v1")]),
            "done",
            async |t| t.delete(Reference::Digest(t.image())).await,
        ),
        UseCase::new("a blob is deleted", delete(), "done", async |t| {
            let digest = digest(&t.prepared.image.blobs[0]);
            t.registry.delete_blob(&t.caller, &name("a"), &digest).await.map(done)
        }),
    ]
}

#[test]
fn each_use_case_asks_for_what_it_does_and_for_nothing_else() {
    for case in use_cases() {
        let (prepared, policy) = (Prepared::new(), Policy::denying(|_| false));
        let outcome = case.try_at(&prepared, prepared.registry(policy.clone()), user("alice"));
        assert_eq!(outcome, Outcome::Answer(case.answers.to_owned()), "{}", case.does);
        let mut asked = policy.asked();
        asked.retain(|access| Some(access) != case.besides.as_ref());
        assert_eq!(asked, case.asks, "{}", case.does);
    }
}

#[test]
fn what_is_denied_is_not_done_and_leaves_no_trace() {
    for case in use_cases() {
        for denied in &case.asks {
            let prepared = Prepared::new();
            let before = prepared.stored();
            let this = denied.clone();
            let policy = Policy::denying(move |access| *access == this);
            let outcome = case.try_at(&prepared, prepared.registry(policy), user("alice"));
            assert_eq!(outcome, case.without(denied), "{} without {denied:?}", case.does);
            if outcome == Outcome::Denied {
                assert_eq!(prepared.stored(), before, "{} without {denied:?}", case.does);
            }
        }
    }
}

#[test]
fn whoever_may_nothing_is_denied_with_nothing_but_the_repository_looked_up() {
    // D22: neither the answer nor the steps say whether there is such a repository.
    for case in use_cases() {
        let (prepared, faults) = (Prepared::new(), Faults::none());
        let before = prepared.stored();
        let registry = prepared.registry_behind(&faults, Policy::denying(|_| true));
        let outcome = case.try_at(&prepared, registry, user("alice"));
        assert_eq!(outcome, Outcome::Denied, "{}", case.does);
        let calls = faults.calls();
        let looks_up = |call: &Call| matches!(call, Call::Get(key) if key.kind() == "repository");
        assert!(calls.len() <= 1 && calls.iter().all(looks_up), "{}: {calls:?}", case.does);
        assert_eq!(prepared.stored(), before, "{}", case.does);
    }
}

#[test]
fn a_credential_is_good_for_its_scope_and_no_more() {
    for case in use_cases() {
        let scope = |accesses: Vec<Access>| user("alice").with_scope(carrying(accesses));
        // What may be pushed may be overwritten, as far as a credential goes, and what holds for a
        // repository holds for its tags.
        let within = |access: &Access| {
            let mut others = case.asks.iter().filter(|other| *other != access);
            others.any(|other| {
                other.action == access.action && other.resource.contains(&access.resource)
            })
        };
        let needs = case.asks.iter().filter(|access| access.action != Action::Overwrite);
        // What is in the catalog is a matter of who lists: a token for it names no repositories.
        let is_catalog = case.asks.contains(&lists());
        let needs = needs.filter(|access| !is_catalog || access.action == Action::Catalog);
        let needs: Vec<Access> = needs.filter(|access| !within(access)).cloned().collect();
        // What everybody may anyway is no matter of a scope.
        let policy = || Anonymous::new(AnonymousAccess::None, AllowAll);
        let prepared = Prepared::new();
        let registry = prepared.registry(policy());
        let outcome = case.try_at(&prepared, registry, scope(needs.clone()));
        assert_eq!(outcome, Outcome::Answer(case.answers.to_owned()), "{}", case.does);

        for lacks in &needs {
            let others = needs.iter().filter(|access| *access != lacks).cloned();
            let grants: Vec<Access> = others.chain(near(lacks)).collect();
            let prepared = Prepared::new();
            let before = prepared.stored();
            let outcome = case.try_at(&prepared, prepared.registry(policy()), scope(grants));
            let expected = match case.without(lacks) {
                Outcome::Denied => Outcome::OutOfScope,
                quiet => quiet,
            };
            assert_eq!(outcome, expected, "{} without {lacks:?}", case.does);
            if outcome == Outcome::OutOfScope {
                assert_eq!(prepared.stored(), before, "{} without {lacks:?}", case.does);
            }
        }
    }
}

pub(super) fn carrying(accesses: impl IntoIterator<Item = Access>) -> Scope {
    let grants = accesses.into_iter().map(|access| Grant::new(access.resource, [access.action]));
    Scope::Limited(grants.collect())
}

/// Everything that is nearly this access: other actions on the same, and the same action on others.
fn near(access: &Access) -> Vec<Access> {
    let actions = [Action::Pull, Action::Push, Action::Overwrite, Action::Delete, Action::Catalog];
    let resources = [
        Resource::Registry,
        Resource::Repository(name("a/b")),
        Resource::Tag(name("a"), tag("v1")),
        Resource::Tag(name("a"), tag("new")),
        Resource::Tag(name("b"), tag("v1")),
    ];
    let actions = actions.into_iter().filter(|action| *action != access.action);
    let actions = actions.map(|action| Access { action, ..access.clone() });
    let resources = resources.into_iter().filter(|resource| *resource != access.resource);
    let resources = resources.map(|resource| Access { resource, ..access.clone() });
    actions.chain(resources).collect()
}

#[test]
fn a_scope_does_not_replace_the_policy() {
    let everything = [Action::Pull, Action::Push, Action::Delete]
        .into_iter()
        .flat_map(|action| [on(action, "a"), on(action, "b")])
        .chain([lists()]);
    let caller = user("alice").with_scope(carrying(everything));
    for case in use_cases() {
        let prepared = Prepared::new();
        let registry = prepared.registry(Policy::denying(|_| true));
        assert_eq!(case.try_at(&prepared, registry, caller.clone()), Outcome::Denied);
    }
}
