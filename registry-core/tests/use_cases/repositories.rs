//! Whose a repository is and who may see it: how it comes to that, and who changes it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use async_trait::async_trait;
use futures::{TryStreamExt, executor::block_on};
use registry_core::{
    access::{Access, Action},
    error::RegistryError,
    identity::{Caller, Principal},
    page::Page,
    policy::{AllowAll, PolicyFile},
    ports::{Authorizer, Fetched, ManifestOptions, Source, StoreError},
    record::{Nonce, RecordKey, RepositoryId, RepositoryRecord, Timestamp, Typed, Visibility},
    reference::Reference,
    registry::{ManifestUpload, Registry, RepositoryChange},
    testing::{Call, Faults, Seeded, Tap},
};

use crate::{
    plain::PlainRecords,
    support::{Policy, Prepared, body, by_tag, chunk, digest, name, tag, user},
};

fn policy(rules: &str) -> PolicyFile {
    serde_json::from_str(&format!(r#"{{"rule": [{rules}]}}"#)).expect("rules")
}

/// Whoever creates a repository, or claims one, may go on in it; what is public is for all to read.
const CLAIMING: &str = r#"
    {"who": ["everybody"], "repositories": ["**"], "when": ["new"], "actions": ["push", "create"]},
    {"who": ["everybody"], "repositories": ["**"], "when": ["unclaimed"],
     "actions": ["push", "claim"]},
    {"who": ["everybody"], "repositories": ["**"], "when": ["owned"],
     "actions": ["pull", "push", "overwrite", "delete", "admin"]},
    {"who": ["everybody"], "repositories": ["**"], "when": ["public"], "actions": ["pull"]},
    {"who": ["user:root"], "repositories": ["**"], "actions": ["admin"]}"#;

fn record(prepared: &Prepared, repository: &str) -> Option<RepositoryRecord> {
    let key = RecordKey::repository(&name(repository));
    let found = prepared.records.all().into_iter().find(|(other, _)| *other == key);
    found.map(|(_, record)| RepositoryRecord::decode(&record).expect("a repository"))
}

fn owner(prepared: &Prepared, repository: &str) -> String {
    record(prepared, repository).expect("it exists").owner
}

/// Makes a repository what somebody else made it.
fn adopt(records: &PlainRecords, repository: &str, owner: &str, visibility: Visibility) {
    let id: RepositoryId = "adopted".parse().expect("an id");
    let created = Timestamp::from(std::time::UNIX_EPOCH);
    let record = RepositoryRecord::new(id, created, owner.to_owned(), visibility);
    let nonce = Nonce::new(&Seeded::new(9));
    records.adopt(RecordKey::repository(&name(repository)), record.encode(nonce));
}

fn push(registry: &Registry, caller: &Caller, repository: &str) -> Result<(), RegistryError> {
    let bytes = "layer";
    block_on(registry.push_blob(caller, &name(repository), &digest(bytes), chunk(bytes)))
}

#[test]
fn a_new_repository_belongs_to_whoever_pushed_it_and_is_as_visible_as_was_set() {
    let prepared = Prepared::new();
    push(&prepared.registry(AllowAll), &user("carol"), "c").expect("everybody may");
    let found = record(&prepared, "c").expect("it was created");
    assert_eq!((&*found.owner, found.visibility), ("user:carol", Visibility::Private));

    let public = prepared.builder(AllowAll).default_visibility(Visibility::Public).build();
    push(&public, &Caller::anonymous(), "d").expect("everybody may");
    let found = record(&prepared, "d").expect("it was created");
    assert_eq!((&*found.owner, found.visibility), ("", Visibility::Public));
}

#[test]
fn an_unclaimed_repository_becomes_the_callers_with_a_push_that_may_claim_it_and_not_else() {
    let pushes = r#"{"who": ["everybody"], "repositories": ["**"], "actions": ["push", "create"]}"#;
    for (rules, who, expected) in [
        (CLAIMING, user("carol"), "user:carol"),
        (CLAIMING, Caller::anonymous(), ""),
        (pushes, user("carol"), ""),
    ] {
        let prepared = Prepared::new();
        let registry = prepared.registry(policy(rules));
        push(&registry, &Caller::anonymous(), "open").expect("it is new");
        let id = record(&prepared, "open").expect("it was created").id;
        assert_eq!(owner(&prepared, "open"), "");
        push(&registry, &who, "open").expect("it is unclaimed");
        assert_eq!(owner(&prepared, "open"), expected, "{who:?}");
        assert_eq!(record(&prepared, "open").expect("it stays").id, id);
        // Once it is somebody's it is nobody else's.
        let other = push(&registry, &user("dave"), "open");
        let stays = rules == CLAIMING && expected == "user:carol";
        assert_eq!(matches!(other, Err(RegistryError::Denied)), stays, "{other:?}");
    }
}

/// Makes a repository somebody else's just before the registry first puts its record.
struct Meanwhile {
    records: PlainRecords,
    repository: &'static str,
    owner: &'static str,
    done: AtomicBool,
}

#[async_trait]
impl Tap for Meanwhile {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let puts = call == Call::Put(RecordKey::repository(&name(self.repository)));
        if puts && !self.done.swap(true, SeqCst) {
            adopt(&self.records, self.repository, self.owner, Visibility::Private);
        }
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn whoever_loses_the_race_for_a_repository_is_asked_again_of_what_it_is_now() {
    for (before, owner_then, who, let_in) in [
        (None, "user:dave", "carol", false),
        (None, "user:carol", "carol", true),
        (None, "", "carol", true),
        (Some(""), "user:dave", "carol", false),
        (Some(""), "user:carol", "carol", true),
    ] {
        let prepared = Prepared::new();
        let records = prepared.records.clone();
        if let Some(owner) = before {
            adopt(&records, "raced", owner, Visibility::Public);
        }
        let done = AtomicBool::new(false);
        let meanwhile =
            Arc::new(Meanwhile { records, repository: "raced", owner: owner_then, done });
        let registry = prepared.registry_behind(&meanwhile, policy(CLAIMING));
        let pushed = push(&registry, &user(who), "raced");
        assert!(meanwhile.done.load(SeqCst), "somebody came between");
        match let_in {
            true => pushed.unwrap_or_else(|error| panic!("{before:?} {owner_then}: {error:?}")),
            false => assert!(matches!(pushed, Err(RegistryError::Denied)), "{pushed:?}"),
        }
        let expected = if owner_then.is_empty() { "user:carol" } else { owner_then };
        assert_eq!(owner(&prepared, "raced"), expected);
    }
}

/// A manifest without blobs, so that its push is the first thing in its repository.
fn empty_index(annotation: &str) -> Vec<u8> {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",
            "manifests":[],"annotations":{{"a":"{annotation}"}}}}"#
    )
    .into_bytes()
}

