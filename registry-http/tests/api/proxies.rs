//! Whom the service believes where a request comes from and what it is for.

use registry_http::{Challenge, ForwardingHeaders, RegistryService, TrustedProxies};

use super::{fakes::*, support::*};

/// The host of every request, the proxy, and another one before it.
const HOST: &str = "inside:5000";
const PROXY: &str = "10.0.0.1";
const OUTER: &str = "10.0.0.2";

fn service(events: &Events, proxies: TrustedProxies) -> RegistryService {
    builder()
        .tokens(token_service(&mint()))
        .trusted_proxies(proxies)
        .audit_log(events.clone())
        .build()
}

fn proxies(headers: ForwardingHeaders) -> TrustedProxies {
    TrustedProxies::new(["10.0.0.0/8", "fd00::1"]).expect("networks").with_headers(headers)
}

/// The origin that whoever asks is sent to (empty where that is nowhere), and where the request was
/// said to be from.
async fn seen(row: Row, service: &RegistryService, events: &Events) -> (String, String) {
    let reply = row.with("authorization", WRONG).send(service).await;
    assert_eq!(reply.status, 401);
    let origin = match reply.header("www-authenticate").parse().expect("a challenge") {
        Challenge::Bearer { realm, .. } => {
            realm.strip_suffix("/v2/_token").expect("its path").to_owned()
        }
        _ => String::new(),
    };
    let event = events.0.lock().expect("no panic").pop().expect("an event");
    (origin, event.peer.map(|peer| peer.to_string()).unwrap_or_default())
}

fn ask(peer: &str, headers: &[(&'static str, &str)]) -> Row {
    let row = row("a ping", "GET", "/v2/").with("host", HOST).from(peer);
    headers.iter().fold(row, |row, (name, value)| row.with(name, value))
}

/// One table: who has the connection, what the headers say, and what is made of it.
type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], &'a str, &'a str);

