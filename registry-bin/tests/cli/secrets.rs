//! No secret is anywhere but where it was asked for.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use hyper::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName},
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{
    commands::{basic, in_file, push},
    http::{Http, Reply},
    program::Program,
    running::Running,
    tls,
};

/// The settings that name a file of secrets: each is set, and no secret of it is shown.
const FILES: [&str; 3] = ["tls-key", "token-key", "htpasswd"];

/// The settings that may be shown, whatever they are.
const OPEN: &str = "
    listen tls-certificate data store durability references policy read-only accounts anonymous
    allow-anonymous-writes-on-network public-url trusted-proxies challenge token-lifetime
    refuse-pull-alone default-visibility audit-log requests-per-address requests-per-user
    requests-per-namespace tokens-per-address tokens-per-user stored-per-namespace
    pulled-per-namespace upload-expiry max-blob-size max-connections max-streams body-memory
    read-size record-memory max-header-size header-timeout body-idle-timeout body-min-rate
    body-rate-window send-timeout drain-time log-format log-level
";

/// The password of the user of the file.
const BOBS: &str = "U*U*U";
const WRONG: &str = "canary-of-a-wrong-password";

#[test]
fn every_setting_is_known_to_name_secrets_or_to_have_none() {
    let shown = Program::new().run(&["check"]).stdout;
    let settings: BTreeSet<_> = shown.lines().filter_map(|line| line.split(' ').next()).collect();
    let known: BTreeSet<_> = OPEN.split_whitespace().chain(FILES).collect();
    assert_eq!(settings, known, "is there a secret in it? then it is one of FILES");
}

#[tokio::test]
async fn no_password_key_token_or_hash_is_shown_logged_or_kept_as_it_is() {
    for (format, are_keys_files) in [("human", true), ("json", true), ("json", false)] {
        let mut walk = Walk::new(format);
        let mut settings =
            vec!["--accounts", "--audit-log", "audit.jsonl", "--htpasswd", "htpasswd"];
        settings.extend(["--log-level", "trace", "--log-format", format]);
        if are_keys_files {
            settings.extend(["--token-key", "token-key", "--public-url", "https://r.example.org"]);
        }
        walk.over_http(&settings).await;
        walk.over_https(&settings).await;
        let tls = ["--tls-certificate", "tls.crt", "--tls-key", "tls.key"];
        walk.show(&[&["check"][..], &settings, &tls].concat());
        walk.end();
    }
}

/// Everything that is shown, and what must not be.
struct Walk {
    program: Program,
    /// Secrets, and in which files they may be: part of their names, or none.
    secrets: Vec<(String, &'static str)>,
    shown: Vec<(String, String)>,
}

impl Walk {
    fn new(name: &str) -> Self {
        let token_key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let program = tls::program()
            .file("token-key", &token_key.serialize_pem())
            .file("htpasswd", &in_file("bob"));
        let own = Permissions::from_mode(0o600);
        fs::set_permissions(program.path().join("token-key"), own).expect("its mode");
        let mut walk = Self { program, secrets: Vec::new(), shown: Vec::new() };
        walk.shown.push(("the round".to_owned(), name.to_owned()));
        walk.keeps_file("tls.key");
        walk.keeps_file("token-key");
        let line = in_file("bob");
        let hash = line.trim_end().rsplit('X').next().expect("a hash");
        walk.keeps(hash, "htpasswd");
        walk.keeps(BOBS, "");
        walk.keeps(WRONG, "");
        walk
    }

    /// What follows is a secret, but in files that are called so.
    fn keeps(&mut self, secret: &str, home: &'static str) {
        assert!(secret.len() >= 5, "{secret:?}");
        self.secrets.push((secret.to_owned(), home));
    }

    /// Each line of a key in PEM is one.
    fn keeps_file(&mut self, name: &'static str) {
        let text = fs::read_to_string(self.program.path().join(name)).expect(name);
        let lines = text.lines().filter(|line| !line.starts_with("-----"));
        lines.for_each(|line| self.keeps(line, name));
    }

