//! What is said when the server is ready.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::{
    config::{Config, Store},
    telemetry::Reader,
};

/// Says where the server listens and where it stores: to a person with lines to paste, to a
/// program in one line of the log.
pub(crate) fn say(reader: Reader, config: &Config, address: SocketAddr) {
    match reader {
        Reader::Person => {
            // A person who closed standard output does not want to know.
            let _ = io::stdout().write_all(text(config, address).as_bytes());
        }
        Reader::Program => match config.store.value {
            Store::Memory => {
                tracing::info!(%address, url = url(config, address), store = "memory", "listening");
            }
            Store::Filesystem => tracing::info!(
                %address,
                url = url(config, address),
                store = "filesystem",
                data = %config.data.value,
                durability = %config.durability.value,
                "listening"
            ),
        },
    }
}

fn text(config: &Config, address: SocketAddr) -> String {
    let kept = match config.store.value {
        Store::Memory => "in memory, until it ends".to_owned(),
        Store::Filesystem => format!("in {}, {}", config.data.value, config.durability.value),
    };
    let host = reachable(address);
    let mut text = format!("listening on {}\nstoring {kept}\n", url(config, address));
    text.push('\n');
    if config.has_users() {
        let _ = writeln!(text, "    docker login {host}");
    }
    if config.policy.value.has_rules() {
        // Who may push what is for the rules to say.
        let _ = writeln!(text, "    registry-bin explain USER ACTION REPOSITORY");
    } else if !config.suggests_push() {
        let _ = writeln!(text, "    docker pull {host}/alpine");
    } else {
        let _ = write!(
            text,
            "    docker tag alpine {host}/alpine\n    docker push {host}/alpine\n    \
             docker pull {host}/alpine\n"
        );
    }
    text.push('\n');
    text
}

fn url(config: &Config, address: SocketAddr) -> String {
    let has_tls = config.tls_certificate.value.path().is_some();
    format!("{}://{address}", if has_tls { "https" } else { "http" })
}

/// An address to connect to from this machine: nobody can connect to "all addresses".
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
