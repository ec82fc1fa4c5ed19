//! Scopes separated by spaces (distribution, "Token Scope Documentation"): what is understood of them
//! was asked for, is of the protocol's grammar, and is printed to a text that says the same.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use regex::Regex;
use registry_core::access::{Action, Grant};

static SCOPE: LazyLock<Regex> = LazyLock::new(|| {
    let component = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*";
    let repository = format!(r"repository:{component}(/{component})*:(pull|push|delete|,)*");
    Regex::new(&format!(r"\A({repository}|registry:catalog:\*?)\z")).expect("it is an expression")
});

fuzz_target!(|text: &str| {
    let grants = Grant::parse_scopes(text);
    for (i, grant) in grants.iter().enumerate() {
        assert!(grants[..i].iter().all(|other| other.resource() != grant.resource()));
        assert!(asks_for(text, grant), "{grant:?}");
    }
    let scopes: Option<Vec<String>> = grants.iter().map(Grant::to_scope).collect();
    let scopes = scopes.expect("none is for a tag");
    assert!(scopes.iter().all(|scope| SCOPE.is_match(scope)), "{scopes:?}");
    assert_eq!(Grant::parse_scopes(&scopes.join(" ")), grants);
});

/// Whether for each action there is a scope that names the resource and has a word for it.
fn asks_for(text: &str, grant: &Grant) -> bool {
    let (_, name) = grant.resource().type_and_name().expect("none is for a tag");
    let words: Vec<&str> = text
        .split(' ')
        .filter_map(|scope| scope.rsplit_once(':'))
        .filter(|(resource, _)| resource.split_once(':').is_some_and(|(_, other)| other == name))
        .flat_map(|(_, words)| words.split(','))
        .collect();
    grant.actions().iter().all(|action| {
        let word = match action {
            Action::Pull => "pull",
            Action::Push => "push",
            Action::Delete => "delete",
            Action::Catalog => "*",
            other => panic!("{other:?} is no action of the protocol"),
        };
        words.contains(&word) || words.contains(&"*")
    })
}