    /// Runs a command whose output is a secret.
    fn secret(&mut self, arguments: &[&str]) -> String {
        let run = self.program.run(arguments);
        assert_eq!(run.code, Some(0), "{run:?}");
        self.shown.push((arguments.join(" "), run.stderr));
        let secret = run.stdout.trim_end().to_owned();
        self.keeps(&secret, "");
        secret
    }

    /// Runs a command that shows no secret, whatever comes of it.
    fn show(&mut self, arguments: &[&str]) {
        let run = self.program.run(arguments);
        self.shown.push((arguments.join(" "), run.stdout + &run.stderr));
    }

    /// Sends a request, whose reply shows no secret but one that is asked for.
    async fn ask(
        &mut self,
        http: &Http,
        (method, path): (Method, &str),
        (name, value): (HeaderName, &str),
        body: String,
    ) -> Reply {
        let headers = [(name, value)];
        let headers = if value.is_empty() { &[][..] } else { &headers };
        let asked = format!("{method} {path}");
        let reply = http.send(method, path, headers, body).await.expect("a reply");
        let is_token = reply.status == StatusCode::OK && path.starts_with("/v2/_token");
        let body = if is_token { "".into() } else { String::from_utf8_lossy(&reply.body) };
        self.shown.push((asked, format!("{:?} {body}", reply.headers)));
        if is_token {
            let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
            for secret in [&body["token"], &body["refresh_token"]].iter().filter_map(|s| s.as_str())
            {
                self.keeps(secret, "");
                // The signature alone is of use to whoever can guess the rest.
                self.keeps(secret.rsplit('.').next().unwrap_or(secret), "");
            }
        }
        reply
    }

    /// Everything that somebody logs in with, right and wrong, in each way there is.
    async fn over_http(&mut self, settings: &[&str]) {
        let running = Running::start(&self.program, settings);
        let http = Http::new(running.address);
        let password = self.secret(&["user", "add", "alice", "--generate"]);
        let key = self.secret(&["key", "create", "--user", "alice"]);
        let project = self.secret(&["key", "create", "--project", "acme"]);
        let runner = self.secret(&["key", "create", "--runner", "acme/app"]);
        self.secret(&["token", "mint", "--user", "alice"]);
        let (refresh, bearer) = self.log_in(&http, &password).await;
        for (name, secret) in [
            ("alice", &*password),
            ("alice", &key),
            ("acme", &project),
            ("runner", &runner),
            ("bob", BOBS),
        ] {
            let header = basic(name, secret);
            self.keeps(&header["Basic ".len()..], "");
            let path = "/v2/_token?offline_token=true&scope=repository:acme/app:pull";
            let get = (Method::GET, path);
            let reply = self.ask(&http, get, (AUTHORIZATION, &header), String::new()).await;
            assert_eq!(reply.status, StatusCode::OK, "{name}");
            let form = format!("grant_type=password&username={name}&password={secret}");
            assert_eq!(self.form(&http, &form).await.status, StatusCode::OK, "{name}");
            push(&http, "acme/app", &header).await;
        }
        let mangled = format!("{}x", &key[..key.len() - 1]);
        self.keeps(&mangled, "");
        for form in [
            format!("grant_type=password&username=alice&password={WRONG}"),
            format!("grant_type=password&username=bob&password={WRONG}"),
            format!("grant_type=password&username={password}&password={WRONG}"),
            format!("grant_type=password&username=alice&password={mangled}"),
            format!("grant_type=password&username=alice&password={refresh}"),
            format!("grant_type=refresh_token&refresh_token={refresh}{WRONG}"),
            format!("grant_type=refresh_token&refresh_token={key}"),
            format!("grant_type={password}&username=alice&password={password}"),
            format!("grant_type=password&password={password}&password={password}"),
        ] {
            assert!(self.form(&http, &form).await.status.is_client_error(), "{form}");
        }
        for header in [
            bearer.clone(),
            format!("{bearer}x"),
            format!("Bearer {key}"),
            format!("Bearer {refresh}"),
            basic("alice", WRONG),
            basic("alice", &mangled),
            basic(&password, "alice"),
            format!("{password} {key}"),
        ] {
            for path in ["/v2/_catalog", "/v2/_token?scope=repository:a:push", "/v2/_jwks"] {
                let get = (Method::GET, path);
                self.ask(&http, get, (AUTHORIZATION, &header), String::new()).await;
            }
            push(&http, "a", &header).await;
        }
        let query = format!("/v2/_token?account=alice&password={password}&refresh_token={refresh}");
        for path in ["/healthz", "/readyz", "/v2/", "/v2/_catalog", &query] {
            self.ask(&http, (Method::GET, path), (AUTHORIZATION, ""), String::new()).await;
        }
        for command in [
            "user list --json",
            "user add alice --generate",
            "key list --json",
            "token keys list --json",
            "repository list --json",
            "upload list --json",
            "explain alice push a",
            "user passwd bob --generate",
        ] {
            self.show(&command.split(' ').collect::<Vec<_>>());
        }
        self.stop(running);
        let generated = self.program.path().join("registry-data/token-keys");
        let mut keys = Vec::new();
        if generated.exists() {
            texts(&generated, &mut keys);
        }
        let lines = keys.iter().flat_map(|(_, text)| text.lines());
        let lines: Vec<_> = lines.filter(|line| !line.starts_with("-----")).collect();
        assert_eq!(lines.is_empty(), settings.contains(&"--token-key"), "made where none is given");
        lines.into_iter().for_each(|line| self.keeps(line, "token-keys"));
    }

