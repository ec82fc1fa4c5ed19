use std::hint::black_box;

use criterion::Criterion;
use registry_core::endpoint::Endpoint;

/// The least and the longest name that clients use.
const NAMES: [(&str, &str); 2] =
    [("one component", "alpine"), ("eight components", "a/blobs/tags/uploads/manifests/list/b/c")];

/// Request lines to endpoints and back.
pub(crate) fn parse(c: &mut Criterion) {
    let digest = format!("sha256:{}", "ab".repeat(32));
    for (label, name) in NAMES {
        let mut group = c.benchmark_group(format!("endpoint/{label}"));
        for (what, method, path, query) in [
            ("blob", "GET", format!("/v2/{name}/blobs/{digest}"), None),
            ("manifest by tag", "GET", format!("/v2/{name}/manifests/latest"), None),
            (
                "mount",
                "POST",
                format!("/v2/{name}/blobs/uploads/"),
                Some(format!("mount={digest}&from={name}")),
            ),
            ("tags", "GET", format!("/v2/{name}/tags/list"), Some("n=100&last=v1.2.3".to_owned())),
        ] {
            let query = query.as_deref();
            let endpoint = Endpoint::parse(method, &path, query).expect("a valid request line");
            group.bench_function(format!("parse {what}"), |b| {
                b.iter(|| Endpoint::parse(method, black_box(&path), query));
            });
            group.bench_function(format!("format {what}"), |b| {
                b.iter(|| black_box(&endpoint).format())
            });
        }
        group.bench_function("refuse", |b| {
            let path = format!("/v2/{name}/UPPER/manifests/latest");
            b.iter(|| Endpoint::parse("GET", black_box(&path), None).expect_err("upper case"));
        });
    }
}
