//! Errors: which status, which code, in which form. One table over every endpoint.

use std::collections::BTreeSet;

use hyper::Method;

use crate::{
    client::Request,
    content::{Content, MANIFEST},
    failure::{Outcome, ensure},
    reply::Reply,
    repository::Repository,
    row::Row,
    target::Target,
};

/// A request that fails.
///
/// In its path, `{known}` is a repository with the tag `v1` and a blob `{blob}`, `{session}` an
/// upload that is open there, `{nobody}` the id of none, `{unknown}` a repository that nobody
/// pushed to, `{stranger}` a digest of nothing.
#[derive(Clone, Copy, Debug)]
struct Fault {
    says: &'static str,
    /// Method and path.
    line: &'static str,
    header: Option<(&'static str, &'static str)>,
    body: &'static str,
    statuses: &'static [u16],
    /// The codes that fit, or nothing: any that the spec lists.
    codes: &'static str,
}

const fn fault(
    says: &'static str,
    line: &'static str,
    statuses: &'static [u16],
    codes: &'static str,
) -> Fault {
    Fault { says, line, header: None, body: "", statuses, codes }
}

impl Fault {
    const fn header(self, name: &'static str, value: &'static str) -> Self {
        Self { header: Some((name, value)), ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }
}

#[rustfmt::skip]
const FAULTS: [Fault; 33] = [
    fault("a blob that is not there", "GET /v2/{known}/blobs/{stranger}", &[404], "BLOB_UNKNOWN"),
    fault("a blob of an unknown repository", "GET /v2/{unknown}/blobs/{stranger}", &[404], "NAME_UNKNOWN BLOB_UNKNOWN"),
    fault("a blob under no digest", "GET /v2/{known}/blobs/sha256:short", &[400], "DIGEST_INVALID"),
    fault("a tag that is not there", "GET /v2/{known}/manifests/missing", &[404], "MANIFEST_UNKNOWN"),
    fault("a manifest that is not there", "GET /v2/{known}/manifests/{stranger}", &[404], "MANIFEST_UNKNOWN"),
    fault("a manifest of an unknown repository", "GET /v2/{unknown}/manifests/v1", &[404], "NAME_UNKNOWN MANIFEST_UNKNOWN"),
    fault("a manifest under no digest", "GET /v2/{known}/manifests/sha256:short", &[400, 404], "DIGEST_INVALID MANIFEST_UNKNOWN"),
    fault("a manifest under no tag", "GET /v2/{known}/manifests/-v1", &[400, 404], ""),
    fault("a manifest under an invalid name", "GET /v2/{known}/UPPER/manifests/v1", &[400, 404], "NAME_INVALID NAME_UNKNOWN"),
    fault("the tags of an unknown repository", "GET /v2/{unknown}/tags/list", &[404], "NAME_UNKNOWN"),
    fault("tags by an n that is none", "GET /v2/{known}/tags/list?n=-1", &[400], "UNSUPPORTED"),
    fault("referrers of no digest", "GET /v2/{known}/referrers/v1", &[400], "DIGEST_INVALID"),
    fault("an upload under an invalid name", "POST /v2/{known}/UPPER/blobs/uploads/", &[400, 404], "NAME_INVALID"),
    fault("a single POST under no digest", "POST /v2/{known}/blobs/uploads/?digest=sha256:short", &[400], "DIGEST_INVALID").body("x"),
    fault("a single POST of other bytes", "POST /v2/{known}/blobs/uploads/?digest={stranger}", &[400], "DIGEST_INVALID").body("x"),
    fault("an upload by an unknown algorithm", "POST /v2/{known}/blobs/uploads/?digest-algorithm=md5", &[400], "DIGEST_INVALID UNSUPPORTED"),
    fault("a closing PUT of other bytes", "PUT {session}?digest={stranger}", &[400], "DIGEST_INVALID").body("x"),
    fault("a closing PUT under no digest", "PUT {session}?digest=sha256:short", &[400], "DIGEST_INVALID").body("x"),
    fault("a closing PUT without a digest", "PUT {session}", &[400], "DIGEST_INVALID").body("x"),
    fault("a closing PUT out of order", "PUT {session}?digest={stranger}", &[416], "BLOB_UPLOAD_INVALID").header("content-range", "5-5").body("x"),
    fault("a chunk out of order", "PATCH {session}", &[416], "BLOB_UPLOAD_INVALID").header("content-range", "5-5").body("x"),
    fault("a chunk of an unknown upload", "PATCH /v2/{known}/blobs/uploads/{nobody}", &[404], "BLOB_UPLOAD_UNKNOWN").body("x"),
    fault("a closing PUT of an unknown upload", "PUT /v2/{known}/blobs/uploads/{nobody}?digest={stranger}", &[404], "BLOB_UPLOAD_UNKNOWN").body("x"),
    fault("the status of an unknown upload", "GET /v2/{known}/blobs/uploads/{nobody}", &[404], "BLOB_UPLOAD_UNKNOWN"),
    fault("the end of an unknown upload", "DELETE /v2/{known}/blobs/uploads/{nobody}", &[404], "BLOB_UPLOAD_UNKNOWN"),
    fault("a manifest that is none", "PUT /v2/{known}/manifests/v2", &[400], "MANIFEST_INVALID").header("content-type", MANIFEST).body("{}"),
    fault("a manifest with another digest", "PUT /v2/{known}/manifests/{stranger}", &[400], "DIGEST_INVALID MANIFEST_INVALID").header("content-type", MANIFEST).body("{}"),
    fault("a manifest to be put under no tag", "PUT /v2/{known}/manifests/-v1", &[400, 404], "").header("content-type", MANIFEST).body("{}"),
    fault("the delete of a manifest that is not there", "DELETE /v2/{known}/manifests/{stranger}", &[404], "MANIFEST_UNKNOWN"),
    fault("the delete of a blob that is not there", "DELETE /v2/{known}/blobs/{stranger}", &[404], "BLOB_UNKNOWN"),
    fault("a method that the tag list does not have", "PUT /v2/{known}/tags/list", &[404, 405], ""),
    fault("a path that is no endpoint", "GET /v2/{known}/nothing/here", &[404], ""),
    fault("a range that is not there", "GET /v2/{known}/blobs/{blob}", &[416], "").header("range", "bytes=99-"),
];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = FAULTS.into_iter().map(enveloped).collect();
    rows.extend([
        Row::new("M2", "a JSON body of a 4xx is the error envelope", async |t| {
            for reply in every_reply(t).await? {
                if (400..500).contains(&reply.status) && reply.json().is_ok() {
                    reply.error_codes()?;
                }
            }
            Ok(())
        }),
        Row::new("M3", "warnings, if any, have the form that the spec gives", async |t| {
            for reply in every_reply(t).await? {
                let mut sum = 0;
                for warning in reply.headers.get_all("warning") {
                    let text = warning.to_str()?;
                    sum += text.len();
                    let quoted = text.strip_prefix("299 - \"").and_then(|s| s.strip_suffix('"'));
                    reply.ensure(quoted.is_some(), r#"Warning: 299 - "<text>""#)?;
                }
                reply.ensure(sum <= 4096, "at most 4096 bytes of warnings")?;
            }
            Ok(())
        }),
        Row::new("X1", "Docker-Distribution-API-Version on every reply", async |t| {
            for reply in every_reply(t).await? {
                reply.has("docker-distribution-api-version", "registry/2.0")?;
            }
            Ok(())
        }),
        Row::new("X11", "every reply has an X-Request-Id of its own", async |t| {
            let replies = every_reply(t).await?;
            let mut ids = BTreeSet::new();
            for reply in &replies {
                ids.insert(reply.header("x-request-id")?);
            }
            ensure!(ids.len() == replies.len(), "{} replies, {} ids", replies.len(), ids.len());
            Ok(())
        }),
        Row::new("C33", "what fails changes nothing", async |t| {
            let scene = Scene::new(t).await?;
            let before = scene.known.pull("v1").expect(200).await?;
            for fault in &FAULTS {
                scene.request(fault).send().await?;
            }
            scene.known.pull("v1").expect(200).await?.body_is(&before.body)?;
            let path = scene.known.blob(&scene.blob.digest);
            t.get(path).expect(200).await?.body_is(&scene.blob.bytes)?;
            let tags = scene.known.list_tags("").await?;
            ensure!(tags == ["v1"], "{tags:?}");
            t.head(scene.known.blob(&scene.stranger)).expect(404).await?;
            t.head(scene.known.blob(Content::blob("x").digest)).expect(404).await?;
            t.get(scene.unknown.tags()).expect_one_of(&[200, 404]).await?;
            Ok(())
        }),
        Row::new("D24", "a reply says its length, or is a 204 or 304 that has none", async |t| {
            for reply in every_reply(t).await? {
                reply.lacks("transfer-encoding")?;
                match reply.status {
                    204 | 304 => reply.lacks("content-length")?,
                    _ => reply.ensure(reply.header("content-length").is_ok(), "Content-Length")?,
                };
            }
            Ok(())
        }),
    ]);
    rows
}

/// The fault is answered with its status, and with its code in the envelope.
fn enveloped(fault: Fault) -> Row {
    let codes: Vec<&str> = fault.codes.split_whitespace().collect();
    let shown = if codes.is_empty() { "an error code".to_owned() } else { codes.join(" or ") };
    Row::new("X4", format!("{} is answered {shown} as JSON", fault.says), async move |t| {
        let reply = Scene::new(t).await?.request(&fault).send().await?;
        reply.status_in(fault.statuses)?.has("content-type", "application/json")?;
        let found = reply.error_codes()?;
        let fits = codes.is_empty() || found.iter().all(|code| codes.contains(&code.as_str()));
        reply.ensure(fits, format!("error code {shown}"))?;
        Ok(())
    })
}

/// What the paths of [`FAULTS`] refer to.
struct Scene<'t> {
    t: &'t Target,
    known: Repository<'t>,
    unknown: Repository<'t>,
    blob: Content,
    session: String,
    stranger: String,
}

