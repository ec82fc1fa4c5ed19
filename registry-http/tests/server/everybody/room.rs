//! A registry with a repository in each state, behind a server.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use registry_adapters::{
    memory::{MemoryContents, MemoryRecords},
    system::{SystemClock, SystemRandom},
};
use registry_core::{
    digest::{Algorithm, Digest},
    identity::{Caller, Principal, PrincipalKind},
    name::RepositoryName,
    policy::{AllowAll, PolicyFile},
    ports::{Authorizer, KeyRange, RecordStore, Version},
    record::{RecordKey, Visibility},
    reference::Reference,
    registry::{Body, Chunk, ManifestUpload, Registry, RepositoryChange},
};
use registry_http::{RegistryService, ServerOptions};

use super::{POLICY, people::People};
use crate::support::{Client, Reply, Server, start};

/// What a repository can be, as the table of rights names it.
pub(super) const STATES: [&str; 6] =
    ["absent", "unclaimed", "private", "public", "others", "shared"];

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
/// There is no such manifest.
const NEW_MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{}}"#;
const BLOB: &str = "blob";
/// There is no such blob.
const NEW_BLOB: &str = "new blob";
/// The blob of `base`.
const BASE: &str = "base";
/// The blob of `secret`.
const SECRET: &str = "secret";
/// What alice's uploads have by now.
const BEGUN: &str = "begun";
const NO_UPLOAD: &str = "f47ac10b-58cc-4372-a567-0e02b2c3d479";

/// The repository of a state.
pub(super) fn repository(state: &str) -> String {
    format!("acme/{state}")
}

/// A server, and everything in it.
pub(super) struct Room<'p> {
    people: &'p People,
    records: MemoryRecords,
    /// Alice's uploads, by the state of their repository.
    uploads: BTreeMap<&'static str, String>,
    _server: Server,
    client: Client,
}

/// A reply, but for what is made up for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl<'p> Room<'p> {
    pub(super) async fn new(people: &'p People) -> Self {
        let (contents, records) = (MemoryContents::default(), MemoryRecords::default());
        let registry = |authorizer: Arc<dyn Authorizer>| {
            let (contents, records) = (contents.clone(), records.clone());
            let clock = SystemClock::new();
            Registry::builder(contents, records, authorizer, clock, SystemRandom)
                .public_mounts(true)
                .build()
        };
        let uploads = fill(&registry(Arc::new(AllowAll))).await;
        let policy: PolicyFile = toml::from_str(POLICY).expect("a policy");
        let registry = registry(Arc::new(policy));
        let service = RegistryService::builder(registry, SystemClock::new(), SystemRandom);
        let service = service.tokens(people.token_service()).build();
        let server = start(service, ServerOptions::default()).await;
        let client = server.http2().await;
        Self { people, records, uploads, _server: server, client }
    }

    /// Sends a request of somebody to the repository of this state.
    pub(super) async fn ask(
        &mut self,
        who: &'static str,
        state: &'static str,
        route: &str,
        method: &str,
    ) -> Reply {
        let shown = self.people.shows(who, state);
        let (route, range) = match route.strip_suffix("[0-1]") {
            Some(route) => (route, Some(("range", "bytes=0-1"))),
            None => (route, None),
        };
        let form = form(shown);
        let (media_type, body) = match (method, route.rsplit('/').next()) {
            ("POST", Some("_token")) => ("application/x-www-form-urlencoded", &*form),
            ("PUT", Some("<manifest>")) => (INDEX, MANIFEST),
            ("PUT", Some(to))
                if ["v1", "new"].contains(&to) || to.starts_with("<new-manifest>") =>
            {
                (INDEX, NEW_MANIFEST)
            }
            ("POST", Some("?digest=<new-blob>")) => ("application/octet-stream", NEW_BLOB),
            ("PATCH", _) => ("application/octet-stream", "more"),
            _ => ("application/octet-stream", ""),
        };
        let headers: Vec<_> = range.into_iter().chain([("content-type", media_type)]).collect();
        let reply = self.send(method, &self.path(route, state), shown, &headers, body).await;
        if reply.status == 401 {
            self.people.wait();
        }
        reply
    }

    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        shown: Option<&str>,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let shown = shown.map(|shown| ("authorization", shown));
        let headers: Vec<_> = headers.iter().copied().chain(shown).collect();
        self.client.send(method, path, &headers, body.to_owned()).await
    }

    fn path(&self, route: &str, state: &str) -> String {
        // There is no upload in what is absent: it is that of another repository then.
        let upload = self.uploads.get(state).unwrap_or(&self.uploads["private"]);
        let digests = [
            ("<manifest>", MANIFEST),
            ("<new-manifest>", NEW_MANIFEST),
            ("<blob>", BLOB),
            ("<new-blob>", NEW_BLOB),
            ("<base>", BASE),
            ("<secret>", SECRET),
            ("<begun>", BEGUN),
        ];
        let path = digests.iter().fold(route.to_owned(), |path, (name, bytes)| {
            path.replace(name, &digest(bytes).to_string())
        });
        path.replace("<name>", &repository(state))
            .replace("<upload>", upload)
            .replace("<no-upload>", NO_UPLOAD)
    }

    /// Every record, in the version that it has.
    pub(super) async fn stored(&self) -> Vec<(RecordKey, Version)> {
        let entries = self.records.list(KeyRange::all(String::new()));
        let versions = entries.map_ok(|entry| {
            let (version, _) = entry.record.expect("it is at hand");
            (entry.key, version)
        });
        versions.try_collect().await.expect("records")
    }
}

