use std::sync::Arc;

use futures::executor::block_on;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{
    access::{Access, Action},
    identity::PrincipalKind,
    policy::Condition,
    ports::Verdict,
    record::{RepositoryRecord, Timestamp, Visibility},
};

const ACTIONS: [Action; 5] =
    [Action::Pull, Action::Push, Action::Overwrite, Action::Delete, Action::Catalog];

fn rules(json: &str) -> Rules {
    serde_json::from_str(json).unwrap()
}

fn rule(who: &[&str], repositories: &[&str], actions: &[Permission]) -> Rule {
    let who = who.iter().map(|who| who.parse().unwrap());
    let repositories = repositories.iter().map(|pattern| pattern.parse().unwrap());
    Rule::new(who, repositories, actions.iter().copied()).unwrap()
}

fn principal(text: &str) -> Principal {
    match text.split_once(':') {
        None => Principal::anonymous(),
        Some(("user", id)) => Principal::new(PrincipalKind::User, id),
        Some(("project", id)) => Principal::project(&id.parse().unwrap()),
        Some((_, id)) => Principal::new(PrincipalKind::Service, id),
    }
}

/// As the core asks: overwriting is of a tag, listing of the registry.
fn access(action: Action, repository: &str) -> Access {
    let name = repository.parse().unwrap();
    match action {
        Action::Catalog => Access::registry(action),
        Action::Overwrite => Access::tag(action, &name, &"latest".parse().unwrap()),
        _ => Access::repository(action, &name),
    }
}

fn decide(rules: &Rules, who: &str, access: &Access) -> Decision {
    decide_of(rules, who, Question::new(access.clone()))
}

fn decide_of(rules: &Rules, who: &str, question: Question) -> Decision {
    block_on(rules.authorize(&principal(who), &[question])).unwrap().remove(0)
}

/// A repository of `owner`, or of nobody where that is empty.
fn repository(owner: &str, visibility: Visibility) -> Option<Arc<RepositoryRecord>> {
    let created = Timestamp::from(std::time::UNIX_EPOCH);
    let id = "id".parse().unwrap();
    Some(Arc::new(RepositoryRecord::new(id, created, owner.to_owned(), visibility)))
}

/// What a push may do: `p`, or `C` where it may create the repository, or `c` where it may claim it.
fn push(rules: &Rules, who: &str, found: Option<Arc<RepositoryRecord>>) -> char {
    let asked = Question::within(access(Action::Push, "a/b"), found);
    let decision = decide_of(rules, who, asked);
    match (decision.verdict, decision.create, decision.claim) {
        (Verdict::Allow, true, false) => 'C',
        (Verdict::Allow, false, true) => 'c',
        (Verdict::Allow, false, false) => 'p',
        (_, false, false) => '-',
        odd => panic!("{odd:?}"),
    }
}

#[test]
fn who_may_do_what_where() {
    let rules = rules(
        r#"{"rule": [
            {"who": ["everybody"], "repositories": ["public/**"], "actions": ["pull"]},
            {"who": ["authenticated"], "actions": ["catalog"]},
            {"who": ["authenticated"], "repositories": ["{user}/**"],
             "actions": ["pull", "push", "create", "overwrite", "delete"]},
            {"who": ["user:alice"], "repositories": ["public/*"], "actions": ["push", "create"]},
            {"who": ["service:ci"], "repositories": ["public/app"],
             "actions": ["push", "overwrite"]},
            {"who": ["anonymous"], "repositories": ["drop"], "actions": ["push"]}
        ]}"#,
    );
    // A letter for each of pull, push (C where it may create), overwrite, delete, catalog.
    for (who, row) in [
        ("anonymous", ["r----", "r----", "-----", "-p---"]),
        ("user:alice", ["rC--l", "r---l", "rCodl", "----l"]),
        ("user:bob", ["r---l", "r---l", "----l", "----l"]),
        ("user:Alice", ["r---l", "r---l", "----l", "----l"]),
        ("service:ci", ["rpo-l", "r---l", "----l", "----l"]),
        ("service:alice", ["r---l", "r---l", "----l", "----l"]),
    ] {
        for (repository, expected) in
            ["public/app", "public/a/b", "alice/app", "drop"].iter().zip(row)
        {
            let letter = |(action, letter)| {
                let decision = decide(&rules, who, &access(action, repository));
                match decision.verdict {
                    Verdict::Allow if decision.create => 'C',
                    Verdict::Allow => letter,
                    _ => '-',
                }
            };
            let found: String = ACTIONS.into_iter().zip("rpodl".chars()).map(letter).collect();
            assert_eq!(found, expected, "{who} {repository}");
        }
    }
}

