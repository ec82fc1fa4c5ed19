//! What the server keeps in memory.

use std::{net::Ipv4Addr, thread};

use futures::{StreamExt, stream};
use hyper::{Method, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;

use crate::{
    commands::{basic, status},
    http::Http,
    program::Program,
    running::Running,
};

const MIB: u64 = 1 << 20;

/// From addresses that have one try each, so that nobody has to wait before a hash.
#[tokio::test]
async fn wrong_passwords_take_the_memory_of_as_many_hashes_as_are_computed_at_once() {
    const LOGINS: u32 = 300;
    let program = Program::new();
    let running = Running::start(&program, &["--accounts"]);
    let before = running.anonymous_memory();
    let flood = stream::iter(0..LOGINS).map(|n| {
        let mut connector = HttpConnector::new();
        connector.set_local_address(Some(Ipv4Addr::from_bits(0x7f01_0000 + n).into()));
        let http = Http::with(running.address, connector);
        let wrong = basic(&format!("nobody-{n}"), "wrong");
        async move { status(&http, Method::GET, "/v2/", &wrong, "").await }
    });
    let statuses: Vec<_> = flood.buffer_unordered(30).collect().await;
    // On a busy machine some give up waiting for their turn.
    let count = |is| statuses.iter().filter(|status| **status == is).count();
    let [refused, late] = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS].map(count);
    assert_eq!(refused + late, LOGINS as usize, "{statuses:?}");
    assert!(refused > 50, "each of {refused} costs a hash");
    let grown = running.anonymous_memory().saturating_sub(before);
    let threads = thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1);
    let most = (threads as u64 * 19 + 16) * MIB;
    assert!(grown < most, "{} of {} MiB", grown / MIB, most / MIB);
}
