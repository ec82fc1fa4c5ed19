//! What HTTP itself asks of a server: methods, lengths, `Expect`, escapes, broken requests.

use std::time::Duration;

use crate::{
    content::{Content, MANIFEST},
    failure::{Failure, Outcome, ensure},
    row::Row,
    target::Target,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = methods();
    rows.extend(expect_continue());
    rows.extend(escapes());
    rows.extend(broken_requests());
    rows
}

fn methods() -> Vec<Row> {
    vec![
        Row::new("S13", "a method that a resource lacks is answered 405 with Allow", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            for (request, allowed) in [
                (t.put("/v2/"), "GET"),
                (t.post(r.tags()), "GET"),
                (t.delete(r.tags()), "GET"),
                (t.put(r.referrers(&manifest.digest)), "GET"),
                (t.post(r.manifest("v1")), "PUT"),
                (t.patch(r.manifest("v1")), "PUT"),
                (t.put(r.blob(&manifest.digest)), "GET"),
                (t.get(r.uploads()), "POST"),
            ] {
                let reply = request.expect(405).await?;
                let allow = reply.list("allow");
                reply.ensure(allow.contains(&allowed.to_owned()), format!("Allow: {allowed}"))?;
            }
            Ok(())
        }),
        Row::new("S13", "a method that nobody knows is answered 405 or 501", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            let method = hyper::Method::from_bytes(b"BREW")?;
            t.request(method, r.manifest("v1")).expect_one_of(&[405, 501]).await?;
            Ok(())
        }),
        Row::new("S13", "HEAD of what is not there has the status of GET, no body", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            let digest = Content::blob(t.bytes(8)).digest;
            for path in [r.blob(&digest), r.manifest("v2"), r.manifest(&digest)] {
                let get = t.get(&path).expect(404).await?;
                t.head(&path).expect(get.status).await?.body_is(b"")?;
            }
            Ok(())
        }),
        Row::new("S13", "HEAD of lists is answered as GET", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            for path in [r.tags(), r.referrers(&manifest.digest)] {
                let get = t.get(&path).expect(200).await?;
                let head = t.head(&path).expect(200).await?;
                head.has("content-type", get.header("content-type")?)?;
            }
            Ok(())
        }),
        Row::new("S13", "paths outside of the API are answered 404", async |t| {
            for path in ["/v1/", "/v1/search?q=x", "/v3/", "/v2x", "/v2/x", "/v2/x/y/z"] {
                t.get(path).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("D24", "a 204 has no Content-Length", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            t.get(&session).expect(204).await?.lacks("content-length")?.body_is(b"")?;
            t.delete(&session).expect(204).await?.lacks("content-length")?.body_is(b"")?;
            Ok(())
        }),
    ]
}

/// The body of a request that will be refused is not asked for.
fn expect_continue() -> Vec<Row> {
    let mut rows = vec![
        Row::new(
            "D24",
            "Expect: 100-continue is answered 100 when the body is wanted",
            async |t| {
                let r = t.repository();
                let blob = Content::blob(t.bytes(1000));
                let session = r.open_upload().await?;
                let mut raw = t.raw().await?;
                let line = format!("PATCH {}", t.below_base(&session));
                raw.head(&line, &["expect: 100-continue", "content-length: 1000"]).await?;
                raw.reply().await?.status_in(&[100])?;
                raw.write(&blob.bytes).await?;
                raw.reply().await?.status_in(&[202])?;
                Ok(())
            },
        ),
        Row::new("D24", "a chunk out of order is refused before its body is sent", async |t| {
            let r = t.repository();
            let line = format!("PATCH {}", t.below_base(&r.open_upload().await?));
            refused_unread(t, &line, &["content-range: 5-9", "content-length: 5"], &[416]).await
        }),
        Row::new("D24", "an unknown upload is refused before the body is sent", async |t| {
            let r = t.repository();
            let id = "6b1ee8ce-6b5c-4a0e-9d0a-3f1f5b6c7d8e";
            let line = format!("PATCH {}", r.path(format!("blobs/uploads/{id}")));
            refused_unread(t, &line, &["content-length: 5"], &[404]).await
        }),
        Row::new("D24", "an invalid digest is refused before the body is sent", async |t| {
            let r = t.repository();
            let line = format!("POST {}?digest=sha256:short", r.uploads());
            refused_unread(t, &line, &["content-length: 5"], &[400]).await
        }),
        Row::new("D24", "an invalid name is refused before the body is sent", async |t| {
            let line = "PUT /v2/UPPER/manifests/v1";
            let content_type = format!("content-type: {MANIFEST}");
            refused_unread(t, line, &[&content_type, "content-length: 5"], &[400, 404]).await
        }),
    ];
    rows.push(Row::new("D24", "a manifest too large is refused before it is sent", async |t| {
        let r = t.repository();
        let line = format!("PUT {}", r.manifest("v1"));
        let headers = [format!("content-type: {MANIFEST}"), format!("content-length: {}", 5 << 20)];
        refused_unread(t, &line, &[&headers[0], &headers[1]], &[413]).await
    }));
    rows
}

