use futures::executor::block_on;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::{access::Action, identity::PrincipalKind, ports::Verdict};

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
    block_on(rules.authorize(&principal(who), &[Question::new(access.clone())])).unwrap().remove(0)
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
    let reason = |who| decide(&rules, who, &access(Action::Pull, "a")).reason;
    assert_eq!(reason("user:alice"), "rule 1 allows it");
    assert_eq!(reason("user:bob"), r#"rule 2 "the \"b\"\nteam" allows it"#);
    assert_eq!(reason("user:carol"), "no rule allows it");
}

#[test]
fn creating_without_pushing_is_nothing_and_both_may_come_from_two_rules() {
    let create = rule(&["everybody"], &["a/**"], &[Permission::Create]);
    let push = rule(&["user:alice"], &["**"], &[Permission::Push]);
    let both = Rules::new([create, push]);
    let asked = access(Action::Push, "a/b");
    let (alice, bob) = (principal("user:alice"), principal("user:bob"));
    let explanation = both.explain(&alice, &asked);
    assert_eq!(explanation.allowed_by.map(|rule| rule.number), Some(2));
    assert_eq!(explanation.created_by.map(|rule| rule.number), Some(1));
    let refused = both.explain(&bob, &asked);
    assert_eq!((refused.allowed_by, refused.created_by), (None, None));
    assert!(!decide(&both, "user:alice", &access(Action::Push, "b")).create);
}

#[test]
fn what_is_asked_of_the_registry_is_answered_by_catalog_alone() {
    let all = Rules::new([rule(&["everybody"], &["**"], &Permission::ALL)]);
    for action in ACTIONS {
        let asked = Access::registry(action);
        let allowed = decide(&all, "user:alice", &asked).verdict == Verdict::Allow;
        assert_eq!(allowed, action == Action::Catalog, "{action:?}");
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
    (parts, name).prop_map(|((who, repositories, actions), name)| {
        let rule = rule(&who, &repositories, &actions);
        name.iter().fold(rule, |rule, name| rule.named(name))
    })
}

/// Everything of a decision but the reason, for everybody and everything there is to ask here.
fn decided(rules: &Rules) -> Vec<(bool, bool)> {
    let mut decided = Vec::new();
    for who in ["anonymous", "user:a", "user:b", "service:a"] {
        for repository in ["a", "a/b", "a/b/c", "b/b", "c"] {
            for action in ACTIONS {
                let decision = decide(rules, who, &access(action, repository));
                decided.push((decision.verdict == Verdict::Allow, decision.create));
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
            prop_assert!(before.0 <= after.0 && before.1 <= after.1);
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
                    prop_assert!(!nowhere || rules.explain(&who, &asked).allowed_by.is_none());
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
