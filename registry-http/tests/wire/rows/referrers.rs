//! The referrers API: what refers to a manifest, filtered and by pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    content::{Algorithm, CONFIG, Content, EMPTY, INDEX, MANIFEST, image, index},
    failure::{Failure, Outcome, ensure},
    reply::Reply,
    repository::{Repository, referrers_in},
    row::Row,
    target::Target,
    url::Url,
};

const SBOM: &str = "application/vnd.example.sbom.v1+json";
const SIGNATURE: &str = "application/vnd.example.signature.v1";

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = nobody();
    rows.extend(subject());
    rows.extend(descriptors());
    rows.extend(filter());
    rows.extend(pages());
    rows.extend(changes());
    rows
}

fn nobody() -> Vec<Row> {
    let mut rows = vec![
        Row::new("M27", "an unknown repository has no referrers: 200", async |t| {
            let r = t.repository();
            let digest = Content::blob(t.bytes(8)).digest;
            ensure!(r.list_referrers(&digest, "").await?.is_empty(), "referrers of nobody");
            Ok(())
        }),
        Row::new("M27", "a manifest that is not there has no referrers: 200", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            for algorithm in Algorithm::ALL {
                let digest = algorithm.digest(&t.bytes(8));
                ensure!(r.list_referrers(&digest, "").await?.is_empty(), "referrers of nobody");
            }
            Ok(())
        }),
        Row::new("C16", "the ping of oras: no referrers of sha256:000…0", async |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            let digest = format!("sha256:{}", "0".repeat(64));
            ensure!(r.list_referrers(&digest, "").await?.is_empty(), "referrers of nobody");
            Ok(())
        }),
        Row::new("M29", "an index without manifests says manifests: []", async |t| {
            let r = t.repository();
            let subject = r.push_image(Some("v1")).await?;
            let reply = t.get(r.referrers(&subject.digest)).expect(200).await?;
            reply.has("content-type", INDEX)?;
            reply.ensure(reply.json()?["manifests"] == json!([]), r#""manifests":[]"#)?;
            ensure!(referrers_in(&reply)?.is_empty(), "referrers of nobody");
            Ok(())
        }),
    ];
    let upper = format!("sha256:{}", "A".repeat(64));
    for (what, digest) in [
        ("a word", "notadigest"),
        ("a tag", "v1"),
        ("an algorithm alone", "sha256"),
        ("too short", "sha256:00"),
        ("not hexadecimal", "sha256:zz"),
        ("upper-case", &upper),
    ] {
        let (says, digest) =
            (format!("a digest that is {what} is answered 400"), digest.to_owned());
        rows.push(Row::new("M28", says, async move |t| {
            let r = t.repository();
            r.push_image(Some("v1")).await?;
            t.get(r.referrers(&digest)).expect(400).await?;
            Ok(())
        }));
    }
    rows
}

fn subject() -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, by_tag) in
        [("an image", false), ("an image", true), ("an index", false), ("an index", true)]
    {
        let how = if by_tag { "tag" } else { "digest" };
        let says = format!("{kind} pushed by {how} is answered with OCI-Subject");
        rows.push(Row::new("M20", says, async move |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut document = match kind {
                "an image" => r.image().await?,
                _ => index(&[]),
            };
            document["subject"] = subject.descriptor();
            let manifest = Content::manifest(&document);
            let reference = if by_tag { "referrer" } else { &manifest.digest };
            r.push(reference, &manifest).await?.has("oci-subject", &subject.digest)?;
            // And when it is pushed again.
            r.push(reference, &manifest).await?.has("oci-subject", &subject.digest)?;
            Ok(())
        }));
    }
    rows.push(Row::new("M20", "without a subject there is no OCI-Subject", async |t| {
        let r = t.repository();
        let manifest = Content::manifest(&r.image().await?);
        r.push("v1", &manifest).await?.lacks("oci-subject")?;
        Ok(())
    }));
    rows.push(Row::new(
        "M18",
        "a referrer is listed before and after its subject comes",
        async |t| {
            let r = t.repository();
            let subject = Content::manifest(&r.image().await?);
            let referrer = artifact(t, &r, &subject, SBOM).await?;
            are_referrers(&r, &subject, "", &[&referrer]).await?;
            r.push("v1", &subject).await?;
            are_referrers(&r, &subject, "", &[&referrer]).await
        },
    ));
    rows
}

