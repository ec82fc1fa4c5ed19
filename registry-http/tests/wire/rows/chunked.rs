//! Uploads in chunks: PATCH, the closing PUT, the status, and what goes wrong between them.

use crate::{
    content::{Content, OCTETS},
    failure::ensure,
    repository::last_byte,
    row::Row,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = in_order();
    rows.extend(out_of_order());
    rows.extend(status());
    rows.extend(unclear_ranges());
    rows
}

fn in_order() -> Vec<Row> {
    vec![
        Row::new("M12", "a chunk is answered 202, Location and the blob's last byte", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(3000));
            let mut session = r.open_upload().await?;
            for start in [0, 1000, 2000] {
                let chunk = r.chunk(&session, start, &blob.bytes[start..start + 1000]);
                let reply = chunk.expect(202).await?;
                reply.has("range", format!("0-{}", start + 999))?;
                session = reply.location()?;
            }
            let closed = r.close(&session, &blob.digest).expect(201).await?;
            t.get(closed.location()?).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("M12", "a chunk of one byte ends at byte 0", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            r.chunk(&session, 0, b"x").expect(202).await?.has("range", "0-0")?;
            Ok(())
        }),
        Row::new("M12", "the last chunk may come with the closing PUT", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(3000));
            let session = r.open_upload().await?;
            let session =
                r.chunk(&session, 0, &blob.bytes[..2000]).expect(202).await?.location()?;
            let last = r.last_chunk(&session, &blob.digest, 2000, &blob.bytes[2000..]);
            let closed = last.expect(201).await?;
            t.get(closed.location()?).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("M12", "the closing PUT may bring the only chunk", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(700));
            let session = r.open_upload().await?;
            r.last_chunk(&session, &blob.digest, 0, &blob.bytes).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new(
            "D4",
            "the location of an upload does not change from chunk to chunk",
            async |t| {
                let r = t.repository();
                let blob = Content::blob(t.bytes(2000));
                let session = r.open_upload().await?;
                r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?;
                r.chunk(&session, 1000, &blob.bytes[1000..])
                    .expect(202)
                    .await?
                    .has("range", "0-1999")?;
                r.close(&session, &blob.digest).expect(201).await?;
                Ok(())
            },
        ),
        Row::new("C2", "a PATCH without Content-Range and Content-Length appends", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(5000));
            let mut session = r.open_upload().await?;
            for (start, end) in [(0, 2000), (2000, 5000)] {
                let piece = blob.bytes.slice(start..end);
                let stream = t.patch(&session).header("content-type", OCTETS).chunked(piece);
                let reply = stream.expect(202).await?;
                reply.has("range", format!("0-{}", end - 1))?;
                session = reply.location()?;
            }
            r.close(&session, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("C2", "a PATCH without Content-Range, with Content-Length, appends", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(5000));
            let session = r.open_upload().await?;
            let first = t.patch(&session).body(blob.bytes.slice(..100));
            let session = first.expect(202).await?.location()?;
            let second = t.patch(&session).body(blob.bytes.slice(100..));
            let reply = second.expect(202).await?;
            reply.has("range", "0-4999")?;
            r.close(&reply.location()?, &blob.digest).expect(201).await?;
            Ok(())
        }),
        Row::new("S5", "without OCI-Chunk-Min-Length a chunk of one byte is taken", async |t| {
            let r = t.repository();
            let opened = t.post(r.uploads()).expect(202).await?;
            if let Some(minimum) = opened.headers.get("oci-chunk-min-length") {
                let number = minimum.to_str().is_ok_and(|text| text.parse::<u64>().is_ok());
                opened.ensure(number, "an OCI-Chunk-Min-Length that is a number")?;
                return Ok(());
            }
            let blob = Content::blob(t.bytes(2));
            let session = r.chunk(&opened.location()?, 0, &blob.bytes[..1]).expect(202).await?;
            let session = r.chunk(&session.location()?, 1, &blob.bytes[1..]).expect(202).await?;
            r.close(&session.location()?, &blob.digest).expect(201).await?;
            Ok(())
        }),
    ]
}

