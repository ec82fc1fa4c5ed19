//! Range requests on blobs (RFC 9110 section 14).

use crate::{
    content::{Algorithm, Content, OCTETS},
    row::Row,
};

const SIZE: usize = 2048;

/// (Range, first and last byte of the reply)
const PARTS: [(&str, usize, usize); 9] = [
    ("bytes=500-1499", 500, 1499),
    ("bytes=500-", 500, 2047),
    ("bytes=-500", 1548, 2047),
    ("bytes=2000-5000", 2000, 2047),
    ("bytes=0-0", 0, 0),
    ("bytes=0-2047", 0, 2047),
    ("bytes=2047-2047", 2047, 2047),
    ("bytes=-2048", 0, 2047),
    ("bytes=-5000", 0, 2047),
];

/// Ranges of which no byte is there.
const NONE: [&str; 4] = ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=2048-2048"];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        rows.extend(PARTS.map(|(range, first, last)| satisfied(algorithm, range, first, last)));
        rows.extend(NONE.map(|range| unsatisfied(algorithm, range)));
    }
    rows.extend(edges());
    rows
}

fn satisfied(algorithm: Algorithm, range: &'static str, first: usize, last: usize) -> Row {
    let says = format!("{range} of a {} blob is answered 206", algorithm.name());
    Row::new("C10", says, async move |t| {
        let r = t.repository();
        let blob = Content::new(OCTETS, t.bytes(SIZE), algorithm);
        r.push_blob(&blob).await?;
        let part = t.get(r.blob(&blob.digest)).header("range", range).expect(206).await?;
        part.body_is(&blob.bytes[first..=last])?;
        part.has("content-length", (last - first + 1).to_string())?;
        part.has("content-range", format!("bytes {first}-{last}/{SIZE}"))?;
        part.has("docker-content-digest", &blob.digest)?;
        Ok(())
    })
}

fn unsatisfied(algorithm: Algorithm, range: &'static str) -> Row {
    let says = format!("{range} of a {} blob of {SIZE} bytes is answered 416", algorithm.name());
    Row::new("C10", says, async move |t| {
        let r = t.repository();
        let blob = Content::new(OCTETS, t.bytes(SIZE), algorithm);
        r.push_blob(&blob).await?;
        t.get(r.blob(&blob.digest)).header("range", range).expect(416).await?;
        Ok(())
    })
}

fn edges() -> Vec<Row> {
    vec![
        Row::new("D26", "416 says how long the blob is", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            for range in NONE {
                let reply = t.get(r.blob(&blob.digest)).header("range", range).expect(416).await?;
                reply.has("content-range", format!("bytes */{SIZE}"))?;
            }
            Ok(())
        }),
        Row::new("D26", "the last no bytes are answered 416", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            t.get(r.blob(&blob.digest)).header("range", "bytes=-0").expect(416).await?;
            Ok(())
        }),
        Row::new("S2", "numbers beyond 64 bits do not confuse a range", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            for last in ["18446744073709551614", "18446744073709551615", "99999999999999999999999"]
            {
                let get = t.get(r.blob(&blob.digest)).header("range", format!("bytes=5-{last}"));
                get.expect(206).await?.body_is(&blob.bytes[5..])?;
                let get = t.get(r.blob(&blob.digest)).header("range", format!("bytes=-{last}"));
                get.expect(206).await?.body_is(&blob.bytes)?;
                let get = t.get(r.blob(&blob.digest)).header("range", format!("bytes={last}-"));
                get.expect(416).await?;
            }
            Ok(())
        }),
        Row::new("D26", "several ranges are answered with the whole blob", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            let get = t.get(r.blob(&blob.digest)).header("range", "bytes=0-9,20-29");
            get.expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("D26", "any first byte of an empty blob is answered 416", async |t| {
            let r = t.repository();
            let blob = Content::blob("");
            r.push_blob(&blob).await?;
            for range in ["bytes=0-", "bytes=0-0", "bytes=1-5"] {
                let reply = t.get(r.blob(&blob.digest)).header("range", range).expect(416).await?;
                reply.has("content-range", "bytes */0")?;
            }
            Ok(())
        }),
        Row::new("D26", "Accept-Ranges: bytes on GET and HEAD of a blob", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(100));
            r.push_blob(&blob).await?;
            t.get(r.blob(&blob.digest)).expect(200).await?.has("accept-ranges", "bytes")?;
            t.head(r.blob(&blob.digest)).expect(200).await?.has("accept-ranges", "bytes")?;
            Ok(())
        }),
        Row::new("S2", "a range unit that nobody knows is ignored", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            let get = t.get(r.blob(&blob.digest)).header("range", "lines=1-2");
            get.expect(200).await?.body_is(&blob.bytes)?;
            Ok(())
        }),
        Row::new("S2", "a Range that cannot be read is ignored or refused", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            for range in ["bytes=a-b", "bytes=", "bytes", "bytes=1", "=", "bytes=--5", "bytes=+1-2"]
            {
                let get = t.get(r.blob(&blob.digest)).header("range", range);
                let reply = get.expect_one_of(&[200, 400, 416]).await?;
                if reply.status == 200 {
                    reply.body_is(&blob.bytes)?;
                }
            }
            Ok(())
        }),
        Row::new("S2", "Range means nothing on HEAD", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            let head = t.head(r.blob(&blob.digest)).header("range", "bytes=0-9");
            head.expect(200).await?.has("content-length", SIZE.to_string())?;
            Ok(())
        }),
        Row::new("D25", "If-Range with the blob's ETag gives the range", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            let whole = t.get(r.blob(&blob.digest)).expect(200).await?;
            let get = t.get(r.blob(&blob.digest)).header("range", "bytes=10-19");
            let part = get.header("if-range", whole.header("etag")?).expect(206).await?;
            part.body_is(&blob.bytes[10..20])?;
            Ok(())
        }),
        Row::new("S2", "If-Range with another ETag gives the whole blob", async |t| {
            let r = t.repository();
            let blob = Content::blob(t.bytes(SIZE));
            r.push_blob(&blob).await?;
            let get = t.get(r.blob(&blob.digest)).header("range", "bytes=10-19");
            let whole = get.header("if-range", "\"another\"").expect(200).await?;
            whole.body_is(&blob.bytes)?;
            Ok(())
        }),
    ]
}
