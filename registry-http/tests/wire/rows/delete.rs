//! Deleting tags, manifests and blobs; and a registry that does not let them be deleted.

use crate::{
    content::{Content, index},
    failure::ensure,
    row::Row,
    target::Setting,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = deleted();
    rows.extend(missing());
    rows.extend(elsewhere());
    rows.extend(again());
    rows.extend(disabled());
    rows
}

fn deleted() -> Vec<Row> {
    vec![
        Row::new("M34", "a tag is deleted: 202; its manifest and other tags stay", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            r.push("v2", &manifest).await?;
            t.delete(r.manifest("v1")).expect(202).await?;
            r.pull("v1").expect(404).await?;
            r.pull("v2").expect(200).await?.body_is(&manifest.bytes)?;
            r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
            ensure!(r.list_tags("").await? == ["v2"], "the tag is still listed");
            Ok(())
        }),
        Row::new("M34", "a manifest is deleted: 202", async |t| {
            let r = t.repository();
            let manifest = r.push_image(None).await?;
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            r.pull(&manifest.digest).expect(404).await?;
            Ok(())
        }),
        Row::new("M34", "a blob is deleted: 202", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            t.delete(r.blob(&blob.digest)).expect(202).await?;
            t.get(r.blob(&blob.digest)).expect(404).await?;
            Ok(())
        }),
        Row::new("Y7", "tags, manifests and blobs can be deleted", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for path in [r.manifest("v1"), r.manifest(&manifest.digest), r.blob(&blob.digest)] {
                t.delete(path).expect(202).await?;
            }
            Ok(())
        }),
        Row::new("M37", "with a manifest every tag of it goes", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            r.push("v2", &manifest).await?;
            let other = r.push_image(Some("other")).await?;
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            for reference in ["v1", "v2", &manifest.digest] {
                r.pull(reference).expect(404).await?;
                r.look(reference).expect(404).await?;
            }
            let tags = r.list_tags("").await?;
            ensure!(tags == ["other"], "{tags:?}");
            r.pull("other").expect(200).await?.body_is(&other.bytes)?;
            Ok(())
        }),
        Row::new("M37", "after the last tag is deleted the list is empty", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            t.delete(r.manifest("v1")).expect(202).await?;
            let tags = r.list_tags("").await?;
            ensure!(tags.is_empty(), "{tags:?}");
            Ok(())
        }),
        Row::new("C19", "what is deleted is gone for the very next HEAD", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            t.delete(r.manifest("v1")).expect(202).await?;
            r.look("v1").expect(404).await?;
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            r.look(&manifest.digest).expect(404).await?;
            t.delete(r.blob(&blob.digest)).expect(202).await?;
            t.head(r.blob(&blob.digest)).expect(404).await?;
            Ok(())
        }),
    ]
}

