//! Blobs pushed whole: POST and PUT, and the single POST.

use crate::{
    content::{Algorithm, Content, OCTETS},
    failure::Outcome,
    repository::Repository,
    row::Row,
    target::Target,
    way::Way,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = post_then_put();
    rows.extend(single_post());
    rows.extend(locations());
    rows.extend(wrong_digests());
    rows.extend(invalid_digests());
    rows
}

fn post_then_put() -> Vec<Row> {
    vec![
        Row::new("M9", "POST opens an upload: 202 and a Location that has a UUID", async |t| {
            let r = t.repository();
            let opened = t.post(r.uploads()).expect(202).await?;
            let location = opened.location()?;
            opened.ensure(has_uuid(&location.path), "a UUID in the Location")?;
            Ok(())
        }),
        Row::new("M9", "POST opens an upload whatever Content-Type it has", async |t| {
            let r = t.repository();
            let post = t.post(r.uploads()).header("content-type", "application/json");
            post.expect(202).await?;
            Ok(())
        }),
        Row::new("M10", "the closing PUT gives 201 and the Location of the blob", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(512));
            let pushed = r.push_blob(&blob).await?;
            t.get(pushed.location()?).expect(200).await?.body_is(&blob.bytes)?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("M10", "the same blob may be pushed again", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(512));
            for _ in 0..3 {
                let pushed = r.push_blob(&blob).await?;
                t.get(pushed.location()?).expect(200).await?.body_is(&blob.bytes)?;
            }
            Ok(())
        }),
        Row::new("M10", "a blob of 20 MiB comes back as it went", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(20 << 20));
            r.push_blob(&blob).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("C5", "the 201 of a blob push has Docker-Content-Digest", async |t| {
            let r = t.repository();
            for algorithm in Algorithm::ALL {
                let blob = Content::new(OCTETS, t.bytes(512), algorithm);
                r.push_blob(&blob).await?.has("docker-content-digest", &blob.digest)?;
            }
            Ok(())
        }),
        Row::new("C6", "the Location of a blob push gives the blob", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(512));
            let location = r.push_blob(&blob).await?.location()?;
            let pulled = t.get(&location).expect(200).await?;
            pulled.body_is(&blob.bytes)?.has("content-length", "512")?;
            t.head(&location).expect(200).await?.has("docker-content-digest", &blob.digest)?;
            Ok(())
        }),
        Row::new("C1", "an empty blob is pushed with Content-Length: 0", async |t| {
            let r = t.repository();
            let blob = Content::blob("");
            r.push_blob(&blob).await?;
            pulls_empty(t, &r, &blob).await
        }),
        Row::new("C1", "an empty blob is pushed in chunked transfer coding", async |t| {
            let r = t.repository();
            let blob = Content::blob("");
            let session = r.open_upload().await?;
            r.close(&session, &blob.digest).chunked("").expect(201).await?;
            pulls_empty(t, &r, &blob).await
        }),
        Row::new("C1", "a blob is pushed by a PUT in chunked transfer coding", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100_000));
            let session = r.open_upload().await?;
            r.close(&session, &blob.digest).chunked(blob.bytes.clone()).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("X7", "docker's push: one PATCH as a stream, a PUT with nothing", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100_000));
            let session = r.open_upload().await?;
            let patch = t.patch(&session).chunked(blob.bytes.clone()).expect(202).await?;
            // Docker reads "%d-%d" and fails when the end is before the start.
            patch.has("range", "0-99999")?;
            let closed = r.close(&patch.location()?, &blob.digest).expect(201).await?;
            closed.has("docker-content-digest", &blob.digest)?;
            t.head(r.blob(&blob.digest)).expect(200).await?.has("content-length", "100000")?;
            Ok(())
        }),
        Row::new("D5", "query parameters that nobody knows are ignored", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(1000));
            let opened = t.post(format!("{}?origin=elsewhere", r.uploads())).expect(202).await?;
            let session = opened.location()?.with("unknown=1");
            let session = r.chunk(&session, 0, &blob.bytes).expect(202).await?.location()?;
            let session = t.get(session.with("unknown=2")).expect(204).await?.location()?;
            r.close(&session.with("unknown=3"), &blob.digest).expect(201).await?;
            t.get(format!("{}?unknown=4", r.blob(&blob.digest))).expect(200).await?;
            Ok(())
        }),
    ]
}

