//! Reading a challenge: `scheme 1*SP #auth-param` (RFC 9110 section 11.2).

use super::{BearerError, Challenge, is_printable};

pub(super) fn challenge(text: &str) -> Option<Challenge> {
    if !text.bytes().all(is_printable) {
        return None;
    }
    let (scheme, rest) = text.split_once(' ')?;
    let mut parameters = Parameters::default();
    parameters.read(rest)?;
    let Parameters { realm, service, scope, error } = parameters;
    if scheme.eq_ignore_ascii_case("basic") {
        Some(Challenge::Basic { realm: realm? })
    } else if scheme.eq_ignore_ascii_case("bearer") {
        // An error that is not known is as good as none: a client can but ask for a token.
        let error = error.and_then(|error| {
            let all = [BearerError::InvalidToken, BearerError::InsufficientScope];
            all.into_iter().find(|known| known.as_str() == error)
        });
        Some(Challenge::Bearer { realm: realm?, service: service?, scope, error })
    } else {
        None
    }
}

/// Those that are known.
#[derive(Default)]
struct Parameters {
    realm: Option<String>,
    service: Option<String>,
    scope: Option<String>,
    error: Option<String>,
}

impl Parameters {
    /// Reads a list of `name=value`, of which empty elements are none (RFC 9110 section 5.6.1).
    fn read(&mut self, mut rest: &str) -> Option<()> {
        loop {
            rest = rest.trim_start_matches([' ', ',']);
            if rest.is_empty() {
                return Some(());
            }
            let (name, after) = token(rest)?;
            let (value, after) = value(after.strip_prefix('=')?)?;
            self.set(name, value)?;
            rest = after.trim_start_matches(' ');
            if !(rest.is_empty() || rest.starts_with(',')) {
                return None;
            }
        }
    }

    fn set(&mut self, name: &str, value: String) -> Option<()> {
        let fields = [
            ("realm", &mut self.realm),
            ("service", &mut self.service),
            ("scope", &mut self.scope),
            ("error", &mut self.error),
        ];
        let field = fields.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        match field {
            Some((_, field)) => field.replace(value).is_none().then_some(()),
            None => Some(()),
        }
    }
}

/// A token or a quoted string, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = token(text)?;
        return Some((token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

/// `1*tchar` (RFC 9110 section 5.6.2).
fn token(text: &str) -> Option<(&str, &str)> {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let end = text.bytes().position(|b| !is_tchar(b)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}
