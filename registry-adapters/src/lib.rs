//! Adapters for the ports of [`registry_core`]: each connects the registry to one piece of the
//! world, and none knows another.
//!
//! | module | what it is | feature |
//! |---|---|---|
//! | [`system`] | the machine's clock and randomness, tasks on tokio | always |
//! | [`memory`] | both storage ports in memory | always |
//! | `accounts` | users, keys and refresh tokens in a record store | `accounts` |
//! | `filesystem` | both storage ports on a directory | `filesystem`, Linux |
//! | `hashing` | hashing by whatever this processor does fastest | `hashing` |
//! | `htpasswd` | users from a file | `htpasswd`, Unix |
//! | `jwt` | tokens that are signed, and the keys that sign them | `jwt`, Unix |
//! | `limits` | rates of requests, and quotas of bytes | `limits` |
//! | `passwords` | turns at hashing passwords, and the tries that count | `accounts`, `htpasswd` |

#[cfg(feature = "accounts")]
pub mod accounts;
#[cfg(all(feature = "filesystem", target_os = "linux"))]
pub mod filesystem;
#[cfg(feature = "hashing")]
pub mod hashing;
#[cfg(all(feature = "htpasswd", unix))]
pub mod htpasswd;
#[cfg(all(feature = "jwt", unix))]
pub mod jwt;
#[cfg(feature = "filesystem")]
mod layout;
#[cfg(feature = "limits")]
pub mod limits;
pub mod memory;
#[cfg(any(feature = "accounts", all(feature = "htpasswd", unix)))]
pub mod passwords;
#[cfg(any(feature = "accounts", all(any(feature = "htpasswd", feature = "jwt"), unix)))]
mod recent;
pub mod system;
