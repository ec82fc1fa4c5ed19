//! Which documents are manifests: size, media type, shape. Docker's, and those that are none.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    content::{
        Algorithm, Content, DOCKER_CONFIG, DOCKER_LAYER, DOCKER_LIST, DOCKER_MANIFEST, INDEX,
        MANIFEST, image, index,
    },
    failure::Outcome,
    repository::Repository,
    row::Row,
    target::Target,
};

const LIMIT: usize = 4 << 20;

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = sizes();
    rows.extend(docker());
    rows.extend(types());
    rows.extend(no_manifests());
    rows.extend(broken_images());
    rows
}

fn sizes() -> Vec<Row> {
    vec![
        Row::new("S9", "a manifest of 4 000 000 bytes is accepted", async |t| {
            let r = t.repository();
            let manifest = padded(r.image().await?, 4_000_000);
            r.push("large", &manifest).await?;
            r.pull("large").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
        Row::new("C28", "a manifest with 390 annotations of 10 000 bytes is accepted", async |t| {
            let r = t.repository();
            let mut document = r.image().await?;
            for at in 0..390 {
                document["annotations"][format!("large-{at}")] = json!("A".repeat(10_000));
            }
            let manifest = Content::manifest(&document);
            for reference in [&manifest.digest, "large"] {
                let put = t.put(r.manifest(reference)).header("content-type", MANIFEST);
                put.chunked(manifest.bytes.clone()).expect(201).await?;
                r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new("S9", "a manifest of 16 MiB is answered 413", async |t| {
            let r = t.repository();
            let manifest = padded(r.image().await?, 16 << 20);
            r.put("huge", &manifest).expect(413).await?;
            r.pull("huge").expect(404).await?;
            Ok(())
        }),
        Row::new("D14", "a manifest of exactly 4 MiB is accepted", async |t| {
            let r = t.repository();
            let manifest = padded(r.image().await?, LIMIT);
            r.push("limit", &manifest).await?;
            r.pull("limit").expect(200).await?.body_is(&manifest.bytes)?;
            let manifest = padded(r.image().await?, LIMIT);
            let put = t.put(r.manifest("limit")).header("content-type", MANIFEST);
            put.chunked(manifest.bytes.clone()).expect(201).await?;
            r.pull("limit").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
        Row::new("D14", "one byte more than 4 MiB is answered 413", async |t| {
            let r = t.repository();
            let manifest = padded(r.image().await?, LIMIT + 1);
            let put = r.put("over", &manifest).expect(413).await?;
            put.refused(&["MANIFEST_INVALID", "SIZE_INVALID"])?;
            let put = t.put(r.manifest("over")).header("content-type", MANIFEST);
            put.chunked(manifest.bytes.clone()).expect(413).await?;
            r.pull("over").expect(404).await?;
            r.pull(&manifest.digest).expect(404).await?;
            Ok(())
        }),
    ]
}

fn docker() -> Vec<Row> {
    let mut rows = vec![
        Row::new("X6", "a Docker schema 2 manifest and list make the round trip", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&schema2(t, &r).await?);
            r.push("image", &manifest).await?;
            let mut list = index(&[&manifest]);
            list["mediaType"] = json!(DOCKER_LIST);
            list["manifests"][0]["platform"] = json!({ "os": "linux", "architecture": "amd64" });
            let list = Content::manifest(&list);
            r.push("list", &list).await?;
            for (tag, pushed) in [("image", &manifest), ("list", &list)] {
                for reference in [tag, &pushed.digest] {
                    let pulled = r.pull(reference).expect(200).await?;
                    pulled.body_is(&pushed.bytes)?.has("content-type", &pushed.media_type)?;
                    pulled.has("docker-content-digest", &pushed.digest)?;
                }
            }
            Ok(())
        }),
        Row::new("X6", "a foreign layer of Docker's may be absent", async |t| {
            let r = t.repository();
            let mut document = schema2(t, &r).await?;
            document["layers"][0] = json!({
                "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "digest": Content::blob(t.bytes(8)).digest,
                "size": 1234,
                "urls": ["https://store.example.com/layer"],
            });
            r.push("image", &Content::manifest(&document)).await?;
            Ok(())
        }),
    ];
    for media_type in [
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ] {
        let says = format!("schema 1 is refused: {media_type}");
        rows.push(Row::new("X6", says, async move |t| {
            let r = t.repository();
            r.push_blob(&Content::blob(t.bytes(8))).await?;
            let document = json!({
                "schemaVersion": 1, "name": r.name, "tag": "old", "architecture": "amd64",
                "fsLayers": [], "history": [], "signatures": [],
            });
            let manifest = Content::new(media_type, document.to_string(), Algorithm::Sha256);
            r.put("old", &manifest).expect(400).await?;
            r.pull("old").expect(404).await?;
            Ok(())
        }));
    }
    rows
}

fn types() -> Vec<Row> {
    vec![
        Row::new("X9", "a Content-Type that is no manifest's is refused", async |t| {
            let r = t.repository();
            let document = r.image().await?;
            for media_type in ["text/plain", "application/json", "application/octet-stream", "x"] {
                let body = document.to_string();
                let put = t.put(r.manifest("v1")).header("content-type", media_type).body(body);
                put.expect(400).await?.refused(&["MANIFEST_INVALID"])?;
            }
            r.pull("v1").expect(404).await?;
            Ok(())
        }),
        Row::new("X9", "without Content-Type the document's mediaType counts", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            t.put(r.manifest("v1")).body(manifest.bytes.clone()).expect(201).await?;
            r.pull("v1").expect(200).await?.has("content-type", MANIFEST)?;
            Ok(())
        }),
        Row::new("X9", "a mediaType that differs from Content-Type is refused", async |t| {
            let r = t.repository();
            for (document, media_type) in [
                (r.image().await?, INDEX),
                (r.image().await?, DOCKER_MANIFEST),
                (index(&[]), MANIFEST),
                (index(&[]), DOCKER_LIST),
            ] {
                refused(t, &r, media_type, document.to_string()).await?;
            }
            Ok(())
        }),
        Row::new("D28", "a manifest of Docker's that does not say so is refused", async |t| {
            let r = t.repository();
            for (mut document, media_type) in
                [(r.image().await?, DOCKER_MANIFEST), (index(&[]), DOCKER_LIST)]
            {
                remove(&mut document, "mediaType");
                refused(t, &r, media_type, document.to_string()).await?;
            }
            Ok(())
        }),
    ]
}

fn no_manifests() -> Vec<Row> {
    let table: [(&str, Bytes); 10] = [
        ("nothing", Bytes::new()),
        ("no JSON", Bytes::from_static(b"manifest")),
        ("an array", Bytes::from_static(b"[]")),
        ("a string", Bytes::from_static(b"\"manifest\"")),
        ("null", Bytes::from_static(b"null")),
        ("an empty object", Bytes::from_static(b"{}")),
        ("cut off", Bytes::from_static(br#"{"schemaVersion":2,"#)),
        ("followed by more", Bytes::from_static(br#"{"schemaVersion":2} {}"#)),
        ("not UTF-8", Bytes::from_static(b"{\"schemaVersion\":2,\"x\":\"\xff\xfe\"}")),
        ("nested 100 000 deep", Bytes::from("[".repeat(100_000))),
    ];
    let rows = table.into_iter().map(|(what, body)| {
        Row::new("X9", format!("a manifest that is {what} is refused"), async move |t| {
            let r = t.repository();
            r.push_blob(&Content::blob(t.bytes(8))).await?;
            for media_type in [MANIFEST, INDEX, DOCKER_MANIFEST, DOCKER_LIST] {
                refused(t, &r, media_type, body.clone()).await?;
            }
            Ok(())
        })
    });
    rows.collect()
}

/// Images with one thing wrong. Everything that they refer to is there.
fn broken_images() -> Vec<Row> {
    type Break = fn(&mut Value);
    let table: [(&str, Break); 16] = [
        ("schemaVersion is 1", |image| image["schemaVersion"] = json!(1)),
        ("schemaVersion is missing", |image| remove(image, "schemaVersion")),
        ("schemaVersion is a string", |image| image["schemaVersion"] = json!("2")),
        ("config is missing", |image| remove(image, "config")),
        ("layers is an object", |image| image["layers"] = json!({})),
        ("shape is an index's too", |image| image["manifests"] = json!([])),
        ("layer has a negative size", |image| image["layers"][0]["size"] = json!(-1)),
        ("layer has a fraction as its size", |image| image["layers"][0]["size"] = json!(1.5)),
        ("layer has no size", |image| remove(&mut image["layers"][0], "size")),
        ("layer has no digest", |image| remove(&mut image["layers"][0], "digest")),
        ("layer has a digest that is none", |image| {
            image["layers"][0]["digest"] = json!("sha256:short");
        }),
        ("layer has an upper-case digest", |image| {
            let digest = image["layers"][0]["digest"].as_str().expect("a digest");
            let upper = digest.to_uppercase().replacen("SHA256", "sha256", 1);
            image["layers"][0]["digest"] = json!(upper);
        }),
        ("config has a digest that is none", |image| image["config"]["digest"] = json!("none")),
        ("subject has a digest that is none", |image| {
            image["subject"] = json!({ "mediaType": MANIFEST, "digest": "none", "size": 1 });
        }),
        ("subject has no digest", |image| {
            image["subject"] = json!({ "mediaType": MANIFEST, "size": 1 });
        }),
        ("annotations are numbers", |image| image["annotations"] = json!({ "a": 1 })),
    ];
    let rows = table.into_iter().map(|(what, breaks)| {
        Row::new("X9", format!("an image whose {what} is refused"), async move |t| {
            let r = t.repository();
            let mut document = r.image().await?;
            breaks(&mut document);
            refused(t, &r, MANIFEST, document.to_string()).await
        })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(Row::new("X9", "an image with the same key twice is refused", async |t| {
        let r = t.repository();
        let text = r.image().await?.to_string();
        for (key, twice) in [
            ("\"layers\":", "\"layers\":[],\"layers\":"),
            ("\"digest\":", "\"digest\":\"sha256:00\",\"digest\":"),
        ] {
            refused(t, &r, MANIFEST, text.replacen(key, twice, 1)).await?;
        }
        Ok(())
    }));
    rows.push(Row::new("X9", "an index whose shape is an image's too is refused", async |t| {
        let r = t.repository();
        let mut document = r.image().await?;
        document["mediaType"] = json!(INDEX);
        document["manifests"] = json!([]);
        refused(t, &r, INDEX, document.to_string()).await
    }));
    rows
}

/// The document is answered 400 MANIFEST_INVALID and is nowhere afterwards.
async fn refused(
    t: &Target,
    r: &Repository<'_>,
    media_type: &str,
    body: impl Into<Bytes>,
) -> Outcome {
    let manifest = Content::new(media_type, body, Algorithm::Sha256);
    let put = r.put("broken", &manifest).expect(400).await?;
    put.refused(&["MANIFEST_INVALID"])?;
    t.get(r.manifest("broken")).expect(404).await?;
    t.get(r.manifest(&manifest.digest)).expect(404).await?;
    Ok(())
}

/// The image with an annotation that makes it exactly this long.
fn padded(mut document: Value, len: usize) -> Content {
    document["annotations"] = json!({ "padding": "" });
    let missing = len - document.to_string().len();
    document["annotations"]["padding"] = json!("A".repeat(missing));
    Content::manifest(&document)
}

async fn schema2(t: &Target, r: &Repository<'_>) -> Outcome<Value> {
    let config = json!({ "architecture": "amd64", "os": "linux", "n": t.word() });
    let config = Content::new(DOCKER_CONFIG, config.to_string(), Algorithm::Sha256);
    let layer = Content::new(DOCKER_LAYER, t.bytes(100), Algorithm::Sha256);
    r.push_blob(&config).await?;
    r.push_blob(&layer).await?;
    let mut document = image(&config, &[&layer]);
    document["mediaType"] = json!(DOCKER_MANIFEST);
    Ok(document)
}

fn remove(object: &mut Value, key: &str) {
    object.as_object_mut().expect("an object").remove(key);
}