fn escapes() -> Vec<Row> {
    vec![
        Row::new("D24", "the colon of a digest may be escaped", async |t| {
            let r = t.repository();
            let manifest = r.push_image(None).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for colon in ["%3A", "%3a"] {
                let digest = blob.digest.replace(':', colon);
                t.get(r.blob(digest)).expect(200).await?.body_is(&blob.bytes)?;
                let digest = manifest.digest.replace(':', colon);
                r.pull(digest).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new("D24", "an escaped slash is refused", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            let name = r.name.replace('/', "%2F");
            t.get(format!("/v2/{name}/manifests/v1")).expect_one_of(&[400, 404]).await?;
            t.get(format!("/v2/{name}/tags/list")).expect_one_of(&[400, 404]).await?;
            t.get(format!("/v2/{}%2Fmanifests/v1", r.name)).expect_one_of(&[400, 404]).await?;
            let upload = t.post(format!("/v2/{name}/blobs/uploads/"));
            upload.expect_one_of(&[400, 404]).await?;
            Ok(())
        }),
        Row::new("D24", "an escape that is none is refused", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            for reference in ["%", "v%1", "%zz", "%ff", "%00", "v1%00"] {
                let mut raw = t.raw().await?;
                raw.head(&format!("GET {}", r.manifest(reference)), &["connection: close"]).await?;
                raw.reply().await?.status_in(&[400, 404]).map_err(|f| f.during(reference))?;
            }
            Ok(())
        }),
        Row::new("C33", "no path leads out of the registry", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            for path in [
                "/v2/../../../etc/passwd".to_owned(),
                "/v2/%2e%2e/%2e%2e/etc/passwd".to_owned(),
                format!("/v2/{}/../manifests/v1", r.name),
                format!("/v2/{}/manifests/..%2f..%2f..%2fetc%2fpasswd", r.name),
                format!("/v2/{}/manifests/..", r.name),
                format!("/v2/{}/blobs/..%5c..", r.name),
                format!("/v2/{}/blobs/sha256:../../etc/passwd", r.name),
                format!("/v2/{}/blobs/uploads/../../x", r.name),
                format!("/v2/{}/blobs/uploads/%2e%2e%2fx", r.name),
                "/v2//manifests/v1".to_owned(),
                "/v2/./manifests/v1".to_owned(),
            ] {
                let mut raw = t.raw().await?;
                raw.head(&format!("GET {path}"), &["connection: close"]).await?;
                let reply = raw.reply().await?;
                // A redirect to a path without dots is as good.
                let refused = (300..500).contains(&reply.status);
                ensure!(refused, "GET {path}: expected a 4xx, came {reply:?}");
            }
            Ok(())
        }),
    ]
}

