//! An OCI registry as a library.
//!
//! This crate is the inside of the hexagon: the grammar of the distribution spec as types that
//! cannot be wrong, the [`ports`] through which it reaches storage, time and chance, and the use
//! cases of a [`Registry`](registry::Registry) on top of them. It has no runtime, no HTTP and no
//! cloud SDK.

pub mod access;
pub mod authentication;
pub mod credentials;
pub mod descriptor;
pub mod digest;
pub mod endpoint;
pub mod error;
pub mod identity;
pub mod manifest;
pub mod media_type;
pub mod name;
pub mod page;
pub mod policy;
pub mod ports;
pub mod range;
pub mod record;
pub mod reference;
pub mod registry;
pub mod tag;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod upload;
