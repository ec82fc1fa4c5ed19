//! A TOML file as a source: one key a setting. Paths in it count from the directory that it lies in,
//! wherever the program is started.

use std::{fs, path::Path};

use toml::de::{DeTable, DeValue};

use super::{
    ConfigError, ConfigErrors, Layer, Row, TABLE,
    row::{Given, Origin},
    suggestion,
};

/// Reads the file at `path`.
pub(crate) fn read(path: &Path, errors: &mut ConfigErrors) -> Layer {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text, errors),
        Err(source) => {
            errors.push(ConfigError::File { path: path.to_owned(), source });
            Layer::new()
        }
    }
}

fn parse(path: &Path, text: &str, errors: &mut ConfigErrors) -> Layer {
    let line = |offset: usize| 1 + text[..offset].matches('\n').count();
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let line = error.span().map_or(1, |span| line(span.start));
            let reason = error.message().to_owned();
            errors.push(ConfigError::Syntax { path: path.to_owned(), line, reason });
            return Layer::new();
        }
    };
    let directory = path.parent().unwrap_or(Path::new(""));
    let mut layer = Layer::new();
    for (key, value) in &table {
        let place = Origin::File { path: path.to_owned(), line: line(key.span().start) };
        let key: &str = key.get_ref();
        let Some(row) = TABLE.iter().find(|row| row.key() == key) else {
            let suggestion =
                suggestion::closest(&key.replace('_', "-"), TABLE.iter().map(Row::key));
            errors.push(ConfigError::UnknownKey { key: key.to_owned(), place, suggestion });
            continue;
        };
        match scalar(value.get_ref()) {
            Some(text) => match (row.in_file)(directory, text) {
                Some(text) => drop(layer.insert(row.field, Given { text, origin: place })),
                None => errors.push(ConfigError::OddPlace { key: key.to_owned(), place }),
            },
            None => errors.push(ConfigError::NotScalar { key: key.to_owned(), place }),
        }
    }
    layer
}

/// The text that the other sources would have for the value.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> (Layer, Vec<String>) {
        let mut errors = ConfigErrors::default();
        let layer = parse(Path::new("registry.toml"), text, &mut errors);
        (layer, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn strings_integers_and_booleans_are_values() {
        let (layer, errors) = parse_text(
            "# mine\nlisten = \"127.0.0.1:1\"\nread-only = true\nmax-connections = 1_000",
        );
        assert_eq!(errors, [""; 0]);
        assert_eq!(layer["listen"].text, "127.0.0.1:1");
        assert_eq!(layer["read_only"].text, "true");
        assert_eq!(layer["max_connections"].text, "1000");
        let path = Path::new("registry.toml").to_owned();
        assert_eq!(layer["listen"].origin, Origin::File { path, line: 2 });
    }

    #[test]
    fn paths_count_from_the_file() {
        const TEXT: &str = "data = \"store\"\npolicy = \"../policy.toml\"\nhtpasswd = \"/users\"\n\
                            token-key = \"\"\naudit-log = \"-\"\nlisten = \"store\"";
        for (file, data, policy) in [
            ("registry.toml", "store", "../policy.toml"),
            ("/etc/registry/r.toml", "/etc/registry/store", "/etc/registry/../policy.toml"),
            ("etc/r.toml", "etc/store", "etc/../policy.toml"),
        ] {
            let layer = parse(Path::new(file), TEXT, &mut ConfigErrors::default());
            let texts = ["data", "policy", "htpasswd", "token_key", "audit_log", "listen"]
                .map(|field| layer[field].text.as_str());
            assert_eq!(texts, [data, policy, "/users", "", "-", "store"], "{file}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, error) in [
            (
                "\nlisen = 1",
                "registry.toml line 2: there is no setting \"lisen\"; did you mean listen?",
            ),
            (
                "max_connections = 1",
                "registry.toml line 1: there is no setting \"max_connections\"; \
                 did you mean max-connections?",
            ),
            (
                "[http]\naddr = 1",
                "registry.toml line 1: there is no setting \"http\"; \
                 `registry-bin serve --help` lists them all",
            ),
            (
                "listen = [1]",
                "registry.toml line 1: listen must be a string, a whole number or a boolean",
            ),
            (
                "data = 1.5",
                "registry.toml line 1: data must be a string, a whole number or a boolean",
            ),
        ] {
            assert_eq!(parse_text(text).1, [error]);
        }
        let (_, errors) = parse_text("\nlisten = ");
        assert!(errors[0].starts_with("registry.toml line 2: "), "{errors:?}");
    }
}