#[test]
fn the_reason_names_the_rule_and_never_breaks_the_line() {
    let pulls = |who| rule(&[who], &["a"], &[Permission::Pull]);
    let rules = Rules::new([pulls("user:alice"), pulls("user:bob").named("the \"b\"\nteam")]);
    let pull = Question::new(access(Action::Pull, "a"));
    let says = |who| rules.explain(&principal(who), &pull).to_string();
    assert_eq!(says("user:alice"), "rule 1 allows it");
    assert_eq!(says("user:bob"), r#"rule 2 "the \"b\"\nteam" allows it"#);
    let reason = |who| decide(&rules, who, &access(Action::Pull, "a")).reason;
    assert_eq!(reason("user:bob"), "a rule allows it", "which one is not written down each time");
    assert_eq!(reason("user:carol"), "no rule allows it; the repository does not exist");
    let of_registry = decide(&rules, "user:carol", &access(Action::Catalog, "a")).reason;
    assert_eq!(of_registry, "no rule allows it");
    let private = repository("user:alice", Visibility::Private);
    let asked = Question::within(access(Action::Pull, "a"), private.clone());
    let found = decide_of(&rules, "user:carol", asked).reason;
    assert_eq!(found, "no rule allows it; the repository is private and owned by user:alice");
    let owned = Rules::new([pulls("everybody").when([Condition::Owned]).unwrap()]);
    let asked = Question::within(access(Action::Pull, "a"), private);
    let says = owned.explain(&principal("user:alice"), &asked).to_string();
    assert_eq!(says, "rule 1 allows it when owned");
}

/// Who may push to a repository of each state, by what the rules ask of it. The states are told
/// apart in tests of their own: mixing up two of them lets somebody push where another pushes.
fn states() -> Rules {
    rules(
        r#"{"rule": [
            {"who": ["user:creator"], "repositories": ["**"], "when": ["new"],
             "actions": ["push", "create"]},
            {"who": ["user:claimer", "anonymous"], "repositories": ["**"], "when": ["unclaimed"],
             "actions": ["push", "claim"]},
            {"who": ["authenticated"], "repositories": ["**"], "when": ["owned"],
             "actions": ["push"]},
            {"who": ["user:visitor"], "repositories": ["**"], "when": ["unclaimed", "public"],
             "actions": ["push"]},
            {"who": ["user:member"], "repositories": ["**"], "when": ["claimed"],
             "actions": ["push"]},
            {"who": ["user:admin"], "repositories": ["**"], "actions": ["push", "create", "claim"]}
        ]}"#,
    )
}

const CAST: [&str; 7] = [
    "user:creator",
    "user:claimer",
    "user:visitor",
    "user:member",
    "user:admin",
    "user:owner",
    "anonymous",
];

#[track_caller]
fn assert_pushes(found: Option<Arc<RepositoryRecord>>, expected: &str) {
    let rules = states();
    let pushes: String = CAST.iter().map(|who| push(&rules, who, found.clone())).collect();
    assert_eq!(pushes, expected, "{CAST:?} {found:?}");
}

#[test]
fn a_push_to_a_repository_that_does_not_exist_needs_a_rule_for_new_ones_and_creates_it() {
    assert_pushes(None, "C---C--");
}

#[test]
fn a_push_to_an_unclaimed_repository_needs_a_rule_for_those_and_claims_it_for_whoever_logs_in() {
    assert_pushes(repository("", Visibility::Private), "-cp-c-p");
}

#[test]
fn a_push_to_a_claimed_repository_needs_its_owner_or_a_rule_for_those() {
    assert_pushes(repository("user:owner", Visibility::Private), "---ppp-");
    // One who is called the same and is somebody else.
    assert_pushes(repository("service:owner", Visibility::Private), "---pp--");
}

#[test]
fn a_push_to_a_public_repository_is_allowed_by_a_rule_for_those_whoever_owns_it() {
    assert_pushes(repository("user:owner", Visibility::Public), "--pppp-");
    assert_pushes(repository("", Visibility::Public), "-cp-c-p");
}

