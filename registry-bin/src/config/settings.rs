//! The table of settings.

use std::net::SocketAddr;

use super::{
    ConfigErrors, Layers, Row,
    choice::{Anonymous, Challenge, Durability, LogFormat, References, Store, Visibility},
    credentials::CredentialKinds,
    network::{Proxies, PublicUrl},
    policy::Policy,
    row::{Origin, Setting},
    value::{AuditTarget, Count, Directory, LogLevel, Number, OptionalFile, Size, Span, Value},
};

/// Makes of each row a field of [`Config`] and a [`Row`] of [`TABLE`].
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:literal $placeholder:ident;)+) => {
        /// The effective configuration.
        #[derive(Clone, Debug)]
        pub(crate) struct Config {
            $($(#[doc = $doc])+ pub(crate) $field: Setting<$type>,)+
        }

        /// Every setting there is, in the order of the help.
        pub(crate) static TABLE: &[Row] = &[$(Row {
            field: stringify!($field),
            placeholder: stringify!($placeholder),
            default: $default,
            doc: concat!($($doc),+).trim_ascii(),
            switch: <$type as Value>::SWITCH,
            in_file: <$type as Value>::in_file,
        },)+];

        impl Config {
            /// Parses what the sources say; `None` after an error was noted.
            pub(crate) fn resolve(layers: &Layers, errors: &mut ConfigErrors) -> Option<Self> {
                let mut rows = TABLE.iter();
                // Every setting is parsed before the first error ends it.
                $(let $field = rows.next().and_then(|row| layers.value(row, errors));)+
                Some(Self { $($field: $field?,)+ })
            }

            /// Every setting's value as the file would have it, and where it comes from.
            pub(crate) fn effective(&self) -> impl Iterator<Item = (&'static Row, toml::Value, &Origin)> {
                let values = [$((self.$field.value.to_toml(), &self.$field.origin)),+];
                TABLE.iter().zip(values).map(|(row, (value, origin))| (row, value, origin))
            }
        }
    };
}

/// What hyper can read at once, and what is worth holding for each upload.
type ReadSize = Size<{ 8 << 10 }, { 1 << 20 }>;

/// Room for a token, and no more than what may be held for a client that has said nothing yet.
type HeadSize = Size<{ 4 << 10 }, { 1 << 20 }>;

/// Bytes a second, also none.
type Rate = Size<0>;

/// Any number of bytes.
type Bytes = Size<0>;

/// A rate is counted in whole seconds.
type Window = Span<1000>;

/// Clients take what is shorter for a minute; what is longer outlives too much.
type Lifetime = Span<60_000, 3_600_000>;

settings! {
    /// Listen on this address; port 0 is any free one
    listen: SocketAddr = "127.0.0.1:5000" ADDR;

    /// Serve HTTPS alone, with the certificate in this PEM file, followed by its chain; goes with
    /// --tls-key
    tls_certificate: OptionalFile = "" FILE;

    /// The certificate's private key, a PEM file
    tls_key: OptionalFile = "" FILE;

    /// Keep everything below this directory; it is made where it does not exist
    data: Directory = "./registry-data" DIR;

    /// Where to keep it: filesystem, or memory until the server ends
    store: Store = "filesystem" KIND;

    /// What an acknowledged push survives: power-safe is a power cut, process-safe only the end
    /// of the server
    durability: Durability = "power-safe" HOW;

    /// Whether a manifest is refused while something it refers to is missing: strict, or sparse
    references: References = "strict" HOW;

    /// Let everybody do what the rules in this TOML file allow them; without it, everything
    policy: Policy = "" FILE;

    /// Let nobody push or delete
    read_only: bool = "false" BOOL;

    /// Ask for a user name and a password of this file, which is made by `htpasswd -B`; whoever is
    /// one of its users may do everything, or what the policy says
    htpasswd: OptionalFile = "" FILE;

    /// Let users log in who are kept in the store with their keys, and are made by `user add`; they may
    /// do everything, or what the policy says
    accounts: bool = "false" BOOL;

    /// How far those come who do not log in: none, pull, all, or auto, which is as far as the policy
    /// says, without one none where somebody can log in and all where nobody can
    anonymous: Anonymous = "auto" WHAT;

    /// Serve an address that other machines reach although whoever reaches it may push and delete
    allow_anonymous_writes_on_network: bool = "false" BOOL;

    /// The address under which clients know the server, such as `https://registry.example.com`, where it
    /// is not the one they ask for
    public_url: PublicUrl = "" URL;

    /// Believe what these proxies say of their clients: addresses and networks such as 10.0.0.0/8,
    /// separated by commas
    trusted_proxies: Proxies = "" NETWORKS;

    /// How clients are told to log in: bearer, basic, or auto, which is bearer where somebody can
    challenge: Challenge = "auto" HOW;

    /// Let a token be good for so long, from 1m to 1h; what it carries cannot be taken back earlier
    token_lifetime: Lifetime = "5m" TIME;

    /// Sign tokens with the Ed25519 key in this PEM file; without it with one that is made below --data
    token_key: OptionalFile = "" FILE;

    /// Let these credentials pull only where they may push, and get no token for pull alone, separated
    /// by commas: password, user-key, project-key, runner-token
    refuse_pull_alone: CredentialKinds = "" KINDS;

    /// Who may see a new repository, where the policy asks that: private or public
    default_visibility: Visibility = "private" WHO;

    /// Write who did what to this file, in lines of JSON, or to standard output with -
    audit_log: AuditTarget = "" FILE;

    /// Let an address send so many requests a second, and after a rest a hundred times as many at
    /// once; 0 is any. What is said of requests counts where somebody can log in, or other machines
    /// reach the server
    requests_per_address: Number = "200" N;

    /// The same for each user, project and runner
    requests_per_user: Number = "200" N;

    /// The same for the repositories with the same first component
    requests_per_namespace: Number = "600" N;

    /// Let an address ask for so many tokens a second, and after a rest 300 times as many at once; 0
    /// is any
    tokens_per_address: Number = "20" N;

    /// The same for each user, project and runner
    tokens_per_user: Number = "20" N;

    /// Let the repositories with the same first component keep so many bytes together; 0 is any. With
    /// it a start counts what is there
    stored_per_namespace: Bytes = "0" SIZE;

    /// Let so many bytes a day be pulled from them; 0 is any
    pulled_per_namespace: Bytes = "0" SIZE;

    /// Drop an upload that got nothing for so long
    upload_expiry: Span = "24h" TIME;

    /// Refuse larger blobs
    max_blob_size: Size = "1TiB" SIZE;

    /// Serve so many connections at once; further ones wait
    max_connections: Count = "4096" N;

    /// Serve so many requests at once on one HTTP/2 connection
    max_streams: Count = "100" N;

    /// Let the bodies of all requests together take so much memory
    body_memory: Size = "256MiB" SIZE;

    /// Read the body of an upload in pieces of up to so many bytes; it holds up to four of them
    read_size: ReadSize = "256KiB" SIZE;

    /// Keep records that are used again in so much memory, with the filesystem store
    record_memory: Size = "64MiB" SIZE;

    /// Refuse requests with a larger head
    max_header_size: HeadSize = "32KiB" SIZE;

    /// Give up a connection whose next request does not come for so long
    header_timeout: Span = "30s" TIME;

    /// Give up a request whose body stalls for so long
    body_idle_timeout: Span = "60s" TIME;

    /// Give up a request whose body comes with fewer bytes a second than this; 0 is any
    body_min_rate: Rate = "256" SIZE;

    /// Average that rate over so much waiting for the client
    body_rate_window: Window = "60s" TIME;

    /// Give up a reply of which the client takes nothing for so long
    send_timeout: Span = "60s" TIME;

    /// Let running requests end for so long after SIGTERM
    drain_time: Span = "30s" TIME;

    /// How the log looks: human, json, or auto, which is human on a terminal
    log_format: LogFormat = "auto" HOW;

    /// What is logged: off, error, warn, info, debug or trace, or levels by module such as
    /// info,registry_http=debug
    log_level: LogLevel = "info" LEVEL;
}

#[cfg(test)]
mod tests {
    use super::{super::row::Given, *};

    /// The table of `docs/OPERATIONS.md`.
    fn documented() -> String {
        let row = |row: &Row| {
            let default = match row.default {
                "" => "none".to_owned(),
                default => format!("`{default}`"),
            };
            format!(
                "| `--{}` `{}` | {default} | {} |\n",
                row.key(),
                row.placeholder,
                row.doc.replace('|', "\\|")
            )
        };
        let head = "| setting | default | what it does |\n|---|---|---|\n".to_owned();
        head + &TABLE.iter().map(row).collect::<String>()
    }

    #[test]
    fn the_document_has_the_same_table() {
        let document = include_str!("../../../docs/OPERATIONS.md");
        let (_, rest) = document.split_once("<!-- settings -->\n").expect("the table's start");
        let (table, _) = rest.split_once("<!-- /settings -->").expect("the table's end");
        assert!(table == documented(), "put this into docs/OPERATIONS.md:\n{}", documented());
    }

    #[test]
    fn every_default_is_a_value_and_shows_as_one_that_means_the_same() {
        let mut errors = ConfigErrors::default();
        let defaults = Config::resolve(&Layers::default(), &mut errors).expect("defaults");
        let shown =
            defaults.effective().map(|(row, value, _)| (row.field, value)).map(|(field, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (field, Given { text, origin: Origin::Default })
            });
        let layers = Layers { file: shown.collect(), ..Layers::default() };
        let again = Config::resolve(&layers, &mut errors).expect("the same values");
        let values = |config: &Config| -> Vec<_> {
            config.effective().map(|(_, value, _)| value.to_string()).collect()
        };
        assert_eq!(values(&defaults), values(&again));
    }

    #[test]
    fn what_is_in_a_file_that_a_setting_names_is_shown_nowhere() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "a canary").expect("written");
        let origin = Origin::Flag { name: String::new() };
        let given = |row: &Row| {
            let text = file.path().display().to_string();
            (row.field, Given { text, origin: origin.clone() })
        };
        let files = TABLE.iter().filter(|row| row.placeholder == "FILE");
        let layers = Layers { flags: files.map(given).collect(), ..Layers::default() };
        assert!(layers.flags.len() > 4, "there are files");
        let mut errors = ConfigErrors::default();
        let config = Config::resolve(&layers, &mut errors);
        let shown = format!("{config:?} {errors:?} {errors}");
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn the_text_of_a_secret_is_never_quoted() {
        struct Secret;

        impl std::fmt::Display for Secret {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("(hidden)")
            }
        }

        impl Value for Secret {
            const SECRET: bool = true;

            fn expected() -> String {
                "a secret".to_owned()
            }

            fn parse(text: &str) -> Option<Self> {
                (text != "canary").then_some(Self)
            }
        }

        let row = &TABLE[0];
        let origin = Origin::Flag { name: row.key() };
        let given = Given { text: "canary".to_owned(), origin };
        let layers = Layers { flags: [(row.field, given)].into(), ..Layers::default() };
        let mut errors = ConfigErrors::default();
        assert!(layers.value::<Secret>(row, &mut errors).is_none());
        assert!(errors.to_string().contains("(hidden)") && !errors.to_string().contains("canary"));
    }
}
