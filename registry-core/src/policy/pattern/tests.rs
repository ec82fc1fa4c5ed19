use proptest::prelude::*;

use super::*;

fn user(id: &str) -> Principal {
    Principal::new(PrincipalKind::User, id)
}

fn fits(pattern: &str, principal: &Principal, name: &str) -> bool {
    let pattern: RepositoryPattern = pattern.parse().unwrap();
    pattern.fits(principal, &name.parse().unwrap())
}

#[test]
fn a_pattern_fits_what_it_says_and_nothing_else() {
    for (pattern, fitting, others) in [
        ("a", &["a"][..], &["b", "a/a", "aa"][..]),
        ("a/b", &["a/b"], &["a", "b", "a/b/c"]),
        ("*", &["a", "a.b-c"], &["a/b"]),
        ("team/*", &["team/a"], &["team", "team/a/b", "teams/a"]),
        ("team/app-*", &["team/app-1", "team/app-a-b"], &["team/app", "team/app1", "team/app-1/x"]),
        ("a*", &["a", "ab"], &["ba", "a/b"]),
        ("*a", &["a", "ba"], &["ab"]),
        ("a*a", &["aa", "aba"], &["a", "ab"]),
        ("*a*b*", &["ab", "xaxbx"], &["ba", "a", "b"]),
        ("*a*a*", &["aa", "baba"], &["a", "ba"]),
        ("a*ab*b", &["aabb", "aaabb"], &["aab", "abb", "ab"]),
        ("team/**", &["team", "team/a", "team/a/b/c"], &["teams", "a/team", "teams/a"]),
        ("**/a", &["a", "b/a", "b/c/a"], &["a/b", "ba"]),
        ("a/**/a", &["a/a", "a/b/a", "a/b/c/a"], &["a", "a/b"]),
        ("*/**/*", &["a/b", "a/b/c"], &["a"]),
        ("**", &["a", "a/b/c"], &[]),
    ] {
        for name in fitting {
            assert!(fits(pattern, &Principal::anonymous(), name), "{pattern} {name}");
        }
        for name in others {
            assert!(!fits(pattern, &Principal::anonymous(), name), "{pattern} {name}");
        }
    }
}

#[test]
fn a_namespace_of_ones_own_is_nobody_elses() {
    for (id, name, fitting) in [
        ("alice", "alice", true),
        ("alice", "alice/app/web", true),
        ("alice", "bob/app", false),
        ("alice", "alice-b/app", false),
        ("alice/app", "alice/app", false),
        ("Alice", "alice/app", false),
        ("*", "alice/app", false),
        ("**", "alice/app", false),
        ("{user}", "alice/app", false),
        ("", "alice/app", false),
    ] {
        assert_eq!(fits("{user}/**", &user(id), name), fitting, "{id} {name}");
    }
    let service = Principal::new(PrincipalKind::Service, "alice");
    assert!(!fits("{user}/**", &service, "alice/app"));
    assert!(!fits("{user}/**", &Principal::anonymous(), "anonymous/app"));
}

#[test]
fn the_namespace_of_a_project_is_whole_and_of_that_project() {
    let acme = Principal::project(&"acme".parse().unwrap());
    let team = Principal::project(&"acme/team".parse().unwrap());
    for (pattern, principal, fitting, others) in [
        ("{project}", &acme, &["acme"][..], &["acme/a", "acmes", "a/acme"][..]),
        ("{project}/**", &acme, &["acme", "acme/a", "acme/a/b"], &["acmes/a", "b/acme"]),
        ("{project}/*", &acme, &["acme/a"], &["acme", "acme/a/b", "acmes"]),
        ("{project}", &team, &["acme/team"], &["acme", "acme/team/a", "team"]),
        ("{project}/**", &team, &["acme/team", "acme/team/a"], &["acme/teams", "acme", "team/a"]),
        ("{project}/a/**/b", &team, &["acme/team/a/b", "acme/team/a/c/b"], &["acme/team/b"]),
        ("{project}/**", &user("acme"), &[], &["acme", "acme/a"]),
    ] {
        for (names, expected) in [(fitting, true), (others, false)] {
            for name in names {
                assert_eq!(fits(pattern, principal, name), expected, "{pattern} {name}");
            }
        }
    }
}

#[test]
fn the_namespaces_of_groups_are_for_their_members() {
    let alice = user("alice").with_groups(["dev", "ops", "Odd", "a/b"]);
    for (name, fitting) in [
        ("dev/app", true),
        ("ops", true),
        ("qa/app", false),
        ("alice/app", false),
        ("odd/app", false),
        ("a/b", false),
        ("a/b/c", false),
    ] {
        assert_eq!(fits("{group}/**", &alice, name), fitting, "{name}");
        assert!(!fits("{group}/**", &user("dev"), name), "{name}");
    }
    assert!(fits("x/{group}", &alice, "x/ops"));
}

#[test]
fn what_is_the_same_for_everybody_names_nobody() {
    for (pattern, same) in [
        ("**", true),
        ("a/*-b", true),
        ("{user}/**", false),
        ("**/{group}", false),
        ("{project}", false),
    ] {
        let parsed: RepositoryPattern = pattern.parse().unwrap();
        assert_eq!(parsed.is_same_for_all(), same, "{pattern}");
        assert_eq!(parsed.is_everything(), pattern == "**", "{pattern}");
    }
}