#[test]
fn what_a_principal_could_never_do_no_rule_gives_it() {
    let all = Rules::new([rule(&["everybody"], &["**"], &Permission::ALL)]);
    let asked = Question::new(access(Action::Pull, "b/c"));
    let acme = principal("project:acme");
    let explanation = all.explain(&acme, &asked);
    assert_eq!(explanation.step.excluded, Some(Exclusion::Principal));
    assert_eq!(explanation.decision().verdict, Verdict::Deny);
    assert_eq!(
        decide(&all, "project:acme", &access(Action::Pull, "acme/b")).verdict,
        Verdict::Allow
    );
}

#[test]
fn creating_without_pushing_is_nothing_and_both_may_come_from_two_rules() {
    let create = rule(&["everybody"], &["a/**"], &[Permission::Create]);
    let push = rule(&["user:alice"], &["**"], &[Permission::Push]);
    let both = Rules::new([create, push]);
    let asked = Question::new(access(Action::Push, "a/b"));
    let number = |step: Step<'_>| step.rule.map(|allowance| allowance.rule.number);
    let explanation = both.explain(&principal("user:alice"), &asked);
    assert_eq!(number(explanation.step), Some(2));
    assert_eq!(explanation.besides.map(|step| step.permission), Some(Permission::Create));
    assert_eq!(explanation.besides.and_then(number), Some(1));
    assert!(explanation.decision().create);
    let refused = both.explain(&principal("user:bob"), &asked);
    assert_eq!(number(refused.step), None);
    assert!(!refused.decision().create);
    assert!(!decide(&both, "user:alice", &access(Action::Push, "b")).create);
}

#[test]
fn what_is_asked_of_the_registry_is_answered_by_catalog_and_by_admin_of_everything() {
    let all = Rules::new([rule(&["everybody"], &["**"], &Permission::ALL)]);
    let below = Rules::new([rule(&["everybody"], &["*/**"], &Permission::ALL)]);
    let public = rule(&["everybody"], &["**"], &[Permission::Admin, Permission::Pull]);
    let public = Rules::new([public.when([Condition::New, Condition::Public]).unwrap()]);
    for action in ACTIONS.into_iter().chain([Action::Admin]) {
        let asked = Access::registry(action);
        let allowed = |rules| decide(rules, "user:alice", &asked).verdict == Verdict::Allow;
        let expected = matches!(action, Action::Catalog | Action::Admin);
        assert_eq!(allowed(&all), expected, "{action:?}");
        assert_eq!(allowed(&below), action == Action::Catalog, "{action:?}");
        assert!(!allowed(&public), "{action:?}");
    }
    assert!(all.rules[0].allows_somewhere(&principal("anonymous"), Permission::Delete));
}

