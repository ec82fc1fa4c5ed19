//! Manifests whose references are missing, where the registry is set to take them.

use serde_json::json;

use crate::{
    content::{Content, MANIFEST, index},
    row::Row,
    target::Setting,
};

pub(crate) fn rows() -> Vec<Row> {
    let rows = vec![
        Row::new("C29", "an image without one of its layers is accepted", async |t| {
            let r = t.repository();
            let mut document = r.image().await?;
            let missing = Content::blob(t.bytes(8));
            document["layers"].as_array_mut().expect("layers").push(missing.descriptor());
            let manifest = Content::manifest(&document);
            for reference in [&manifest.digest, "v1"] {
                r.push(reference, &manifest).await?;
                r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
            }
            t.get(r.blob(&missing.digest)).expect(404).await?;
            Ok(())
        }),
        Row::new("C29", "an index without one of its images is accepted", async |t| {
            let r = t.repository();
            let child = r.push_image(None).await?;
            let missing = Content::manifest(&json!({ "mediaType": MANIFEST, "n": t.word() }));
            let manifest = Content::manifest(&index(&[&child, &missing]));
            for reference in [&manifest.digest, "v1"] {
                r.push(reference, &manifest).await?;
                r.pull(reference).expect(200).await?.body_is(&manifest.bytes)?;
            }
            r.pull(&missing.digest).expect(404).await?;
            Ok(())
        }),
        Row::new("D13", "an image is accepted before its config and layers", async |t| {
            let (r, other) = (t.repository(), t.repository());
            let manifest = Content::manifest(&other.image().await?);
            r.push("v1", &manifest).await?;
            r.pull("v1").expect(200).await?.body_is(&manifest.bytes)?;
            Ok(())
        }),
    ];
    rows.into_iter().map(|row| row.only(Setting::Sparse)).collect()
}