fn single_post() -> Vec<Row> {
    vec![
        Row::new("M11", "a single POST that gives 201 gives the blob's Location", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(512));
            let pushed = Way::PostOnly.push(t, &r, &blob.digest, &blob).await?;
            if pushed.status == 201 {
                t.get(pushed.location()?).expect(200).await?.body_is(&blob.bytes)?;
                t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
                return Ok(());
            }
            pushed.status(202)?.location()?;
            Ok(())
        }),
        Row::new("S4", "a single POST that gives 202 gives a session that works", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(512));
            let pushed = Way::PostOnly.push(t, &r, &blob.digest, &blob).await?;
            pushed.status_in(&[201, 202])?;
            if pushed.status == 202 {
                let put = r.close(&pushed.location()?, &blob.digest).body(blob.bytes.clone());
                put.expect(201).await?;
            }
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("Y2", "a single POST is answered 201", async |t| {
            let r = t.repository();
            for algorithm in Algorithm::ALL {
                let blob = Content::new(OCTETS, t.bytes(512), algorithm);
                let pushed = Way::PostOnly.push(t, &r, &blob.digest, &blob).await?;
                pushed.status(201)?.has("docker-content-digest", &blob.digest)?;
            }
            Ok(())
        }),
        Row::new("D10", "a single POST takes an empty blob, and a chunked body", async |t| {
            let r = t.repository();
            let empty = Content::blob("");
            Way::PostOnly.push(t, &r, &empty.digest, &empty).await?.status(201)?;
            let blob = Content::blob(t.bytes(70_000));
            let post = t.post(format!("{}?digest={}", r.uploads(), blob.digest));
            post.chunked(blob.bytes.clone()).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
    ]
}

fn locations() -> Vec<Row> {
    vec![
        Row::new("Y1", "whatever form Location has, an upload can follow it", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let mut session = r.open_upload().await?;
            for start in [0, 1000] {
                let chunk = r.chunk(&session, start, &blob.bytes[start..start + 1000]);
                session = chunk.expect(202).await?.location()?;
                session = t.get(&session).expect(204).await?.location()?;
            }
            let closed = r.close(&session, &blob.digest).expect(201).await?;
            t.get(closed.location()?).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("D4", "Location is an absolute path without a query", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            let opened = t.post(r.uploads()).expect(202).await?;
            let chunk = r.chunk(&opened.location()?, 0, &blob.bytes).expect(202).await?;
            let closed = r.close(&chunk.location()?, &blob.digest).expect(201).await?;
            for reply in [opened, chunk, closed] {
                let location = reply.header("location")?;
                let plain = location.starts_with("/") && !location.contains(['?', '#', '%']);
                reply.ensure(plain, "a Location that is a path and nothing else")?;
            }
            Ok(())
        }),
        Row::new("X8", "a session survives a client that re-encodes its query", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(1000));
            let session = r.open_upload().await?;
            let (path, query) = session.path.split_once('?').unwrap_or((&session.path, ""));
            // As Go's url.Values.Encode does: sorted by key, everything but letters escaped.
            let mut pairs: Vec<String> = query.split('&').map(str::to_owned).collect();
            pairs.push(format!("digest={}", blob.digest.replace(':', "%3A")));
            pairs.retain(|pair| !pair.is_empty());
            pairs.sort();
            let encoded = format!("{path}?{}", pairs.join("&"));
            let put = t.put(crate::url::Url { path: encoded, ..session.clone() });
            put.header("content-type", OCTETS).body(blob.bytes.clone()).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
    ]
}

