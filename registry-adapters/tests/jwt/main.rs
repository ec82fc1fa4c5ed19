//! Tokens that are signed: what they carry, which are refused and why, and keys that come and go.

mod files;
mod forged;
mod kinds;
mod rotation;
mod round_trip;
mod secrets;
mod support;
