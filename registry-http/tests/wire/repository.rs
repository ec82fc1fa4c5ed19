//! One repository of the registry: its paths, and the steps that most rows begin with.

use hyper::Method;
use serde_json::Value;

use crate::{
    client::Request,
    content::{
        Algorithm, CONFIG, Content, DOCKER_LIST, DOCKER_MANIFEST, INDEX, LAYER, MANIFEST, OCTETS,
        image,
    },
    failure::Outcome,
    reply::Reply,
    target::Target,
    url::Url,
};

/// A repository, by name. Nothing is sent before a step is taken.
#[derive(Clone, Debug)]
pub(crate) struct Repository<'t> {
    target: &'t Target,
    pub(crate) name: String,
}

impl<'t> Repository<'t> {
    pub(crate) fn new(target: &'t Target, name: impl Into<String>) -> Self {
        Self { target, name: name.into() }
    }

    /// `/v2/<name>/<rest>`
    pub(crate) fn path(&self, rest: impl AsRef<str>) -> String {
        format!("/v2/{}/{}", self.name, rest.as_ref())
    }

    pub(crate) fn blob(&self, digest: impl AsRef<str>) -> String {
        self.path(format!("blobs/{}", digest.as_ref()))
    }

    pub(crate) fn manifest(&self, reference: impl AsRef<str>) -> String {
        self.path(format!("manifests/{}", reference.as_ref()))
    }

    pub(crate) fn uploads(&self) -> String {
        self.path("blobs/uploads/")
    }

    pub(crate) fn tags(&self) -> String {
        self.path("tags/list")
    }

    pub(crate) fn referrers(&self, digest: impl AsRef<str>) -> String {
        self.path(format!("referrers/{}", digest.as_ref()))
    }

    /// Opens an upload session: where it is.
    pub(crate) async fn open_upload(&self) -> Outcome<Url> {
        self.target.post(self.uploads()).expect(202).await?.location()
    }

    /// A PATCH with a chunk that begins at this offset.
    pub(crate) fn chunk(&self, session: &Url, start: usize, bytes: &[u8]) -> Request<'t> {
        self.ranged(Method::PATCH, session.clone(), start, bytes)
    }

    /// The closing PUT with a last chunk that begins at this offset.
    pub(crate) fn last_chunk(
        &self,
        session: &Url,
        digest: &str,
        start: usize,
        bytes: &[u8],
    ) -> Request<'t> {
        self.ranged(Method::PUT, session.with(format!("digest={digest}")), start, bytes)
    }

    /// The closing PUT without a body.
    pub(crate) fn close(&self, session: &Url, digest: &str) -> Request<'t> {
        self.target.put(session.with(format!("digest={digest}")))
    }

    /// Pushes a blob with POST and PUT; it can be pulled afterwards.
    pub(crate) async fn push_blob(&self, blob: &Content) -> Outcome<Reply> {
        let session = self.open_upload().await?;
        let close = self.close(&session, &blob.digest).header("content-type", OCTETS);
        close.body(blob.bytes.clone()).expect(201).await
    }

    /// A GET of a manifest with `Accept` as clients send it.
    pub(crate) fn pull(&self, reference: impl AsRef<str>) -> Request<'t> {
        accepting(self.target.get(self.manifest(reference)))
    }

    /// A HEAD of a manifest with `Accept` as clients send it.
    pub(crate) fn look(&self, reference: impl AsRef<str>) -> Request<'t> {
        accepting(self.target.head(self.manifest(reference)))
    }

    /// A PUT of a manifest under a tag or digest.
    pub(crate) fn put(&self, reference: impl AsRef<str>, manifest: &Content) -> Request<'t> {
        let put = self.target.put(self.manifest(reference));
        put.header("content-type", &manifest.media_type).body(manifest.bytes.clone())
    }

    /// Pushes a manifest under a tag or digest.
    pub(crate) async fn push(
        &self,
        reference: impl AsRef<str>,
        manifest: &Content,
    ) -> Outcome<Reply> {
        self.put(reference, manifest).expect(201).await
    }

    /// Pushes a new config and a new layer, and makes the image manifest of them.
    pub(crate) async fn image(&self) -> Outcome<Value> {
        let config = Content::new(CONFIG, self.target.bytes(64), Algorithm::Sha256);
        let layer = Content::new(LAYER, self.target.bytes(256), Algorithm::Sha256);
        self.push_blob(&config).await?;
        self.push_blob(&layer).await?;
        Ok(image(&config, &[&layer]))
    }

    /// Pushes a new image under a tag or, without one, under its digest.
    pub(crate) async fn push_image(&self, tag: Option<&str>) -> Outcome<Content> {
        let manifest = Content::manifest(&self.image().await?);
        self.push(tag.unwrap_or(&manifest.digest), &manifest).await?;
        Ok(manifest)
    }

    /// The tags that a reply of the tag list names.
    pub(crate) fn tags_in(&self, reply: &Reply) -> Outcome<Vec<String>> {
        let body = reply.json()?;
        reply
            .ensure(body["name"] == *self.name, format!(r#"a body with "name":"{}""#, self.name))?;
        let tags =
            body["tags"].as_array().ok_or_else(|| reply.fail(r#"a body with "tags":[…]"#))?;
        let tags = tags.iter().map(|tag| tag.as_str().map(str::to_owned)).collect();
        Option::ok_or(tags, reply.fail("tags that are strings"))
    }

    /// The tag list, asked with this query.
    pub(crate) async fn list_tags(&self, query: &str) -> Outcome<Vec<String>> {
        let reply = self.target.get(format!("{}{query}", self.tags())).expect(200).await?;
        self.tags_in(&reply)
    }

    /// The descriptors in one page of referrers, asked with this query.
    pub(crate) async fn list_referrers(&self, digest: &str, query: &str) -> Outcome<Vec<Value>> {
        let reply = self.target.get(format!("{}{query}", self.referrers(digest))).send().await?;
        referrers_in(&reply)
    }

    fn ranged(&self, method: Method, place: Url, start: usize, bytes: &[u8]) -> Request<'t> {
        let range = format!("{start}-{}", start + bytes.len() - 1);
        let request = self.target.request(method, place).header("content-type", OCTETS);
        request.header("content-range", range).body(bytes.to_vec())
    }
}

/// Says that every manifest is welcome, in several header lines as clients do.
pub(crate) fn accepting(request: Request<'_>) -> Request<'_> {
    let types = [INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];
    types.into_iter().fold(request, |request, accepted| request.header("accept", accepted))
}

/// The descriptors that a reply of the referrers API holds; the reply must be an image index.
pub(crate) fn referrers_in(reply: &Reply) -> Outcome<Vec<Value>> {
    reply.status(200)?.has("content-type", INDEX)?;
    let body = reply.json()?;
    reply.ensure(body["schemaVersion"] == 2, r#"an index with "schemaVersion":2"#)?;
    reply.ensure(body["mediaType"] == INDEX, "an index that says its mediaType")?;
    let manifests = body["manifests"].as_array();
    manifests.cloned().ok_or_else(|| reply.fail(r#"an index with "manifests":[…]"#))
}

/// The last byte that a `Range: 0-<last>` of an upload session names.
pub(crate) fn last_byte(reply: &Reply) -> Outcome<usize> {
    let range = reply.header("range")?;
    let last = range.strip_prefix("0-").and_then(|last| last.parse().ok());
    last.ok_or_else(|| reply.fail("a header Range: 0-<last byte>"))
}
