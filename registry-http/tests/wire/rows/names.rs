//! Names of repositories and tags: which are taken, which are refused, how paths are read.

use crate::{
    content::{Content, MANIFEST},
    failure::ensure,
    repository::Repository,
    row::Row,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = repositories();
    rows.extend(no_repositories());
    rows.extend(tags());
    rows.extend(no_tags());
    rows
}

/// A path is read from its end, so that a repository may be named as any part of the API.
fn repositories() -> Vec<Row> {
    let long = format!("/{}", "a".repeat(180));
    let endings = [
        "",
        "/a/b/c/d/e/f/g/h",
        "/0",
        "/a.b",
        "/a_b",
        "/a__b",
        "/a-b",
        "/a---b",
        "/1.2-3_4__5--6",
        "/blobs",
        "/manifests",
        "/tags",
        "/referrers",
        "/uploads",
        "/list",
        "/v2",
        "/tags/list",
        "/blobs/uploads",
        "/manifests/latest",
        "/blobs/manifests/tags/list/referrers",
        "/tags/list/tags/list",
        &long,
    ];
    let rows = endings.map(str::to_owned).into_iter().map(|ending| {
        let shown = if ending.len() > 60 { "of 200 characters" } else { &ending };
        Row::new("C33", format!("every request works in a repository …{shown}"), async move |t| {
            let r = t.repository_named(&ending);
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            let manifest = r.push_image(Some("latest")).await?;
            for reference in ["latest", &manifest.digest] {
                r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
            }
            ensure!(r.list_tags("").await? == ["latest"], "other tags");
            t.delete(r.open_upload().await?).expect(204).await?;
            t.delete(r.manifest("latest")).expect(202).await?;
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            t.delete(r.blob(&blob.digest)).expect(202).await?;
            Ok(())
        })
    });
    rows.collect()
}

fn no_repositories() -> Vec<Row> {
    let names = [
        "Upper", "a/Upper", ".a", "a.", "-a", "a-", "_a", "a_", "a..b", "a___b", "a._b", "a.-b",
        "a/.b", "a/b.", "a//b", "/a", "a@b", "a~b", "a+b", "a,b", "%C3%A4", "a%20b", "a:b", "_x/a",
    ];
    let rows = names.into_iter().map(|name| {
        Row::new("C33", format!("{name} is no name of a repository"), async move |t| {
            let r = Repository::new(t, name);
            let manifest = Content::manifest(&t.repository().image().await?);
            let upload = t.post(r.uploads()).expect_one_of(&[400, 404]).await?;
            upload.ensure(!upload.headers.contains_key("location"), "no upload")?;
            r.put("latest", &manifest).expect_one_of(&[400, 404]).await?;
            r.pull("latest").expect_one_of(&[400, 404]).await?;
            t.get(r.tags()).expect_one_of(&[400, 404]).await?;
            Ok(())
        })
    });
    rows.collect()
}

fn tags() -> Vec<Row> {
    let long = "t".repeat(128);
    let tags =
        ["_", "0", "A", "a.b-c_D", "v1.2.3-rc.1_x", "_.-", "latest", "sha256-abc.sig", &long];
    let rows = tags.map(str::to_owned).into_iter().map(|tag| {
        let shown = if tag.len() > 60 { "of 128 characters" } else { &tag };
        Row::new("C33", format!("a tag {shown} is taken"), async move |t| {
            let r = t.repository();
            let manifest = r.push_image(Some(&tag)).await?;
            r.pull(&tag).expect(200).await?.body_is(&manifest.bytes)?;
            ensure!(r.list_tags("").await? == [tag.clone()], "it is not listed");
            t.delete(r.manifest(&tag)).expect(202).await?;
            Ok(())
        })
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.push(Row::new("C33", "tags differ by case", async |t| {
        let r = t.repository();
        let (lower, upper) = (r.push_image(Some("tag")).await?, r.push_image(Some("TAG")).await?);
        r.pull("tag").expect(200).await?.body_is(&lower.bytes)?;
        r.pull("TAG").expect(200).await?.body_is(&upper.bytes)?;
        r.pull("Tag").expect(404).await?;
        t.delete(r.manifest("tag")).expect(202).await?;
        r.pull("TAG").expect(200).await?;
        Ok(())
    }));
    rows
}

fn no_tags() -> Vec<Row> {
    let long = "t".repeat(129);
    let tags = [".a", "-a", "a+b", "a~b", "a@b", "a%20b", "a%2Fb", "%C3%A4", "a%00", "a,b", &long];
    let rows = tags.map(str::to_owned).into_iter().map(|tag| {
        let shown = if tag.len() > 60 { "of 129 characters" } else { &tag };
        Row::new("C33", format!("a tag {shown} is refused"), async move |t| {
            let r = t.repository();
            let manifest = Content::manifest(&r.image().await?);
            let put = t.put(r.manifest(&tag)).header("content-type", MANIFEST);
            put.body(manifest.bytes.clone()).expect_one_of(&[400, 404]).await?;
            r.pull(&tag).expect_one_of(&[400, 404]).await?;
            r.pull(&manifest.digest).expect(404).await?;
            let list = t.get(r.tags()).expect_one_of(&[200, 404]).await?;
            let none = list.status == 404 || r.tags_in(&list)?.is_empty();
            list.ensure(none, "no tag that was refused")?;
            Ok(())
        })
    });
    rows.collect()
}
