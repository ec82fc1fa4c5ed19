//! `check`, and through it the sources of the configuration.

use crate::program::Program;

/// The line of a setting: its value as TOML, and where it comes from.
fn setting<'a>(stdout: &'a str, key: &str) -> (&'a str, &'a str) {
    let line = stdout.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
    let (value, origin) =
        line.and_then(|line| line.split_once('#')).unwrap_or_else(|| panic!("{key}: {stdout}"));
    (value.trim(), origin.trim())
}

#[test]
fn without_any_source_every_setting_has_its_default() {
    let program = Program::new();
    let run = program.run(&["check"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(setting(&run.stdout, "listen"), ("\"127.0.0.1:5000\"", "default"));
    assert_eq!(setting(&run.stdout, "store"), ("\"filesystem\"", "default"));
    assert_eq!(setting(&run.stdout, "durability"), ("\"power-safe\"", "default"));
    let data = program.path().canonicalize().expect("a path").join("registry-data");
    assert_eq!(setting(&run.stdout, "data").0, format!("{:?}", data.display().to_string()));
    assert!(run.stdout.lines().all(|line| line.ends_with("# default")), "{}", run.stdout);
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\ndata = \"/file\"\ndrain-time = \"1s\"\n";
    let program = Program::new()
        .file("registry.toml", file)
        .variable("REGISTRY_LISTEN", "127.0.0.1:2")
        .variable("REGISTRY_DATA", "/environment");
    let run = program.run(&["check", "--config", "registry.toml", "--listen", "127.0.0.1:3"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(setting(&run.stdout, "listen"), ("\"127.0.0.1:3\"", "--listen"));
    assert_eq!(setting(&run.stdout, "data"), ("\"/environment\"", "REGISTRY_DATA"));
    assert_eq!(setting(&run.stdout, "drain-time"), ("\"1s\"", "registry.toml line 3"));
}

#[test]
fn the_environment_names_the_file_where_no_flag_does() {
    let program = Program::new()
        .file("a.toml", "drain-time = \"1s\"")
        .file("b.toml", "drain-time = \"2s\"")
        .variable("REGISTRY_CONFIG", "a.toml");
    let run = program.run(&["check"]);
    assert_eq!(setting(&run.stdout, "drain-time"), ("\"1s\"", "a.toml line 1"));
    let run = program.run(&["check", "--config", "b.toml"]);
    assert_eq!(setting(&run.stdout, "drain-time"), ("\"2s\"", "b.toml line 1"));
}

#[test]
fn what_it_prints_is_a_file_that_says_the_same() {
    let program = Program::new().variable("REGISTRY_DATA", "/odd \"name\"\\#");
    let first = program.run(&["check", "--read-only", "--max-connections=7"]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let second =
        Program::new().file("same.toml", &first.stdout).run(&["check", "--config", "same.toml"]);
    assert_eq!((second.code, second.stderr.as_str()), (Some(0), ""));
    let values = |stdout: &str| -> Vec<String> {
        stdout
            .lines()
            .map(|line| line[..line.rfind('#').expect("an origin")].trim_end().into())
            .collect()
    };
    assert_eq!(values(&first.stdout), values(&second.stdout));
    assert!(second.stdout.lines().all(|line| line.contains("# same.toml line ")));
}

#[test]
fn a_switch_can_be_said_alone_and_be_taken_back() {
    let program = Program::new().variable("REGISTRY_READ_ONLY", "true");
    for (arguments, value) in [
        (&["check"][..], "true"),
        (&["check", "--read-only"], "true"),
        (&["check", "--read-only=false"], "false"),
    ] {
        assert_eq!(setting(&program.run(arguments).stdout, "read-only").0, value, "{arguments:?}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_code_2() {
    let program = Program::new()
        .file("registry.toml", "\nstroe = \"memory\"\nreferences = \"lax\"\n")
        .variable("REGISTRY_LISTN", "127.0.0.1:2")
        .variable("REGISTRY_MAX_CONNECTIONS", "0")
        .variable("REGISTRY_READ_SIZE", "2MiB")
        .variable("REGISTRY_BODY_RATE_WINDOW", "500ms");
    let run = program.run(&["check", "--config", "registry.toml", "--drain-time", "soon"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    let lines: Vec<_> = run.stderr.lines().collect();
    assert_eq!(
        lines,
        [
            "there is no setting for REGISTRY_LISTN in the environment; did you mean \
             REGISTRY_LISTEN?",
            "registry.toml line 2: there is no setting \"stroe\"; did you mean store?",
            "references is \"lax\" (registry.toml line 3), but must be strict or sparse",
            "max-connections is \"0\" (REGISTRY_MAX_CONNECTIONS), but must be a number, at least 1",
            "read-size is \"2MiB\" (REGISTRY_READ_SIZE), but must be a number of bytes such as \
             4194304, 4MiB or 10GiB, from 8KiB to 1MiB",
            "body-rate-window is \"500ms\" (REGISTRY_BODY_RATE_WINDOW), but must be a time such as \
             500ms, 30s, 5m, 24h or 7d, at least 1s",
            "drain-time is \"soon\" (--drain-time), but must be a time such as 500ms, 30s, 5m, 24h \
             or 7d, longer than none",
        ]
    );
}

#[test]
fn a_slip_in_a_flag_gets_a_suggestion_and_code_2() {
    let run = Program::new().run(&["check", "--lisen", "127.0.0.1:1"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("'--listen'"), "{}", run.stderr);
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_one_sentence() {
    let run = Program::new().run(&["check", "--config", "nowhere.toml"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stderr, "nowhere.toml cannot be read: No such file or directory (os error 2)\n");
    let run = Program::new().file("bad.toml", "a = [\n").run(&["check", "--config", "bad.toml"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.starts_with("bad.toml line 1: "), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1);
}

#[test]
fn the_network_is_refused_while_strangers_may_write() {
    let program = Program::new();
    let run = program.run(&["check", "--listen", "0.0.0.0:5000"]);
    assert_eq!((run.code, run.stderr.lines().count()), (Some(2), 1));
    assert!(run.stderr.contains("--allow-anonymous-writes-on-network"), "{}", run.stderr);
    for words in ["--allow-anonymous-writes-on-network", "--read-only"] {
        let run = program.run(&["check", "--listen", "0.0.0.0:5000", words]);
        assert_eq!(run.code, Some(0), "{words}: {}", run.stderr);
    }
}
