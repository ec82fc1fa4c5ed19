//! The tag list: order, pages, and where it begins.

use crate::{
    content::Content,
    failure::{Outcome, ensure},
    repository::Repository,
    row::Row,
    target::Target,
};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = whole();
    rows.extend(pages());
    rows.extend(last());
    rows.extend(odd_questions());
    rows
}

fn whole() -> Vec<Row> {
    vec![
        Row::new("M22", "a repository without tags is answered 200 and no tags", async |t| {
            let r = t.repository();
            r.push_image(None).await?;
            ensure!(r.list_tags("").await?.is_empty(), "tags that nobody pushed");
            Ok(())
        }),
        Row::new("M22", "tags come in order", async |t| {
            let r = t.repository();
            tagged(&r, &["b", "a", "c10", "c1", "c9", "10", "9", "latest"]).await?;
            let tags = r.list_tags("").await?;
            ensure!(tags == ["10", "9", "a", "b", "c1", "c10", "c9", "latest"], "{tags:?}");
            Ok(())
        }),
        Row::new("M23", "the body names the repository and its tags", async |t| {
            let r = t.repository_named("/deep/er");
            tagged(&r, &["v1", "v2"]).await?;
            let reply = t.get(r.tags()).expect(200).await?;
            ensure!(r.tags_in(&reply)? == ["v1", "v2"], "{:?}", r.tags_in(&reply)?);
            let json = reply.header("content-type")?.starts_with("application/json");
            reply.ensure(json, "Content-Type: application/json")?;
            Ok(())
        }),
        Row::new("D16", "tags come in byte order", async |t| {
            let r = t.repository();
            let sorted = ["-", ".", "A", "B", "Z", "_", "a", "b"];
            let sorted: Vec<String> = sorted.into_iter().map(|end| format!("x{end}")).collect();
            tagged(&r, &sorted.iter().rev().map(String::as_str).collect::<Vec<_>>()).await?;
            let tags = r.list_tags("").await?;
            ensure!(tags == sorted, "{tags:?}");
            Ok(())
        }),
        Row::new("C17", "without n every tag is in one reply", async |t| {
            let r = t.repository();
            let expected: Vec<String> = (0..150).map(|at| format!("t{at:03}")).collect();
            tagged(&r, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            let tags = r.list_tags("").await?;
            ensure!(tags == expected, "{} tags: {tags:?}", tags.len());
            Ok(())
        }),
        Row::new("C17", "tags named as a registry's own directories are listed", async |t| {
            let r = t.repository();
            let names =
                ["_layers", "_manifests", "_uploads", "blobs", "current", "data", "index", "link"];
            tagged(&r, &names).await?;
            let tags = r.list_tags("").await?;
            ensure!(tags == names, "{tags:?}");
            Ok(())
        }),
        Row::new("M22", "a tag is listed once, however often it was pushed", async |t| {
            let r = t.repository();
            tagged(&r, &["v1"]).await?;
            r.push_image(Some("v1")).await?;
            let tags = r.list_tags("").await?;
            ensure!(tags == ["v1"], "{tags:?}");
            Ok(())
        }),
        Row::new("D17", "the tags of an unknown repository are answered 404", async |t| {
            let r = t.repository();
            t.get(r.tags()).expect(404).await?.refused(&["NAME_UNKNOWN"])?;
            Ok(())
        }),
        Row::new("C16", "the tags of an unknown repository are answered 200 or 404", async |t| {
            let r = t.repository();
            let reply = t.get(r.tags()).expect_one_of(&[200, 404]).await?;
            ensure!(reply.status == 404 || r.tags_in(&reply)?.is_empty(), "tags of nobody");
            Ok(())
        }),
        Row::new("D17", "a repository with nothing but a blob has no tags", async |t| {
            let r = t.repository();
            r.push_blob(&Content::blob(t.bytes(8))).await?;
            ensure!(r.list_tags("").await?.is_empty(), "tags that nobody pushed");
            Ok(())
        }),
    ]
}

fn pages() -> Vec<Row> {
    vec![
        Row::new("M24", "n tags, when there are more", async |t| {
            let r = letters(t).await?;
            for (n, expected) in [(1, "a"), (2, "ab"), (4, "abcd")] {
                let tags = r.list_tags(&format!("?n={n}")).await?.concat();
                ensure!(tags == expected, "n={n}: {tags}");
            }
            Ok(())
        }),
        Row::new("M24", "all tags, when n is at least their number", async |t| {
            let r = letters(t).await?;
            for n in [5, 6, 1000] {
                let tags = r.list_tags(&format!("?n={n}")).await?.concat();
                ensure!(tags == "abcde", "n={n}: {tags}");
            }
            Ok(())
        }),
        Row::new("M24", "n=0 gives no tags and no Link", async |t| {
            let r = letters(t).await?;
            for query in ["?n=0", "?n=0&last=b"] {
                let reply = t.get(format!("{}{query}", r.tags())).expect(200).await?;
                reply.lacks("link")?;
                ensure!(r.tags_in(&reply)?.is_empty(), "{query}: {:?}", r.tags_in(&reply)?);
            }
            Ok(())
        }),
        Row::new("Y6", "Link is there exactly when more tags follow", async |t| {
            let r = letters(t).await?;
            for (query, more) in
                [("?n=2", true), ("?n=2&last=b", true), ("?n=2&last=c", false), ("?n=5", false)]
            {
                let reply = t.get(format!("{}{query}", r.tags())).expect(200).await?;
                reply.ensure(reply.next_page()?.is_some() == more, format!("Link: {more}"))?;
            }
            Ok(())
        }),
        Row::new("M26", "following Link gives every tag once", async |t| {
            let r = t.repository();
            let expected: Vec<String> = (0..23).map(|at| format!("t{at:02}")).collect();
            tagged(&r, &expected.iter().map(String::as_str).collect::<Vec<_>>()).await?;
            for n in [1, 5, 22, 23, 24] {
                let mut page = t.get(format!("{}?n={n}", r.tags())).expect(200).await?;
                let mut tags = r.tags_in(&page)?;
                let mut pages = 1;
                while let Some(next) = page.next_page()? {
                    page = t.get(next).expect(200).await?;
                    tags.extend(r.tags_in(&page)?);
                    pages += 1;
                    ensure!(pages <= 24, "n={n}: no end of pages");
                }
                // Without Link the list is at its end: a client that pages by last agrees.
                let end = tags.last().cloned().unwrap_or_default();
                let rest = r.list_tags(&format!("?n={n}&last={end}")).await?;
                tags.extend(rest);
                ensure!(tags == expected, "n={n}: {tags:?}");
            }
            Ok(())
        }),
        Row::new("D16", "Link is relative and keeps n", async |t| {
            let r = letters(t).await?;
            let page = t.get(format!("{}?n=2", r.tags())).expect(200).await?;
            page.has(
                "link",
                format!("<{}{}?n=2&last=b>; rel=\"next\"", t.server.base.prefix, r.tags(),),
            )?;
            Ok(())
        }),
        Row::new("M26", "a Link goes on though its tag was deleted meanwhile", async |t| {
            let r = letters(t).await?;
            let page = t.get(format!("{}?n=2", r.tags())).expect(200).await?;
            let next = page.next_page()?.ok_or_else(|| page.fail("a header Link"))?;
            t.delete(r.manifest("b")).expect(202).await?;
            let page = t.get(next).expect(200).await?;
            ensure!(r.tags_in(&page)? == ["c", "d"], "{:?}", r.tags_in(&page)?);
            Ok(())
        }),
    ]
}

fn last() -> Vec<Row> {
    vec![
        Row::new("M25", "last is not part of the list, with and without n", async |t| {
            let r = letters(t).await?;
            for (query, expected) in [
                ("?last=b", "cde"),
                ("?n=2&last=b", "cd"),
                ("?last=b&n=2", "cd"),
                ("?n=2&last=d", "e"),
                ("?n=2&last=e", ""),
                ("?last=e", ""),
            ] {
                let tags = r.list_tags(query).await?.concat();
                ensure!(tags == expected, "{query}: {tags}");
            }
            Ok(())
        }),
        Row::new("M25", "last need not be there", async |t| {
            let r = letters(t).await?;
            for (query, expected) in
                [("?last=bb", "cde"), ("?last=0", "abcde"), ("?last=z", ""), ("?n=1&last=aa", "b")]
            {
                let tags = r.list_tags(query).await?.concat();
                ensure!(tags == expected, "{query}: {tags}");
            }
            Ok(())
        }),
        Row::new("M25", "last may have been deleted", async |t| {
            let r = letters(t).await?;
            t.delete(r.manifest("b")).expect(202).await?;
            let tags = r.list_tags("?last=b").await?.concat();
            ensure!(tags == "cde", "{tags}");
            Ok(())
        }),
        Row::new("C18", "last alone splits the list in byte order", async |t| {
            let r = t.repository();
            let mut sorted = ["Ab", "aB", "ab", "AB", "a.b", "a-b", "a_b", "b", "B", "1"];
            tagged(&r, &sorted).await?;
            sorted.sort_unstable();
            for at in 0..sorted.len() {
                let tags = r.list_tags(&format!("?last={}", sorted[at])).await?;
                ensure!(tags == sorted[at + 1..], "last={}: {tags:?}", sorted[at]);
            }
            Ok(())
        }),
        Row::new("D16", "last need not be a tag at all", async |t| {
            let r = letters(t).await?;
            for (last, expected) in
                [("%2F", "abcde"), ("b%00", "cde"), ("%C3%A9", ""), ("b%20c", "cde"), ("", "abcde")]
            {
                let tags = r.list_tags(&format!("?last={last}")).await?.concat();
                ensure!(tags == expected, "last={last}: {tags}");
            }
            Ok(())
        }),
    ]
}

fn odd_questions() -> Vec<Row> {
    vec![
        Row::new("D16", "an n that is no number is answered 400", async |t| {
            let r = letters(t).await?;
            for n in ["-1", "x", "1.5", "1e3", "+1", "0x10", "%20"] {
                let path = format!("{}?n={n}", r.tags());
                t.get(path).expect(400).await?.refused(&["UNSUPPORTED"])?;
            }
            Ok(())
        }),
        Row::new("D16", "an n beyond the cap gives what there is", async |t| {
            let r = letters(t).await?;
            for n in ["10001", "4294967295", "4294967296", "18446744073709551615"] {
                let tags = r.list_tags(&format!("?n={n}")).await?.concat();
                ensure!(tags == "abcde", "n={n}: {tags}");
            }
            Ok(())
        }),
        Row::new("D5", "parameters that nobody knows do not change the tag list", async |t| {
            let r = letters(t).await?;
            let tags = r.list_tags("?unknown=1&N=2").await?.concat();
            ensure!(tags == "abcde", "{tags}");
            Ok(())
        }),
    ]
}

/// A repository whose tags are a, b, c, d, e.
async fn letters(t: &Target) -> Outcome<Repository<'_>> {
    let r = t.repository();
    tagged(&r, &["c", "a", "e", "b", "d"]).await?;
    Ok(r)
}

/// One new image under all these tags.
async fn tagged(r: &Repository<'_>, tags: &[&str]) -> Outcome {
    let manifest = Content::manifest(&r.image().await?);
    for tag in tags {
        r.push(tag, &manifest).await?;
    }
    Ok(())
}