fn descriptors() -> Vec<Row> {
    vec![
        Row::new("M30", "a descriptor has type, digest, size and annotations", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut document = r.image().await?;
            document["subject"] = subject.descriptor();
            document["artifactType"] = json!(SBOM);
            document["annotations"] = json!({ "org.example.a": "ä \"1\"", "org.example.b": "" });
            let manifest = Content::manifest(&document);
            r.push(&manifest.digest, &manifest).await?;
            let mut expected = manifest.descriptor();
            expected["artifactType"] = json!(SBOM);
            expected["annotations"] = document["annotations"].clone();
            is_only_referrer(&r, &subject, &expected).await
        }),
        Row::new("M30", "without artifactType it is the config's media type", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut document = r.image().await?;
            document["subject"] = subject.descriptor();
            let manifest = Content::manifest(&document);
            r.push(&manifest.digest, &manifest).await?;
            let mut expected = manifest.descriptor();
            expected["artifactType"] = json!(CONFIG);
            is_only_referrer(&r, &subject, &expected).await
        }),
        Row::new("M30", "with an empty artifactType it is the config's media type", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut document = r.image().await?;
            document["subject"] = subject.descriptor();
            document["artifactType"] = json!("");
            let manifest = Content::manifest(&document);
            r.push(&manifest.digest, &manifest).await?;
            let mut expected = manifest.descriptor();
            expected["artifactType"] = json!(CONFIG);
            is_only_referrer(&r, &subject, &expected).await
        }),
        Row::new("M30", "an index has the artifactType that it says, or none", async |t| {
            let r = t.repository();
            for artifact_type in [Some(SBOM), None] {
                let subject = r.push_image(None).await?;
                let mut document = index(&[]);
                document["subject"] = subject.descriptor();
                document["annotations"] = json!({ "n": t.word() });
                if let Some(artifact_type) = artifact_type {
                    document["artifactType"] = json!(artifact_type);
                }
                let manifest = Content::manifest(&document);
                r.push(&manifest.digest, &manifest).await?;
                let mut expected = manifest.descriptor();
                expected["annotations"] = document["annotations"].clone();
                if let Some(artifact_type) = artifact_type {
                    expected["artifactType"] = json!(artifact_type);
                }
                is_only_referrer(&r, &subject, &expected).await?;
            }
            Ok(())
        }),
        Row::new("M30", "referrers are those of the same repository", async |t| {
            let (r, other) = (t.repository(), t.repository());
            let subject = Content::manifest(&json!({ "mediaType": MANIFEST, "n": t.word() }));
            let here = artifact(t, &r, &subject, SBOM).await?;
            let there = artifact(t, &other, &subject, SBOM).await?;
            are_referrers(&r, &subject, "", &[&here]).await?;
            are_referrers(&other, &subject, "", &[&there]).await
        }),
        Row::new("M33", "what a referrers tag lists is listed, once", async |t| {
            let r = t.repository();
            let subject = r.push_image(Some("v1")).await?;
            let referrer = artifact(t, &r, &subject, SBOM).await?;
            let mut list = index(&[&referrer]);
            list["manifests"][0]["artifactType"] = json!(SBOM);
            let fallback = subject.digest.replace(':', "-");
            r.push(&fallback, &Content::manifest(&list)).await?;
            are_referrers(&r, &subject, "", &[&referrer]).await
        }),
    ]
}

fn filter() -> Vec<Row> {
    vec![
        Row::new("S10", "artifactType filters the list", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let sbom = artifact(t, &r, &subject, SBOM).await?;
            let signature = artifact(t, &r, &subject, SIGNATURE).await?;
            let encoded = SBOM.replace('/', "%2F").replace('+', "%2B");
            are_referrers(&r, &subject, &format!("?artifactType={encoded}"), &[&sbom]).await?;
            let query = format!("?artifactType={SIGNATURE}");
            are_referrers(&r, &subject, &query, &[&signature]).await?;
            are_referrers(&r, &subject, "?artifactType=application/none", &[]).await?;
            are_referrers(&r, &subject, "", &[&sbom, &signature]).await
        }),
        Row::new("S10", "the filter also knows the config's media type", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            artifact(t, &r, &subject, SBOM).await?;
            let mut document = r.image().await?;
            document["subject"] = subject.descriptor();
            let manifest = Content::manifest(&document);
            r.push(&manifest.digest, &manifest).await?;
            let query = format!("?artifactType={}", CONFIG.replace('+', "%2B"));
            are_referrers(&r, &subject, &query, &[&manifest]).await
        }),
        Row::new("M32", "OCI-Filters-Applied says that the filter was applied", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            artifact(t, &r, &subject, SIGNATURE).await?;
            for artifact_type in [SIGNATURE, "application/none"] {
                let query =
                    format!("{}?artifactType={artifact_type}", r.referrers(&subject.digest));
                let reply = t.get(query).expect(200).await?;
                referrers_in(reply.has("oci-filters-applied", "artifactType")?)?;
            }
            Ok(())
        }),
        Row::new("M32", "without a filter there is no OCI-Filters-Applied", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let reply = t.get(r.referrers(&subject.digest)).expect(200).await?;
            referrers_in(reply.lacks("oci-filters-applied")?)?;
            Ok(())
        }),
        Row::new("D19", "a + that is not escaped means itself", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let sbom = artifact(t, &r, &subject, SBOM).await?;
            are_referrers(&r, &subject, &format!("?artifactType={SBOM}"), &[&sbom]).await
        }),
        Row::new("D19", "artifactType matches exactly", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            artifact(t, &r, &subject, SIGNATURE).await?;
            for near in [&SIGNATURE[..SIGNATURE.len() - 1], &SIGNATURE.to_uppercase(), "*/*"] {
                are_referrers(&r, &subject, &format!("?artifactType={near}"), &[]).await?;
            }
            Ok(())
        }),
    ]
}

