//! The registry that the clients talk to, and what it must hold afterwards, asked by plain HTTP.

use std::env;
use std::hash::{BuildHasher, RandomState};

use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use super::image::{Content, Image};
use crate::support::http::{Http, Reply, closing};
use crate::support::server::Server;

/// A running registry: a server of this test's own on an empty directory, or the one that the
/// variable `REGISTRY_TEST_URL` names.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Its host and port, as in the names of images.
    pub(crate) authority: String,
    /// No other run on the same registry uses this component.
    run: String,
    // Dropped in this order: the server ends before its directory is removed.
    _server: Option<Server>,
    _data: TempDir,
}

/// One repository of it.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    /// Its name in the registry.
    pub(crate) name: String,
    authority: String,
    http: Http,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let data = TempDir::new().expect("a directory");
        let run = format!("run-{:016x}", RandomState::new().hash_one(0));
        if let Ok(url) = env::var("REGISTRY_TEST_URL") {
            let authority = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
            return Self { authority, run, _server: None, _data: data };
        }
        let server = Server::start(data.path());
        let authority = server.address.to_string();
        Self { authority, run, _server: Some(server), _data: data }
    }

    /// The repository that this test calls `name`.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let name = format!("{}/{name}", self.run);
        let http = Http::new(&self.authority);
        Repository { name, authority: self.authority.clone(), http }
    }
}

impl Repository {
    /// This repository as a client names it: host, port and name.
    pub(crate) fn named(&self) -> String {
        format!("{}/{}", self.authority, self.name)
    }

    /// A tag of it as a client names it.
    pub(crate) fn tagged(&self, tag: &str) -> String {
        format!("{}:{tag}", self.named())
    }

    /// A digest of it as a client names it.
    pub(crate) fn pinned(&self, digest: &str) -> String {
        format!("{}@{digest}", self.named())
    }

    /// The same repository, named through another address of the registry.
    pub(crate) fn through(&self, authority: &str) -> Self {
        Self { authority: authority.to_owned(), ..self.clone() }
    }

    /// Asserts that every content of `image` is here, byte for byte.
    pub(crate) async fn assert_holds(&self, image: &Image) {
        for manifest in image.children.iter().chain([image]) {
            self.assert_manifest(manifest.digest(), manifest).await;
            for Content { digest, bytes } in &manifest.blobs {
                let reply = self.get(&format!("blobs/{digest}")).await;
                assert_eq!(reply.status, StatusCode::OK, "{digest}");
                assert!(reply.body == *bytes, "{digest} is another content here");
            }
        }
    }

    /// Asserts that `tag` is `image`, and that all of it is here.
    pub(crate) async fn assert_tag(&self, tag: &str, image: &Image) {
        self.assert_manifest(tag, image).await;
        self.assert_holds(image).await;
    }

    /// The manifest of a tag or a digest as JSON. It must be here.
    pub(crate) async fn manifest(&self, reference: &str) -> Value {
        let reply = self.get(&format!("manifests/{reference}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{reference}: {:?}", reply.body);
        serde_json::from_slice(&reply.body).expect("a manifest is JSON")
    }

    /// The digest of a tag, which must be here.
    pub(crate) async fn digest(&self, tag: &str) -> String {
        let reply = self.get(&format!("manifests/{tag}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{tag}: {:?}", reply.body);
        reply.header("docker-content-digest").to_owned()
    }

    /// The status of a GET below this repository.
    pub(crate) async fn status(&self, path: &str) -> StatusCode {
        self.get(path).await.status
    }

    /// The digests of what refers to `subject`.
    pub(crate) async fn referrers(&self, subject: &str) -> Vec<String> {
        let reply = self.get(&format!("referrers/{subject}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.body);
        let index: Value = serde_json::from_slice(&reply.body).expect("an index is JSON");
        let manifests = index["manifests"].as_array().expect("manifests");
        manifests.iter().map(|entry| entry["digest"].as_str().expect("a digest").into()).collect()
    }

    /// Pushes `image` by plain HTTP, for clients that can only pull what others made.
    pub(crate) async fn push(&self, image: &Image, tag: &str) {
        for manifest in image.children.iter().chain([image]) {
            for blob in &manifest.blobs {
                self.push_blob(blob).await;
            }
            let reference =
                if manifest.digest() == image.digest() { tag } else { manifest.digest() };
            let path = format!("/v2/{}/manifests/{reference}", self.name);
            let headers = [(CONTENT_TYPE, manifest.media_type)];
            let body = manifest.manifest.bytes.clone();
            let reply = self.http.send(Method::PUT, &path, &headers, body).await.expect("a reply");
            assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.body);
        }
    }

    async fn push_blob(&self, Content { digest, bytes }: &Content) {
        let path = format!("/v2/{}/blobs/uploads/", self.name);
        let none = [(CONTENT_LENGTH, "0")];
        let reply = self.http.send(Method::POST, &path, &none, "").await.expect("a reply");
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{:?}", reply.body);
        let path = closing(reply.location(), digest);
        let headers = [(CONTENT_TYPE, "application/octet-stream")];
        let reply =
            self.http.send(Method::PUT, &path, &headers, bytes.clone()).await.expect("a reply");
        assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.body);
    }

    async fn assert_manifest(&self, reference: &str, image: &Image) {
        let reply = self.get(&format!("manifests/{reference}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{reference}: {:?}", reply.body);
        assert_eq!(reply.header("docker-content-digest"), image.digest(), "{reference}");
        assert_eq!(reply.header(CONTENT_TYPE), image.media_type, "{reference}");
        assert_eq!(reply.body, image.manifest.bytes, "{reference}");
    }

    async fn get(&self, path: &str) -> Reply {
        let path = format!("/v2/{}/{path}", self.name);
        self.http.get(&path).await.expect("a reply")
    }
}