async fn check_cases(proxies: TrustedProxies, cases: &[Case<'_>]) {
    let events = Events::default();
    let service = service(&events, proxies);
    for (peer, headers, origin, address) in cases {
        let seen = seen(ask(peer, headers), &service, &events).await;
        assert_eq!(seen, ((*origin).to_owned(), (*address).to_owned()), "{peer} {headers:?}");
    }
}

const FOR: &str = "x-forwarded-for";
const PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const INSIDE: &str = "http://inside:5000";

#[tokio::test]
async fn whoever_is_not_trusted_says_nothing() {
    let made_up: &[(&str, &str)] = &[
        (FOR, "1.2.3.4"),
        (PROTO, "https"),
        (FORWARDED_HOST, "evil.test"),
        ("forwarded", "for=1.2.3.4;host=evil.test;proto=https"),
        ("x-real-ip", "1.2.3.4"),
        ("fly-client-ip", "1.2.3.4"),
    ];
    let cases: &[Case<'_>] = &[
        ("192.0.2.1", made_up, INSIDE, "192.0.2.1"),
        ("11.0.0.1", made_up, INSIDE, "11.0.0.1"),
        ("fd00::2", made_up, INSIDE, "fd00::2"),
        ("::ffff:192.0.2.1", made_up, INSIDE, "192.0.2.1"),
    ];
    check_cases(TrustedProxies::default(), cases).await;
    check_cases(TrustedProxies::default(), &[(PROXY, made_up, INSIDE, PROXY)]).await;
    check_cases(proxies(ForwardingHeaders::XForwarded), cases).await;
    check_cases(proxies(ForwardingHeaders::Forwarded), cases).await;
}

#[tokio::test]
async fn a_trusted_proxy_is_believed_what_it_wrote_and_not_what_it_handed_on() {
    let both = &[OUTER, ", ", PROXY].concat();
    check_cases(
        proxies(ForwardingHeaders::XForwarded),
        &[
            (PROXY, &[], INSIDE, PROXY),
            (PROXY, &[(FOR, "192.0.2.1")], INSIDE, "192.0.2.1"),
            ("fd00::1", &[(FOR, "192.0.2.1")], INSIDE, "192.0.2.1"),
            ("::ffff:10.0.0.1", &[(FOR, "192.0.2.1:4711")], INSIDE, "192.0.2.1"),
            (PROXY, &[(FOR, "[2001:db8::1]:4711")], INSIDE, "2001:db8::1"),
            (PROXY, &[(PROTO, "https")], "https://inside:5000", PROXY),
            (PROXY, &[(FORWARDED_HOST, "registry.test")], "http://registry.test", PROXY),
            (
                PROXY,
                &[(FOR, "192.0.2.1"), (PROTO, "https"), (FORWARDED_HOST, "registry.test:8443")],
                "https://registry.test:8443",
                "192.0.2.1",
            ),
            // What a client made up is on the left, in the same header or in one before.
            (PROXY, &[(FOR, "1.2.3.4, 192.0.2.1")], INSIDE, "192.0.2.1"),
            (PROXY, &[(FOR, "10.0.0.9,192.0.2.1")], INSIDE, "192.0.2.1"),
            (PROXY, &[(FOR, "1.2.3.4"), (FOR, "192.0.2.1")], INSIDE, "192.0.2.1"),
            (PROXY, &[(FOR, "192.0.2.1, 10.0.0.2")], INSIDE, "192.0.2.1"),
            (PROXY, &[(FOR, "1.2.3.4, 192.0.2.1, 10.0.0.2, 10.0.0.3")], INSIDE, "192.0.2.1"),
            (PROXY, &[(FOR, both)], INSIDE, OUTER),
            (
                PROXY,
                &[(FOR, "192.0.2.1"), (FORWARDED_HOST, "evil.test, registry.test")],
                "http://registry.test",
                "192.0.2.1",
            ),
            (
                PROXY,
                &[(FOR, "192.0.2.1, 10.0.0.2"), (PROTO, "https, http")],
                "https://inside:5000",
                "192.0.2.1",
            ),
            // The other header is the client's own.
            (
                PROXY,
                &[(FOR, "192.0.2.1"), ("forwarded", "for=1.2.3.4;host=evil.test")],
                INSIDE,
                "192.0.2.1",
            ),
            // Where the walk ends at something that is no address, it ends at the proxy.
            (PROXY, &[(FOR, "1.2.3.4, unknown")], INSIDE, PROXY),
            (PROXY, &[(FOR, "1.2.3.4, unknown, 10.0.0.2")], INSIDE, OUTER),
            (PROXY, &[(FOR, "")], INSIDE, PROXY),
            // What is no host is told to nobody.
            (PROXY, &[(FORWARDED_HOST, "evil.test/path")], "", PROXY),
            (PROXY, &[(FORWARDED_HOST, "a\"b")], "", PROXY),
            (PROXY, &[(FORWARDED_HOST, "")], "", PROXY),
            (PROXY, &[(PROTO, "javascript")], "", PROXY),
        ],
    )
    .await;
    check_cases(
        proxies(ForwardingHeaders::Forwarded),
        &[
            (PROXY, &[], INSIDE, PROXY),
            (
                PROXY,
                &[("forwarded", "for=192.0.2.1;proto=HTTPS;host=registry.test")],
                "https://registry.test",
                "192.0.2.1",
            ),
            (
                PROXY,
                &[("forwarded", "For=\"[2001:db8::1]:47011\"; host=\"registry.test:8443\"")],
                "http://registry.test:8443",
                "2001:db8::1",
            ),
            (
                PROXY,
                &[("forwarded", "for=1.2.3.4;host=evil.test, for=192.0.2.1;host=registry.test")],
                "http://registry.test",
                "192.0.2.1",
            ),
            (
                PROXY,
                &[
                    ("forwarded", "for=1.2.3.4;host=evil.test"),
                    ("forwarded", "for=192.0.2.1;host=registry.test;proto=https, for=10.0.0.2"),
                ],
                "https://registry.test",
                "192.0.2.1",
            ),
            (PROXY, &[("forwarded", "for=1.2.3.4, for=_hidden")], INSIDE, PROXY),
            (PROXY, &[("forwarded", "for=1.2.3.4, for=\"")], INSIDE, PROXY),
            (PROXY, &[("forwarded", "for=192.0.2.1;host=\"a\\\"b\"")], "", "192.0.2.1"),
            // The other headers are the client's own.
            (PROXY, &[(FOR, "1.2.3.4"), (FORWARDED_HOST, "evil.test")], INSIDE, PROXY),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_origin_is_that_of_the_connection_unless_it_is_configured() {
    let events = Events::default();
    let plain = service(&events, TrustedProxies::default());
    let at = |origin: &str| (origin.to_owned(), "192.0.2.1".to_owned());
    let ask = || ask("192.0.2.1", &[]);
    assert_eq!(seen(ask(), &plain, &events).await, at(INSIDE));
    assert_eq!(seen(ask().over_tls(), &plain, &events).await, at("https://inside:5000"));

    let configured = builder()
        .tokens(token_service(&mint()))
        .audit_log(events.clone())
        .public_url("https://registry.test".parse().expect("an origin"))
        .trusted_proxies(proxies(ForwardingHeaders::XForwarded))
        .base_path("/oci".parse().expect("a base path"))
        .build();
    for host in ["inside:5000", "evil.test", "\"", ""] {
        let ping = row("a ping", "GET", "/oci/v2/").with("host", host).from("192.0.2.1");
        let seen = ping.send(&configured).await;
        let expected =
            "Bearer realm=\"https://registry.test/oci/v2/_token\",service=\"registry.test\"";
        assert_eq!(seen.header("www-authenticate"), expected, "{host}");
    }
}

#[test]
fn networks_and_addresses_are_told_from_nonsense() {
    for good in ["10.0.0.0/8", "10.0.0.1", "10.0.0.1/8", "::1", "fd00::/8", "0.0.0.0/0"] {
        assert!(TrustedProxies::new([good]).is_ok(), "{good}");
    }
    for bad in ["", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/", "::/129", "10.0.0.1:80", "*"]
    {
        let error = TrustedProxies::new(["10.0.0.1", bad]).expect_err(bad).to_string();
        assert!(error.contains(&format!("'{bad}'")), "{error}");
    }
}