fn out_of_order() -> Vec<Row> {
    vec![
        Row::new("M13", "a first chunk that does not begin at 0 is answered 416", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            r.chunk(&session, 1000, &t.bytes(1000)).expect(416).await?;
            Ok(())
        }),
        Row::new("M13", "a chunk that leaves a gap is answered 416", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &t.bytes(1000)).expect(202).await?.location()?;
            r.chunk(&session, 1001, &t.bytes(100)).expect(416).await?;
            Ok(())
        }),
        Row::new("M13", "a chunk that overlaps is answered 416", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &t.bytes(1000)).expect(202).await?.location()?;
            r.chunk(&session, 999, &t.bytes(100)).expect(416).await?;
            Ok(())
        }),
        Row::new("M13", "a chunk sent twice is answered 416 the second time", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(1000));
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &blob.bytes).expect(202).await?.location()?;
            r.chunk(&session, 0, &blob.bytes).expect(416).await?;
            r.close(&session, &blob.digest).expect(201).await?;
            Ok(())
        }),
        Row::new("M13", "an out-of-order chunk is answered 416 on the closing PUT", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            let session =
                r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?.location()?;
            r.last_chunk(&session, &blob.digest, 0, &blob.bytes[..1000]).expect(416).await?;
            r.last_chunk(&session, &blob.digest, 1500, &blob.bytes[1500..]).expect(416).await?;
            Ok(())
        }),
        Row::new("C13", "the upload goes on after a 416 on the closing PUT", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            r.last_chunk(&session, &blob.digest, 1000, &blob.bytes[1000..]).expect(416).await?;
            let status = t.get(&session).expect(204).await?;
            let chunk = r.chunk(&status.location()?, 0, &blob.bytes[..1000]).expect(202).await?;
            let last = r.last_chunk(&chunk.location()?, &blob.digest, 1000, &blob.bytes[1000..]);
            last.expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("C13", "the upload goes on after each 416, also of a wrapped chunk", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(3 * 1024 - 5));
            let mut session = r.open_upload().await?;
            for start in [0, 1024, 2048] {
                let wrong = if start == 2048 { 0 } else { start + 1024 };
                let wrong = r.chunk(&session, wrong, &blob.bytes[wrong..][..1000]);
                wrong.expect(416).await?;
                let status = t.get(&session).expect(204).await?;
                if start > 0 {
                    status.has("range", format!("0-{}", start - 1))?;
                }
                let end = (start + 1024).min(blob.bytes.len());
                let right = r.chunk(&status.location()?, start, &blob.bytes[start..end]);
                session = right.expect(202).await?.location()?;
            }
            r.close(&session, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("D8", "416 says where the upload stands: Location, Range, UUID", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &t.bytes(1000)).expect(202).await?.location()?;
            for reply in [
                r.chunk(&session, 2000, b"later").expect(416).await?,
                r.last_chunk(&session, &Content::blob("x").digest, 0, b"x").expect(416).await?,
            ] {
                reply.has("range", "0-999")?;
                reply.header("docker-upload-uuid")?;
                t.get(reply.location()?).expect(204).await?.has("range", "0-999")?;
            }
            Ok(())
        }),
        Row::new("D6", "the offset is checked without a Content-Length too", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            let send = |range: &'static str, piece: &[u8]| {
                t.patch(&session).header("content-range", range).chunked(piece.to_vec())
            };
            send("1000-1999", &blob.bytes[1000..]).expect(416).await?;
            send("0-999", &blob.bytes[..1000]).expect(202).await?.has("range", "0-999")?;
            send("0-999", &blob.bytes[..1000]).expect(416).await?;
            send("1000-1999", &blob.bytes[1000..]).expect(202).await?.has("range", "0-1999")?;
            r.close(&session, &blob.digest).expect(201).await?;
            Ok(())
        }),
        Row::new("D6", "the offset of a closing PUT is checked without length too", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(1000));
            let session = r.open_upload().await?;
            let put = t.put(session.with(format!("digest={}", blob.digest)));
            let put = put.header("content-range", "5-1004").chunked(blob.bytes.clone());
            put.expect(416).await?;
            t.head(r.blob(&blob.digest)).expect(404).await?;
            Ok(())
        }),
    ]
}