#[test]
fn a_rule_that_says_nothing_or_says_it_oddly_is_refused() {
    for (json, error) in [
        (r#"{"who":[],"repositories":["a"],"actions":["pull"]}"#, "who is empty"),
        (r#"{"who":["everybody"],"repositories":["a"],"actions":[]}"#, "actions is empty"),
        (r#"{"who":["everybody"],"actions":["pull"]}"#, "unless catalog is its only action"),
        (r#"{"who":["everybody"],"actions":["catalog","pull"]}"#, "unless catalog is its only"),
        (r#"{"who":["alice"],"repositories":["a"],"actions":["pull"]}"#, "user:<id>"),
        (r#"{"who":["everybody"],"repositories":["A"],"actions":["pull"]}"#, "{user}"),
        (r#"{"who":["everybody"],"repositories":["a"],"actions":["pul"]}"#, "pull, push"),
        (r#"{"who":["everybody"],"repositories":["a"],"action":["pull"]}"#, "unknown field"),
        (r#"{"who":["everybody"],"repositories":["a"]}"#, "missing field `actions`"),
        (
            r#"{"who":["everybody"],"repositories":["a"],"when":[],"actions":["pull"]}"#,
            "leave it out",
        ),
        (r#"{"who":["everybody"],"when":["public"],"actions":["catalog"]}"#, "leave it out"),
        (
            r#"{"who":["everybody"],"repositories":["a"],"when":["open"],"actions":["pull"]}"#,
            "new, unclaimed",
        ),
        (
            r#"{"who":["everybody"],"repositories":["a"],"when":["owned","public"],
                "actions":["push","create"]}"#,
            "create means nothing where a repository has to be owned or public",
        ),
        (
            r#"{"who":["everybody"],"repositories":["a"],"when":["new","owned"],
                "actions":["push","claim"]}"#,
            "claim means nothing",
        ),
    ] {
        let found = serde_json::from_str::<Rule>(json).unwrap_err().to_string();
        assert!(found.contains(error), "{json}: {found}");
    }
    for json in ["{}", r#"{"rules":[]}"#, r#"{"rule":[],"default":"allow"}"#] {
        assert!(serde_json::from_str::<Rules>(json).is_err(), "{json}");
    }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let who = select(vec!["everybody", "anonymous", "authenticated", "user:a", "service:a"]);
    let repository = select(vec!["a", "a/*", "a/**", "**", "*/b", "{user}/**"]);
    let name = proptest::option::of("[a-z \"\n]{0,4}");
    let parts = (vec(who, 1..3), vec(repository, 1..3), vec(select(&Permission::ALL[..]), 1..4));
    let when = vec(select(&Condition::ALL[..]), 0..3);
    (parts, when, name).prop_map(|((who, repositories, actions), when, name)| {
        let rule = rule(&who, &repositories, &actions);
        // What would mean nothing is left without conditions.
        let rule = rule.clone().when(when).unwrap_or(rule);
        name.iter().fold(rule, |rule, name| rule.named(name))
    })
}

/// A repository in each state.
fn in_every_state() -> [Option<Arc<RepositoryRecord>>; 4] {
    let public = Visibility::Public;
    let private = Visibility::Private;
    [None, repository("", public), repository("", private), repository("user:a", private)]
}

/// Everything of a decision but the reason, for everybody and everything there is to ask here.
fn decided(rules: &Rules) -> Vec<[bool; 3]> {
    let mut decided = Vec::new();
    for who in ["anonymous", "user:a", "user:b", "service:a"] {
        for repository in ["a", "a/b", "a/b/c", "b/b", "c"] {
            for (action, found) in
                ACTIONS.into_iter().flat_map(|action| in_every_state().map(|found| (action, found)))
            {
                let asked = Question::within(access(action, repository), found);
                let Decision { verdict, create, claim, .. } = decide_of(rules, who, asked);
                decided.push([verdict == Verdict::Allow, create, claim]);
            }
        }
    }
    decided
}

proptest! {
    #[test]
    fn more_rules_never_allow_less(rules in vec(any_rule(), 0..6), more in any_rule(), at in 0..7_usize) {
        let before = decided(&Rules::new(rules.clone()));
        let mut rules = rules;
        rules.insert(at.min(rules.len()), more);
        let after = decided(&Rules::new(rules));
        for (before, after) in before.into_iter().zip(after) {
            prop_assert!(before.into_iter().zip(after).all(|(before, after)| before <= after));
        }
    }

    #[test]
    fn the_order_of_rules_decides_nothing(rules in vec(any_rule(), 0..6)) {
        let reversed = Rules::new(rules.iter().rev().cloned());
        prop_assert_eq!(decided(&Rules::new(rules)), decided(&reversed));
    }

    #[test]
    fn what_is_allowed_nowhere_is_allowed_in_no_repository(rules in vec(any_rule(), 0..3)) {
        let rules = Rules::new(rules);
        for who in ["anonymous", "user:a", "user:B", "service:a"].map(principal) {
            for action in ACTIONS {
                for repository in ["a", "a/b", "anonymous", "c"] {
                    let asked = access(action, repository);
                    let nowhere = rules.allowing_somewhere(&who, Permission::of(&asked)).is_none();
                    for found in in_every_state() {
                        let asked = Question::within(asked.clone(), found);
                        let allowed = rules.explain(&who, &asked).step.is_allowed();
                        prop_assert!(!nowhere || !allowed);
                    }
                }
            }
        }
    }

    #[test]
    fn rules_print_as_a_file_that_says_the_same(rules in vec(any_rule(), 0..6)) {
        let rules = Rules::new(rules);
        let printed = serde_json::to_string(&rules).unwrap();
        prop_assert_eq!(serde_json::from_str::<Rules>(&printed).unwrap(), rules);
    }
}
