//! Several tags in one push by digest: `PUT …/manifests/<digest>?tag=a&tag=b`.

use crate::{
    client::Request,
    content::{Algorithm, Content},
    failure::{Outcome, ensure},
    reply::Reply,
    repository::Repository,
    row::Row,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = accepted();
    rows.extend(refused());
    rows
}

fn accepted() -> Vec<Row> {
    vec![
        Row::new("M21", "OCI-Tag names every tag that was accepted", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let tags = words("v", 3);
            let put = push_tagged(&r, &manifest, &tags).expect(201).await?;
            are_tagged(&r, &put, &manifest, &tags).await
        }),
        Row::new("M21", "a sha512 manifest is tagged, and the tag keeps its digest", async |t| {
            let r = t.repository();
            let manifest = Content::manifest_by(&r.image().await?, Algorithm::Sha512);
            let tags = words("long", 2);
            let put = push_tagged(&r, &manifest, &tags).expect(201).await?;
            put.has("docker-content-digest", &manifest.digest)?;
            are_tagged(&r, &put, &manifest, &tags).await
        }),
        Row::new("S8", "ten tags in one push", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let tags = words("tag", 10);
            let put = push_tagged(&r, &manifest, &tags).expect(201).await?;
            are_tagged(&r, &put, &manifest, &tags).await
        }),
        Row::new("Y5", "a tag that exists moves", async |t| {
            let r = t.repository();
            r.push_image(Some("v0")).await?;
            let manifest = Content::manifest(&r.image().await?);
            let tags = words("v", 2);
            let put = push_tagged(&r, &manifest, &tags).expect(201).await?;
            are_tagged(&r, &put, &manifest, &tags).await
        }),
        Row::new("D21", "one OCI-Tag line for each tag", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = push_tagged(&r, &manifest, &words("v", 5)).expect(201).await?;
            let lines = put.headers.get_all("oci-tag").into_iter().count();
            put.ensure(lines == 5, "five lines OCI-Tag")?;
            Ok(())
        }),
    ]
}

fn refused() -> Vec<Row> {
    vec![
        Row::new("D21", "one tag that is none refuses the whole push", async |t| {
            let r = t.repository();
            r.push_image(Some("other")).await?;
            let manifest = Content::manifest(&r.image().await?);
            for wrong in [".dot", "a%2Fb", "", &"x".repeat(129)] {
                let tags = ["first".to_owned(), wrong.to_owned(), "last".to_owned()];
                push_tagged(&r, &manifest, &tags).expect(400).await?;
                for reference in ["first", "last", &manifest.digest] {
                    r.pull(reference).expect(404).await?;
                }
            }
            Ok(())
        }),
        Row::new("D21", "tag parameters of a push by tag are refused", async |t| {
            let r = t.repository();
            r.push_image(Some("other")).await?;
            let manifest = Content::manifest(&r.image().await?);
            r.put("one?tag=two", &manifest).expect(400).await?;
            for reference in ["one", "two"] {
                r.pull(reference).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("D21", "a hundred tags are taken, more are answered 414", async |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let tags = words("t", 101);
            push_tagged(&r, &manifest, &tags).expect(414).await?;
            r.pull(&tags[0]).expect(404).await?;
            let put = push_tagged(&r, &manifest, &tags[..100]).expect(201).await?;
            are_tagged(&r, &put, &manifest, &tags[..100]).await
        }),
        Row::new("Y5", "with too many tags to take, none is there afterwards", async |t| {
            let r = t.repository();
            r.push_image(Some("other")).await?;
            let manifest = Content::manifest(&r.image().await?);
            let put = push_tagged(&r, &manifest, &words("many", 1000)).send().await?;
            if put.status == 201 {
                return Ok(());
            }
            put.status_in(&[400, 413, 414, 431])?;
            ensure!(r.list_tags("").await? == ["other"], "tags of a push that was refused");
            Ok(())
        }),
    ]
}

fn push_tagged<'t>(r: &Repository<'t>, manifest: &Content, tags: &[String]) -> Request<'t> {
    let parameters: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    r.put(format!("{}?{}", manifest.digest, parameters.join("&")), manifest)
}

async fn are_tagged(
    r: &Repository<'_>,
    put: &Reply,
    manifest: &Content,
    tags: &[String],
) -> Outcome {
    let accepted = put.list("oci-tag");
    for tag in tags {
        put.ensure(accepted.contains(tag), format!("OCI-Tag with {tag}"))?;
        let pulled = r.pull(tag).expect(200).await?;
        pulled.body_is(&manifest.bytes)?.has("docker-content-digest", &manifest.digest)?;
    }
    Ok(())
}

fn words(stem: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{stem}{at}")).collect()
}