fn broken_requests() -> Vec<Row> {
    let table: [(&str, &[u8]); 6] = [
        (
            "two different Content-Lengths",
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        ),
        (
            "a Content-Length that is no number",
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: five\r\n\r\n",
        ),
        ("a negative Content-Length", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n"),
        ("a space before the colon", b"GET / HTTP/1.1\r\nhost : x\r\n\r\n"),
        ("no HTTP at all", b"hello\r\n\r\n"),
        (
            "an unknown transfer coding",
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
        ),
    ];
    let rows = table.into_iter().map(|(what, bytes)| {
        Row::new("S13", format!("{what}: refused, and the server goes on"), async move |t| {
            let mut raw = t.raw().await?;
            raw.write(bytes).await?;
            // Closing without a word is a refusal too.
            if let Ok(reply) = raw.reply().await {
                ensure!((400..=505).contains(&reply.status), "{reply:?}");
            }
            t.get("/v2/").expect(200).await?;
            Ok(())
        })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.extend([
        Row::new("S13", "a request without Host is answered 400", async |t| {
            let mut raw = t.raw().await?;
            let line = format!("GET {}/v2/ HTTP/1.1\r\n", t.server.base.prefix);
            raw.write(line.as_bytes()).await?;
            raw.write(b"connection: close\r\n\r\n").await?;
            raw.reply().await?.status_in(&[400])
        }),
        Row::new("S13", "a header of 4 MiB is refused, and the server goes on", async |t| {
            let mut raw = t.raw().await?;
            let long = format!("x-long: {}", "x".repeat(4 << 20));
            // The registry may stop reading before all is written.
            if raw.head("GET /v2/", &[&long]).await.is_ok()
                && let Ok(reply) = raw.reply().await
            {
                reply.status_in(&[400, 431])?;
            }
            t.get("/v2/").expect(200).await?;
            Ok(())
        }),
        Row::new("S13", "a path of 60 000 bytes is refused, and the server goes on", async |t| {
            let mut raw = t.raw().await?;
            let line = format!("GET /v2/{}/manifests/v1", "a".repeat(60_000));
            if raw.head(&line, &[]).await.is_ok()
                && let Ok(reply) = raw.reply().await
            {
                ensure!((400..500).contains(&reply.status), "{reply:?}");
            }
            t.get("/v2/").expect(200).await?;
            Ok(())
        }),
        Row::new("S13", "a manifest whose body is cut off is not stored", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let mut raw = t.raw().await?;
            let length = format!("content-length: {}", manifest.bytes.len() + 1);
            let content_type = format!("content-type: {MANIFEST}");
            raw.head(&format!("PUT {}", r.manifest("v1")), &[&content_type, &length]).await?;
            raw.write(&manifest.bytes).await?;
            raw.finish().await?;
            raw.rest().await?;
            r.pull("v1").expect(404).await?;
            r.pull(&manifest.digest).expect(404).await?;
            Ok(())
        }),
        Row::new("S13", "a chunked body that is cut off is not stored", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let mut raw = t.raw().await?;
            let content_type = format!("content-type: {MANIFEST}");
            let line = format!("PUT {}", r.manifest("v1"));
            raw.head(&line, &[&content_type, "transfer-encoding: chunked"]).await?;
            raw.write(format!("{:x}\r\n", manifest.bytes.len()).as_bytes()).await?;
            raw.write(&manifest.bytes).await?;
            raw.write(b"\r\n").await?;
            raw.finish().await?;
            raw.rest().await?;
            r.pull("v1").expect(404).await?;
            Ok(())
        }),
    ]);
    rows
}

/// The request is refused though its body never comes, and no 100 was sent.
async fn refused_unread(t: &Target, line: &str, headers: &[&str], statuses: &[u16]) -> Outcome {
    const PATIENCE: Duration = Duration::from_secs(10);
    let mut raw = t.raw().await?;
    raw.head(line, &[headers, &["expect: 100-continue"]].concat()).await?;
    match tokio::time::timeout(PATIENCE, raw.reply()).await {
        Ok(reply) => reply?.status_in(statuses),
        Err(_) => Err(Failure::new(format!("{line}: no reply before the body is sent"))),
    }
}
