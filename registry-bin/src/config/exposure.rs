//! Who could reach the registry, and what they could do there.

use super::{Config, ConfigError, policy::Opening};

/// Refuses to let strangers write, unless that was said in words.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let listen = config.listen.value;
    let private = listen.ip().to_canonical().is_loopback();
    if private || config.read_only.value || config.allow_anonymous_writes_on_network.value {
        return Ok(());
    }
    match config.policy.value.opens_to_anonymous_writes() {
        None => Ok(()),
        Some(Opening::NoRules) => Err(ConfigError::Exposed { listen }),
        Some(Opening::Rule(rule)) => {
            Err(ConfigError::ExposedByRule { listen, rule: rule.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigErrors, Layers};

    #[test]
    fn only_the_network_with_anonymous_writes_is_refused() {
        for (listen, read_only, allow, fine) in [
            ("127.0.0.1:5000", false, false, true),
            ("127.8.9.1:5000", false, false, true),
            ("[::1]:5000", false, false, true),
            ("[::ffff:127.0.0.1]:5000", false, false, true),
            ("0.0.0.0:5000", false, false, false),
            ("[::]:5000", false, false, false),
            ("192.168.0.1:5000", false, false, false),
            ("[::ffff:10.0.0.1]:5000", false, false, false),
            ("0.0.0.0:5000", true, false, true),
            ("0.0.0.0:5000", false, true, true),
        ] {
            let mut errors = ConfigErrors::default();
            let mut config = Config::resolve(&Layers::default(), &mut errors).expect("defaults");
            config.listen.value = listen.parse().expect("an address");
            config.read_only.value = read_only;
            config.allow_anonymous_writes_on_network.value = allow;
            assert_eq!(check(&config).is_ok(), fine, "{listen} {read_only} {allow}");
        }
    }
}