fn status() -> Vec<Row> {
    vec![
        Row::new("M14", "the status is 204 with Location and the last byte", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            let session = r.chunk(&session, 0, &t.bytes(1234)).expect(202).await?.location()?;
            let status = t.get(&session).expect(204).await?;
            status.has("range", "0-1233")?;
            t.get(status.location()?).expect(204).await?.has("range", "0-1233")?;
            Ok(())
        }),
        Row::new("M14", "the location that the status gives takes the next chunk", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            r.chunk(&session, 0, &blob.bytes[..700]).expect(202).await?;
            let status = t.get(&session).expect(204).await?;
            let next = last_byte(&status)? + 1;
            let chunk = r.chunk(&status.location()?, next, &blob.bytes[next..]).expect(202).await?;
            r.close(&chunk.location()?, &blob.digest).expect(201).await?;
            Ok(())
        }),
        Row::new("C11", "the status after a 416 on the first chunk is 204", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            r.chunk(&session, 1024, &t.bytes(1024)).expect(416).await?;
            last_byte(&t.get(&session).expect(204).await?)?;
            Ok(())
        }),
        Row::new("D7", "an upload without a byte says Range: 0-0", async |t| {
            let r = t.repository();
            let opened = t.post(r.uploads()).expect(202).await?;
            opened.has("range", "0-0")?;
            t.get(opened.location()?).expect(204).await?.has("range", "0-0")?;
            Ok(())
        }),
        Row::new("D7", "a PATCH without a byte is answered 202 and Range: 0-0", async |t| {
            let r = t.repository();
            let session = r.open_upload().await?;
            t.patch(&session).expect(202).await?.has("range", "0-0")?;
            t.patch(&session).chunked("").expect(202).await?.has("range", "0-0")?;
            Ok(())
        }),
        Row::new("C12", "the status is given at the URL of the closing PUT", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(2000));
            let session = r.open_upload().await?;
            let session =
                r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?.location()?;
            let closing = session.with(format!("digest={}", blob.digest));
            let status = t.get(closing).expect(204).await?;
            status.has("range", "0-999")?;
            r.chunk(&status.location()?, 1000, &blob.bytes[1000..]).expect(202).await?;
            Ok(())
        }),
    ]
}

/// Each of these is refused, and the upload stays as it was.
fn unclear_ranges() -> Vec<Row> {
    let table = [
        ("a Content-Range with a unit", "bytes 0-99/100"),
        ("a Content-Range without a last byte", "0-"),
        ("a Content-Range without a first byte", "-99"),
        ("a Content-Range of words", "first-last"),
        ("a reversed Content-Range", "99-0"),
        ("an empty Content-Range", ""),
        ("a Content-Range with a sign", "+0-99"),
        ("a Content-Range beyond 64 bits", "18446744073709551616-18446744073709551715"),
        ("a Content-Range at the end of 64 bits", "18446744073709551516-18446744073709551615"),
        ("a Content-Range shorter than the body", "0-9"),
        ("a Content-Range longer than the body", "0-999"),
    ];
    let refused = table.into_iter().flat_map(|(what, range)| {
        [(false, "with a length"), (true, "in chunked coding")].map(|(chunked, how)| {
            let says = format!("{what}, {how}, is refused and nothing is kept");
            Row::new("D6", says, async move |t| {
                let r = t.repository();
                let blob = Content::blob(t.bytes(100));
                let session = r.open_upload().await?;
                let patch = t.patch(&session).header("content-range", range);
                let patch = match chunked {
                    true => patch.chunked(blob.bytes.clone()),
                    false => patch.body(blob.bytes.clone()),
                };
                patch.expect_one_of(&[400, 416]).await?;
                let chunk = r.chunk(&session, 0, &blob.bytes).expect(202).await?;
                ensure!(last_byte(&chunk)? == 99, "the refused bytes were kept");
                r.close(&chunk.location()?, &blob.digest).expect(201).await?;
                Ok(())
            })
        })
    });
    refused.collect()
}
