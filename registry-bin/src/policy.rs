//! The file that says who may do what.

mod live;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use registry_core::policy::{Numbered, PolicyFile};

pub(crate) use live::LivePolicy;

/// Why there are no rules, in one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("the policy {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} line {line} column {column}: {reason}", path.display())]
    Wrong { path: PathBuf, line: usize, column: usize, reason: String },
}

/// Reads the policy in the file at `path`.
pub(crate) fn read(path: &Path) -> Result<PolicyFile, PolicyError> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(source) => Err(PolicyError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The policy as a file that says the same, with the numbers of its rules.
pub(crate) fn render(policy: &PolicyFile) -> String {
    let render = |numbered: Numbered<'_>| {
        let rule = toml::to_string(numbered.rule).expect("a rule is a table of strings");
        format!("# rule {}\n[[rule]]\n{rule}", numbered.number)
    };
    let mut tables: Vec<String> = policy.rules().iter().map(render).collect();
    for (i, immutable) in policy.immutable().iter().enumerate() {
        let table = toml::to_string(immutable).expect("they are lists of strings");
        tables.push(format!("# immutable {}\n[[immutable]]\n{table}", i + 1));
    }
    if !policy.credentials().is_empty() {
        let table = toml::to_string(policy.credentials()).expect("it is a table of strings");
        tables.push(format!("[credentials]\n{table}"));
    }
    tables.join("\n")
}