impl<'t> Scene<'t> {
    async fn new(t: &'t Target) -> Outcome<Self> {
        let (known, unknown) = (t.repository(), t.repository());
        known.push_image(Some("v1")).await?;
        let blob = Content::blob(t.bytes(9));
        known.push_blob(&blob).await?;
        let session = t.below_base(&known.open_upload().await?);
        let stranger = Content::blob(t.bytes(9)).digest;
        Ok(Self { t, known, unknown, blob, session, stranger })
    }

    fn request(&self, fault: &Fault) -> Request<'t> {
        let (method, path) = fault.line.split_once(' ').expect("a method and a path");
        let mut path = path
            .replace("{known}", &self.known.name)
            .replace("{unknown}", &self.unknown.name)
            .replace("{blob}", &self.blob.digest)
            .replace("{stranger}", &self.stranger)
            .replace("{nobody}", "6b1ee8ce-6b5c-4a0e-9d0a-3f1f5b6c7d8e")
            .replace("{session}", &self.session);
        // Where the registry's own location has a query already.
        if let Some((start, more)) = path.rsplit_once("?digest=").filter(|(s, _)| s.contains('?')) {
            path = format!("{start}&digest={more}");
        }
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.t.request(method, path);
        if let Some((name, value)) = fault.header {
            request = request.header(name, value);
        }
        if fault.body.is_empty() { request } else { request.body(fault.body) }
    }
}

