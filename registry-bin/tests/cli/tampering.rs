//! A data directory that somebody else has had his hands in.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
};

use hyper::{Method, StatusCode, header::AUTHORIZATION};
use rustix::process::Signal;
use sha2::{Digest, Sha256};

use crate::{commands::basic, http::Http, program::Program, running::Running};

const BLOB: &[u8] = b"the blob that was pushed";
const SECRET: &[u8] = b"a secret of another kind";
const TAG: &str = "/v2/some/app/manifests/latest";
const TAGS: &str = "/v2/some/app/tags/list";

fn blob() -> String {
    format!("/v2/some/app/blobs/sha256:{}", hex::encode(Sha256::digest(BLOB)))
}

/// A directory with a blob and a tagged manifest in it, and no server.
async fn prepared() -> Program {
    let program = Program::new();
    let running = Running::start(&program, &["--data", "data"]);
    let http = Http::new(running.address);
    let path = blob().replace("blobs/", "blobs/uploads/?digest=");
    let pushed = http.send(Method::POST, &path, &[], BLOB).await.expect("a reply");
    assert_eq!(pushed.status, StatusCode::CREATED);
    let manifest = br#"{"schemaVersion":2,"manifests":[],
        "mediaType":"application/vnd.oci.image.index.v1+json"}"#;
    let pushed = http.send(Method::PUT, TAG, &[], &manifest[..]).await.expect("a reply");
    assert_eq!(pushed.status, StatusCode::CREATED);
    running.signal(Signal::TERM);
    assert_eq!(running.end().0, Some(0));
    program
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The only file below a folder of the data directory.
fn only(program: &Program, folder: &str) -> PathBuf {
    let files = files(&program.path().join("data").join(folder));
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

async fn status(http: &Http, path: &str) -> StatusCode {
    http.get(path).await.expect("a reply").status
}

#[tokio::test]
async fn a_planted_link_is_an_error_and_shows_nothing() {
    for (folder, fails) in [("data", vec![blob()]), ("tag", vec![TAG.to_owned(), TAGS.to_owned()])]
    {
        let program = prepared().await;
        let victim = only(&program, folder);
        let outside = program.path().join("secret");
        fs::write(&outside, SECRET).expect("a file");
        fs::remove_file(&victim).expect("removed");
        symlink(&outside, &victim).expect("a link");

        let running = Running::start(&program, &["--data", "data"]);
        let http = Http::new(running.address);
        for path in &fails {
            let reply = http.get(path).await.expect("a reply");
            assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            let body = String::from_utf8_lossy(&reply.body);
            assert!(body.contains("\"UNKNOWN\"") && !body.contains("secret"), "{path}: {body}");
        }
        for path in [blob(), TAG.to_owned(), TAGS.to_owned()] {
            if !fails.contains(&path) {
                assert_eq!(status(&http, &path).await, StatusCode::OK, "{path}");
            }
        }
        assert_eq!(fs::read(&outside).expect("the file"), SECRET);
    }
}

#[tokio::test]
async fn a_planted_folder_leads_nowhere() {
    let program = prepared().await;
    let (tags, outside) = (program.path().join("data/tag"), program.path().join("outside"));
    fs::rename(&tags, &outside).expect("moved");
    symlink(&outside, &tags).expect("a link");
    let before = files(&outside);
    let running = Running::start(&program, &["--data", "data"]);
    let http = Http::new(running.address);
    assert_eq!(status(&http, TAG).await, StatusCode::INTERNAL_SERVER_ERROR);
    let manifest = r#"{"schemaVersion":2,"manifests":[],
        "mediaType":"application/vnd.oci.image.index.v1+json"}"#;
    let path = "/v2/some/app/manifests/another";
    let reply = http.send(Method::PUT, path, &[], manifest).await.expect("a reply");
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(files(&outside), before, "nothing was written through the link");
}

