//! Mounting a blob from another repository, with and without `from`.

use crate::{
    content::{Algorithm, Content, OCTETS},
    failure::Outcome,
    reply::Reply,
    repository::Repository,
    row::Row,
    target::Target,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = possible();
    rows.extend(impossible());
    rows
}

fn possible() -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let says = format!("a {} blob is mounted: 201 and its Location", algorithm.name());
        rows.push(Row::new("C21", says, async move |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::new(OCTETS, t.bytes(512), algorithm);
            source.push_blob(&blob).await?;
            mount(t, &r, &blob, Some(&source)).await?.status(201)?;
            is_there(t, &r, &blob).await
        }));
        let says = format!("a {} blob is mounted without from", algorithm.name());
        rows.push(Row::new("D11", says, async move |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::new(OCTETS, t.bytes(512), algorithm);
            source.push_blob(&blob).await?;
            let mounted = mount(t, &r, &blob, None).await?;
            mounted.status(t.mounted_from_anywhere())?;
            settled(&r, &mounted, &blob).await?;
            is_there(t, &r, &blob).await
        }));
    }
    rows.extend([
        Row::new("M15", "a mount that is answered 201 gives the blob's Location", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            source.push_blob(&blob).await?;
            let mounted = mount(t, &r, &blob, Some(&source)).await?;
            mounted.status(201)?.has("docker-content-digest", &blob.digest)?;
            t.get(mounted.location()?).expect(200).await?.body_is(&blob.bytes)?;
            is_there(t, &r, &blob).await
        }),
        Row::new("Y3", "a mount without from is answered 201 or 202", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            source.push_blob(&blob).await?;
            let mounted = mount(t, &r, &blob, None).await?;
            settled(&r, &mounted, &blob).await?;
            is_there(t, &r, &blob).await
        }),
        Row::new("M15", "the parameters may be escaped, and in any order", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            source.push_blob(&blob).await?;
            let (from, digest) = (source.name.replace('/', "%2F"), blob.digest.replace(':', "%3A"));
            let post = t.post(format!("{}?from={from}&mount={digest}", r.uploads()));
            post.expect(201).await?;
            is_there(t, &r, &blob).await
        }),
        Row::new("D5", "crane's origin parameter does not hinder a mount", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            source.push_blob(&blob).await?;
            let query = format!("mount={}&from={}&origin=example.com", blob.digest, source.name);
            t.post(format!("{}?{query}", r.uploads())).expect(201).await?;
            is_there(t, &r, &blob).await
        }),
        Row::new("D18", "a mounted blob stays though its source is deleted", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            source.push_blob(&blob).await?;
            mount(t, &r, &blob, Some(&source)).await?.status(201)?;
            t.delete(source.blob(&blob.digest)).expect(202).await?;
            t.head(source.blob(&blob.digest)).expect(404).await?;
            is_there(t, &r, &blob).await
        }),
    ]);
    rows
}

fn impossible() -> Vec<Row> {
    let mut rows = vec![
        Row::new("S7", "a blob that from lacks: 202 and a session that works", async |t| {
            let (source, r) = (t.repository(), t.repository());
            source.push_blob(&Content::blob(t.bytes(8))).await?;
            let blob = Content::blob(t.bytes(512));
            let mounted = mount(t, &r, &blob, Some(&source)).await?;
            settled(&r, mounted.status(202)?, &blob).await?;
            is_there(t, &r, &blob).await
        }),
        Row::new("S7", "from is unknown: 202 and a session that works", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            let mounted = mount(t, &r, &blob, Some(&source)).await?;
            settled(&r, mounted.status(202)?, &blob).await?;
            is_there(t, &r, &blob).await
        }),
        Row::new("D11", "without from, a blob that nobody has: 202 and a session", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(512));
            let mounted = mount(t, &r, &blob, None).await?;
            settled(&r, mounted.status(202)?, &blob).await?;
            is_there(t, &r, &blob).await
        }),
        Row::new("C33", "a mount that is impossible shows nothing in the target", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            mount(t, &r, &blob, Some(&source)).await?.status(202)?;
            t.head(r.blob(&blob.digest)).expect(404).await?;
            Ok(())
        }),
        Row::new("C33", "a deleted blob is not mounted", async |t| {
            let (source, r) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(512));
            source.push_blob(&blob).await?;
            t.delete(source.blob(&blob.digest)).expect(202).await?;
            let mounted = mount(t, &r, &blob, Some(&source)).await?;
            settled(&r, mounted.status(202)?, &blob).await?;
            is_there(t, &r, &blob).await
        }),
    ];
    for digest in ["digest", "sha256:short", "md5:00", ""] {
        let says = format!("a mount of {digest:?} is refused, or a session");
        rows.push(Row::new("C33", says, async move |t| {
            let (source, r) = (t.repository(), t.repository());
            let query = format!("mount={digest}&from={}", source.name);
            let reply = t.post(format!("{}?{query}", r.uploads())).send().await?;
            reply.status_in(&[202, 400])?;
            if reply.status == 202 {
                t.get(reply.location()?).expect(204).await?;
            }
            Ok(())
        }));
    }
    rows
}

async fn mount(
    t: &Target,
    r: &Repository<'_>,
    blob: &Content,
    from: Option<&Repository<'_>>,
) -> Outcome<Reply> {
    let from = from.map(|source| format!("&from={}", source.name)).unwrap_or_default();
    t.post(format!("{}?mount={}{from}", r.uploads(), blob.digest)).send().await
}

/// Pushes the blob when the mount ended in a session.
async fn settled(r: &Repository<'_>, mounted: &Reply, blob: &Content) -> Outcome {
    mounted.status_in(&[201, 202])?;
    if mounted.status == 202 {
        let put = r.close(&mounted.location()?, &blob.digest).body(blob.bytes.clone());
        put.expect(201).await?;
    }
    Ok(())
}

async fn is_there(t: &Target, r: &Repository<'_>, blob: &Content) -> Outcome {
    t.head(r.blob(&blob.digest)).expect(200).await?;
    t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
    Ok(())
}