    /// Logs in with a password for a token and a refresh token, and with that again.
    async fn log_in(&mut self, http: &Http, password: &str) -> (String, String) {
        let form =
            format!("grant_type=password&username=alice&password={password}&access_type=offline");
        let reply = self.form(http, &form).await;
        let body: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let refresh = body["refresh_token"].as_str().expect("a refresh token").to_owned();
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        assert_eq!(self.form(http, &form).await.status, StatusCode::OK);
        (refresh, format!("Bearer {}", body["token"].as_str().expect("a token")))
    }

    async fn form(&mut self, http: &Http, form: &str) -> Reply {
        let kind = (CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(http, (Method::POST, "/v2/_token"), kind, form.to_owned()).await
    }

    async fn over_https(&mut self, settings: &[&str]) {
        let tls = ["--tls-certificate", "tls.crt", "--tls-key", "tls.key"];
        let running = Running::start(&self.program, &[settings, &tls].concat());
        let reply = tls::get(&self.program, running.address, "/v2/").await;
        self.shown.push(("GET over HTTPS".to_owned(), reply));
        self.stop(running);
    }

    /// Ends the server, and keeps what it logged.
    fn stop(&mut self, running: Running) {
        running.signal(Signal::TERM);
        let log = running.end().1.join("\n");
        assert!(log.to_lowercase().contains("debug"), "it says all it can: {log}");
        self.shown.push(("the log".to_owned(), log));
    }

    fn end(mut self) {
        texts(self.program.path(), &mut self.shown);
        let names: Vec<_> = self.shown.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.iter().any(|name| name.ends_with("audit.jsonl")), "{names:?}");
        for (name, text) in &self.shown {
            for (secret, home) in &self.secrets {
                let is_home = !home.is_empty() && name.starts_with('/') && name.contains(home);
                assert!(is_home || !text.contains(secret), "{secret} is in {name}: {text}");
            }
            // The hash is in the user's record and nowhere else.
            let is_record = name.contains("x-accounts");
            assert!(is_record || !text.contains("$argon2id$"), "a hash is in {name}");
        }
    }
}

/// Everything below a directory.
fn texts(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            texts(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}
