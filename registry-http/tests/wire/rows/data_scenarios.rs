//! The official suite's data scenarios: each set is pushed, listed, found, pulled, referred to and
//! deleted. One row for each of these, so that a failure says what fails; each pushes its own set.

use serde_json::{Value, json};

use crate::{
    content::Content,
    dataset::{self, Dataset, Make},
    failure::{Failure, Outcome, ensure},
    repository::{Repository, accepting},
    row::Row,
    target::{Setting, Target},
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = dataset::ALL.into_iter().flat_map(|(id, make)| of(id, make)).collect();
    rows.extend(without_data());
    rows
}

fn of(id: &'static str, make: Make) -> Vec<Row> {
    let mut rows = vec![
        Row::new(id, "push", async move |t| pushes(t, &t.repository(), &make(t)).await),
        Row::new(id, "tag list", async move |t| lists(t, &make(t)).await),
        Row::new(id, "head", async move |t| finds(t, &make(t)).await),
        Row::new(id, "pull", async move |t| pulls(t, &make(t)).await),
        Row::new(id, "delete", async move |t| deletes(t, &make(t)).await),
    ];
    if id.contains("subject") {
        rows.push(Row::new(id, "referrers", async move |t| refers(t, &make(t)).await));
    }
    match id {
        "sparse" => rows.into_iter().map(|row| row.only(Setting::Sparse)).collect(),
        _ => rows,
    }
}

/// Pushes blobs, then manifests by digest, then by tag; checks each reply and what it points to.
async fn pushes(t: &Target, r: &Repository<'_>, set: &Dataset) -> Outcome {
    for blob in &set.blobs {
        let pushed = r.push_blob(blob).await?;
        pushed.has("docker-content-digest", &blob.digest)?;
        t.get(pushed.location()?).expect(200).await?.body_is(&blob.bytes)?;
    }
    for manifest in &set.manifests {
        let tags = set.tags.iter().filter(|(_, digest)| *digest == manifest.digest);
        let tags: Vec<&str> = tags.map(|(tag, _)| tag.as_str()).collect();
        let mut reference = manifest.digest.clone();
        if set.tag_params && !tags.is_empty() {
            reference = format!("{reference}?tag={}", tags.join("&tag="));
        }
        let accepted = pushes_manifest(t, r, &reference, manifest).await?;
        for tag in tags {
            if set.tag_params {
                ensure!(accepted.iter().any(|a| a == tag), "OCI-Tag: {accepted:?}, not {tag}");
            } else {
                pushes_manifest(t, r, tag, manifest).await?;
            }
        }
    }
    Ok(())
}

/// Pushes one manifest as the official suite does, in chunked transfer coding. Gives `OCI-Tag`.
async fn pushes_manifest(
    t: &Target,
    r: &Repository<'_>,
    reference: &str,
    manifest: &Content,
) -> Outcome<Vec<String>> {
    let put = t.put(r.manifest(reference)).header("content-type", &manifest.media_type);
    let pushed = put.chunked(manifest.bytes.clone()).expect(201).await?;
    pushed.has("docker-content-digest", &manifest.digest)?;
    if let Some(subject) = document(manifest)?["subject"]["digest"].as_str() {
        pushed.has("oci-subject", subject)?;
    }
    let pulled = accepting(t.get(pushed.location()?)).expect(200).await?;
    pulled.body_is(&manifest.bytes)?.has("content-type", &manifest.media_type)?;
    pulled.has("content-length", manifest.bytes.len().to_string())?;
    Ok(pushed.list("oci-tag"))
}

/// Pushes the set without a look at more than the status, so that what follows can be tried though
/// a push leaves something to be desired.
async fn load(t: &Target, r: &Repository<'_>, set: &Dataset) -> Outcome {
    for blob in &set.blobs {
        r.push_blob(blob).await?;
    }
    for manifest in &set.manifests {
        r.push(&manifest.digest, manifest).await?;
    }
    for (tag, digest) in &set.tags {
        let manifest = set.manifests.iter().find(|manifest| manifest.digest == *digest);
        let manifest = manifest.ok_or_else(|| Failure::new(format!("{tag} is for nothing")))?;
        // A tag for another algorithm than sha256 can only go with the digest.
        let put = match set.tag_params {
            true => t.put(r.manifest(format!("{digest}?tag={tag}"))),
            false => t.put(r.manifest(tag)),
        };
        let put = put.header("content-type", &manifest.media_type);
        put.body(manifest.bytes.clone()).expect(201).await?;
    }
    Ok(())
}

async fn lists(t: &Target, set: &Dataset) -> Outcome {
    let r = t.repository();
    load(t, &r, set).await?;
    let mut expected: Vec<&str> = set.tags.iter().map(|(tag, _)| tag.as_str()).collect();
    expected.sort_unstable();
    let tags = r.list_tags("").await?;
    ensure!(tags == expected, "{tags:?}, expected {expected:?}");
    if let Some(last) = expected.len().checked_div(2).filter(|half| *half > 0) {
        let rest = r.list_tags(&format!("?last={}", expected[last - 1])).await?;
        ensure!(rest == expected[last..], "{rest:?} after {}", expected[last - 1]);
    }
    Ok(())
}

async fn finds(t: &Target, set: &Dataset) -> Outcome {
    let r = t.repository();
    load(t, &r, set).await?;
    for (reference, manifest) in named(set) {
        let head = r.look(reference).expect(200).await?;
        head.body_is(b"")?.has("content-length", manifest.bytes.len().to_string())?;
        head.has("content-type", &manifest.media_type)?;
        head.has("docker-content-digest", &manifest.digest)?;
    }
    for blob in &set.blobs {
        let head = t.head(r.blob(&blob.digest)).expect(200).await?;
        head.body_is(b"")?.has("content-length", blob.bytes.len().to_string())?;
        head.has("docker-content-digest", &blob.digest)?;
    }
    Ok(())
}