#[test]
fn a_pattern_is_for_whom_it_fits_something() {
    let anonymous = Principal::anonymous();
    for (pattern, principal, expected) in [
        ("a/**", &anonymous, true),
        ("{user}/**", &anonymous, false),
        ("a/{user}", &anonymous, false),
        ("**/{user}", &anonymous, false),
        ("a/{user}", &user("alice"), true),
        ("a/{user}", &user("Alice"), false),
        ("a/{user}", &user("alice/b"), false),
        ("a/*", &user("Alice"), true),
        ("{group}", &user("a"), false),
        ("{group}", &user("a").with_groups(["A", "b"]), true),
        ("{group}", &user("a").with_groups(["A"]), false),
        ("{project}/**", &user("a"), false),
        ("{project}/**", &Principal::project(&"a/b".parse().unwrap()), true),
    ] {
        let pattern: RepositoryPattern = pattern.parse().unwrap();
        assert_eq!(pattern.is_for(principal), expected, "{pattern} {principal:?}");
    }
}

#[test]
fn what_no_name_fits_is_refused() {
    for text in [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a..*",
        "-*",
        "*-",
        "a/.*",
        "a**",
        "**a",
        "***",
        "a b",
        "{user",
        "{user}-a",
        "{User}",
        "{groups}",
        "a/{project}",
        "**/{project}",
        "{project}-a",
        "a?",
        "[a]",
        "a:b",
        "*_-*",
        "**/",
        "ä*",
    ] {
        assert_eq!(text.parse::<RepositoryPattern>(), Err(PatternError::Grammar), "{text:?}");
    }
    assert_eq!("**/a/**".parse::<RepositoryPattern>(), Err(PatternError::Repeated));
    let long = "a".repeat(RepositoryName::MAX_LENGTH);
    assert!(long.parse::<RepositoryPattern>().is_ok());
    assert_eq!(format!("{long}a").parse::<RepositoryPattern>(), Err(PatternError::TooLong));
}

/// What a pattern means, tried in every way.
fn fits_naively(user: &str, pattern: &[u8], name: &[u8]) -> bool {
    let after = |word: &'static str| pattern.strip_prefix(word.as_bytes());
    let suffixes = || (0..=name.len()).map(|at| name.split_at(at));
    if let Some(rest) = after("**/") {
        return fits_naively(user, rest, name)
            || suffixes()
                .any(|(skipped, left)| skipped.ends_with(b"/") && fits_naively(user, rest, left));
    }
    if pattern == b"/**" && name.is_empty() || pattern == b"**" {
        return true;
    }
    if let Some(rest) = after("{user}") {
        return name.strip_prefix(user.as_bytes()).is_some_and(|n| fits_naively(user, rest, n));
    }
    if let Some(rest) = after("*") {
        return suffixes()
            .any(|(part, left)| !part.contains(&b'/') && fits_naively(user, rest, left));
    }
    match (pattern, name) {
        ([], []) => true,
        ([p, pattern @ ..], [n, name @ ..]) => p == n && fits_naively(user, pattern, name),
        _ => false,
    }
}

/// One that goes back to each star in turn would not be done in this world's time.
#[test]
fn many_stars_cost_no_more_than_one_look_at_the_name() {
    let pattern = format!("{}b", "a*".repeat(100));
    let name = format!("{}c", "a".repeat(250));
    assert!(!fits(&pattern, &Principal::anonymous(), &name));
    assert!(fits(&pattern, &Principal::anonymous(), &name.replace('c', "b")));
}

/// Few letters, so that much fits.
const NAME: &str = "[ab]{1,4}(-[ab]{1,2})?(/[ab]{1,3}){0,3}";
const PATTERN: &str = r"((\*?[ab]){0,3}\*?|\*\*|\{user\})(/((\*?[ab]){0,2}\*?|\*\*|\{user\})){0,3}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn it_fits_what_the_naive_reading_fits(text in PATTERN, name in NAME, id in "[ab]{1,2}") {
        if let Ok(pattern) = text.parse::<RepositoryPattern>() {
            let found = pattern.fits(&user(&id), &name.parse().unwrap());
            prop_assert_eq!(found, fits_naively(&id, text.as_bytes(), name.as_bytes()));
        }
    }

    #[test]
    fn whatever_parses_prints_back_and_fits_a_name(text in r"[ab*{}user/._-]{0,9}|(\{project\}/)?(\*\*|\{(user|group)\}|[ab*._-]{1,5})(/(\*\*|\{user\}|[ab*._-]{1,5})){0,3}") {
        if let Ok(pattern) = text.parse::<RepositoryPattern>() {
            prop_assert_eq!(pattern.to_string(), &*text);
            let name = text.replace("**", "x/x").replace('*', "x").replace("{user}", "alice");
            let name = name.replace("{group}", "dev").replace("{project}", "alice/app");
            let asker = if text.starts_with("{project}") {
                // It has no user's name, and no text here has both.
                prop_assume!(!text.contains("{user}"));
                Principal::project(&"alice/app".parse().unwrap())
            } else {
                user("alice")
            };
            let asker = asker.with_groups(["ops", "dev"]);
            prop_assert!(pattern.fits(&asker, &name.parse().unwrap()), "{}", name);
        }
    }
}
