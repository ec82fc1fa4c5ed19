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
}