impl Seen {
    /// Whatever the repository is called.
    pub(super) fn of(reply: &Reply, state: &str) -> Self {
        let hidden = |text: &str| text.replace(&repository(state), "<name>");
        let own = ["x-request-id", "date"];
        let headers = reply.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
        let headers =
            headers.map(|(name, value)| (name.to_string(), hidden(value.to_str().expect("ASCII"))));
        Self {
            status: reply.status.as_u16(),
            headers: headers.collect(),
            body: hidden(&String::from_utf8_lossy(&reply.body)),
        }
    }
}

/// The form of somebody who logs in with what is in the header, or with nothing of use.
fn form(shown: Option<&str>) -> String {
    let basic = shown.and_then(|shown| shown.strip_prefix("Basic "));
    let basic = basic.map(|basic| BASE64_STANDARD.decode(basic).expect("base64"));
    let basic = basic.map_or("nobody:nothing".to_owned(), |b| String::from_utf8(b).expect("UTF-8"));
    let (name, password) = basic.split_once(':').expect("a colon");
    format!("grant_type=password&username={name}&password={password}")
}

/// Makes the repositories, and an upload of alice's in each.
async fn fill(registry: &Registry) -> BTreeMap<&'static str, String> {
    let [alice, carol] = ["alice", "carol"].map(|id| Principal::new(PrincipalKind::User, id));
    let caller = Caller::new(alice.clone(), "");
    let mut uploads = BTreeMap::new();
    for (state, owner, visibility) in [
        ("unclaimed", Principal::anonymous(), Visibility::Private),
        ("private", alice.clone(), Visibility::Private),
        ("public", alice, Visibility::Public),
        ("others", carol.clone(), Visibility::Private),
        ("shared", carol.clone(), Visibility::Public),
    ] {
        let name = name(&repository(state));
        push(registry, &caller, &name, BLOB).await;
        let manifest = ManifestUpload::new(body(MANIFEST));
        let v1 = Reference::Tag("v1".parse().expect("a tag"));
        registry.push_manifest(&caller, &name, &v1, &[], manifest).await.expect("pushed");
        let upload = registry.open_upload(&caller, &name, None).await.expect("opened").id;
        let begun = Chunk::new(body(BEGUN));
        registry.append_upload(&caller, &name, &upload, begun).await.expect("begun");
        uploads.insert(state, upload.to_string());
        let change = RepositoryChange::new().owned_by(&owner).visible_to(visibility);
        registry.change_repository(&caller, &name, &change).await.expect("changed");
    }
    for (only, blob, owner, visibility) in [
        ("base", BASE, &carol, Visibility::Public),
        ("secret", SECRET, &caller.principal, Visibility::Private),
    ] {
        push(registry, &caller, &name(only), blob).await;
        let change = RepositoryChange::new().owned_by(owner).visible_to(visibility);
        registry.change_repository(&caller, &name(only), &change).await.expect("changed");
    }
    uploads
}

async fn push(registry: &Registry, caller: &Caller, name: &RepositoryName, blob: &'static str) {
    let chunk = Chunk::new(body(blob));
    registry.push_blob(caller, name, &digest(blob), chunk).await.expect("pushed");
}

fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

fn digest(text: &str) -> Digest {
    Algorithm::Sha256.digest(text.as_bytes())
}

fn body(text: &'static str) -> Body {
    stream::iter([Ok(Bytes::from(text))]).boxed()
}
