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

# alice does what she likes in alice and below, a project's key in what it is for.
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

# Everybody who has logged in may pull everything, and so may runners what they are for. Take this
# away where users must not see each other's repositories; runners then need `runner:<repository>`.
[[rule]]
name = "readers"
who = ["authenticated"]
repositories = ["**"]
actions = ["pull"]

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
         # Everything that is pushed, the users and their keys.\n\
         data = {data}\n\
         \n\
         # Users and keys are made by `registry-bin user add` and `registry-bin key create`.\n\
         accounts = true\n\
         \n\
         # What they may do. The path counts from where the server is started.\n\
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

    #[test]
    fn the_policy_is_one_and_so_it_is_without_the_comments_before_examples() {
        toml::from_str::<PolicyFile>(POLICY).expect("a policy");
        let examples = POLICY.lines().skip_while(|line| !line.starts_with("# Tags that"));
        let examples = examples.map(|line| line.strip_prefix("# ").unwrap_or(line));
        let example = |line: &&str| !line.starts_with(char::is_uppercase);
        let examples: Vec<_> = examples.filter(example).collect();
        let text = format!("rule = []\n{}", examples.join("\n"));
        toml::from_str::<PolicyFile>(&text).expect("a policy");
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
