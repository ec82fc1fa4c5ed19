use std::sync::Arc;

use futures::executor::block_on;

use super::*;
use crate::{
    access::{Access, Action},
    identity::{CredentialKind, PrincipalKind},
    policy::{CredentialMatrix, Exclusion, ImmutableTags},
    ports::Verdict,
    record::{RepositoryRecord, Timestamp, Visibility},
};

const FILE: &str = r#"{
    "rule": [
        {"name": "own", "who": ["everybody"], "repositories": ["{user}/**", "{project}/**"],
         "actions": ["pull", "push", "create", "claim", "overwrite", "delete"]},
        {"who": ["group:admins"], "repositories": ["**"],
         "actions": ["pull", "push", "create", "overwrite", "delete", "catalog", "admin"]}
    ],
    "immutable": [
        {"repositories": ["**"], "tags": ["v*"]},
        {"repositories": ["alice/*"], "tags": ["*-final"]}
    ],
    "credentials": {"project-key": ["pull", "push", "overwrite"]}
}"#;

fn policy() -> PolicyFile {
    serde_json::from_str(FILE).unwrap()
}

fn alice() -> Principal {
    let alice = Principal::new(PrincipalKind::User, "alice");
    alice.with_credential(CredentialKind::Password, None)
}

fn admin() -> Principal {
    let root = Principal::new(PrincipalKind::User, "root").with_groups(["admins"]);
    root.with_credential(CredentialKind::UserKey, Some("k1"))
}

fn project() -> Principal {
    let acme = Principal::project(&"acme".parse().unwrap());
    acme.with_credential(CredentialKind::ProjectKey, Some("k2"))
}

fn on(action: Action, name: &str) -> Question {
    Question::new(Access::repository(action, &name.parse().unwrap()))
}

fn on_tag(action: Action, name: &str, tag: &str) -> Question {
    Question::new(Access::tag(action, &name.parse().unwrap(), &tag.parse().unwrap()))
}

#[test]
fn the_explanation_names_the_rule_the_credentials_or_the_immutable_tags() {
    let (own, second) = ("rule 1 \"own\" allows it", "rule 2 allows it");
    let new = "; the repository does not exist";
    let key = "credentials of the kind project-key are not for it";
    for (who, question, decides) in [
        (alice(), on(Action::Pull, "alice/app"), own.to_owned()),
        (alice(), on(Action::Pull, "acme/app"), format!("no rule allows it{new}")),
        (admin(), on(Action::Pull, "alice/app"), second.to_owned()),
        (admin(), Question::new(Access::registry(Action::Admin)), second.to_owned()),
        (project(), on(Action::Push, "acme/app"), own.to_owned()),
        (project(), on(Action::Delete, "acme/app"), format!("{key}{new}")),
        (
            project(),
            on(Action::Pull, "alice/app"),
            format!("the credential is for less than this{new}"),
        ),
        (project(), on_tag(Action::Overwrite, "acme/app", "latest"), own.to_owned()),
        (
            project(),
            on_tag(Action::Overwrite, "acme/app", "v1"),
            format!("immutable 1 fixes the tag{new}"),
        ),
        (
            admin(),
            on_tag(Action::Delete, "alice/app", "1-final"),
            format!("immutable 2 fixes the tag{new}"),
        ),
        (admin(), on_tag(Action::Delete, "alice/app/web", "1-final"), second.to_owned()),
        (admin(), on_tag(Action::Pull, "alice/app", "v1"), second.to_owned()),
    ] {
        let policy = policy();
        let explanation = policy.explain(&who, &question);
        assert_eq!(explanation.to_string(), decides, "{who:?} {question:?}");
        let decision = explanation.decision();
        let allowed = decision.verdict == Verdict::Allow;
        assert_eq!(allowed, decides.contains(" allows it") && !decides.contains("no rule"));
        let reason = if allowed { "a rule allows it" } else { &decides };
        assert_eq!(decision.reason, reason);
    }
}

