//! Pulling blobs and manifests: GET, HEAD, and what is not there.

use crate::{
    content::{Algorithm, CONFIG, Content, MANIFEST, OCTETS, image},
    failure::ensure,
    repository::accepting,
    row::Row,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = there();
    rows.extend(missing());
    rows.extend(digests());
    rows.extend(proxying());
    rows
}

fn there() -> Vec<Row> {
    vec![
        Row::new("M1", "every request of Pull is there", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let blob = Content::blob(t.bytes(10));
            r.push_blob(&blob).await?;
            r.push("tagged", &manifest).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?;
            t.head(r.blob(&blob.digest)).expect(200).await?;
            for reference in ["tagged", &manifest.digest] {
                r.pull(reference).expect(200).await?;
                r.look(reference).expect(200).await?;
            }
            Ok(())
        }),
        Row::new("M5", "a blob comes back byte for byte, and HEAD finds it", async |t| {
            let r = t.repository();
            for len in [0, 1, 2, 511, 512, 65_535, 65_536, 65_537, 1_000_000] {
                let blob = Content::blob(t.bytes(len));
                r.push_blob(&blob).await?;
                t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
                t.head(r.blob(&blob.digest)).expect(200).await?;
            }
            Ok(())
        }),
        Row::new("M5", "a manifest comes back by tag and by digest", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            for reference in ["v1", &manifest.digest] {
                r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
                r.look(reference).expect(200).await?;
            }
            Ok(())
        }),
        Row::new("M6", "Docker-Content-Digest on GET and HEAD of blobs and manifests", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for (path, content) in [
                (r.blob(&blob.digest), &blob),
                (r.manifest("v1"), &manifest),
                (r.manifest(&manifest.digest), &manifest),
            ] {
                let (get, head) = (accepting(t.get(&path)), accepting(t.head(&path)));
                get.expect(200).await?.has("docker-content-digest", &content.digest)?;
                head.expect(200).await?.has("docker-content-digest", &content.digest)?;
            }
            Ok(())
        }),
        Row::new("M7", "Content-Length on HEAD of blobs and manifests", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(12_345));
            r.push_blob(&blob).await?;
            t.head(r.blob(&blob.digest)).expect(200).await?.has("content-length", "12345")?;
            for reference in ["v1", &manifest.digest] {
                let head = r.look(reference).expect(200).await?;
                head.has("content-length", manifest.bytes.len().to_string())?;
            }
            Ok(())
        }),
        Row::new("C7", "Content-Type of a manifest is the one it was pushed with", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            for reference in ["v1", &manifest.digest] {
                r.pull(reference).expect(200).await?.has("content-type", MANIFEST)?;
                r.look(reference).expect(200).await?.has("content-type", MANIFEST)?;
            }
            Ok(())
        }),
        Row::new("C8", "nothing is compressed, though the client would take it", async |t| {
            let r = t.repository();
            let text = Content::blob("compressible ".repeat(1000));
            r.push_blob(&text).await?;
            let manifest = r.push_image(Some("v1")).await?;
            for (path, content) in [(r.blob(&text.digest), &text), (r.manifest("v1"), &manifest)] {
                let get =
                    accepting(t.get(path)).header("accept-encoding", "gzip, deflate, br, zstd");
                let got = get.expect(200).await?;
                got.lacks("content-encoding")?.lacks("transfer-encoding")?;
                got.has("content-length", content.bytes.len().to_string())?;
                got.body_is(&content.bytes)?;
            }
            Ok(())
        }),
        Row::new("C9", "a HEAD reply ends with its header, also for an empty blob", async |t| {
            let r = t.repository();
            let (empty, full) = (Content::blob(""), Content::blob(t.bytes(5000)));
            let manifest = r.push_image(Some("v1")).await?;
            for blob in [&empty, &full] {
                r.push_blob(blob).await?;
            }
            let accept = format!("accept: {MANIFEST}");
            for (path, len) in [
                (r.blob(&empty.digest), 0),
                (r.blob(&full.digest), 5000),
                (r.manifest("v1"), manifest.bytes.len()),
            ] {
                let mut raw = t.raw().await?;
                raw.head(&format!("HEAD {path}"), &["connection: close", &accept]).await?;
                let head = raw.reply().await?;
                head.status_in(&[200])?;
                let length = head.header("content-length");
                ensure!(
                    length == Some(&len.to_string()),
                    "HEAD {path}: Content-Length {length:?}, not {len}"
                );
                let body = raw.rest().await?;
                ensure!(body.is_empty(), "HEAD {path}: a body {body:?}");
            }
            Ok(())
        }),
        Row::new("M8", "a blob is there only in repositories that it was pushed to", async |t| {
            let (r, other) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            other.push_blob(&Content::blob(t.bytes(10))).await?;
            t.get(other.blob(&blob.digest)).expect(404).await?;
            t.head(other.blob(&blob.digest)).expect(404).await?;
            Ok(())
        }),
        Row::new(
            "M8",
            "a manifest is there only in repositories that it was pushed to",
            async |t| {
                let (r, other) = (t.repository(), t.repository());
                let manifest = r.push_image(Some("v1")).await?;
                other.push_image(Some("v2")).await?;
                for reference in ["v1", &manifest.digest] {
                    other.pull(reference).expect(404).await?;
                    other.look(reference).expect(404).await?;
                }
                Ok(())
            },
        ),
    ]
}