fn parse(path: &Path, text: &str) -> Result<PolicyFile, PolicyError> {
    toml::from_str(text).map_err(|error| {
        let before = &text[..error.span().map_or(0, |span| span.start)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        PolicyError::Wrong {
            path: path.to_owned(),
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line_start..].chars().count(),
            reason: error.message().replace('\n', "; "),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use registry_core::{
        access::{Access, Action},
        identity::{CredentialKind, Principal, PrincipalKind},
        name::RepositoryName,
        ports::{Question, Verdict},
        record::{RepositoryRecord, Visibility},
    };

    use super::*;

    fn parse_text(text: &str) -> Result<PolicyFile, String> {
        parse(Path::new("policy.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_wrong_is_one_sentence_with_its_place() {
        let rule = "[[rule]]\nwho = [\"everybody\"]\nrepositories = [\"ä\", \"**\"]\n";
        for (text, error) in [
            (String::new(), "policy.toml line 1 column 1: missing field `rule`"),
            ("rule = [".to_owned(), "policy.toml line 1 column 9: unclosed array"),
            ("[[rules]]".to_owned(), "policy.toml line 1 column 3: unknown field `rules`"),
            (
                rule.replace("everybody", "alice").replace('ä', "a"),
                "policy.toml line 2 column 8: who is everybody, ",
            ),
            (rule.to_owned(), "policy.toml line 3 column 17: a pattern is a repository name, "),
            (rule.replace('ä', "a"), "policy.toml line 1 column 1: missing field `actions`"),
            (
                rule.replace("\"ä\"", "7"),
                "policy.toml line 3 column 17: invalid type: integer `7`, expected a string",
            ),
            (
                format!("# ä\n{}actions = []", rule.replace('ä', "a")),
                "policy.toml line 2 column 1: a rule allows something: actions is empty",
            ),
            (
                format!("{}actions = [\"pull\", \"psh\"]", rule.replace('ä', "a")),
                "policy.toml line 4 column 20: an action is pull, push, ",
            ),
        ] {
            let found = parse_text(&text).expect_err(&text);
            assert!(found.starts_with(error) && found.lines().count() == 1, "{text}\n{found}");
        }
    }

    #[test]
    fn what_is_printed_is_a_file_that_says_the_same() {
        let text = "[[rule]]\nname = \"odd \\\"\\n[[rule]]\"\nwho = [\"user:a\\\"b\", \"anonymous\"]\n\
                    repositories = [\"{user}/**\"]\nactions = [\"pull\"]\n\
                    [[rule]]\nwho = [\"everybody\"]\nactions = [\"catalog\"]\n\
                    [[immutable]]\nrepositories = [\"**\"]\ntags = [\"v*\"]\n\
                    [credentials]\nproject-key = [\"push\"]\n";
        let policy = parse_text(text).expect("a policy");
        assert_eq!(parse_text(&render(&policy)), Ok(policy));
    }

    #[test]
    fn the_documented_example_means_what_the_document_says() {
        let document = include_str!("../../docs/OPERATIONS.md");
        let (_, rest) = document.split_once("```toml\n").expect("an example");
        let (example, _) = rest.split_once("```").expect("its end");
        let policy = parse_text(example).expect("a policy");
        let user = |id, groups: &[&'static str]| {
            let user = Principal::new(PrincipalKind::User, id).with_groups(groups.to_vec());
            user.with_credential(CredentialKind::Password, None)
        };
        let nobody = Principal::anonymous();
        let (alice, acme, root) =
            (user("alice", &[]), user("bob", &["acme"]), user("c", &["admins"]));
        let with_key = alice.clone().with_credential(CredentialKind::UserKey, Some("k1"));
        let name = |text: &str| text.parse::<RepositoryName>().expect("a name");
        let builds = Principal::project(&name("acme"));
        let runner = Principal::runner(&name("acme/app"));
        // A letter for each of pull, push (C where it creates), overwrite of latest and of v1, delete
        // of those, admin.
        for (who, repository, visibility, expected) in [
            (&nobody, "public/app", None, "r------"),
            (&nobody, "acme/app", Some(Visibility::Private), "-------"),
            (&nobody, "acme/app", Some(Visibility::Public), "r------"),
            (&alice, "alice/app", None, "rCoOdDa"),
            (&alice, "acme/app", Some(Visibility::Private), "-------"),
            (&with_key, "alice/app", None, "rCoO---"),
            (&acme, "acme/app", None, "rCo----"),
            (&acme, "acme/app", Some(Visibility::Private), "rpo----"),
            (&acme, "public/acme-app", None, "rCoO---"),
            (&acme, "public/app", None, "r------"),
            (&builds, "acme/app", None, "rC-----"),
            (&builds, "acme/app", Some(Visibility::Private), "rp-----"),
            (&builds, "public/app", None, "-------"),
            (&runner, "acme/app", Some(Visibility::Private), "r------"),
            (&runner, "acme/web", Some(Visibility::Private), "-------"),
            (&root, "alice/app", None, "rCoOdDa"),
            (&root, "acme/app", Some(Visibility::Private), "rpo-d-a"),
        ] {
            let name = name(repository);
            let on = |action| Access::repository(action, &name);
            let on_tag =
                |action, tag: &str| Access::tag(action, &name, &tag.parse().expect("a tag"));
            let accesses = [
                (on(Action::Pull), 'r'),
                (on(Action::Push), 'p'),
                (on_tag(Action::Overwrite, "latest"), 'o'),
                (on_tag(Action::Overwrite, "v1"), 'O'),
                (on_tag(Action::Delete, "latest"), 'd'),
                (on_tag(Action::Delete, "v1"), 'D'),
                (on(Action::Admin), 'a'),
            ];
            let letter = |(access, letter)| {
                let found = visibility.map(|visibility| {
                    let id = "id".parse().expect("an id");
                    let created = UNIX_EPOCH.into();
                    RepositoryRecord::new(id, created, "user:somebody".to_owned(), visibility)
                        .into()
                });
                let decision = policy.explain(who, &Question::within(access, found)).decision();
                match decision.verdict {
                    Verdict::Allow if decision.create => 'C',
                    Verdict::Allow => letter,
                    _ => '-',
                }
            };
            let letters: String = accesses.into_iter().map(letter).collect();
            assert_eq!(letters, expected, "{who:?} {repository} {visibility:?}");
        }
    }
}
