//! Who could reach the registry, and what they could do there.

use registry_core::policy::AnonymousAccess;

use super::{
    Config, ConfigError,
    choice::Anonymous,
    policy::{Opening, Policy},
};

/// Refuses to let strangers write, unless that was said in words.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    check_policy(config, &config.policy.value)
}

/// The same with another policy, which is to take the place of the one that is there.
pub(crate) fn check_policy(config: &Config, policy: &Policy) -> Result<(), ConfigError> {
    let writable = !config.read_only.value && config.anonymous_access() == AnonymousAccess::All;
    let Some(reached) = config.reached() else { return Ok(()) };
    if !writable || config.allow_anonymous_writes_on_network.value {
        return Ok(());
    }
    match policy.opens_to_anonymous_writes() {
        None => Ok(()),
        Some(Opening::NoRules) => Err(ConfigError::Exposed { reached }),
        Some(Opening::Rule(rule)) => {
            Err(ConfigError::ExposedByRule { reached, rule: rule.to_string() })
        }
    }
}

impl Config {
    /// How far callers come who do not log in.
    pub(crate) fn anonymous_access(&self) -> AnonymousAccess {
        match self.anonymous.value {
            Anonymous::None => AnonymousAccess::None,
            Anonymous::Pull => AnonymousAccess::Pull,
            Anonymous::All => AnonymousAccess::All,
            // The rules then say what is meant for everybody.
            Anonymous::Auto if self.policy.value.has_rules() => AnonymousAccess::All,
            Anonymous::Auto if self.has_users() => AnonymousAccess::None,
            Anonymous::Auto => AnonymousAccess::All,
        }
    }

    /// Whether anybody can log in.
    pub(crate) fn has_users(&self) -> bool {
        self.accounts.value || self.htpasswd.value.path().is_some()
    }

    /// Whether requests are limited: not those of a machine to itself, which nobody logs in for.
    pub(crate) fn limits_requests(&self) -> bool {
        self.has_users() || self.reached().is_some()
    }

    /// Whether whoever has done as they are told may push.
    pub(crate) fn suggests_push(&self) -> bool {
        let strangers_may = self.anonymous_access() == AnonymousAccess::All;
        !self.read_only.value && (self.has_users() || strangers_may)
    }

    /// Whether others on the way can read the passwords.
    pub(crate) fn has_passwords_in_the_clear(&self) -> bool {
        self.has_users() && self.is_on_network() && self.tls_certificate.value.path().is_none()
    }

    /// Where other machines can reach the registry, if they can: by its address, or by a proxy before
    /// it, for which the other two settings are.
    fn reached(&self) -> Option<String> {
        let listen = self.listen.value;
        if self.is_on_network() {
            Some(listen.to_string())
        } else if self.public_url.value.origin().is_some() {
            Some(format!("{listen} as {}, which public-url says", self.public_url.value))
        } else if !self.trusted_proxies.value.is_empty() {
            Some(format!("{listen} by a proxy, which trusted-proxies says"))
        } else {
            None
        }
    }

    /// Whether other machines can reach the address.
    fn is_on_network(&self) -> bool {
        !self.listen.value.ip().to_canonical().is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigErrors, Layers, value::Value};

    fn config(listen: &str) -> Config {
        let mut errors = ConfigErrors::default();
        let mut config = Config::resolve(&Layers::default(), &mut errors).expect("defaults");
        config.listen.value = listen.parse().expect("an address");
        config
    }

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
            let mut config = config(listen);
            config.read_only.value = read_only;
            config.allow_anonymous_writes_on_network.value = allow;
            assert_eq!(check(&config).is_ok(), fine, "{listen} {read_only} {allow}");
        }
    }

    #[test]
    fn a_server_behind_a_proxy_is_on_the_network_too() {
        for (public_url, proxies) in [
            ("https://registry.example.com", ""),
            ("", "127.0.0.1"),
            ("http://registry.example.com", "10.0.0.0/8"),
        ] {
            let mut config = config("127.0.0.1:5000");
            assert!(check(&config).is_ok() && !config.limits_requests());
            config.public_url.value = Value::parse(public_url).expect("an origin or none");
            config.trusted_proxies.value = Value::parse(proxies).expect("networks or none");
            let error = check(&config).expect_err("anybody may write").to_string();
            assert!(error.starts_with("other machines can reach 127.0.0.1:5000 "), "{error}");
            assert!(config.limits_requests());
            config.allow_anonymous_writes_on_network.value = true;
            assert!(check(&config).is_ok());
            config.allow_anonymous_writes_on_network.value = false;
            config.accounts.value = true;
            // The proxy is the one to speak TLS.
            assert!(check(&config).is_ok() && !config.has_passwords_in_the_clear());
        }
    }

    #[test]
    fn the_network_is_for_whoever_logs_in_and_else_for_what_anonymous_callers_may() {
        for (users, anonymous, access, fine) in [
            (false, Anonymous::Auto, AnonymousAccess::All, false),
            (false, Anonymous::None, AnonymousAccess::None, true),
            (false, Anonymous::Pull, AnonymousAccess::Pull, true),
            (false, Anonymous::All, AnonymousAccess::All, false),
            (true, Anonymous::Auto, AnonymousAccess::None, true),
            (true, Anonymous::None, AnonymousAccess::None, true),
            (true, Anonymous::Pull, AnonymousAccess::Pull, true),
            (true, Anonymous::All, AnonymousAccess::All, false),
        ]
        .into_iter()
        .flat_map(|case| [(case, false), (case, true)])
        .map(|((users, anonymous, access, fine), in_store)| {
            let (accounts, htpasswd) = (users && in_store, users && !in_store);
            ((accounts, htpasswd), anonymous, access, fine)
        }) {
            let mut config = config("0.0.0.0:5000");
            config.accounts.value = users.0;
            let htpasswd = if users.1 { "users" } else { "" };
            config.htpasswd.value = Value::parse(htpasswd).expect("a file or none");
            config.anonymous.value = anonymous;
            assert_eq!(config.anonymous_access(), access, "{users:?} {anonymous}");
            assert_eq!(check(&config).is_ok(), fine, "{users:?} {anonymous}");
            assert_eq!(config.has_passwords_in_the_clear(), users.0 || users.1);
            config.tls_certificate.value = Value::parse("certificate").expect("a file");
            assert!(!config.has_passwords_in_the_clear());
            config.tls_certificate.value = Value::parse("").expect("none");
            config.listen.value = "127.0.0.1:5000".parse().expect("an address");
            assert!(check(&config).is_ok() && !config.has_passwords_in_the_clear());
        }
    }
}
