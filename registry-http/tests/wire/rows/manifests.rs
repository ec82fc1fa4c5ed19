//! Pushing manifests: what is stored, under which name, and what is refused.

use serde_json::json;

use crate::{
    content::{Algorithm, CONFIG, Content, INDEX, LAYER, MANIFEST, image, index},
    repository::accepting,
    row::Row,
    target::Setting,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = stored();
    rows.extend(named());
    rows.extend(typed());
    rows.extend(wrong_digests());
    rows.extend(missing_references());
    rows
}

fn stored() -> Vec<Row> {
    vec![
        Row::new("M16", "a manifest is kept byte for byte, however it is written", async |t| {
            let r = t.repository();
            let plain = r.image().await?.to_string();
            let pretty = serde_json::to_string_pretty(&r.image().await?)?;
            let spaced = format!(" \n{}\r\n\t\n", r.image().await?);
            let escaped = plain.replacen("\"layers\"", "\"\\u006cayers\"", 1);
            let exact = plain.replacen('{', "{\"z\":1.0,\"a\":1e3,\"é\":\"\\u00e9\\/\",", 1);
            for (at, text) in [plain, pretty, spaced, escaped, exact].into_iter().enumerate() {
                let manifest = Content::new(MANIFEST, text, Algorithm::Sha256);
                let tag = format!("form-{at}");
                r.push(&tag, &manifest).await?;
                for reference in [&tag, &manifest.digest] {
                    r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
                }
            }
            Ok(())
        }),
        Row::new(
            "C1",
            "a manifest comes in chunked transfer coding, without a length",
            async |t| {
                let r = t.repository();
                let manifest = Content::manifest(&r.image().await?);
                for reference in [&manifest.digest, "v1"] {
                    let put = t.put(r.manifest(reference)).header("content-type", MANIFEST);
                    put.chunked(manifest.bytes.clone()).expect(201).await?;
                    r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
                }
                Ok(())
            },
        ),
        Row::new("C30", "the same manifest by digest, then by tag, then again", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            for reference in [&manifest.digest, "v1", "v2", "v1", &manifest.digest] {
                let put = r.push(reference, &manifest).await?;
                accepting(t.get(put.location()?)).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new(
            "C30",
            "the children of an index may share a tag one after the other",
            async |t| {
                let r = t.repository();
                let (one, two) =
                    (Content::manifest(&r.image().await?), Content::manifest(&r.image().await?));
                let both = Content::manifest(&index(&[&one, &two]));
                for manifest in [&one, &two, &both] {
                    r.push(&manifest.digest, manifest).await?;
                    r.push("shared", manifest).await?;
                    r.pull("shared").expect(200).await?.body_is(&manifest.bytes)?;
                }
                r.pull(&one.digest).expect(200).await?.body_is(&one.bytes)?;
                r.pull(&two.digest).expect(200).await?.body_is(&two.bytes)?;
                Ok(())
            },
        ),
        Row::new("C27", "a config whose diff_ids are wrong is taken", async |t| {
            let r = t.repository();
            let layer = Content::new(LAYER, t.bytes(100), Algorithm::Sha256);
            let empty = Algorithm::Sha256.digest(b"");
            let config = json!({
                "architecture": "amd64",
                "os": "linux",
                "rootfs": { "type": "layers", "diff_ids": [empty, empty] },
            });
            let config = Content::new(CONFIG, config.to_string(), Algorithm::Sha256);
            r.push_blob(&layer).await?;
            r.push_blob(&config).await?;
            r.push("v1", &Content::manifest(&image(&config, &[&layer]))).await?;
            Ok(())
        }),
        Row::new("C24", "fields that no spec knows are taken and kept", async |t| {
            let r = t.repository();
            let mut child = r.image().await?;
            child["org.example.new"] = json!({ "deep": [1, null, "x"] });
            child["config"]["org.example.new"] = json!(true);
            child["layers"][0]["org.example.new"] = json!("field");
            let child = Content::manifest(&child);
            let mut parent = index(&[&child]);
            parent["org.example.new"] = json!(1);
            parent["manifests"][0]["platform"] = json!({ "os": "plan9", "new": [] });
            let parent = Content::manifest(&parent);
            for manifest in [&child, &parent] {
                r.push(&manifest.digest, manifest).await?;
                r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new("C25", "an image without layers and an index of nothing are taken", async |t| {
            let r = t.repository();
            let config = Content::new(CONFIG, t.bytes(30), Algorithm::Sha256);
            r.push_blob(&config).await?;
            for manifest in
                [Content::manifest(&image(&config, &[])), Content::manifest(&index(&[]))]
            {
                r.push(&manifest.digest, &manifest).await?;
                r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new("C26", "layers that are not distributable may be absent", async |t| {
            let r = t.repository();
            for media_type in [
                "application/vnd.oci.image.layer.nondistributable.v1.tar",
                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
                "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
            ] {
                let mut document = r.image().await?;
                // With and without urls: it is the media type that decides.
                document["layers"].as_array_mut().expect("layers").extend([
                    json!({
                        "mediaType": media_type,
                        "digest": Algorithm::Sha256.digest(&t.bytes(8)),
                        "size": 123_456,
                        "urls": ["https://store.example.com/layer"],
                    }),
                    json!({
                        "mediaType": media_type,
                        "digest": Algorithm::Sha256.digest(&t.bytes(8)),
                        "size": 12_345,
                    }),
                ]);
                let manifest = Content::manifest(&document);
                r.push(&manifest.digest, &manifest).await?;
                r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
    ]
}

fn named() -> Vec<Row> {
    vec![
        Row::new("M17", "a push by tag: 201, a Location that works, the digest", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = r.push("v1", &manifest).await?;
            put.has("docker-content-digest", &manifest.digest)?;
            let pulled = accepting(t.get(put.location()?)).expect(200).await?;
            pulled.body_is(&manifest.bytes)?.has("docker-content-digest", &manifest.digest)?;
            Ok(())
        }),
        Row::new("M17", "a push by digest: 201, a Location that works, the digest", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = r.push(&manifest.digest, &manifest).await?;
            put.has("docker-content-digest", &manifest.digest)?;
            let pulled = accepting(t.get(put.location()?)).expect(200).await?;
            pulled.body_is(&manifest.bytes)?;
            Ok(())
        }),
        Row::new("C6", "the Location of a manifest gives type, length and bytes", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            for reference in ["v1", &manifest.digest] {
                let location = r.push(reference, &manifest).await?.location()?;
                let pulled = accepting(t.get(location)).expect(200).await?;
                pulled.body_is(&manifest.bytes)?.has("content-type", MANIFEST)?;
                pulled.has("content-length", manifest.bytes.len().to_string())?;
            }
            Ok(())
        }),
        Row::new("D27", "the Location of a push by tag names the digest", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = r.push("v1", &manifest).await?;
            put.has(
                "location",
                format!("{}{}", t.server.base.prefix, r.manifest(&manifest.digest)),
            )?;
            Ok(())
        }),
        Row::new("M17", "a tag moves to what was pushed last", async |t| {
            let r = t.repository();
            let first = r.push_image(Some("moving")).await?;
            let second = r.push_image(Some("moving")).await?;
            r.pull("moving").expect(200).await?.body_is(&second.bytes)?;
            r.pull(&first.digest).expect(200).await?.body_is(&first.bytes)?;
            r.push("moving", &first).await?;
            r.pull("moving").expect(200).await?.body_is(&first.bytes)?;
            Ok(())
        }),
    ]
}

fn typed() -> Vec<Row> {
    vec![
        Row::new("S1", "parameters of Content-Type are ignored and do not come back", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = t.put(r.manifest("v1")).body(manifest.bytes.clone());
            put.header("content-type", format!("{MANIFEST}; charset=utf-8")).expect(201).await?;
            r.pull("v1").expect(200).await?.has("content-type", MANIFEST)?;
            r.look("v1").expect(200).await?.has("content-type", MANIFEST)?;
            Ok(())
        }),
        Row::new("S1", "the type of a manifest without mediaType is its Content-Type", async |t| {
            let r = t.repository();
            for (tag, media_type, mut document) in
                [("image", MANIFEST, r.image().await?), ("index", INDEX, index(&[]))]
            {
                document.as_object_mut().expect("an object").remove("mediaType");
                let manifest = Content::new(media_type, document.to_string(), Algorithm::Sha256);
                r.push(tag, &manifest).await?;
                let pulled = r.pull(tag).expect(200).await?;
                pulled.has("content-type", media_type)?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new("D15", "Accept does not matter: what is stored is served", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            for accept in ["*/*", "application/json", "text/html;q=0.9", INDEX, "", "nonsense"] {
                let get = t.get(r.manifest("v1")).header("accept", accept).expect(200).await?;
                get.body_is(&manifest.bytes)?.has("content-type", MANIFEST)?;
                t.head(r.manifest("v1")).header("accept", accept).expect(200).await?;
            }
            t.get(r.manifest("v1")).expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
    ]
}

fn wrong_digests() -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let says = format!("a manifest with a wrong {} digest is answered 400", algorithm.name());
        rows.push(Row::new("C14", says, async move |t| {
            let r = t.repository();
            let manifest = Content::manifest_by(&r.image().await?, algorithm);
            let longer = [&manifest.bytes[..], b"  "].concat();
            let put = t.put(r.manifest(&manifest.digest)).header("content-type", MANIFEST);
            put.body(longer.clone()).expect(400).await?;
            r.pull(&manifest.digest).expect(404).await?;
            r.pull(algorithm.digest(&longer)).expect(404).await?;
            Ok(())
        }));
    }
    for (clause, digest, statuses) in [
        ("C15", "sha256:baddigeststring", &[400][..]),
        ("C33", "sha256:", &[400, 404]),
        ("C33", "md5:d41d8cd98f00b204e9800998ecf8427e", &[400]),
    ] {
        let says = format!("{digest} is no name for a manifest");
        rows.push(Row::new(clause, says, async move |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            r.put(digest, &manifest).expect_one_of(statuses).await?;
            r.pull(digest).expect_one_of(&[400, 404]).await?;
            r.pull(&manifest.digest).expect(404).await?;
            Ok(())
        }));
    }
    rows
}

/// A manifest whose references are missing, where references are strict.
fn missing_references() -> Vec<Row> {
    let cases = ["config", "layer", "child"].into_iter().flat_map(|missing| {
        [("M19", "if it is refused, it is for MANIFEST_BLOB_UNKNOWN"), ("Y4", "it is refused")]
            .map(|(clause, how)| (clause, missing, how))
    });
    let rows = cases.map(|(clause, missing, how)| {
        let says = format!("a manifest whose {missing} is missing: {how}");
        let row = Row::new(clause, says, async move |t| {
            let r = t.repository();
            let mut document = r.image().await?;
            let stranger = Content::manifest(&json!({ "mediaType": MANIFEST, "n": t.word() }));
            match missing {
                "config" => document["config"]["digest"] = json!(stranger.digest),
                "layer" => document["layers"][0]["digest"] = json!(stranger.digest),
                _ => document = index(&[&r.push_image(None).await?, &stranger]),
            }
            let manifest = Content::manifest(&document);
            let put = r.put("v1", &manifest).send().await?;
            if clause == "M19" && put.status == 201 {
                return Ok(());
            }
            put.status_in(&[400, 404])?.refused(&["MANIFEST_BLOB_UNKNOWN"])?;
            r.pull("v1").expect(404).await?;
            r.pull(&manifest.digest).expect(404).await?;
            Ok(())
        });
        row.only(Setting::Strict)
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(
        Row::new("D13", "missing references are answered 400", async |t| {
            let r = t.repository();
            let mut document = r.image().await?;
            document["layers"][0]["digest"] = json!(Content::blob(t.bytes(8)).digest);
            let put = r.put("v1", &Content::manifest(&document)).expect(400).await?;
            put.refused(&["MANIFEST_BLOB_UNKNOWN"])?;
            Ok(())
        })
        .only(Setting::Strict),
    );
    rows.push(
        Row::new("D13", "what only another repository has is missing", async |t| {
            let (r, other) = (t.repository(), t.repository());
            let theirs = Content::manifest(&other.image().await?);
            r.put("image", &theirs).expect(400).await?.refused(&["MANIFEST_BLOB_UNKNOWN"])?;
            other.push("image", &theirs).await?;
            let parent = Content::manifest(&index(&[&theirs]));
            r.put("index", &parent).expect(400).await?.refused(&["MANIFEST_BLOB_UNKNOWN"])?;
            Ok(())
        })
        .only(Setting::Strict),
    );
    rows.push(Row::new("D13", "an entry of an index may be a blob", async |t| {
        let r = t.repository();
        let layer = Content::new(LAYER, t.bytes(100), Algorithm::Sha256);
        r.push_blob(&layer).await?;
        r.push("cache", &Content::manifest(&index(&[&layer]))).await?;
        Ok(())
    }));
    rows.push(
        Row::new("D13", "a push that was refused works once the layer is there", async |t| {
            let r = t.repository();
            let mut document = r.image().await?;
            let layer = Content::new(LAYER, t.bytes(100), Algorithm::Sha256);
            document["layers"][0] = layer.descriptor();
            let manifest = Content::manifest(&document);
            r.put("v1", &manifest).expect(400).await?;
            r.push_blob(&layer).await?;
            r.push("v1", &manifest).await?;
            r.pull("v1").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        })
        .only(Setting::Strict),
    );
    rows.push(Row::new("M18", "a manifest whose subject is missing is accepted", async |t| {
        let r = t.repository();
        let subject = Content::manifest(&json!({ "mediaType": MANIFEST, "n": t.word() }));
        for mut document in [r.image().await?, index(&[])] {
            document["subject"] = subject.descriptor();
            let manifest = Content::manifest(&document);
            r.push(&manifest.digest, &manifest).await?;
            r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
        }
        Ok(())
    }));
    rows
}
