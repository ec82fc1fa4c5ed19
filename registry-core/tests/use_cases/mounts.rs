//! Mounts, from where somebody may pull and from where they may not (decisions D11 and D12).

use futures::executor::block_on;
use registry_core::{
    access::{Action, Grant, Scope},
    error::RegistryError,
    identity::{Caller, Principal},
    policy::{AllowAll, Anonymous, AnonymousAccess},
    registry::Mount,
    testing::{Call, Faults},
};

use crate::{
    authorization::{Attempt, carrying, on},
    support::{Policy, Prepared, digest, name, user},
};

#[test]
fn a_token_that_was_not_asked_for_the_source_of_a_mount_is_refused_before_anything_is_written() {
    let prepared = Prepared::new();
    let before = prepared.stored();
    let caller = user("alice").with_scope(carrying([on(Action::Push, "new")]));
    // Whether or not the policy would let the caller: the answer says nothing of it.
    for policy in
        [Policy::denying(|_| false), Policy::denying(|access| access.action == Action::Pull)]
    {
        let registry = prepared.registry(policy);
        let (digest, new) = (digest(Prepared::SHARED), name("new"));
        let from = Some(name("b"));
        let mount = block_on(registry.mount_blob(&caller, &new, &digest, from.as_ref()));
        assert!(matches!(mount, Err(RegistryError::InsufficientScope)), "{mount:?}");
        assert_eq!(prepared.stored(), before);
    }
}

#[test]
fn a_mount_from_where_the_caller_may_not_pull_takes_the_same_steps_whatever_is_there() {
    // D12: neither the answer nor the time it takes says what is there.
    let steps = |public_mounts: bool, from: Option<&str>, blob: &str, scope: Scope| {
        let (prepared, faults) = (Prepared::new(), Faults::none());
        let policy = Policy::denying(|access| access.action == Action::Pull);
        let registry = prepared.builder_behind(&faults, policy.clone());
        let registry = registry.public_mounts(public_mounts).build();
        let (digest, from) = (digest(blob), from.map(name));
        let alice = user("alice").with_scope(scope);
        let mount = block_on(registry.mount_blob(&alice, &name("a"), &digest, from.as_ref()));
        assert!(matches!(mount, Ok(Mount::Upload(upload)) if upload.offset == 0));
        // The same calls of the stores, for records of the same kinds, in the same order.
        let step = |call: &Call| match call {
            Call::Get(key) => format!("get {}", key.kind()),
            other => format!("{other:?}").replace(&digest.to_string(), "<digest>"),
        };
        (faults.calls().iter().map(step).collect::<Vec<_>>(), policy.asked().len())
    };
    // A token that was asked for the source, and does not carry it; and a password.
    let a = Grant::repository(&name("a"), [Action::Push]);
    let token = |from: Option<&str>| {
        let asked = from.map(|from| Grant::repository(&name(from), []));
        Scope::Limited(asked.into_iter().chain([a.clone()]).collect())
    };
    for (has_token, public_mounts) in [(true, true), (true, false), (false, true), (false, false)] {
        let scope = |from| if has_token { token(from) } else { Scope::Full };
        let steps = |from, blob| steps(public_mounts, from, blob, scope(from));
        let there = steps(Some("b"), Prepared::SHARED);
        assert_eq!(steps(Some("b"), "nowhere"), there);
        assert_eq!(steps(Some("nowhere"), Prepared::SHARED), there);
        assert_eq!(steps(None, Prepared::SHARED), steps(None, "nowhere"));
    }
    // A token that names where the blob is, and one that names where it is not.
    let naming = |names: &str| carrying([on(Action::Push, "a"), on(Action::Pull, names)]);
    let steps = |names, blob| steps(false, None, blob, naming(names));
    let there = steps("b", Prepared::SHARED);
    assert_eq!(steps("b", "nowhere"), there);
    assert_eq!(steps("nowhere", Prepared::SHARED), there);
}