#[test]
fn what_a_push_may_do_besides_is_explained_too() {
    let policy = policy();
    let question = on(Action::Push, "acme/app");
    let explanation = policy.explain(&project(), &question);
    let besides = explanation.besides.expect("it would create the repository");
    assert_eq!(besides.permission, Permission::Create);
    assert_eq!(besides.rule.map(|allowance| allowance.rule.number), Some(1));
    assert_eq!(besides.excluded, Some(Exclusion::Credential(CredentialKind::ProjectKey)));
    let decision = explanation.decision();
    assert_eq!((decision.verdict, decision.create), (Verdict::Allow, false));

    let created = Timestamp::from(std::time::UNIX_EPOCH);
    let id = "id".parse().unwrap();
    let unclaimed = RepositoryRecord::new(id, created, String::new(), Visibility::Private);
    let asked = on(Action::Push, "alice/app").access;
    let question = Question::within(asked, Some(Arc::new(unclaimed)));
    let explanation = policy.explain(&alice(), &question);
    assert_eq!(explanation.besides.map(|step| step.permission), Some(Permission::Claim));
    assert!(explanation.decision().claim);
    assert_eq!(explanation.facts.to_string(), "the repository is private and unclaimed");
}

#[test]
fn the_file_decides_as_the_policies_of_its_parts_do_around_each_other() {
    let policy = policy();
    let inner = ImmutableTags::new(policy.immutable().to_vec(), policy.rules().clone());
    let wrapped = CredentialMatrix::new(policy.credentials().clone(), inner);
    let actions = [
        Action::Pull,
        Action::Push,
        Action::Overwrite,
        Action::Delete,
        Action::Catalog,
        Action::Admin,
    ];
    let mut questions: Vec<Question> =
        actions.iter().map(|action| Question::new(Access::registry(*action))).collect();
    for name in ["alice/app", "acme/app", "other"] {
        questions.extend(actions.iter().map(|action| on(*action, name)));
        for tag in ["v1", "x-final", "latest"] {
            questions.extend(actions.iter().map(|action| on_tag(*action, name, tag)));
        }
    }
    for who in [alice(), admin(), project(), Principal::anonymous()] {
        let decided = |authorizer: &dyn Authorizer| -> Vec<(Verdict, bool, bool)> {
            let decisions = block_on(authorizer.authorize(&who, &questions)).unwrap();
            decisions.into_iter().map(|d| (d.verdict, d.create, d.claim)).collect()
        };
        assert_eq!(decided(&policy), decided(&wrapped), "{who:?}");
    }
}

#[test]
fn a_file_prints_as_one_that_says_the_same_and_odd_ones_are_refused() {
    let policy = policy();
    let printed = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<PolicyFile>(&printed).unwrap(), policy);
    let rules = r#"{"rule":[{"who":["everybody"],"actions":["catalog"]}]}"#;
    let alone: PolicyFile = serde_json::from_str(rules).unwrap();
    assert_eq!(alone, PolicyFile::from(serde_json::from_str::<Rules>(rules).unwrap()));
    assert_eq!(serde_json::to_string(&alone).unwrap(), rules);
    for json in [
        "{}",
        r#"{"immutable": []}"#,
        r#"{"rule": [], "rules": []}"#,
        r#"{"rule": [], "credentials": {"keys": []}}"#,
        r#"{"rule": [], "immutable": [{"tags": ["*"]}]}"#,
    ] {
        assert!(serde_json::from_str::<PolicyFile>(json).is_err(), "{json}");
    }
}

#[test]
fn what_credentials_are_not_good_for_is_allowed_nowhere() {
    let policy = policy();
    let somewhere = |permission| policy.allowing_somewhere(&project(), permission).is_some();
    assert!(somewhere(Permission::Push));
    assert!(!somewhere(Permission::Delete));
}
