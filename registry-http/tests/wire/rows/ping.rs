//! The registry as a whole: the ping, and which parts of the API there are.

use crate::{
    content::{Algorithm, Content},
    row::Row,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("ping", "GET /v2/ is answered 200, or 401 with a challenge", async |t| {
            let pong = t.get("/v2/").expect_one_of(&[200, 401]).await?;
            if pong.status == 401 {
                pong.header("www-authenticate")?;
            }
            Ok(())
        }),
        Row::new("Y11", "what anybody may do needs no credentials at /v2/", async |t| {
            // When /v2/ is 200, clients never authenticate: then a push must work as it is.
            let pong = t.get("/v2/").expect_one_of(&[200, 401]).await?;
            let push = t.post(t.repository().uploads()).send().await?;
            push.ensure((pong.status == 401) == (push.status == 401), "401 as at /v2/, or never")?;
            Ok(())
        }),
        Row::new("C31", "GET /v2/ is answered 200", async |t| {
            t.get("/v2/").expect(200).await?;
            Ok(())
        }),
        Row::new("S13", "HEAD /v2/ is answered as GET, without a body", async |t| {
            let pong = t.get("/v2/").send().await?;
            t.head("/v2/").expect(pong.status).await?.body_is(b"")?;
            Ok(())
        }),
        Row::new("X3", "GET /v2 works without the last slash", async |t| {
            t.get("/v2").expect(200).await?;
            Ok(())
        }),
        Row::new("X3", "POST …/blobs/uploads works without the last slash", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            let opened = t.post(r.path("blobs/uploads")).expect(202).await?;
            r.close(&opened.location()?, &blob.digest).body(blob.bytes).expect(201).await?;
            Ok(())
        }),
        Row::new("S14", "push, discovery and management are there", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            let manifest = r.push_image(Some("v1")).await?;
            t.get(r.tags()).expect(200).await?;
            t.get(r.referrers(&manifest.digest)).expect(200).await?;
            t.delete(r.manifest("v1")).expect(202).await?;
            t.delete(r.manifest(&manifest.digest)).expect(202).await?;
            t.delete(r.blob(&blob.digest)).expect(202).await?;
            Ok(())
        }),
        Row::new("D1", "what the spec has only on main is there", async |t| {
            let r = t.repository();
            let manifest = Content::manifest_by(&r.image().await?, Algorithm::Sha512);
            let put = r.put(format!("{}?tag=v1", manifest.digest), &manifest).expect(201).await?;
            put.has("oci-tag", "v1")?;
            let open = format!("{}?digest-algorithm=sha512", r.uploads());
            let session = t.post(open).expect(202).await?.location()?;
            t.delete(session).expect(204).await?;
            Ok(())
        }),
    ]
}
