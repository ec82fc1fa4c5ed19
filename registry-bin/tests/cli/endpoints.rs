//! `docs/ENDPOINTS.md` says what the server does: its lines are what the code has routes for, and
//! what is in them was asked of a server.

use std::{collections::BTreeSet, env, fs, path::Path};

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    commands::{add, basic},
    http::{Http, Reply},
    program::Program,
    running::Running,
};

/// Set, it writes the document instead.
const WRITE: &str = "WRITE_DOCS";

/// Every enum whose variants are routes.
const ROUTES: [(&str, &str); 3] = [
    ("registry-core/src/endpoint.rs", "pub enum Endpoint {"),
    ("registry-http/src/tokens.rs", "pub(crate) enum TokenEndpoint {"),
    ("registry-bin/src/health.rs", "enum Probe {"),
];

const HEAD: &str = "# Endpoints

Everything that the server answers over HTTP, and how. Names and numbers are those of the
[distribution spec](https://github.com/opencontainers/distribution-spec); what it leaves open is in
[CONFORMANCE.md](CONFORMANCE.md), and who may do what in [SECURITY.md](SECURITY.md). A test asks each of a
server and compares; it says how this page is made anew.

*Scope* is what the challenge of a 401 names, and a client asks a token for; *any* is none, so that any
token will do; at a dash nobody has to log in. *Done* is the status of what went well. *Else* is what is
answered where a name, a tag, a digest, a number or a body is malformed, wrong or unknown.

Beside these each can answer 401 `UNAUTHORIZED` to whoever has to log in, 403 `DENIED` to whoever may not,
405 `UNSUPPORTED` to other methods, 429 `TOOMANYREQUESTS` to whoever asks too often, and 503
`UNAVAILABLE` while the store does not answer. What has no line is 404. There is no HTTP endpoint to
administer the server: its commands speak over a socket in the data directory.

";

const COLUMNS: &str = "| endpoint | what it does | scope | done | else |\n|---|---|---|---|---|\n";

/// Where there is a blob to mount.
const BASE: &str = "elsewhere";
const BLOB: &str = "a blob";
const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

/// The digest of nothing that is there.
const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const ELSEWHERE: [&str; 2] = [
    "/v2/absent/blobs/uploads/f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "/v2/A/blobs/uploads/f47ac10b-58cc-4372-a567-0e02b2c3d479",
];

/// What else a client could say, by the word of the path in whose place it stands.
const WRONG: &[&[(&str, &str)]] = &[
    &[("<name>", "absent"), ("<blob-push-location>", ELSEWHERE[0])],
    &[("<name>", "A"), ("<blob-push-location>", ELSEWHERE[1])],
    &[("<digest>", NOTHING)],
    &[("<digest>", "sha256:short")],
    &[("<tag-or-digest>", "absent")],
    &[("<tag-or-digest>", "-")],
    &[("<tag-or-digest>", "sha256:short")],
    &[("<tag-or-digest>", NOTHING)],
    &[("<n>", "-1")],
    &[("body", "other bytes")],
];

/// A line of the document.
struct Line {
    method: Method,
    /// The path with its `<…>`, as the code has it.
    path: String,
    /// What the spec calls it, and what it does.
    doc: String,
}

/// One server, one user, and a new repository for each request.
struct World {
    http: Http,
    alice: String,
    password: String,
    count: usize,
}

#[tokio::test]
async fn the_endpoints_are_those_that_the_document_has() {
    let program = Program::new();
    let running = Running::start(&program, &["--accounts", "--store", "memory"]);
    let password = add(&program, "alice", &[]);
    let alice = basic("alice", &password);
    let http = Http::new(running.address);
    let mut world = World { http, alice, password, count: 0 };
    let mut text = format!("{HEAD}{COLUMNS}");
    for line in lines() {
        text.push_str(&world.row(&line).await);
    }
    let path = root().join("docs/ENDPOINTS.md");
    if env::var_os(WRITE).is_some() {
        fs::write(&path, &text).expect("it is written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/ENDPOINTS.md is stale; it is made anew by\n\
         {WRITE}=1 cargo test -p registry-bin --test cli endpoints\n{text}"
    );
}

#[test]
fn every_route_of_the_service_is_of_an_enum_that_the_document_has() {
    let variants: Vec<_> =
        variants("registry-http/src/service.rs", "enum Route {").map(|(_, name)| name).collect();
    assert_eq!(variants, ["Api(Endpoint),", "Tokens(TokenEndpoint),"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

/// The variants of an enum: what is said of each, and its first line.
fn variants(file: &str, head: &str) -> impl Iterator<Item = (String, String)> {
    let source = fs::read_to_string(root().join(file)).expect(file);
    let (_, rest) = source.split_once(head).expect(head);
    let body = rest.split("\n}").next().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    let mut doc = Vec::new();
    for line in body.lines().filter_map(|line| line.strip_prefix("    ")) {
        match line.strip_prefix("/// ") {
            Some(line) => doc.push(line.to_owned()),
            None if line.starts_with(|c: char| c.is_ascii_uppercase()) => {
                found.push((doc.join(" "), line.to_owned()));
                doc.clear();
            }
            None => {}
        }
    }
    assert!(!found.is_empty(), "{file}");
    found.into_iter()
}

/// The routes, in the order of the code.
fn lines() -> Vec<Line> {
    let variants = ROUTES.iter().flat_map(|(file, head)| variants(file, head));
    let lines = variants.flat_map(|(doc, name)| {
        let mut parts = doc.splitn(3, '`');
        let number = parts.next().unwrap_or_default().trim().to_owned();
        let route = parts.next().and_then(|route| route.split_once(' '));
        let (methods, path) = route.unwrap_or_else(|| panic!("{name} says no route: {doc}"));
        let what = parts.next().unwrap_or_default().trim_start_matches([':', ' ']).to_owned();
        assert!(!what.is_empty(), "{name} says nothing of what it does");
        let doc = if number.is_empty() { what } else { format!("{number}: {what}") };
        let methods: Vec<_> = methods.split('|').collect();
        let line = |method: &str| Line {
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            doc: doc.clone(),
        };
        methods.into_iter().map(line).collect::<Vec<_>>()
    });
    lines.collect()
}

fn digest(text: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

impl World {
    async fn row(&mut self, line: &Line) -> String {
        let alice = self.alice.clone();
        let (name, reply) = self.ask(line, "", &[]).await;
        let scope = match reply.status {
            StatusCode::UNAUTHORIZED => {
                scope(&reply).replace(&name, "<name>").replace(BASE, "<other-name>")
            }
            _ => "-".to_owned(),
        };
        let (_, done) = self.ask(line, &alice, &[]).await;
        assert!(done.status.is_success(), "{} {}: {done:?}", line.method, line.path);
        let mut others = BTreeSet::new();
        for wrong in WRONG {
            let (_, reply) = self.ask(line, &alice, wrong).await;
            if reply.status.is_client_error() {
                others.insert(outcome(&reply));
            }
            assert!(!reply.status.is_server_error(), "{} {}: {reply:?}", line.method, line.path);
        }
        let others: Vec<_> = others.into_iter().collect();
        let Line { method, path, doc } = line;
        let done = done.status.as_u16();
        format!("| `{method} {path}` | {doc} | {scope} | {done} | {} |\n", others.join(", "))
    }

    /// Asks for it in a repository that has everything, with some words of the path replaced by
    /// others; gives the repository's name too.
    async fn ask(
        &mut self,
        line: &Line,
        authorization: &str,
        wrong: &[(&str, &str)],
    ) -> (String, Reply) {
        self.count += 1;
        let name = format!("app-{}", self.count);
        let upload = self.fill(&name).await;
        let wanted = if line.path.contains("/referrers/") { MANIFEST } else { BLOB };
        let blob = digest(wanted);
        let right = [
            ("[", ""),
            ("]", ""),
            ("<blob-push-location>", upload.as_str()),
            ("<name>", &name),
            ("<other-name>", BASE),
            ("<digest>", &blob),
            ("<tag-or-digest>", "v1"),
            ("<tag>", "v0"),
            ("<n>", "10"),
            ("<type>", "application%2Fexample"),
        ];
        let words = wrong.iter().chain(&right);
        let path = words.fold(line.path.clone(), |path, (word, text)| path.replace(word, text));
        assert!(!path.contains('<'), "{path}: what is that?");
        let said = wrong.iter().find(|(word, _)| *word == "body").map(|(_, text)| *text);
        let form = format!("grant_type=password&username=alice&password={}", self.password);
        let (kind, body) = match (&line.method, &*line.path) {
            (&Method::POST, "/v2/_token") => ("application/x-www-form-urlencoded", &*form),
            (&Method::PUT, path) if path.contains("/manifests/") => {
                ("application/vnd.oci.image.index.v1+json", MANIFEST)
            }
            (&Method::POST, path) if !path.contains("?digest") => ("", ""),
            (&Method::POST | &Method::PATCH | &Method::PUT, _) => {
                ("application/octet-stream", BLOB)
            }
            _ => ("", ""),
        };
        let body = if body.is_empty() { body } else { said.unwrap_or(body) };
        let headers = [(CONTENT_TYPE, kind), (AUTHORIZATION, authorization)];
        let headers: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        (name, self.send(line.method.clone(), &path, &headers, body).await)
    }

    /// Makes a repository with a blob, a manifest and an upload, whose location it gives.
    async fn fill(&self, name: &str) -> String {
        let alice = (AUTHORIZATION, &*self.alice);
        let index = (CONTENT_TYPE, "application/vnd.oci.image.index.v1+json");
        for name in [BASE, name] {
            let path = format!("/v2/{name}/blobs/uploads/?digest={}", digest(BLOB));
            let pushed = self.send(Method::POST, &path, std::slice::from_ref(&alice), BLOB).await;
            assert_eq!(pushed.status, StatusCode::CREATED);
        }
        let path = format!("/v2/{name}/manifests/v1");
        let pushed = self.send(Method::PUT, &path, &[alice.clone(), index], MANIFEST).await;
        assert_eq!(pushed.status, StatusCode::CREATED);
        let path = format!("/v2/{name}/blobs/uploads/");
        self.send(Method::POST, &path, &[alice], "").await.location().to_owned()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: &str,
    ) -> Reply {
        self.http.send(method, path, headers, body.to_owned()).await.expect("a reply")
    }
}

/// The scope of a challenge.
fn scope(reply: &Reply) -> String {
    let challenge = reply.header(WWW_AUTHENTICATE);
    let scope = challenge.split("scope=\"").nth(1).and_then(|rest| rest.split('"').next());
    scope.map_or_else(
        || "any".to_owned(),
        |scope| scope.split(' ').map(|scope| format!("`{scope}`")).collect::<Vec<_>>().join(" "),
    )
}

/// Status and code of a refusal.
fn outcome(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let status = reply.status.as_u16();
    body["errors"][0]["code"]
        .as_str()
        .map_or_else(|| status.to_string(), |code| format!("{status} `{code}`"))
}
