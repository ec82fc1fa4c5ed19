//! What the files say.

use std::path::Path;

/// Who may do what, for a start.
pub(super) const POLICY: &str = r#"# Who may do what. What no rule allows is refused; what the rules allow adds up.
# A change is taken within two seconds. To see what it means:
#
#   registry-bin policy check policy.toml
#   registry-bin explain alice push team/app

# registry-bin user add alice --group admins
[[rule]]
name = "admins"
who = ["group:admins"]
repositories = ["**"]
actions = ["pull", "push", "create", "claim", "overwrite", "delete", "catalog", "admin"]

# alice does what she likes in alice and below, a project's key in what it is for:
# registry-bin key create --project team
[[rule]]
name = "own namespace"
who = ["authenticated"]
repositories = ["{user}/**", "{project}/**"]
actions = ["pull", "push", "create", "overwrite", "delete"]

# Members of a group share the namespace of its name: team/app for the group team.
[[rule]]
name = "namespace of a group"
who = ["authenticated"]
repositories = ["{group}/**"]
actions = ["pull", "push", "create", "overwrite"]

# registry-bin repository set team/app --owner user:alice
[[rule]]
name = "owners"
who = ["authenticated"]
repositories = ["**"]
when = ["owned"]
actions = ["pull", "push", "overwrite", "delete", "admin"]

# registry-bin repository set team/app --visibility public
[[rule]]
name = "public repositories"
who = ["everybody"]
repositories = ["**"]
when = ["public"]
actions = ["pull"]

# registry-bin key create --runner team/app
[[rule]]
name = "runners"
who = ["runner:*"]
repositories = ["**"]
actions = ["pull"]

# What nobody above gives stays private. So bob may pull what is in team, and push nowhere but in bob:
# [[rule]]
# name = "bob looks on"
# who = ["user:bob"]
# repositories = ["team/**"]
# actions = ["pull"]

# Or every user may pull everything:
# [[rule]]
# name = "readers"
# who = ["user:*"]
# repositories = ["**"]
# actions = ["pull"]

# Whoever lists sees what they may pull.
[[rule]]
name = "catalog"
who = ["authenticated"]
actions = ["catalog"]

# Tags that stay what they are.
# [[immutable]]
# repositories = ["**"]
# tags = ["v*"]

# What keys are good for, whosever they are.
# [credentials]
# project-key = ["pull", "push", "create"]
"#;

/// How the server runs, for a start.
pub(super) fn configuration(data: &Path) -> String {
    // A TOML string of whatever the path has.
    let data = toml::Value::String(data.display().to_string());
    format!(
        "# How the server runs. `registry-bin serve` reads this file where it is started next to it,\n\
         # and `registry-bin check` shows all settings there are.\n\
         \n\
         # For other machines: 0.0.0.0:5000, with a certificate.\n\
         listen = \"127.0.0.1:5000\"\n\
         # tls-certificate = \"/etc/registry/tls.crt\"\n\
         # tls-key = \"/etc/registry/tls.key\"\n\
         \n\
         # The address that clients know, where a proxy stands before the server.\n\
         # public-url = \"https://registry.example.com\"\n\
         # trusted-proxies = \"10.0.0.0/8\"\n\
         \n\
         # Everything that is pushed, the users and their keys. Paths count from this file.\n\
         data = {data}\n\
         \n\
         # Users and keys are made by `registry-bin user add` and `registry-bin key create`.\n\
         accounts = true\n\
         \n\
         # What they may do.\n\
         policy = \"policy.toml\"\n\
         \n\
         # Who did what, in lines of JSON.\n\
         # audit-log = \"audit.jsonl\"\n"
    )
}

#[cfg(test)]
mod tests {
    use registry_core::policy::PolicyFile;

    use super::*;
    use crate::config::TABLE;

    /// The policy with all of its examples.
    fn with_examples() -> String {
        let line = |line: &'static str| match line.strip_prefix("# ") {
            Some(example) if example.starts_with('[') || example.contains(" = ") => example,
            _ => line,
        };
        POLICY.lines().map(|text| line(text).to_owned() + "\n").collect()
    }

    #[test]
    fn the_policy_is_one_and_so_it_is_with_its_examples() {
        let policy: PolicyFile = toml::from_str(POLICY).expect("a policy");
        let more: PolicyFile = toml::from_str(&with_examples()).expect("a policy");
        let [rules, more_rules] = [&policy, &more].map(|policy| policy.rules().iter().count());
        assert_eq!(more_rules, rules + 2);
        assert!(policy.immutable().is_empty() && policy.credentials().is_empty());
        assert!(!more.immutable().is_empty() && !more.credentials().is_empty());
    }

    #[test]
    fn every_key_of_the_configuration_is_a_setting_also_in_a_comment() {
        let text = configuration(Path::new("/odd \"path\"\\"));
        let keys = text.lines().filter_map(|line| {
            let (key, _) = line.trim_start_matches("# ").split_once(" = ")?;
            Some(key)
        });
        let keys: Vec<_> = keys.collect();
        assert!(keys.len() >= 8, "{keys:?}");
        for key in keys {
            assert!(TABLE.iter().any(|row| row.key() == key), "{key}");
        }
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        assert_eq!(table["data"].as_str(), Some("/odd \"path\"\\"));
    }
}
