//! `_catalog`: not in the spec, but asked by skopeo, oras and crane.

use crate::{
    failure::{Outcome, ensure},
    reply::Reply,
    repository::Repository,
    row::Row,
    target::Target,
};

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row::new("X5", "the catalog names repositories in byte order", async |t| {
            let family = family(t, &["b", "a", "a/x", "a-x", "c"]).await?;
            let reply =
                t.get(format!("/v2/_catalog?n=4&last={}", family.prefix)).expect(200).await?;
            let names = names_in(&reply)?;
            let expected = ["a", "a-x", "a/x", "b"].map(|end| format!("{}/{end}", family.prefix));
            ensure!(names == expected, "{names:?}");
            Ok(())
        }),
        Row::new("X5", "n and last page through the catalog", async |t| {
            let family = family(t, &["a", "b", "c"]).await?;
            let mut last = family.prefix.clone();
            for end in ["a", "b", "c"] {
                let path = format!("/v2/_catalog?n=1&last={last}");
                last = format!("{}/{end}", family.prefix);
                let names = names_in(&t.get(path).expect(200).await?)?;
                ensure!(names == [last.clone()], "{names:?}");
            }
            Ok(())
        }),
        Row::new("X5", "Link goes on where a page of the catalog ends", async |t| {
            let family = family(t, &["a", "b", "c"]).await?;
            let path = format!("/v2/_catalog?n=2&last={}", family.prefix);
            let page = t.get(path).expect(200).await?;
            ensure!(names_in(&page)?.len() == 2, "{:?}", names_in(&page)?);
            let next = page.next_page()?.ok_or_else(|| page.fail("a header Link"))?;
            let page = t.get(next).expect(200).await?;
            let third = format!("{}/c", family.prefix);
            ensure!(names_in(&page)?.first() == Some(&third), "{:?}", names_in(&page)?);
            Ok(())
        }),
        Row::new("X5", "n=0 gives no repositories, an n that is none is refused", async |t| {
            family(t, &["a"]).await?;
            let reply = t.get("/v2/_catalog?n=0").expect(200).await?;
            ensure!(names_in(reply.lacks("link")?)?.is_empty(), "repositories for n=0");
            t.get("/v2/_catalog?n=-1").expect(400).await?;
            t.get("/v2/_catalog?n=x").expect(400).await?;
            Ok(())
        }),
        Row::new("X5", "a repository is in the catalog once something was pushed", async |t| {
            let family = family(t, &["a"]).await?;
            let unknown = Repository::new(t, format!("{}/b", family.prefix));
            t.get(unknown.tags()).expect(404).await?;
            let path = format!("/v2/_catalog?n=2&last={}", family.prefix);
            let names = names_in(&t.get(path).expect(200).await?)?;
            ensure!(names.contains(&format!("{}/a", family.prefix)), "{names:?}");
            ensure!(!names.contains(&unknown.name), "{names:?}");
            Ok(())
        }),
    ]
}

/// Repositories below a name of their own, so that nothing another row pushes comes between.
struct Family {
    prefix: String,
}

async fn family(t: &Target, ends: &[&str]) -> Outcome<Family> {
    let prefix = t.repository().name;
    for end in ends {
        Repository::new(t, format!("{prefix}/{end}")).push_image(Some("v1")).await?;
    }
    Ok(Family { prefix })
}

fn names_in(reply: &Reply) -> Outcome<Vec<String>> {
    let body = reply.json()?;
    let names = body["repositories"].as_array();
    let names = names.ok_or_else(|| reply.fail(r#"a body with "repositories":[…]"#))?;
    Ok(names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
}
