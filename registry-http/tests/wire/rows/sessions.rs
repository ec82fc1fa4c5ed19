//! The life of an upload session: cancel, end, whose it is, who may use it at the same time.

use futures::future::try_join_all;

use crate::{
    content::{Content, OCTETS},
    failure::{Failure, Outcome, ensure},
    repository::{Repository, last_byte},
    row::Row,
    target::Target,
    url::{Place, Url},
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = endings();
    rows.extend(strangers());
    rows.extend(side_by_side());
    rows.extend(broken_off());
    rows
}

fn endings() -> Vec<Row> {
    vec![
        Row::new("C32", "cancelling an upload is answered exactly 204", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            t.delete(&session).header("content-length", "0").expect(204).await?;
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &t.bytes(1000)).expect(202).await?.location()?;
            t.delete(&session).expect(204).await?;
            Ok(())
        }),
        Row::new("S6", "a cancelled upload is gone", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            t.delete(&session).expect(204).await?;
            is_gone(t, &r, &session).await
        }),
        Row::new("C33", "an upload that was closed is gone", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &blob.bytes).expect(202).await?.location()?;
            r.close(&session, &blob.digest).expect(201).await?;
            t.get(&session).expect(404).await?.refused(&["BLOB_UPLOAD_UNKNOWN"])?;
            r.chunk(&session, 100, b"more").expect(404).await?;
            t.head(r.blob(&blob.digest)).expect(200).await?.has("content-length", "100")?;
            Ok(())
        }),
        Row::new("X2", "Docker-Upload-UUID on every reply about an upload", async |t| {
            let r = t.repository();
            let opened = t.post(r.uploads()).expect(202).await?;
            let uuid = opened.header("docker-upload-uuid")?;
            let chunk = r.chunk(&opened.location()?, 0, &t.bytes(100)).expect(202).await?;
            chunk.has("docker-upload-uuid", uuid)?;
            let status = t.get(chunk.location()?).expect(204).await?;
            status.has("docker-upload-uuid", uuid)?;
            Ok(())
        }),
    ]
}

fn strangers() -> Vec<Row> {
    vec![
        Row::new("C33", "an upload that never was is answered BLOB_UPLOAD_UNKNOWN", async |t| {
            let r = t.repository();
            r.open_upload().await?;
            for id in ["6b1ee8ce-6b5c-4a0e-9d0a-3f1f5b6c7d8e", "nonsense", "0"] {
                let stranger = r.path(format!("blobs/uploads/{id}")).locate(&t.server.base);
                is_gone(t, &r, &stranger).await.map_err(|failure| failure.during(id))?;
            }
            Ok(())
        }),
        Row::new("C33", "an upload belongs to its repository", async |t| {
            let (r, other) = (t.repository(), t.repository());
            other.push_blob(&Content::blob(t.bytes(10))).await?;
            let blob = Content::blob(t.bytes(100));
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &blob.bytes).expect(202).await?.location()?;
            let path = session.path.replace(&r.name, &other.name);
            is_gone(t, &other, &Url { path, ..session.clone() }).await?;
            t.get(&session).expect(204).await?.has("range", "0-99")?;
            r.close(&session, &blob.digest).expect(201).await?;
            Ok(())
        }),
    ]
}

