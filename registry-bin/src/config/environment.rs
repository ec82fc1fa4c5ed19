//! The environment as a source: `REGISTRY_` and a setting's name in capitals.

use std::{ffi::OsString, path::PathBuf};

use super::{
    ConfigError, ConfigErrors, Layer, TABLE,
    row::{Given, Origin, PREFIX},
    suggestion,
};

/// Names the file, which is a source and no setting.
pub(crate) const CONFIG_FILE: &str = "REGISTRY_CONFIG";

/// What the environment says.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub(crate) layer: Layer,
    pub(crate) config_file: Option<PathBuf>,
}

/// Reads the variables that are ours.
pub(crate) fn read(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    errors: &mut ConfigErrors,
) -> Environment {
    let mut environment = Environment::default();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let name = name.to_owned();
        if name == CONFIG_FILE {
            environment.config_file = Some(value.into());
            continue;
        }
        let Ok(text) = value.into_string() else {
            errors.push(ConfigError::Unreadable { variable: name });
            continue;
        };
        match TABLE.iter().find(|row| row.variable() == name) {
            Some(row) => {
                let origin = Origin::Environment { variable: name };
                environment.layer.insert(row.field, Given { text, origin });
            }
            None if announces_service(&name, &text) => {}
            None => {
                let known = TABLE.iter().map(|row| row.variable()).chain([CONFIG_FILE.to_owned()]);
                let suggestion = suggestion::closest(&name, known);
                errors.push(ConfigError::UnknownVariable { name, suggestion });
            }
        }
    }
    environment
}

/// Kubernetes tells every pod where the services of its namespace are. A service called
/// `registry` or `registry-cache` makes it `REGISTRY_PORT=tcp://10.0.0.1:5000`,
/// `REGISTRY_CACHE_SERVICE_HOST` and more, which nobody wrote and which must not stop the server.
fn announces_service(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT") && value.contains("://")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| {
            let (port, protocol) = rest.split_once('_').unwrap_or((rest, ""));
            port.parse::<u16>().is_ok()
                && ["TCP", "UDP", "SCTP"].iter().any(|known| protocol.starts_with(known))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(name: &str, value: &str) -> (Environment, Vec<String>) {
        let mut errors = ConfigErrors::default();
        let environment = read([(name.into(), value.into())], &mut errors);
        (environment, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_variable_is_the_setting_of_its_name() {
        let (environment, errors) = read_one("REGISTRY_LOG_LEVEL", "debug");
        assert_eq!(environment.layer["log_level"].text, "debug");
        assert!(errors.is_empty());
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_a_suggestion() {
        let (_, errors) = read_one("REGISTRY_LISTN", "127.0.0.1:1");
        assert_eq!(
            errors,
            ["there is no setting for REGISTRY_LISTN in the environment; \
              did you mean REGISTRY_LISTEN?"]
        );
    }

    #[test]
    fn variables_of_others_are_not_read() {
        for name in ["PATH", "OTHER_LISTEN", "registry_listen"] {
            let (environment, errors) = read_one(name, "x");
            assert!(environment.layer.is_empty() && errors.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_kubernetes_says_of_its_services_is_no_setting() {
        for (name, value) in [
            ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
            ("REGISTRY_SERVICE_PORT_HTTP", "5000"),
            ("REGISTRY_CACHE_SERVICE_PORT", "5000"),
            ("REGISTRY_PORT", "tcp://10.0.0.1:5000"),
            ("REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
            ("REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"),
        ] {
            let (environment, errors) = read_one(name, value);
            assert!(environment.layer.is_empty() && errors.is_empty(), "{name}: {errors:?}");
        }
        for (name, value) in [("REGISTRY_PORT", "5000"), ("REGISTRY_PORT_X_TCP", "1")] {
            assert_eq!(read_one(name, value).1.len(), 1, "{name}");
        }
    }
}