async fn pulls(t: &Target, set: &Dataset) -> Outcome {
    let r = t.repository();
    load(t, &r, set).await?;
    for (reference, manifest) in named(set) {
        let pulled = r.pull(reference).expect(200).await?;
        pulled.body_is(&manifest.bytes)?.has("content-type", &manifest.media_type)?;
        pulled.has("content-length", manifest.bytes.len().to_string())?;
        pulled.has("docker-content-digest", &manifest.digest)?;
    }
    for blob in &set.blobs {
        let pulled = t.get(r.blob(&blob.digest)).expect(200).await?;
        pulled.body_is(&blob.bytes)?.has("content-length", blob.bytes.len().to_string())?;
        pulled.has("docker-content-digest", &blob.digest)?;
    }
    Ok(())
}

/// Tags first, then manifests from parent to child, then blobs; each is gone at once.
async fn deletes(t: &Target, set: &Dataset) -> Outcome {
    let r = t.repository();
    load(t, &r, set).await?;
    let tags = set.tags.iter().map(|(tag, _)| tag);
    let digests = set.manifests.iter().rev().map(|manifest| &manifest.digest);
    for reference in tags.chain(digests) {
        t.delete(r.manifest(reference)).expect(202).await?;
        r.look(reference).expect(404).await?;
    }
    for blob in &set.blobs {
        t.delete(r.blob(&blob.digest)).expect(202).await?;
        t.head(r.blob(&blob.digest)).expect(404).await?;
    }
    Ok(())
}

/// Each subject's list holds exactly its referrers, also when it is filtered.
async fn refers(t: &Target, set: &Dataset) -> Outcome {
    let r = t.repository();
    load(t, &r, set).await?;
    let mut expected = Vec::new();
    for manifest in &set.manifests {
        let document = document(manifest)?;
        if let Some(subject) = document["subject"]["digest"].as_str() {
            expected.push((subject.to_owned(), described(manifest, &document)));
        }
    }
    ensure!(!expected.is_empty(), "a set without a subject");
    for (subject, descriptor) in &expected {
        let all: Vec<&Value> =
            expected.iter().filter(|(s, _)| s == subject).map(|e| &e.1).collect();
        holds(&r.list_referrers(subject, "").await?, &all)?;
        let artifact_type = descriptor["artifactType"].as_str().unwrap_or_default();
        let query = format!("?artifactType={}", artifact_type.replace('+', "%2B"));
        let like = all.into_iter().filter(|d| d["artifactType"] == artifact_type);
        holds(&r.list_referrers(subject, &query).await?, &like.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn without_data() -> Vec<Row> {
    vec![
        Row::new("empty", "tag list", async |t| {
            let r = t.repository();
            let reply = t.get(r.tags()).expect_one_of(&[200, 404]).await?;
            ensure!(reply.status == 404 || r.tags_in(&reply)?.is_empty(), "tags of nobody");
            Ok(())
        }),
        Row::new("empty", "referrers", async |t| {
            let digest = Content::blob(t.bytes(16)).digest;
            let listed = t.repository().list_referrers(&digest, "").await?;
            ensure!(listed.is_empty(), "referrers of nobody: {listed:?}");
            Ok(())
        }),
        Row::new("missing-manifest", "by digest", async |t| {
            let r = t.repository();
            r.push_image(Some("here")).await?;
            r.pull(Content::blob(t.bytes(1024)).digest).expect(404).await?;
            Ok(())
        }),
        Row::new("missing-manifest", "by tag", async |t| {
            let r = t.repository();
            r.push_image(Some("here")).await?;
            r.pull(format!("missing-{}", t.word())).expect(404).await?;
            Ok(())
        }),
        Row::new("bad-digest-image", "push", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let spaced = [&manifest.bytes[..], b"  "].concat();
            let put = t.put(r.manifest(&manifest.digest));
            put.header("content-type", &manifest.media_type).chunked(spaced).expect(400).await?;
            r.pull(&manifest.digest).expect(404).await?;
            Ok(())
        }),
        Row::new("invalid-digest-format", "push and pull", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = t.put(r.manifest("sha256:baddigeststring"));
            let put = put.header("content-type", &manifest.media_type);
            put.chunked(manifest.bytes).expect(400).await?;
            r.pull("sha256:baddigeststring").expect_one_of(&[400, 404]).await?;
            Ok(())
        }),
    ]
}

/// Every name that a manifest of the set goes by.
fn named(set: &Dataset) -> Vec<(&str, &Content)> {
    let mut named = Vec::new();
    for manifest in &set.manifests {
        named.push((manifest.digest.as_str(), manifest));
        let tags = set.tags.iter().filter(|(_, digest)| *digest == manifest.digest);
        named.extend(tags.map(|(tag, _)| (tag.as_str(), manifest)));
    }
    named
}

/// The descriptor that the referrers API gives for this manifest.
fn described(manifest: &Content, document: &Value) -> Value {
    let mut descriptor = manifest.descriptor();
    let own = document["artifactType"].as_str();
    if let Some(artifact_type) = own.or(document["config"]["mediaType"].as_str()) {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if let Some(annotations) = document.get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    descriptor
}

fn holds(listed: &[Value], expected: &[&Value]) -> Outcome {
    let exact = listed.len() == expected.len() && expected.iter().all(|e| listed.contains(e));
    ensure!(exact, "listed: {listed:?}\nexpected: {expected:?}");
    Ok(())
}

fn document(manifest: &Content) -> Outcome<Value> {
    Ok(serde_json::from_slice(&manifest.bytes)?)
}
