//! `METHOD path?query`: what parses is formatted to a request that parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use registry_core::endpoint::Endpoint;

fuzz_target!(|line: &str| {
    let Some((method, target)) = line.split_once(' ') else { return };
    let Ok(endpoint) = parse(method, target) else { return };
    let (formatted_method, formatted) = endpoint.format();
    // Where the spec names only GET, HEAD is read as GET.
    assert!(formatted_method == method || (formatted_method, method) == ("GET", "HEAD"));
    assert!(formatted.bytes().all(|b| b.is_ascii_graphic()), "{formatted:?} is no request target");
    assert_eq!(parse(formatted_method, &formatted).as_ref(), Ok(&endpoint));
});

fn parse(method: &str, target: &str) -> Result<Endpoint, registry_core::endpoint::EndpointError> {
    match target.split_once('?') {
        Some((path, query)) => Endpoint::parse(method, path, Some(query)),
        None => Endpoint::parse(method, target, None),
    }
}