fn pages() -> Vec<Row> {
    vec![
        Row::new("M31", "a list beyond 4 MiB comes in pages that are indexes", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut referrers = Vec::new();
            for _ in 0..4 {
                let mut document = empty_artifact(t, &r).await?;
                document["subject"] = subject.descriptor();
                document["annotations"] = json!({ "n": t.word(), "long": "A".repeat(1_300_000) });
                let manifest = Content::manifest(&document);
                r.push(&manifest.digest, &manifest).await?;
                referrers.push(manifest);
            }
            let pages = walk(t, t.get(r.referrers(&subject.digest)).expect(200).await?).await?;
            ensure!(pages.len() > 1, "one page of {} bytes", pages[0].body.len());
            for page in &pages {
                page.ensure(page.body.len() <= 4 << 20, "a page that fits a manifest")?;
            }
            same(&pages, &referrers.iter().collect::<Vec<_>>())
        }),
        Row::new("M31", "the pages of a filtered list are filtered too", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut wanted = Vec::new();
            for at in 0..6 {
                let mut document = empty_artifact(t, &r).await?;
                document["artifactType"] = json!([SIGNATURE, SBOM][at % 2]);
                document["subject"] = subject.descriptor();
                document["annotations"] = json!({ "n": t.word(), "long": "A".repeat(1_500_000) });
                let manifest = Content::manifest(&document);
                r.push(&manifest.digest, &manifest).await?;
                if at % 2 == 0 {
                    wanted.push(manifest);
                }
            }
            let query = format!("{}?artifactType={SIGNATURE}", r.referrers(&subject.digest));
            let pages = walk(t, t.get(query).expect(200).await?).await?;
            for page in &pages {
                page.has("oci-filters-applied", "artifactType")?;
            }
            same(&pages, &wanted.iter().collect::<Vec<_>>())
        }),
        Row::new("D20", "n is the size of a page", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let mut referrers = Vec::new();
            for _ in 0..5 {
                referrers.push(artifact(t, &r, &subject, SIGNATURE).await?);
            }
            let filter = format!("?artifactType={SIGNATURE}&n=2");
            for (query, count) in [("?n=2", 3), (filter.as_str(), 3), ("?n=5", 1), ("?n=9", 1)] {
                let path = format!("{}{query}", r.referrers(&subject.digest));
                let pages = walk(t, t.get(path).expect(200).await?).await?;
                ensure!(pages.len() == count, "{query}: {} pages", pages.len());
                same(&pages, &referrers.iter().collect::<Vec<_>>())?;
            }
            Ok(())
        }),
        Row::new("D20", "a page goes on though its last referrer was deleted", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            for _ in 0..4 {
                artifact(t, &r, &subject, SIGNATURE).await?;
            }
            let first = t.get(format!("{}?n=2", r.referrers(&subject.digest))).expect(200).await?;
            let next = first.next_page()?.ok_or_else(|| first.fail("a header Link"))?;
            let shown = referrers_in(&first)?;
            for descriptor in &shown {
                let digest = descriptor["digest"].as_str().unwrap_or_default();
                t.delete(r.manifest(digest)).expect(202).await?;
            }
            let second = t.get(next).expect(200).await?;
            let rest = referrers_in(&second)?;
            ensure!(rest.len() == 2 && rest.iter().all(|d| !shown.contains(d)), "{rest:?}");
            Ok(())
        }),
    ]
}

