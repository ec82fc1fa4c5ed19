//! Conditional requests: `ETag` and `If-None-Match` (RFC 9110 section 13).

use crate::{content::Content, row::Row};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("D25", "ETag is the digest in quotes", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for (path, content) in [
                (r.blob(&blob.digest), &blob),
                (r.manifest("v1"), &manifest),
                (r.manifest(&manifest.digest), &manifest),
            ] {
                let tag = format!("\"{}\"", content.digest);
                t.get(&path).expect(200).await?.has("etag", &tag)?;
                t.head(&path).expect(200).await?.has("etag", &tag)?;
            }
            Ok(())
        }),
        Row::new("D25", "If-None-Match that names the ETag gives 304 and no body", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            for (path, content) in [
                (r.blob(&blob.digest), &blob),
                (r.manifest("v1"), &manifest),
                (r.manifest(&manifest.digest), &manifest),
            ] {
                let tag = format!("\"{}\"", content.digest);
                for names in
                    [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag} , \"y\""), "*".into()]
                {
                    let get = t.get(&path).header("if-none-match", &names).expect(304).await?;
                    get.body_is(b"")?.has("etag", &tag)?;
                    t.head(&path).header("if-none-match", &names).expect(304).await?;
                }
            }
            Ok(())
        }),
        Row::new("D25", "several lines of If-None-Match are one list", async |t| {
            let r = t.repository();
            let manifest = r.push_image(Some("v1")).await?;
            let get = t.get(r.manifest("v1")).header("if-none-match", "\"x\"");
            let tag = format!("\"{}\"", manifest.digest);
            get.header("if-none-match", tag).expect(304).await?;
            Ok(())
        }),
        Row::new("D25", "If-None-Match that names another ETag changes nothing", async |t| {
            let r = t.repository();
            let first = r.push_image(Some("v1")).await?;
            let second = r.push_image(Some("v1")).await?;
            let old = format!("\"{}\"", first.digest);
            let get = r.pull("v1").header("if-none-match", &old).expect(200).await?;
            get.body_is(&second.bytes)?;
            // Without quotes it is no entity tag.
            let get = r.pull("v1").header("if-none-match", &second.digest);
            get.expect_one_of(&[200, 304, 400]).await?;
            r.pull("v2").header("if-none-match", "*").expect(404).await?;
            Ok(())
        }),
        Row::new("D25", "If-None-Match goes before Range", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            let get = t.get(r.blob(&blob.digest)).header("range", "bytes=0-9");
            get.header("if-none-match", format!("\"{}\"", blob.digest)).expect(304).await?;
            Ok(())
        }),
    ]
}