#[tokio::test]
async fn odd_names_are_passed_over() {
    let program = prepared().await;
    let before = {
        let running = Running::start(&program, &["--data", "data"]);
        Http::new(running.address).get(TAGS).await.expect("a reply").body
    };
    let long = "x".repeat(255);
    let odd: [&[u8]; 8] = [
        b"x",
        b"UP per!",
        b".hidden",
        b"-rf",
        b"new\nline!",
        b"\xff\xfe",
        "ä!".as_bytes(),
        long.as_bytes(),
    ];
    let tags = only(&program, "tag").parent().expect("a folder").to_owned();
    let contents = only(&program, "data").parent().expect("a folder").to_owned();
    let data = program.path().join("data");
    for folder in [data.join("data"), data.join("repository"), data.clone(), tags, contents] {
        for name in odd {
            fs::write(folder.join(OsStr::from_bytes(name)), "odd").expect("a file");
        }
    }
    let running = Running::start(&program, &["--data", "data"]);
    let http = Http::new(running.address);
    assert_eq!(http.get(TAGS).await.expect("a reply").body, before);
    for (path, body) in
        [(blob(), BLOB), ("/v2/_catalog".to_owned(), br#"{"repositories":["some/app"]}"#)]
    {
        let reply = http.get(&path).await.expect("a reply");
        assert_eq!((reply.status, &*reply.body), (StatusCode::OK, body), "{path}");
    }
    assert_eq!(status(&http, TAG).await, StatusCode::OK);
}

/// What a server remembers over a restart is worth less than the restart.
#[tokio::test]
async fn what_was_counted_begins_anew_where_it_is_damaged_and_is_kept_again() {
    let program = Program::new();
    let arguments = ["--data", "data", "--accounts", "--requests-per-address", "1"];
    let counted = async |running: &Running| {
        let http = Http::new(running.address);
        for _ in 0..5 {
            let headers = [(AUTHORIZATION, &*basic("nobody", "wrong"))];
            let reply = http.send(Method::GET, "/v2/", &headers, "").await.expect("a reply");
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        }
        running.signal(Signal::TERM);
    };
    let running = Running::start(&program, &arguments);
    counted(&running).await;
    assert_eq!(running.end().0, Some(0));
    let records = ["x-passwords/tries", "x-limits/rates"].map(|folder| only(&program, folder));
    for record in &records {
        fs::write(record, SECRET).expect("damaged");
    }
    let mut running = Running::start(&program, &arguments);
    for key in ["x-passwords/tries/main.accounts", "x-limits/rates/main"] {
        running.wait_for(&format!("what it remembered is forgotten\",\"key\":\"{key}\""));
    }
    counted(&running).await;
    assert_eq!(running.end().0, Some(0));
    for record in &records {
        let bytes = fs::read(record).expect("it is there again");
        assert!(bytes.starts_with(b"{"), "{}", String::from_utf8_lossy(&bytes));
    }
}

/// A listing that left out what it cannot read would look whole.
#[tokio::test]
async fn a_record_that_nobody_can_have_written_is_an_error() {
    let program = prepared().await;
    let tag = only(&program, "tag");
    fs::copy(&tag, tag.with_file_name("..no-tag!")).expect("a file");
    let running = Running::start(&program, &["--data", "data"]);
    let http = Http::new(running.address);
    assert_eq!(status(&http, TAGS).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(status(&http, TAG).await, StatusCode::OK);
}

#[tokio::test]
async fn content_that_was_cut_or_lost_is_never_served_and_a_push_heals_it() {
    for cut in [true, false] {
        let program = prepared().await;
        let victim = only(&program, "data");
        fs::remove_file(&victim).expect("removed");
        if cut {
            fs::write(&victim, &BLOB[..5]).expect("a file");
        }
        let running = Running::start(&program, &["--data", "data"]);
        let http = Http::new(running.address);
        assert_eq!(status(&http, &blob()).await, StatusCode::INTERNAL_SERVER_ERROR);
        let head = http.send(Method::HEAD, &blob(), &[], "").await.expect("a reply");
        assert_eq!(head.status, StatusCode::NOT_FOUND, "so that a client pushes it again");
        let path = blob().replace("blobs/", "blobs/uploads/?digest=");
        let pushed = http.send(Method::POST, &path, &[], BLOB).await.expect("a reply");
        assert_eq!(pushed.status, StatusCode::CREATED);
        let reply = http.get(&blob()).await.expect("a reply");
        assert_eq!((reply.status, &*reply.body), (StatusCode::OK, BLOB));
    }
}