fn missing() -> Vec<Row> {
    vec![
        Row::new("M8", "a blob that is not there is answered 404", async |t| {
            let r = t.repository();
            r.push_blob(&Content::blob(t.bytes(10))).await?;
            for algorithm in Algorithm::ALL {
                let path = r.blob(algorithm.digest(&t.bytes(10)));
                t.get(&path).expect(404).await?;
                t.head(&path).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("M8", "a manifest that is not there is answered 404", async |t| {
            let r = t.repository();
            r.push_image(Some("here")).await?;
            let stranger = Content::blob(t.bytes(10)).digest;
            for reference in ["missing", &stranger] {
                r.pull(reference).expect(404).await?;
                r.look(reference).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("M4", "a pull from an unknown repository is answered 404", async |t| {
            let r = t.repository();
            let digest = Content::blob(t.bytes(10)).digest;
            for path in [r.blob(&digest), r.manifest("latest"), r.manifest(&digest)] {
                t.get(&path).expect(404).await?;
                t.head(&path).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("M8", "a blob is no manifest, and a manifest is no tag", async |t| {
            let r = t.repository();
            let config = Content::new(CONFIG, t.bytes(10), Algorithm::Sha256);
            r.push_blob(&config).await?;
            r.pull(&config.digest).expect(404).await?;
            let manifest = Content::manifest(&image(&config, &[]));
            r.push(&manifest.digest, &manifest).await?;
            let hex = manifest.digest.split_once(':').map(|(_, hex)| hex).unwrap_or_default();
            r.pull(hex).expect(404).await?;
            Ok(())
        }),
        Row::new("M8", "the digest of a pull is checked before it is looked for", async |t| {
            let r = t.repository();
            r.push_blob(&Content::blob(t.bytes(10))).await?;
            let upper = format!("sha256:{}", "A".repeat(64));
            for digest in ["sha256:short", "notadigest", "md5:00", &upper] {
                t.get(r.blob(digest)).expect_one_of(&[400, 404]).await?;
                t.head(r.blob(digest)).expect_one_of(&[400, 404]).await?;
            }
            for digest in ["sha256:short", "md5:00", &upper] {
                r.pull(digest).expect_one_of(&[400, 404]).await?;
            }
            Ok(())
        }),
    ]
}

fn digests() -> Vec<Row> {
    vec![
        Row::new("C4", "a sha512 blob is answered with its sha512 digest", async |t| {
            let r = t.repository();
            let blob = Content::new(OCTETS, t.bytes(100), Algorithm::Sha512);
            r.push_blob(&blob).await?;
            let got = t.get(r.blob(&blob.digest)).expect(200).await?;
            got.body_is(&blob.bytes)?.has("docker-content-digest", &blob.digest)?;
            let head = t.head(r.blob(&blob.digest)).expect(200).await?;
            head.has("docker-content-digest", &blob.digest)?;
            Ok(())
        }),
        Row::new("C4", "a sha512 manifest is answered with its sha512 digest", async |t| {
            let r = t.repository();
            let manifest = Content::manifest_by(&r.image().await?, Algorithm::Sha512);
            let put = r.push(&manifest.digest, &manifest).await?;
            put.has("docker-content-digest", &manifest.digest)?;
            let got = r.pull(&manifest.digest).expect(200).await?;
            got.body_is(&manifest.bytes)?.has("docker-content-digest", &manifest.digest)?;
            Ok(())
        }),
    ]
}

fn proxying() -> Vec<Row> {
    vec![
        Row::new("Y8", "ns does not change a pull from a registry that is no proxy", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            r.pull("v1?ns=docker.io").expect(200).await?.body_is(&manifest.bytes)?;
            r.look("v1?ns=docker.io").expect(200).await?;
            Ok(())
        }),
        Row::new("S11", "OCI-Namespace, when it is sent, is the ns of the request", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            let got = r.pull("v1?ns=docker.io").expect(200).await?;
            if got.headers.contains_key("oci-namespace") {
                got.has("oci-namespace", "docker.io")?;
            }
            r.pull("v1").expect(200).await?.lacks("oci-namespace")?;
            Ok(())
        }),
    ]
}
