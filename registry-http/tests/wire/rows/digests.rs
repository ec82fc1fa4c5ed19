//! More than one digest algorithm: announced, learned late, unknown.

use crate::{
    content::{Algorithm, Content, OCTETS, index},
    row::Row,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = late();
    rows.extend(announced());
    rows.extend(beside_each_other());
    rows
}

fn late() -> Vec<Row> {
    vec![
        Row::new("C3", "sha512 is first named by the PUT after chunks", async |t| {
            let r = t.repository();
            let blob = Content::new(OCTETS, t.bytes(3000), Algorithm::Sha512);
            let session = r.open_upload().await?;
            let chunk = r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?;
            let chunk = r.chunk(&chunk.location()?, 1000, &blob.bytes[1000..]).expect(202).await?;
            r.close(&chunk.location()?, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("C3", "sha512 is first named by the PUT with the last chunk", async |t| {
            let r = t.repository();
            let blob = Content::new(OCTETS, t.bytes(3000), Algorithm::Sha512);
            let session = r.open_upload().await?;
            let session =
                r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?.location()?;
            let last = r.last_chunk(&session, &blob.digest, 1000, &blob.bytes[1000..]);
            last.expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("C3", "sha512 is first named by the PUT after a stream", async |t| {
            let r = t.repository();
            let blob = Content::new(OCTETS, t.bytes(300_000), Algorithm::Sha512);
            let session = r.open_upload().await?;
            let stream = t.patch(&session).chunked(blob.bytes.clone()).expect(202).await?;
            r.close(&stream.location()?, &blob.digest).expect(201).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
    ]
}

fn announced() -> Vec<Row> {
    let mut rows = Vec::new();
    for announced in Algorithm::ALL {
        for used in Algorithm::ALL {
            let says = format!("{} announced, {} used", announced.name(), used.name());
            rows.push(Row::new("D3", says, async move |t| {
                let r = t.repository();
                let blob = Content::new(OCTETS, t.bytes(3000), used);
                let open = format!("{}?digest-algorithm={}", r.uploads(), announced.name());
                let session = t.post(open).expect(202).await?.location()?;
                let chunk = r.chunk(&session, 0, &blob.bytes[..1000]).expect(202).await?;
                let session = chunk.location()?;
                let last = r.last_chunk(&session, &blob.digest, 1000, &blob.bytes[1000..]);
                last.expect(201).await?.has("docker-content-digest", &blob.digest)?;
                t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
                Ok(())
            }));
        }
    }
    rows.push(Row::new("D3", "announced and wrong: 400, and nothing is there", async |t| {
        let r = t.repository();
        let good = Content::new(OCTETS, t.bytes(1000), Algorithm::Sha512);
        let open = format!("{}?digest-algorithm=sha512", r.uploads());
        let session = t.post(open).expect(202).await?.location()?;
        let session = r.chunk(&session, 0, &t.bytes(1000)).expect(202).await?.location()?;
        r.close(&session, &good.digest).expect(400).await?;
        t.head(r.blob(&good.digest)).expect(404).await?;
        Ok(())
    }));
    for unknown in ["md5", "sha257", "SHA256", "sha256:00"] {
        let says = format!("digest-algorithm={unknown} is answered 400");
        rows.push(Row::new("S3", says, async move |t| {
            let r = t.repository();
            t.post(format!("{}?digest-algorithm={unknown}", r.uploads())).expect(400).await?;
            Ok(())
        }));
    }
    rows
}

fn beside_each_other() -> Vec<Row> {
    vec![
        Row::new("D2", "the same bytes are there under each digest they came with", async |t| {
            let r = t.repository();
            let one = Content::blob(t.bytes(1000));
            let two = Content::new(OCTETS, one.bytes.clone(), Algorithm::Sha512);
            r.push_blob(&one).await?;
            t.head(r.blob(&two.digest)).expect(404).await?;
            r.push_blob(&two).await?;
            for blob in [&one, &two] {
                let pulled = t.get(r.blob(&blob.digest)).expect(200).await?;
                pulled.body_is(&blob.bytes)?.has("docker-content-digest", &blob.digest)?;
            }
            t.delete(r.blob(&one.digest)).expect(202).await?;
            t.head(r.blob(&one.digest)).expect(404).await?;
            t.get(r.blob(&two.digest)).expect(200).await?.body_is(&two.bytes)?;
            Ok(())
        }),
        Row::new("D2", "a push by sha512 digest: 201, a Location that works", async |t| {
            let r = t.repository();
            let manifest = Content::manifest_by(&r.image().await?, Algorithm::Sha512);
            let put = r.push(&manifest.digest, &manifest).await?;
            put.has("docker-content-digest", &manifest.digest)?;
            let pulled = crate::repository::accepting(t.get(put.location()?)).expect(200).await?;
            pulled.body_is(&manifest.bytes)?;
            Ok(())
        }),
        Row::new("D2", "an index of sha256 and sha512 children is taken", async |t| {
            let r = t.repository();
            let one = Content::manifest(&r.image().await?);
            let two = Content::manifest_by(&r.image().await?, Algorithm::Sha512);
            let both = Content::manifest_by(&index(&[&one, &two]), Algorithm::Sha512);
            for manifest in [&one, &two, &both] {
                r.push(&manifest.digest, manifest).await?;
                r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
            }
            Ok(())
        }),
        Row::new("D2", "a tag that moves between algorithms shows the last one", async |t| {
            let r = t.repository();
            let document = r.image().await?;
            let by_256 = Content::manifest(&document);
            let by_512 = Content::manifest_by(&document, Algorithm::Sha512);
            r.push("moving", &by_256).await?;
            r.put(format!("{}?tag=moving", by_512.digest), &by_512).expect(201).await?;
            let head = r.look("moving").expect(200).await?;
            head.has("docker-content-digest", &by_512.digest)?;
            r.push("moving", &by_256).await?;
            let head = r.look("moving").expect(200).await?;
            head.has("docker-content-digest", &by_256.digest)?;
            Ok(())
        }),
    ]
}
