//! From what somebody may and what a route needs to the reply.

use registry_http::Challenge;
use serde_json::Value;

use super::room::repository;
use crate::support::Reply;

/// A line of the table of rights: who, and what they may of what.
pub(super) struct Rights {
    pub(super) who: &'static str,
    /// Of the registry.
    pub(super) registry: &'static str,
    /// Of a repository, by its state.
    pub(super) repositories: Vec<(&'static str, &'static str)>,
}

impl Rights {
    pub(super) fn read(table: &'static str) -> Vec<Self> {
        let mut lines = table.lines().filter(|line| !line.trim().is_empty());
        let states: Vec<_> = lines.next().expect("a header").split_whitespace().skip(1).collect();
        let read = |line: &'static str| {
            let mut words = line.split_whitespace();
            let (who, registry) = words.next().zip(words.next()).expect(line);
            let repositories: Vec<_> = states.iter().copied().zip(words).collect();
            assert_eq!(repositories.len(), states.len(), "{line}");
            Self { who, registry, repositories }
        };
        lines.map(read).collect()
    }

    /// What the catalog lists: where there is something, and they may pull it.
    pub(super) fn catalog(&self) -> Vec<String> {
        let all = self.repositories.iter().filter(|(state, _)| *state != "absent");
        let pulled = all.filter(|(_, may)| refusal(may, 'p').is_none());
        let mut names: Vec<_> = pulled.map(|(state, _)| repository(state)).collect();
        for (letter, name) in [('m', "base"), ('s', "secret")] {
            // A token that carries the catalog need not name what is in it.
            let pulls =
                matches!(refusal(self.registry, letter), None | Some(Refusal::AnotherToken));
            names.extend(pulls.then(|| name.to_owned()));
        }
        names.sort();
        names
    }

    fn is_alice(&self) -> bool {
        self.who.starts_with("alice")
    }
}

/// A line of the table of routes: a path, and what each method of it needs and is answered.
pub(super) struct Route {
    pub(super) path: &'static str,
    methods: Option<Vec<(&'static str, Cell)>>,
}

/// What a method needs and is answered.
#[derive(Clone, Copy)]
enum Cell {
    Unsupported,
    Anybody(u16),
    /// A letter, and the status of whoever has it.
    Needs(char, u16),
}

impl Route {
    pub(super) fn read(table: &'static str) -> Vec<Self> {
        let mut words = table.split_whitespace().peekable();
        let mut methods = Vec::new();
        while let Some(method) = words.next_if(|word| !word.starts_with('/')) {
            methods.push(method);
        }
        let mut routes = Vec::new();
        while let Some(path) = words.next() {
            let cells = match words.next_if_eq(&"none") {
                Some(_) => None,
                None => Some(methods.iter().map(|m| (*m, Cell::read(words.next()))).collect()),
            };
            routes.push(Self { path, methods: cells });
        }
        routes
    }

    pub(super) fn is_of_a_repository(&self) -> bool {
        self.path.contains("<name>")
    }

    /// Whether it has this method.
    pub(super) fn has(&self, method: &str) -> bool {
        let cells = self.methods.iter().flatten();
        cells.filter(|(_, cell)| !matches!(cell, Cell::Unsupported)).any(|(m, _)| *m == method)
    }

    /// What of the path may be known to whoever is refused: all but what is asked for.
    pub(super) fn family(&self) -> &'static str {
        if !self.is_of_a_repository() || self.path.contains("/?") {
            self.path
        } else {
            self.path.rsplit_once('/').map_or("", |(family, _)| family)
        }
    }

    /// The code of what is not there.
    fn unknown(&self, state: &str) -> &'static str {
        match self.path {
            path if path.contains("/uploads/<") => "BLOB_UPLOAD_UNKNOWN",
            _ if state == "absent" => "NAME_UNKNOWN",
            path if path.contains("/manifests/") => "MANIFEST_UNKNOWN",
            _ => "BLOB_UNKNOWN",
        }
    }

    /// What the reply to a method that is not there lists.
    fn allow(cells: &[(&'static str, Cell)]) -> String {
        let has = cells.iter().filter(|(_, cell)| !matches!(cell, Cell::Unsupported));
        has.map(|(method, _)| *method).collect::<Vec<_>>().join(", ")
    }
}

impl Cell {
    fn read(word: Option<&'static str>) -> Self {
        let word = word.expect("a cell for each method");
        let status = |digits: &str| digits.parse().expect("a status");
        match word.chars().next() {
            _ if word == "-" => Self::Unsupported,
            Some(letter) if letter.is_ascii_alphabetic() => Self::Needs(letter, status(&word[1..])),
            _ => Self::Anybody(status(word)),
        }
    }
}

/// What a reply has to be, and what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: u16,
    /// That of the envelope; a `HEAD` has none.
    pub(super) code: String,
    /// The scheme of the challenge, and its error.
    challenge: String,
    allow: String,
}

