//! The official suite's blob scenarios: each way to push, then HEAD, GET, DELETE; per algorithm.

use crate::{
    content::{Algorithm, Content, OCTETS},
    failure::Outcome,
    reply::Reply,
    repository::Repository,
    row::Row,
    target::Target,
    way::Way,
};

pub(crate) fn rows() -> Vec<Row> {
    Algorithm::ALL.into_iter().flat_map(of).collect()
}

fn of(algorithm: Algorithm) -> Vec<Row> {
    let clause = match algorithm {
        Algorithm::Sha256 => "sha256-blobs",
        Algorithm::Sha512 => "sha512-blobs",
    };
    let mut rows = Vec::new();
    for way in Way::ALL {
        let says = format!("{way}: pushed, found, pulled, deleted");
        rows.push(Row::new(clause, says, async move |t| {
            let r = t.repository();
            let blob = Content::new(OCTETS, t.bytes(3 * 1024 - 5), algorithm);
            let pushed = way.push(t, &r, &blob.digest, &blob).await?;
            pushed.status(201)?;
            made_the_round(t, &r, &blob, &pushed).await
        }));
    }
    for (what, bytes) in [("the empty blob", ""), ("the empty JSON object", "{}")] {
        let says = format!("{what}: pushed, found, pulled, deleted");
        rows.push(Row::new(clause, says, async move |t| {
            let r = t.repository();
            let blob = Content::new(OCTETS, bytes, algorithm);
            let pushed = r.push_blob(&blob).await?;
            made_the_round(t, &r, &blob, &pushed).await
        }));
    }
    for from in [true, false] {
        let how = if from { "with" } else { "without" };
        let says = format!("mounted {how} from, found, pulled, deleted");
        rows.push(Row::new(clause, says, async move |t| {
            let (r, source) = (t.repository(), t.repository());
            let blob = Content::new(OCTETS, t.bytes(512), algorithm);
            source.push_blob(&blob).await?;
            let (from, status) = match from {
                true => (format!("&from={}", source.name), 201),
                false => (String::new(), t.mounted_from_anywhere()),
            };
            let mount = t.post(format!("{}?mount={}{from}", r.uploads(), blob.digest));
            let mut mounted = mount.expect(status).await?;
            if status == 202 {
                let put = r.close(&mounted.location()?, &blob.digest).body(blob.bytes.clone());
                mounted = put.expect(201).await?;
            }
            made_the_round(t, &r, &blob, &mounted).await?;
            t.delete(source.blob(&blob.digest)).expect(202).await?;
            Ok(())
        }));
    }
    rows.extend([
        Row::new(clause, "a mount of nothing becomes an upload", async move |t| {
            let (r, source) = (t.repository(), t.repository());
            let blob = Content::new(OCTETS, t.bytes(512), algorithm);
            let query = format!("mount={}&from={}", blob.digest, source.name);
            let opened = t.post(format!("{}?{query}", r.uploads())).expect(202).await?;
            let put = r.close(&opened.location()?, &blob.digest).body(blob.bytes.clone());
            let pushed = put.expect(201).await?;
            made_the_round(t, &r, &blob, &pushed).await
        }),
        Row::new(clause, "a blob that nobody pushed is answered 404", async move |t| {
            let r = t.repository();
            t.get(r.blob(algorithm.digest(&t.bytes(512)))).expect(404).await?;
            Ok(())
        }),
        Row::new(clause, "an upload is cancelled", async move |t| {
            let r = t.repository();
            let open = format!("{}?digest-algorithm={}", r.uploads(), algorithm.name());
            let session = t.post(open).expect(202).await?.location()?;
            t.delete(session).header("content-length", "0").expect(204).await?;
            Ok(())
        }),
    ]);
    rows
}

/// The blob is where the push says, is found and pulled, and is gone once it is deleted.
async fn made_the_round(t: &Target, r: &Repository<'_>, blob: &Content, pushed: &Reply) -> Outcome {
    let size = blob.bytes.len().to_string();
    pushed.has("docker-content-digest", &blob.digest)?;
    t.get(pushed.location()?).expect(200).await?.body_is(&blob.bytes)?;
    let head = t.head(r.blob(&blob.digest)).expect(200).await?;
    head.has("content-length", &size)?.has("docker-content-digest", &blob.digest)?;
    head.body_is(b"")?;
    let got = t.get(r.blob(&blob.digest)).header("accept-encoding", "gzip").expect(200).await?;
    got.has("content-length", &size)?.has("docker-content-digest", &blob.digest)?;
    got.body_is(&blob.bytes)?;
    t.delete(r.blob(&blob.digest)).expect(202).await?;
    t.head(r.blob(&blob.digest)).expect(404).await?;
    Ok(())
}