/// The replies to every fault, and to every request that works.
async fn every_reply(t: &Target) -> Outcome<Vec<Reply>> {
    let scene = Scene::new(t).await?;
    let mut replies = Vec::new();
    for fault in &FAULTS {
        replies.push(scene.request(fault).send().await?);
    }
    let r = t.repository();
    let blob = Content::blob(t.bytes(1000));
    replies.push(t.get("/v2/").send().await?);
    let opened = t.post(r.uploads()).send().await?;
    let chunk = r.chunk(&opened.location()?, 0, &blob.bytes).send().await?;
    let status = t.get(chunk.location()?).send().await?;
    let closed = r.close(&status.location()?, &blob.digest).send().await?;
    replies.extend([opened, chunk, status, closed]);
    replies.push(t.delete(r.open_upload().await?).send().await?);
    let manifest = Content::manifest(&r.image().await?);
    for request in [
        t.get(r.blob(&blob.digest)),
        t.head(r.blob(&blob.digest)),
        t.get(r.blob(&blob.digest)).header("range", "bytes=1-2"),
        r.put("v1", &manifest),
        r.pull("v1"),
        r.look("v1"),
        t.get(r.tags()),
        t.get(r.referrers(&manifest.digest)),
        t.delete(r.manifest("v1")),
        t.delete(r.blob(&blob.digest)),
    ] {
        replies.push(request.send().await?);
    }
    Ok(replies)
}