#[test]
fn what_everybody_may_pull_is_mounted_without_a_source_by_a_token_that_does_not_name_it() {
    // D11
    let mount = |anonymous, scope: Scope| {
        let prepared = Prepared::new();
        let registry = prepared.builder(Anonymous::new(anonymous, AllowAll));
        let registry = registry.public_mounts(true).build();
        let caller = user("alice").with_scope(scope);
        let attempt = Attempt { registry, caller, prepared: &prepared };
        block_on(attempt.mount(None)).expect("she may push to a")
    };
    let pushes = || on(Action::Push, "a");
    for (anonymous, scope, answer) in [
        (AnonymousAccess::Pull, carrying([pushes()]), "mounted"),
        (AnonymousAccess::None, carrying([pushes()]), "an upload"),
        (AnonymousAccess::None, carrying([pushes(), on(Action::Pull, "a")]), "an upload"),
        (AnonymousAccess::None, carrying([pushes(), on(Action::Pull, "b")]), "mounted"),
        (AnonymousAccess::None, Scope::Full, "mounted"),
    ] {
        assert_eq!(mount(anonymous, scope.clone()), answer, "{anonymous:?} {scope:?}");
    }
}

#[test]
fn a_token_mounts_nothing_that_it_does_not_name_unless_callers_without_credentials_are_let_in() {
    // The policy alone does not say that they are: an authenticator may refuse them.
    for (scope, answer) in [
        (carrying([on(Action::Push, "a")]), "an upload"),
        (carrying([on(Action::Push, "a"), on(Action::Pull, "a")]), "an upload"),
        (carrying([on(Action::Push, "a"), on(Action::Pull, "b")]), "mounted"),
    ] {
        let prepared = Prepared::new();
        let caller = user("alice").with_scope(scope.clone());
        let registry = prepared.registry(AllowAll);
        let attempt = Attempt { registry, caller, prepared: &prepared };
        assert_eq!(block_on(attempt.mount(None)).expect("she may push to a"), answer, "{scope:?}");
    }
}

#[test]
fn a_mount_without_a_source_finds_what_the_token_names_however_many_others_have_the_blob() {
    let prepared = Prepared::new();
    let registry = prepared.registry(AllowAll);
    let names: Vec<String> = (0..40).map(|at| format!("one/of/many/{at}")).collect();
    for text in &names {
        let (to, shared) = (name(text), digest(Prepared::SHARED));
        block_on(registry.mount_blob(&user("alice"), &to, &shared, Some(&name("b")))).unwrap();
    }
    for text in &names {
        let scope = carrying([on(Action::Push, "a"), on(Action::Pull, text)]);
        let (registry, caller) = (prepared.registry(AllowAll), user("alice").with_scope(scope));
        let attempt = Attempt { registry, caller, prepared: &prepared };
        assert_eq!(block_on(attempt.mount(None)).unwrap(), "mounted", "{text}");
    }
}

#[test]
fn a_project_mounts_from_outside_what_everybody_may_pull() {
    for (anonymous, answer) in
        [(AnonymousAccess::Pull, "mounted"), (AnonymousAccess::None, "an upload")]
    {
        let prepared = Prepared::new();
        let registry = prepared.builder(Anonymous::new(anonymous, AllowAll));
        let registry = registry.public_mounts(true).build();
        let caller = Caller::new(Principal::project(&name("a")), "");
        let attempt = Attempt { registry, caller, prepared: &prepared };
        assert_eq!(block_on(attempt.mount(None)).expect("it may push to a"), answer);
    }
}

#[test]
fn a_mount_without_a_source_looks_at_a_few_repositories_however_many_have_the_blob() {
    let prepared = Prepared::new();
    let registry = prepared.registry(AllowAll);
    for at in 0..100 {
        let (to, shared) = (name(&format!("of/everybody/{at}")), digest(Prepared::SHARED));
        block_on(registry.mount_blob(&user("alice"), &to, &shared, Some(&name("b")))).unwrap();
    }
    let faults = Faults::none();
    let registry = prepared.registry_behind(&faults, AllowAll);
    let attempt = Attempt { registry, caller: user("alice"), prepared: &prepared };
    assert_eq!(block_on(attempt.mount(None)).unwrap(), "mounted");
    assert!(faults.calls().len() < 50, "{} calls", faults.calls().len());
}