fn changes() -> Vec<Row> {
    vec![
        Row::new("M27", "a referrer is listed once, however often it is pushed", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let referrer = artifact(t, &r, &subject, SBOM).await?;
            r.push(&referrer.digest, &referrer).await?;
            r.push("tagged", &referrer).await?;
            are_referrers(&r, &subject, "", &[&referrer]).await
        }),
        Row::new("D18", "a deleted referrer is not listed", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let (one, two) = (
                artifact(t, &r, &subject, SBOM).await?,
                artifact(t, &r, &subject, SIGNATURE).await?,
            );
            t.delete(r.manifest(&one.digest)).expect(202).await?;
            are_referrers(&r, &subject, "", &[&two]).await?;
            r.push(&one.digest, &one).await?;
            are_referrers(&r, &subject, "", &[&one, &two]).await
        }),
        Row::new("D18", "deleting a referrer's tag leaves it listed", async |t| {
            let r = t.repository();
            let subject = r.push_image(None).await?;
            let referrer = artifact(t, &r, &subject, SBOM).await?;
            r.push("tagged", &referrer).await?;
            t.delete(r.manifest("tagged")).expect(202).await?;
            are_referrers(&r, &subject, "", &[&referrer]).await
        }),
        Row::new("D2", "subject and referrer may have sha512 digests", async |t| {
            let r = t.repository();
            let subject = Content::manifest_by(&r.image().await?, Algorithm::Sha512);
            r.push(&subject.digest, &subject).await?;
            let mut document = r.image().await?;
            document["subject"] = subject.descriptor();
            let referrer = Content::manifest_by(&document, Algorithm::Sha512);
            r.push(&referrer.digest, &referrer).await?.has("oci-subject", &subject.digest)?;
            are_referrers(&r, &subject, "", &[&referrer]).await
        }),
    ]
}

/// Pushes a new artifact of this type that refers to the subject.
async fn artifact(
    t: &Target,
    r: &Repository<'_>,
    subject: &Content,
    artifact_type: &str,
) -> Outcome<Content> {
    let mut document = empty_artifact(t, r).await?;
    document["artifactType"] = json!(artifact_type);
    document["subject"] = subject.descriptor();
    document["annotations"] = json!({ "n": t.word() });
    let manifest = Content::manifest(&document);
    r.push(&manifest.digest, &manifest).await?;
    Ok(manifest)
}

/// An artifact with the empty config and nothing else.
async fn empty_artifact(t: &Target, r: &Repository<'_>) -> Outcome<Value> {
    let config = Content::new(EMPTY, "{}", Algorithm::Sha256);
    if t.head(r.blob(&config.digest)).send().await?.status != 200 {
        r.push_blob(&config).await?;
    }
    let mut document = image(&config, &[&config]);
    document["artifactType"] = json!(SIGNATURE);
    Ok(document)
}

async fn are_referrers(
    r: &Repository<'_>,
    subject: &Content,
    query: &str,
    expected: &[&Content],
) -> Outcome {
    let listed = r.list_referrers(&subject.digest, query).await?;
    let found: Vec<&str> = listed.iter().filter_map(|found| found["digest"].as_str()).collect();
    let exact = found.len() == expected.len()
        && expected.iter().all(|manifest| found.contains(&manifest.digest.as_str()));
    let expected: Vec<&str> = expected.iter().map(|manifest| manifest.digest.as_str()).collect();
    ensure!(exact, "referrers{query}: {found:?}, expected {expected:?}");
    Ok(())
}

async fn is_only_referrer(r: &Repository<'_>, subject: &Content, expected: &Value) -> Outcome {
    let listed = r.list_referrers(&subject.digest, "").await?;
    ensure!(listed == [expected.clone()], "listed: {listed:?}\nexpected: {expected}");
    Ok(())
}

/// All pages from this one on.
async fn walk(t: &Target, first: Reply) -> Outcome<Vec<Reply>> {
    const MOST: usize = 20;
    let mut pages = vec![first];
    while let Some(next) = last_next(&pages)? {
        pages.push(t.get(next).expect(200).await?);
        ensure!(pages.len() <= MOST, "no end of pages");
    }
    Ok(pages)
}

fn last_next(pages: &[Reply]) -> Outcome<Option<Url>> {
    pages.last().ok_or_else(|| Failure::new("no page"))?.next_page()
}

/// The pages hold these manifests, each once.
fn same(pages: &[Reply], expected: &[&Content]) -> Outcome {
    let mut found = Vec::new();
    for page in pages {
        for descriptor in referrers_in(page)? {
            found.push(descriptor["digest"].as_str().unwrap_or_default().to_owned());
        }
    }
    let (set, wanted): (BTreeSet<&str>, BTreeSet<&str>) = (
        found.iter().map(String::as_str).collect(),
        expected.iter().map(|manifest| manifest.digest.as_str()).collect(),
    );
    ensure!(set == wanted && found.len() == set.len(), "found {found:?}, expected {wanted:?}");
    Ok(())
}
