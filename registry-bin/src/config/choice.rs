//! Settings that are one of some words.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::Value;

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+ }

        impl Value for $name {
            fn expected() -> String {
                [$($word),+].join(" or ")
            }

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }
    };
}

choice! {
    /// Where the registry keeps what it is given.
    Store {
        /// In files below the data directory.
        Filesystem = "filesystem",
        /// In memory, until the server ends.
        Memory = "memory",
    }
}

choice! {
    /// What an acknowledged push survives.
    Durability {
        /// A power cut.
        PowerSafe = "power-safe",
        /// The end of the server, however it comes; not of the machine.
        ProcessSafe = "process-safe",
    }
}

choice! {
    /// Whether what a manifest refers to must be there when it is pushed.
    References {
        /// It must.
        Strict = "strict",
        /// It need not.
        Sparse = "sparse",
    }
}

choice! {
    /// What whoever does not log in may do.
    Anonymous {
        /// Everything where nobody can log in, and nothing where somebody can.
        Auto = "auto",
        /// Nothing.
        None = "none",
        /// Read.
        Pull = "pull",
        /// Everything.
        All = "all",
    }
}

choice! {
    /// How clients are told to log in.
    Challenge {
        /// For a token, where somebody can log in.
        Auto = "auto",
        /// For a token, which is then sent with each request.
        Bearer = "bearer",
        /// With name and password, which are then sent with each request.
        Basic = "basic",
    }
}

choice! {
    /// Who may see a new repository.
    Visibility {
        /// Those whom the policy names.
        Private = "private",
        /// Everybody.
        Public = "public",
    }
}

choice! {
    /// How the log looks.
    LogFormat {
        /// For people where standard error is a terminal, JSON elsewhere.
        Auto = "auto",
        /// For people.
        Human = "human",
        /// One JSON object a line.
        Json = "json",
    }
}
