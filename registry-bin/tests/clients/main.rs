//! Real clients against the real binary: what they push comes back to them, and to a plain HTTP
//! client, with the same digests.
//!
//! `REGISTRY_TEST_BIN` names another binary than the one built for the tests, `REGISTRY_TEST_URL`
//! another registry that runs already. A client that is not installed is reported and passed over;
//! with `CI=true` its absence is a failure.
#![expect(clippy::disallowed_methods, reason = "what hangs has to end, and a run needs a name")]

mod buildah;
mod containerd;
mod containers;
mod crane;
mod docker;
mod helm;
mod image;
mod layout;
mod login;
mod oras;
mod podman;
mod program;
mod recorder;
mod regctl;
mod registry;
mod skopeo;
#[path = "../support/mod.rs"]
mod support;
