//! The table of settings.

use std::net::SocketAddr;

use super::{
    ConfigErrors, Layers, Row,
    choice::{Durability, LogFormat, References, Store},
    row::{Origin, Setting},
    value::{Count, Directory, LogLevel, Size, Span, Value},
};

/// Makes of each row a field of [`Config`] and a [`Row`] of [`TABLE`].
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:literal $placeholder:ident;)+) => {
        /// The effective configuration.
        #[derive(Debug)]
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

settings! {
    /// Listen on this address; port 0 is any free one
    listen: SocketAddr = "127.0.0.1:5000" ADDR;

    /// Keep everything below this directory; it is made where it does not exist
    data: Directory = "./registry-data" DIR;

    /// Where to keep it: filesystem, or memory until the server ends
    store: Store = "filesystem" KIND;

    /// What an acknowledged push survives: power-safe is a power cut, process-safe only the end
    /// of the server
    durability: Durability = "power-safe" HOW;

    /// Whether a manifest is refused while something it refers to is missing: strict, or sparse
    references: References = "strict" HOW;

    /// Let nobody push or delete
    read_only: bool = "false" BOOL;

    /// Serve an address that other machines reach although whoever reaches it may push and delete
    allow_anonymous_writes_on_network: bool = "false" BOOL;

    /// Drop an upload that got nothing for so long
    upload_expiry: Span = "24h" TIME;

    /// Refuse larger blobs
    max_blob_size: Size = "1TiB" SIZE;

    /// Let further connections wait
    max_connections: Count = "10000" N;

    /// Give up a request whose body stalls for so long
    body_idle_timeout: Span = "60s" TIME;

    /// Let running requests end for so long after SIGTERM
    drain_time: Span = "30s" TIME;

    /// How the log looks: human, json, or auto, which is human on a terminal
    log_format: LogFormat = "auto" HOW;

    /// What is logged: off, error, warn, info, debug or trace, or levels by module such as
    /// info,registry_http=debug
    log_level: LogLevel = "info" LEVEL;
}
