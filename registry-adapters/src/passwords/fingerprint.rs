//! What is remembered of names, addresses and passwords: nothing that says what they are.

use std::net::IpAddr;

use registry_core::ports::Random;
use sha2::{Digest, Sha256};

/// What stands for a text. Equal texts have equal ones if they are made with the same key; without
/// the key nothing can be learned from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint([u8; 32]);

/// Makes fingerprints.
#[derive(Clone, Copy)]
pub(super) struct Fingerprints {
    /// For names and addresses, which may outlast the process.
    names: [u8; 32],
    /// For passwords. It is never written down: a fingerprint is a fast hash.
    logins: [u8; 32],
}

impl Fingerprints {
    /// With keys of its own.
    pub(super) fn new(random: &dyn Random) -> Self {
        let (mut names, mut logins) = ([0; 32], [0; 32]);
        random.fill(&mut names);
        random.fill(&mut logins);
        Self { names, logins }
    }

    /// With the names' key of another process.
    pub(super) const fn with_names(self, names: [u8; 32]) -> Self {
        Self { names, ..self }
    }

    /// The names' key.
    pub(super) const fn names(&self) -> [u8; 32] {
        self.names
    }

    /// That of a client's address. A network of IPv6 is as good as one address of IPv4: whoever
    /// has one address of it has all 2⁶⁴.
    pub(super) fn address(&self, address: IpAddr) -> Fingerprint {
        match address.to_canonical() {
            IpAddr::V4(address) => of(&self.names, b"address", &[&address.octets()]),
            IpAddr::V6(address) => of(&self.names, b"network", &[&address.octets()[..8]]),
        }
    }

    /// That of a user.
    pub(super) fn user(&self, name: &str) -> Fingerprint {
        of(&self.names, b"user", &[name.as_bytes()])
    }

    /// That of an address, and that of a user at it.
    pub(super) fn place(
        &self,
        user: Fingerprint,
        address: Option<IpAddr>,
    ) -> Option<(Fingerprint, Fingerprint)> {
        let address = self.address(address?);
        Some((address, of(&self.names, b"place", &[&user.0, &address.0])))
    }

    /// That of a user's password and of the hash that it was, or may be, compared with.
    pub(super) fn login(&self, user: Fingerprint, password: &str, hash: &str) -> Fingerprint {
        of(&self.logins, b"login", &[&user.0, password.as_bytes(), hash.as_bytes()])
    }
}

/// Each part with its length, so that no two lists of parts are the same bytes.
fn of(key: &[u8; 32], what: &[u8], parts: &[&[u8]]) -> Fingerprint {
    let mut hash = Sha256::new_with_prefix(key);
    for part in [&what].into_iter().chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Fingerprint(hash.finalize().into())
}

impl From<Fingerprint> for [u8; 32] {
    fn from(Fingerprint(bytes): Fingerprint) -> Self {
        bytes
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use registry_core::testing::Seeded;

    use super::*;

    #[test]
    fn only_the_same_of_everything_is_the_same() {
        let of = Fingerprints::new(&Seeded::default());
        let [a, b] = ["a", "b"].map(|name| of.user(name));
        assert!(a == of.user("a") && a != b);
        let login = of.login(a, "pw", "hash");
        assert!(login == of.login(a, "pw", "hash"));
        for other in [of.login(b, "pw", "hash"), of.login(a, "p", "whash"), of.login(a, "pw", "h")]
        {
            assert!(login != other);
        }
        let other_process = Fingerprints::new(&Seeded::new(1));
        assert!(a != other_process.user("a"));
        // What is kept of a process says nothing of the passwords in it.
        let next = other_process.with_names(of.names());
        assert!(a == next.user("a") && login != next.login(a, "pw", "hash"));
    }

    #[test]
    fn an_address_is_what_one_client_has() {
        let of = Fingerprints::new(&Seeded::default());
        let address = |text: &str| of.address(text.parse().expect("an address"));
        assert!(address("192.0.2.1") == address("::ffff:192.0.2.1"));
        assert!(address("192.0.2.1") != address("192.0.2.2"));
        assert!(address("2001:db8::1") == address("2001:db8::ffff:1"));
        assert!(address("2001:db8::1") != address("2001:db8:0:1::1"));
    }
}
