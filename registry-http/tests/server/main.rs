//! The server over loopback: both protocols, its limits, and how it stops.

mod downloads;
mod floods;
mod limits;
mod protocols;
mod shutdown;
mod support;
