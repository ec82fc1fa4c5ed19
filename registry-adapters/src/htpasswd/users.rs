//! The lines of the file: `name:hash`, the hash by bcrypt.

use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str};

use bcrypt::HashParts;

/// The costs that `htpasswd -C` takes. The highest is some ten seconds of a core for each login;
/// bcrypt itself goes up to 31, which is days.
const COSTS: RangeInclusive<u32> = 4..=17;

/// Users and the hashes of their passwords.
pub(super) struct Users {
    hashes: BTreeMap<Box<str>, Box<str>>,
    /// A hash of no known password, which takes as long to compare with as the slowest of the file.
    nobody: Box<str>,
}

/// A line is wrong. What is in it is not shown: it may be a hash or a password out of its place.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(super) struct LineError {
    /// Counted from 1.
    pub(super) line: usize,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("it is not UTF-8")]
    NotText,
    #[error("there is no colon between a name and a hash")]
    NoColon,
    #[error("the name is empty")]
    NoName,
    #[error("the name has control characters")]
    OddName,
    #[error("the name is that of line {first} too")]
    Twice { first: usize },
    #[error(
        "what follows the name is not a bcrypt hash, which begin with $2a$, $2b$ or $2y$; \
         `htpasswd -B` makes one"
    )]
    NotBcrypt,
    #[error("the cost of the hash is not from {} to {}", COSTS.start(), COSTS.end())]
    Cost,
}

impl Users {
    /// Reads the text of a file. Blank lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub(super) fn parse(text: &[u8]) -> Result<Self, LineError> {
        let mut hashes = BTreeMap::new();
        let mut lines = BTreeMap::new();
        let mut highest = *COSTS.start();
        for (index, bytes) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = index + 1;
            let wrong = |problem| LineError { line, problem };
            let text = str::from_utf8(bytes).map_err(|_| wrong(Problem::NotText))?;
            let text = text.strip_suffix('\r').unwrap_or(text);
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let (name, hash) = text.split_once(':').ok_or(wrong(Problem::NoColon))?;
            check_name(name).map_err(wrong)?;
            highest = highest.max(cost(hash).map_err(wrong)?);
            if let Some(first) = lines.insert(name, line) {
                return Err(wrong(Problem::Twice { first }));
            }
            hashes.insert(name.into(), hash.into());
        }
        // Of the alphabet of bcrypt's base64 and nothing else: 22 characters of salt, 31 of hash.
        let nobody = format!("$2b${highest:02}${:.<53}", "").into();
        Ok(Self { hashes, nobody })
    }

    /// The hash of a user's password.
    pub(super) fn hash(&self, name: &str) -> Option<&str> {
        self.hashes.get(name).map(|hash| &**hash)
    }

    /// The hash to compare with where there is no such user.
    pub(super) fn nobody(&self) -> &str {
        &self.nobody
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Whether a line could begin with this name.
pub(super) fn is_name(name: &str) -> bool {
    // A line that begins so is a comment.
    !name.starts_with('#') && !name.contains(':') && check_name(name).is_ok()
}

/// RFC 7617 section 2: a user name has no control characters.
fn check_name(name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        Err(Problem::NoName)
    } else if name.chars().any(char::is_control) {
        Err(Problem::OddName)
    } else {
        Ok(())
    }
}

/// The cost of a hash: 2 to the power of it are its rounds.
fn cost(hash: &str) -> Result<u32, Problem> {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.starts_with(prefix));
    let digits = hash.get(4..6).is_some_and(|cost| cost.bytes().all(|b| b.is_ascii_digit()));
    if !known || !digits {
        return Err(Problem::NotBcrypt);
    }
    let parts: HashParts = hash.parse().map_err(|_| Problem::NotBcrypt)?;
    if COSTS.contains(&parts.get_cost()) { Ok(parts.get_cost()) } else { Err(Problem::Cost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash by each program that makes them: of "U*U*U" by crypt_blowfish.
    const HASH: &str = "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a";

    #[test]
    fn users_are_lines_of_a_name_and_a_bcrypt_hash() {
        let y = HASH.replace("$2a$05", "$2y$09");
        let text = format!("# staff\n\nalice:{HASH}\r\n \t\nbob smith:{y}\n#carol:{HASH}");
        let users = Users::parse(text.as_bytes()).expect("users");
        assert_eq!((users.hash("alice"), users.hash("bob smith")), (Some(HASH), Some(&*y)));
        assert_eq!((users.len(), users.hash("carol")), (2, None));
        assert_eq!(Users::parse(b"").expect("no users").len(), 0);
    }

    #[test]
    fn a_hash_in_the_file_is_one_that_passwords_are_compared_with() {
        for version in ["2a", "2b", "2y"] {
            let hash = HASH.replace("2a", version);
            let users = Users::parse(format!("a:{hash}").as_bytes()).expect("users");
            let right = |password| bcrypt::verify(password, users.hash("a").expect("a hash"));
            assert!(right("U*U*U").expect("a hash") && !right("U*U").expect("a hash"), "{version}");
        }
    }

    #[test]
    fn nobodys_hash_costs_as_much_as_the_highest() {
        let nine = HASH.replace("$05", "$06");
        let users = Users::parse(format!("a:{HASH}\nb:{nine}\nc:{HASH}").as_bytes());
        let users = users.expect("users");
        let parts: HashParts = users.nobody().parse().expect("a hash");
        assert_eq!(parts.get_cost(), 6);
        assert_eq!(bcrypt::verify("", users.nobody()).ok(), Some(false), "it can be compared with");
    }

    #[test]
    fn a_line_that_is_wrong_is_named_by_its_number_and_not_shown() {
        let cut = &HASH[..HASH.len() - 1];
        let sha1 = "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=";
        for (last, problem) in [
            (HASH.to_owned(), Problem::NoColon),
            (format!(":{HASH}"), Problem::NoName),
            (format!("\u{7}canary:{HASH}"), Problem::OddName),
            (format!("alice:{HASH}"), Problem::Twice { first: 2 }),
            ("canary:canary".to_owned(), Problem::NotBcrypt),
            ("canary:".to_owned(), Problem::NotBcrypt),
            (format!("canary:{sha1}"), Problem::NotBcrypt),
            ("canary:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00".to_owned(), Problem::NotBcrypt),
            (format!("canary:{}", HASH.replace("2a", "2x")), Problem::NotBcrypt),
            (format!("canary:{}", HASH.replace("$05", "$+5")), Problem::NotBcrypt),
            (format!("canary:{cut}"), Problem::NotBcrypt),
            (format!("canary:{HASH}."), Problem::NotBcrypt),
            (format!("canary:{HASH}:more"), Problem::NotBcrypt),
            (format!("canary: {HASH}"), Problem::NotBcrypt),
            (format!("canary:{cut}é"), Problem::NotBcrypt),
            (format!("canary:{}", HASH.replace("$05", "$03")), Problem::Cost),
            (format!("canary:{}", HASH.replace("$05", "$18")), Problem::Cost),
        ] {
            let text = format!("#\nalice:{HASH}\n{last}\n");
            let error = Users::parse(text.as_bytes()).expect_err(&last);
            assert_eq!(error, LineError { line: 3, problem }, "{last}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary") && !shown.contains(&HASH[8..]), "{shown}");
            assert!(error.to_string().starts_with("line 3: "), "{error}");
        }
        let error = Users::parse(b"\xff:").expect_err("not text");
        assert_eq!(error, LineError { line: 1, problem: Problem::NotText });
    }
}