/// What has another digest than the client says is refused, and is nowhere afterwards.
fn wrong_digests() -> Vec<Row> {
    let rows = Algorithm::ALL.into_iter().flat_map(|algorithm| {
        Way::ALL.map(|way| {
            let says = format!("a wrong {} digest by {way} is answered 400", algorithm.name());
            Row::new("C14", says, async move |t| {
                let r = t.repository();
                let good = Content::new(OCTETS, t.bytes(3000), algorithm);
                let bad = Content::new(OCTETS, t.bytes(3010), algorithm);
                let mut reply = way.push(t, &r, &good.digest, &bad).await?;
                if way == Way::PostOnly && reply.status == 202 {
                    let put = r.close(&reply.location()?, &good.digest);
                    reply = put.body(bad.bytes.clone()).send().await?;
                }
                reply.status(400)?;
                nowhere(t, &r, &[&good, &bad]).await
            })
        })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(Row::new("D9", "a wrong digest commits nothing, also when tried again", async |t| {
        let r = t.repository();
        let (good, bad) = (Content::blob(t.bytes(100)), Content::blob(t.bytes(100)));
        let session = r.open_upload().await?;
        let session = r.chunk(&session, 0, &bad.bytes).expect(202).await?.location()?;
        r.close(&session, &good.digest).expect(400).await?;
        r.close(&session, &good.digest).expect_one_of(&[400, 404]).await?;
        nowhere(t, &r, &[&good, &bad]).await?;
        r.push_blob(&good).await?;
        t.get(r.blob(&good.digest)).expect(200).await?.body_is(&good.bytes)?;
        Ok(())
    }));
    rows
}

fn invalid_digests() -> Vec<Row> {
    let hex = "0123456789abcdef".repeat(8);
    let table = [
        ("a word", "digest".to_owned()),
        ("nothing", String::new()),
        ("an algorithm alone", "sha256:".to_owned()),
        ("no algorithm", format!(":{}", &hex[..64])),
        ("too short", format!("sha256:{}", &hex[..63])),
        ("too long", format!("sha256:{}", &hex[..65])),
        ("sha512 with the length of sha256", format!("sha512:{}", &hex[..64])),
        ("upper-case", format!("sha256:{}", hex[..64].to_uppercase())),
        ("not hexadecimal", format!("sha256:{}", "g".repeat(64))),
        ("md5", format!("md5:{}", &hex[..32])),
        ("an unknown algorithm", format!("sha257:{}", &hex[..64])),
        ("an upper-case algorithm", format!("SHA256:{}", &hex[..64])),
    ];
    let rows = table.into_iter().map(|(what, digest)| {
        Row::new("S3", format!("a digest that is {what} is answered 400"), async move |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            let session = r.open_upload().await?;
            r.close(&session, &digest).body(blob.bytes.clone()).expect(400).await?;
            let posted = Way::PostOnly.push(t, &r, &digest, &blob).await?;
            posted.status_in(&[400, 202])?;
            Ok(())
        })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(Row::new("S3", "a closing PUT without a digest is answered 400", async |t| {
        let r = t.repository();
        let session = r.open_upload().await?;
        let session = r.chunk(&session, 0, &t.bytes(100)).expect(202).await?.location()?;
        t.put(&session).expect(400).await?;
        Ok(())
    }));
    rows
}

async fn pulls_empty(t: &Target, r: &Repository<'_>, blob: &Content) -> Outcome {
    t.head(r.blob(&blob.digest)).expect(200).await?.has("content-length", "0")?;
    let pulled = t.get(r.blob(&blob.digest)).expect(200).await?;
    pulled.body_is(b"")?.has("docker-content-digest", &blob.digest)?;
    Ok(())
}

async fn nowhere(t: &Target, r: &Repository<'_>, blobs: &[&Content]) -> Outcome {
    for blob in blobs {
        t.head(r.blob(&blob.digest)).expect(404).await?;
    }
    Ok(())
}

/// Whether 8-4-4-4-12 hexadecimal digits are somewhere in the text.
fn has_uuid(text: &str) -> bool {
    let hyphen = |at: usize| [8, 13, 18, 23].contains(&at);
    text.as_bytes().windows(36).any(|window| {
        window.iter().enumerate().all(|(at, byte)| match hyphen(at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
    })
}