impl Outcome {
    /// What comes of a request of somebody who may this, of a repository in some state.
    pub(super) fn of(
        rights: &Rights,
        (state, may): (&str, &str),
        route: &Route,
        method: &str,
    ) -> Self {
        let mut outcome = match &route.methods {
            None => Self::new(404, "NAME_UNKNOWN"),
            Some(cells) => match cells.iter().find(|(name, _)| *name == method) {
                None | Some((_, Cell::Unsupported)) => {
                    Self { allow: Route::allow(cells), ..Self::new(405, "UNSUPPORTED") }
                }
                Some((_, Cell::Anybody(status))) => Self::new(*status, ""),
                Some((_, Cell::Needs(letter, status))) => {
                    let done = (*letter, *status);
                    Self::of_needed(rights, (state, may), route, done)
                }
            },
        };
        if method == "HEAD" {
            outcome.code.clear();
        }
        outcome
    }

    fn of_needed(
        rights: &Rights,
        (state, may): (&str, &str),
        route: &Route,
        (needs, status): (char, u16),
    ) -> Self {
        let may = if route.is_of_a_repository() { may } else { rights.registry };
        let exists = state != "absent";
        let letters = match needs {
            'o' if exists => ['w', 'o'],
            'o' | 'u' | 'm' | 's' => ['w'; 2],
            'l' => ['p'; 2],
            letter => [letter; 2],
        };
        if let Some(refusal) = letters.into_iter().find_map(|letter| refusal(may, letter)) {
            return Self::refused(refusal, rights.who, route);
        }
        let is_there = match needs {
            'p' | 'd' => exists,
            'w' | 'o' | 'm' | 's' => exists || refusal(may, 'n').is_none(),
            'u' => exists && rights.is_alice(),
            _ => true,
        };
        if !is_there || status == 404 {
            return Self::new(404, route.unknown(state));
        }
        match (needs, refusal(rights.registry, needs)) {
            ('m', Some(refusal @ Refusal::AnotherToken)) => {
                Self::refused(refusal, rights.who, route)
            }
            // From where somebody may not pull, a mount is an upload like any other.
            ('m' | 's', Some(_)) => Self::new(202, ""),
            _ => Self::new(status, ""),
        }
    }

    fn refused(refusal: Refusal, who: &str, route: &Route) -> Self {
        let challenge = match refusal {
            Refusal::Never => return Self::new(403, "DENIED"),
            // The token endpoint itself takes names and passwords.
            _ if route.path == "/v2/_token" => "Basic",
            Refusal::AnotherToken => "Bearer insufficient_scope",
            Refusal::Wrong if who == "forged-token" => "Bearer invalid_token",
            Refusal::Wrong | Refusal::LogIn => "Bearer",
        };
        Self { challenge: challenge.to_owned(), ..Self::new(401, "UNAUTHORIZED") }
    }

    fn new(status: u16, code: &str) -> Self {
        Self { status, code: code.to_owned(), ..Self::default() }
    }

    /// What came of it.
    pub(super) fn seen(reply: &Reply) -> Self {
        let header = |name| reply.headers.get(name).map_or("", |v| v.to_str().expect("ASCII"));
        let challenge = match header("www-authenticate").parse() {
            Ok(Challenge::Basic { .. }) => "Basic".to_owned(),
            Ok(Challenge::Bearer { error, .. }) => {
                let error = error.map(|error| format!(" {}", error.as_str()));
                format!("Bearer{}", error.unwrap_or_default())
            }
            _ => header("www-authenticate").to_owned(),
        };
        let code = match reply.status.is_client_error() && !reply.body.is_empty() {
            true => {
                let envelope: Value = serde_json::from_slice(&reply.body).expect("an envelope");
                envelope["errors"][0]["code"].as_str().expect("a code").to_owned()
            }
            false => String::new(),
        };
        let allow = header("allow").to_owned();
        Self { status: reply.status.as_u16(), code, challenge, allow }
    }
}

/// Why somebody may not.
#[derive(Clone, Copy)]
enum Refusal {
    /// Somebody might who logs in.
    LogIn,
    /// Another token might be good for it.
    AnotherToken,
    /// What is shown is wrong, whatever it is for.
    Wrong,
    Never,
}

/// Why somebody may not, if so, who has these rights.
fn refusal(rights: &str, letter: char) -> Option<Refusal> {
    let mut refusal = None;
    for c in rights.chars() {
        match c {
            '!' => return Some(Refusal::Wrong),
            '[' => refusal = Some(Refusal::LogIn),
            '(' => refusal = Some(Refusal::AnotherToken),
            ']' | ')' => refusal = None,
            c if c == letter => return refusal,
            _ => {}
        }
    }
    Some(Refusal::Never)
}