/// Lets another process push a manifest to a tag just before the registry creates the repository.
struct Overtaken {
    other: Registry,
    done: AtomicBool,
}

#[async_trait]
impl Tap for Overtaken {
    type Ticket = ();

    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let creates = matches!(&call, Call::Put(key) if key.kind() == "repository");
        if creates && !self.done.swap(true, SeqCst) {
            let upload = ManifestUpload::new(body(empty_index("theirs")));
            let (caller, raced) = (user("dave"), name("raced"));
            let v1 = by_tag("v1");
            let pushed = self.other.push_manifest(&caller, &raced, &v1, &[], upload);
            pushed.await.expect("everybody may");
        }
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn whether_a_tag_may_move_is_asked_again_where_the_repository_came_meanwhile() {
    // May overwrite what is new, where there is nothing to overwrite, and not what is there.
    let rules = r#"
        {"who": ["everybody"], "repositories": ["**"], "actions": ["push", "create"]},
        {"who": ["everybody"], "repositories": ["**"], "when": ["new"], "actions": ["overwrite"]}"#;
    let prepared = Prepared::new();
    let other = prepared.registry(AllowAll);
    let overtaken = Arc::new(Overtaken { other, done: AtomicBool::new(false) });
    let registry = prepared.registry_behind(&overtaken, policy(rules));
    let (carol, raced) = (user("carol"), name("raced"));
    let upload = ManifestUpload::new(body(empty_index("mine")));
    let pushed = block_on(registry.push_manifest(&carol, &raced, &by_tag("v1"), &[], upload));
    assert!(matches!(pushed, Err(RegistryError::Denied)), "{pushed:?}");
    assert!(overtaken.done.load(SeqCst), "somebody came between");
    let reads = prepared.registry(AllowAll);
    let found =
        block_on(reads.manifest(&carol, &raced, &by_tag("v1"), &ManifestOptions::default()));
    let Ok(Fetched::Found(found)) = found else { panic!("{found:?}") };
    assert_eq!(found.bytes, empty_index("theirs"));
    // Nor was it stored without its tag.
    let mine = Reference::Digest(digest(empty_index("mine")));
    let found = block_on(reads.manifest(&carol, &raced, &mine, &ManifestOptions::default()));
    assert!(matches!(found, Ok(Fetched::Unknown)), "{found:?}");
}

#[test]
fn a_repository_is_looked_up_once_for_a_push_that_finds_it() {
    for manifest in [false, true] {
        let (prepared, faults) = (Prepared::new(), Faults::none());
        let registry = prepared.registry_behind(&faults, AllowAll);
        let (alice, a) = (user("alice"), name("a"));
        if manifest {
            let upload = ManifestUpload::new(body(prepared.other.manifest.clone()));
            let tags = [tag("v2"), tag("v3")];
            let reference = Reference::Digest(prepared.other.digest());
            block_on(registry.push_manifest(&alice, &a, &reference, &tags, upload)).map(drop)
        } else {
            push(&registry, &alice, "a")
        }
        .expect("everybody may");
        let key = RecordKey::repository(&a);
        let looks = faults.calls().into_iter().filter(|call| *call == Call::Get(key.clone()));
        assert_eq!(looks.count(), 1, "manifest: {manifest}");
    }
}

fn changed(
    registry: &Registry,
    caller: &Caller,
    change: RepositoryChange,
) -> Result<Arc<RepositoryRecord>, RegistryError> {
    block_on(registry.change_repository(caller, &name("c"), &change))
}

#[test]
fn owner_and_visibility_are_changed_by_whom_the_policy_lets() {
    let prepared = Prepared::new();
    let registry = prepared.registry(policy(CLAIMING));
    let (carol, dave, root) = (user("carol"), user("dave"), user("root"));
    push(&registry, &carol, "c").expect("it is new");
    let pulls = |who: &Caller| {
        let page = Page::default();
        match block_on(registry.tags(who, &name("c"), &page)) {
            Ok(Fetched::Found(_)) => true,
            Err(RegistryError::Denied) => false,
            other => panic!("{other:?}"),
        }
    };
    assert!(pulls(&carol) && !pulls(&dave) && !pulls(&Caller::anonymous()));

    let public = || RepositoryChange::new().visible_to(Visibility::Public);
    for refused in [&dave, &Caller::anonymous()] {
        let before = prepared.stored();
        let tried = changed(&registry, refused, public());
        assert!(matches!(tried, Err(RegistryError::Denied)), "{tried:?}");
        assert_eq!(prepared.stored(), before);
    }
    let now = changed(&registry, &carol, public()).expect("it is hers");
    assert_eq!((&*now.owner, now.visibility), ("user:carol", Visibility::Public));
    assert!(pulls(&dave) && pulls(&Caller::anonymous()));

    let given = RepositoryChange::new().owned_by(&dave.principal);
    let now = changed(&registry, &root, given).expect("root may everything");
    assert_eq!((&*now.owner, now.visibility), ("user:dave", Visibility::Public));
    let tried = changed(&registry, &carol, public());
    assert!(matches!(tried, Err(RegistryError::Denied)), "it was hers: {tried:?}");

    let freed = RepositoryChange::new().owned_by(&Principal::anonymous());
    changed(&registry, &root, freed).expect("root may everything");
    assert_eq!(owner(&prepared, "c"), "");
    push(&registry, &carol, "c").expect("it can be claimed");
    assert_eq!(owner(&prepared, "c"), "user:carol");

    let before = prepared.stored();
    changed(&registry, &root, RepositoryChange::new()).expect("nothing is to change");
    assert_eq!(prepared.stored(), before, "nothing is written");
    let unknown = block_on(registry.change_repository(&root, &name("nowhere"), &public()));
    assert!(matches!(unknown, Err(RegistryError::NameUnknown)), "{unknown:?}");
    let tried = block_on(registry.change_repository(&dave, &name("nowhere"), &public()));
    assert!(matches!(tried, Err(RegistryError::Denied)), "no oracle: {tried:?}");
}

#[test]
fn whoever_looks_after_the_registry_sees_all_repositories_and_nobody_else_does() {
    let prepared = Prepared::new();
    let registry = prepared.registry(policy(CLAIMING));
    push(&registry, &Caller::anonymous(), "c").expect("it is new");
    let listed = |page: &Page| {
        let listed = block_on(registry.all_repositories(&user("root"), page)).expect("root may");
        let all: Vec<_> = block_on(listed.entries.try_collect()).expect("nothing fails");
        let line = |status: &registry_core::registry::RepositoryStatus| {
            format!("{} {}", status.name, status.record.owner)
        };
        (all.iter().map(line).collect::<Vec<_>>(), listed.next)
    };
    let all = vec!["a user:alice".to_owned(), "b user:alice".to_owned(), "c ".to_owned()];
    assert_eq!(listed(&Page::default()), (all.clone(), None));
    let mut page = Page::default();
    page.n = Some(2);
    assert_eq!(listed(&page), (all[..2].to_vec(), Some("b".to_owned())));
    page.last = Some("b".to_owned());
    assert_eq!(listed(&page), (all[2..].to_vec(), None));
    for refused in [user("alice"), Caller::anonymous()] {
        let tried = block_on(registry.all_repositories(&refused, &Page::default()));
        assert!(matches!(tried, Err(RegistryError::Denied)), "{refused:?}");
    }
}

#[test]
fn a_policy_is_explained_with_the_facts_of_the_store() {
    let prepared = Prepared::new();
    let rules = policy(CLAIMING);
    let registry = prepared.registry(rules.clone());
    adopt(&prepared.records, "open", "", Visibility::Public);
    let explain = |who: &Caller, action, repository: &str| {
        let access = Access::repository(action, &name(repository));
        let question = block_on(registry.question(access)).expect("nothing fails");
        let explanation = rules.explain(&who.principal, &question);
        let decided = block_on(rules.authorize(&who.principal, std::slice::from_ref(&question)));
        let decided = decided.expect("it decides").remove(0);
        assert_eq!(decided.verdict, explanation.decision().verdict);
        let besides = explanation.besides.map(|step| format!(", {}: {step}", step.permission));
        format!("{explanation}{} [{}]", besides.unwrap_or_default(), explanation.facts)
    };
    let (alice, bob) = (user("alice"), user("bob"));
    for (who, action, repository, expected) in [
        (
            &bob,
            Action::Pull,
            "a",
            "no rule allows it; the repository is private and owned by user:alice \
             [the repository is private and owned by user:alice]",
        ),
        (
            &alice,
            Action::Pull,
            "a",
            "rule 3 allows it when owned [the repository is private and owned by user:alice]",
        ),
        (
            &bob,
            Action::Push,
            "nowhere",
            "rule 1 allows it when new, create: rule 1 allows it when new \
             [the repository does not exist]",
        ),
        (
            &bob,
            Action::Push,
            "open",
            "rule 2 allows it when unclaimed, claim: rule 2 allows it when unclaimed \
             [the repository is public and unclaimed]",
        ),
    ] {
        assert_eq!(explain(who, action, repository), expected, "{who:?}");
    }
}

#[test]
fn an_authorizer_of_an_application_says_itself_what_is_claimed() {
    // Not what `Decision::allow` says: to own something is more than to write to it.
    let prepared = Prepared::new();
    adopt(&prepared.records, "open", "", Visibility::Public);
    push(&prepared.registry(Policy::denying(|_| false)), &user("bob"), "open").expect("it may");
    assert_eq!(owner(&prepared, "open"), "");
}