fn missing() -> Vec<Row> {
    vec![
        Row::new("M36", "a manifest of an unknown repository is answered 404", async |t| {
            let r = t.repository();
            let digest = Content::blob(t.bytes(8)).digest;
            for reference in [digest.as_str(), "latest"] {
                t.delete(r.manifest(reference)).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("M36", "a blob that is not there is answered 404", async |t| {
            let r = t.repository();
            let digest = Content::blob(t.bytes(8)).digest;
            t.delete(r.blob(&digest)).expect(404).await?;
            r.push_blob(&Content::blob(t.bytes(8))).await?;
            t.delete(r.blob(&digest)).expect(404).await?;
            Ok(())
        }),
        Row::new("C20", "a manifest or tag that is not there is answered 404", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            let digest = Content::blob(t.bytes(8)).digest;
            t.delete(r.manifest(&digest)).expect(404).await?;
            t.delete(r.manifest("v2")).expect(404).await?;
            Ok(())
        }),
        Row::new("D18", "the second delete is answered 404", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for path in [r.manifest("v1"), r.manifest(&manifest.digest), r.blob(&blob.digest)] {
                t.delete(&path).expect(202).await?;
                t.delete(&path).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("C33", "a delete of what is no digest and no tag is refused", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            for path in [
                r.blob("sha256:short"),
                r.blob("digest"),
                r.manifest("sha256:short"),
                r.manifest("-v1"),
            ] {
                t.delete(path).expect_one_of(&[400, 404]).await?;
            }
            r.pull("v1").expect(200).await?;
            Ok(())
        }),
    ]
}

fn elsewhere() -> Vec<Row> {
    vec![
        Row::new("D18", "a blob that is deleted here stays elsewhere", async |t| {
            let (r, other) = (t.repository(), t.repository());
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            other.push_blob(&blob).await?;
            t.delete(r.blob(&blob.digest)).expect(202).await?;
            t.head(r.blob(&blob.digest)).expect(404).await?;
            t.get(other.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("D18", "a manifest that is deleted here stays elsewhere", async |t| {
            let (r, other) = (t.repository(), t.repository());
            // The same image twice: config and layers are pushed to both.
            let config = Content::blob(t.bytes(50));
            let manifest = Content::manifest(&crate::content::image(&config, &[&config]));
            for repository in [&r, &other] {
                repository.push_blob(&config).await?;
                repository.push("v1", &manifest).await?;
            }
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            r.pull("v1").expect(404).await?;
            other.pull("v1").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
        Row::new("D18", "the child of an index may be deleted", async |t| {
            let r = t.repository();
            let child = r.push_image(None).await?;
            let parent = Content::manifest(&index(&[&child]));
            r.push("v1", &parent).await?;
            t.delete(r.manifest(&child.digest)).expect(202).await?;
            r.pull(&child.digest).expect(404).await?;
            r.pull("v1").expect(200).await?.body_is(&parent.bytes)?;
            Ok(())
        }),
        Row::new("D18", "a blob of a manifest may be deleted", async |t| {
            let r = t.repository();
            let layer = Content::blob(t.bytes(100));
            r.push_blob(&layer).await?;
            let manifest = Content::manifest(&crate::content::image(&layer, &[&layer]));
            r.push("v1", &manifest).await?;
            t.delete(r.blob(&layer.digest)).expect(202).await?;
            t.head(r.blob(&layer.digest)).expect(404).await?;
            r.pull("v1").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
    ]
}

fn again() -> Vec<Row> {
    vec![
        Row::new("D18", "a deleted blob can be pushed again", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            for _ in 0..3 {
                r.push_blob(&blob).await?;
                t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
                t.delete(r.blob(&blob.digest)).expect(202).await?;
                t.get(r.blob(&blob.digest)).expect(404).await?;
            }
            Ok(())
        }),
        Row::new("D18", "a deleted manifest can be pushed again; its tags stay away", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            r.push(&manifest.digest, &manifest).await?;
            r.pull(&manifest.digest).expect(200).await?.body_is(&manifest.bytes)?;
            r.pull("v1").expect(404).await?;
            r.push("v1", &manifest).await?;
            r.pull("v1").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
    ]
}

fn disabled() -> Vec<Row> {
    let refused = |clause, says, statuses: &'static [u16]| {
        let row = Row::new(clause, says, async move |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for path in [r.manifest("v1"), r.manifest(&manifest.digest), r.blob(&blob.digest)] {
                let reply = t.delete(path).expect_one_of(statuses).await?;
                if clause == "D18" {
                    reply.refused(&["UNSUPPORTED"])?;
                }
            }
            r.pull("v1").expect(200).await?.body_is(&manifest.bytes)?;
            t.get(r.blob(&blob.digest)).expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        });
        row.only(Setting::NoDeletes)
    };
    vec![
        refused(
            "M35",
            "where nothing can be deleted, deletes are answered 400 or 405",
            &[400, 405],
        ),
        refused("D18", "where nothing can be deleted, deletes are answered 405", &[405]),
        Row::new("D23", "where nothing can be deleted, an upload can be cancelled", async |t| {
            let r = t.repository();
            let upload = r.open_upload().await?;
            t.delete(&upload).expect(204).await?;
            t.get(&upload).expect(404).await?;
            Ok(())
        })
        .only(Setting::NoDeletes),
    ]
}