fn side_by_side() -> Vec<Row> {
    vec![
        Row::new("M9", "each upload has a location of its own", async |t| {
            let r = t.repository();
            let (first, second) = (r.open_upload().await?, r.open_upload().await?);
            ensure!(first != second, "two uploads at {}", first.path);
            r.chunk(&first, 0, &t.bytes(100)).expect(202).await?;
            r.chunk(&second, 0, &t.bytes(50)).expect(202).await?;
            t.get(&first).expect(204).await?.has("range", "0-99")?;
            t.get(&second).expect(204).await?.has("range", "0-49")?;
            Ok(())
        }),
        Row::new("C33", "the same blob in two uploads at a time: both are 201", async |t| {
            let (r, other) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(200_000));
            futures::try_join!(r.push_blob(&blob), r.push_blob(&blob), other.push_blob(&blob))?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            t.get(other.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new(
            "C33",
            "manifests pushed to one tag at a time: all are there, one is tagged",
            async |t| {
                let r = t.repository();
                let mut manifests = Vec::new();
                for _ in 0..8 {
                    manifests.push(Content::manifest(&r.image().await?));
                }
                try_join_all(manifests.iter().map(|manifest| r.push("raced", manifest))).await?;
                for manifest in &manifests {
                    r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
                }
                let tagged = r.pull("raced").expect(200).await?;
                let won = manifests.iter().any(|manifest| manifest.bytes == tagged.body);
                tagged.ensure(won, "one of the manifests that were pushed")?;
                Ok(())
            },
        ),
        Row::new("C33", "one manifest pushed to many tags at a time: all are there", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let tags: Vec<String> = (10..30).map(|at| format!("t{at}")).collect();
            try_join_all(tags.iter().map(|tag| r.push(tag, &manifest))).await?;
            let listed = r.list_tags("").await?;
            ensure!(listed == tags, "{listed:?}");
            Ok(())
        }),
        Row::new("C33", "while a PATCH is under way, another one is answered 416", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            let mut slow = t.raw().await?;
            let line = format!("PATCH {}", t.below_base(&session));
            let headers = ["content-range: 0-1999", "content-length: 2000", "expect: 100-continue"];
            slow.head(&line, &headers).await?;
            slow.reply().await?.status_in(&[100])?;
            slow.write(&blob.bytes[..1000]).await?;
            r.chunk(&session, 0, &t.bytes(2000)).expect(416).await?;
            slow.write(&blob.bytes[1000..]).await?;
            let finished = slow.reply().await?;
            finished.status_in(&[202])?;
            let session = session.resolve(finished.header("location").unwrap_or_default())?;
            r.close(&session, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
    ]
}

fn broken_off() -> Vec<Row> {
    vec![
        Row::new("X10", "a stream that breaks off is resumed where the status says", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(5000));
            let session = r.open_upload().await?;
            let mut broken = t.raw().await?;
            let line = format!("PATCH {}", t.below_base(&session));
            broken.head(&line, &["transfer-encoding: chunked"]).await?;
            broken.write(b"3e8\r\n").await?;
            broken.write(&blob.bytes[..1000]).await?;
            broken.write(b"\r\n").await?;
            drop(broken);
            // The registry may still be busy with the broken request: then it says 416 again.
            let session = until_accepted(async || {
                let status = t.get(&session).expect(204).await?;
                let next = match last_byte(&status)? {
                    0 => 0,
                    last => last + 1,
                };
                r.chunk(&status.location()?, next, &blob.bytes[next..]).send().await
            });
            r.close(&session.await?, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("X10", "a chunk that breaks off is sent again from its start", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            let session =
                r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?.location()?;
            let mut broken = t.raw().await?;
            let line = format!("PATCH {}", t.below_base(&session));
            broken.head(&line, &["content-range: 1000-1999", "content-length: 1000"]).await?;
            broken.write(&blob.bytes[1000..1500]).await?;
            // The registry has seen the end of the body when it ends the connection.
            broken.finish().await?;
            broken.rest().await?;
            let again = r.chunk(&session, 1000, &blob.bytes[1000..]).expect(202).await?;
            r.close(&again.location()?, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("X10", "a closing PUT that breaks off commits nothing", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let half = Content::blob(blob.bytes.slice(..1000));
            let session = r.open_upload().await?;
            let mut broken = t.raw().await?;
            let closing = session.with(format!("digest={}", half.digest));
            let line = format!("PUT {}", t.below_base(&closing));
            let octets = format!("content-type: {OCTETS}");
            broken.head(&line, &[&octets, "content-length: 2000"]).await?;
            broken.write(&half.bytes).await?;
            // The registry has seen the end of the body when it ends the connection.
            broken.finish().await?;
            broken.rest().await?;
            t.head(r.blob(&half.digest)).expect(404).await?;
            Ok(())
        }),
    ]
}

/// Every request on the session is answered that it is unknown.
async fn is_gone(t: &Target, r: &Repository<'_>, session: &Url) -> Outcome {
    let digest = Content::blob("x").digest;
    for request in [
        t.get(session),
        r.chunk(session, 0, b"x"),
        t.patch(session).chunked("x"),
        r.last_chunk(session, &digest, 0, b"x"),
        r.close(session, &digest),
        t.delete(session),
    ] {
        request.expect(404).await?.refused(&["BLOB_UPLOAD_UNKNOWN"])?;
    }
    Ok(())
}

/// Repeats a PATCH while it is answered 416, and gives the location of the 202.
async fn until_accepted(send: impl AsyncFn() -> Outcome<crate::reply::Reply>) -> Outcome<Url> {
    const TRIES: usize = 500;
    let mut last = Failure::new("never tried");
    for _ in 0..TRIES {
        let reply = send().await?;
        match reply.status {
            202 => return reply.location(),
            416 => last = reply.fail("status 202 in the end"),
            _ => return Err(reply.fail("status 202 or 416")),
        }
    }
    Err(last)
}
