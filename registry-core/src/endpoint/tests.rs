use proptest::{option, prelude::*};

use super::*;

fn name() -> impl Strategy<Value = RepositoryName> {
    let component =
        "(blobs|tags|uploads|manifests|referrers|list|v2|[a-z0-9]{1,4}([._-][a-z0-9]{1,3})?)";
    prop::collection::vec(component, 1..5).prop_map(|parts| parts.join("/").parse().unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    "(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})".prop_map(|text| text.parse().unwrap())
}

fn tag() -> impl Strategy<Value = Tag> {
    "([a-zA-Z0-9_][a-zA-Z0-9._-]{0,8}|uploads|list|manifests)"
        .prop_map(|text| text.parse().unwrap())
}

fn reference() -> impl Strategy<Value = Reference> {
    prop_oneof![tag().prop_map(Reference::Tag), digest().prop_map(Reference::Digest)]
}

fn id() -> impl Strategy<Value = ContentId> {
    "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(|t| t.parse().unwrap())
}

fn page() -> impl Strategy<Value = Page> {
    (option::of(0..=Page::MAX), option::of(".{1,20}")).prop_map(|(n, last)| Page { n, last })
}

fn ns() -> impl Strategy<Value = Option<Namespace>> {
    option::of("[a-z.]{1,9}(:[0-9]{2,4})?".prop_map(|text| Namespace::new(text).unwrap()))
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let algorithm = option::of(prop_oneof![Just(Algorithm::Sha256), Just(Algorithm::Sha512)]);
    prop_oneof![
        Just(Endpoint::Ping),
        (name(), digest(), any::<bool>(), ns())
            .prop_map(|(name, digest, head, ns)| Endpoint::GetBlob { name, digest, head, ns }),
        (name(), reference(), any::<bool>(), ns()).prop_map(|(name, reference, head, ns)| {
            Endpoint::GetManifest { name, reference, head, ns }
        }),
        (name(), algorithm).prop_map(|(name, announced)| Endpoint::OpenUpload { name, announced }),
        (name(), digest()).prop_map(|(name, digest)| Endpoint::PushBlob { name, digest }),
        (name(), id()).prop_map(|(name, id)| Endpoint::AppendUpload { name, id }),
        (name(), id(), digest()).prop_map(|(name, id, digest)| Endpoint::CloseUpload {
            name,
            id,
            digest
        }),
        (name(), tag()).prop_map(|(name, tag)| Endpoint::PushManifest {
            name,
            reference: Reference::Tag(tag),
            tags: vec![],
        }),
        (name(), digest(), prop::collection::btree_set(tag(), 0..4)).prop_map(
            |(name, digest, tags)| Endpoint::PushManifest {
                name,
                reference: Reference::Digest(digest),
                tags: tags.into_iter().collect(),
            }
        ),
        (name(), page()).prop_map(|(name, page)| Endpoint::ListTags { name, page }),
        (name(), reference())
            .prop_map(|(name, reference)| Endpoint::DeleteManifest { name, reference }),
        (name(), digest()).prop_map(|(name, digest)| Endpoint::DeleteBlob { name, digest }),
        (name(), digest(), option::of(name()))
            .prop_map(|(name, digest, from)| Endpoint::MountBlob { name, digest, from }),
        (name(), digest(), option::of(".{1,30}"), page()).prop_map(
            |(name, digest, artifact_type, page)| Endpoint::ListReferrers {
                name,
                digest,
                artifact_type,
                page
            }
        ),
        (name(), id()).prop_map(|(name, id)| Endpoint::GetUpload { name, id }),
        (name(), id()).prop_map(|(name, id)| Endpoint::CancelUpload { name, id }),
        page().prop_map(|page| Endpoint::Catalog { page }),
    ]
}

fn parse(method: &str, target: &str) -> Result<Endpoint, EndpointError> {
    let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
    Endpoint::parse(method, path, query)
}

proptest! {
    #[test]
    fn what_is_formatted_parses_back(endpoint in endpoint()) {
        let (method, target) = endpoint.format();
        prop_assert_eq!(parse(method, &target), Ok(endpoint), "{} {}", method, target);
    }

    #[test]
    fn parsing_is_total(method in "(GET|PUT|POST|HEAD|PATCH|DELETE|X)", path in "(/v2)?/[ -~]{0,40}", query in "[ -~]{0,40}") {
        if let Ok(endpoint) = Endpoint::parse(&method, &path, Some(&query)) {
            let (method, target) = endpoint.format();
            prop_assert_eq!(parse(method, &target), Ok(endpoint));
        }
    }
}

#[test]
fn a_path_is_read_from_its_right_end() {
    let name = |target: &str| match parse("GET", target).unwrap() {
        Endpoint::ListTags { name, .. } | Endpoint::GetManifest { name, .. } => name.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(name("/v2/foo/tags/list/tags/list"), "foo/tags/list");
    assert_eq!(name("/v2/a/blobs/uploads/manifests/x"), "a/blobs/uploads");
    assert_eq!(name("/v2/manifests/manifests/manifests"), "manifests");
}

#[test]
fn what_is_wrong_is_named() {
    let hex = "0".repeat(64);
    let id = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
    for (method, target, want) in [
        ("GET", "/", EndpointError::NoRoute),
        ("GET", "/v1/", EndpointError::NoRoute),
        ("GET", "/v2x", EndpointError::NoRoute),
        ("GET", "/v2/a", EndpointError::NoRoute),
        ("GET", "/v2/tags/list", EndpointError::NoRoute),
        ("GET", "/v2/manifests/x", EndpointError::NoRoute),
        ("GET", "/v2/a/_ext/x", EndpointError::NoRoute),
        ("POST", "/v2/", EndpointError::Method { allow: "GET, HEAD" }),
        ("POST", "/v2/a/tags/list", EndpointError::Method { allow: "GET, HEAD" }),
        ("GET", "/v2/a/blobs/uploads/", EndpointError::Method { allow: "POST" }),
        ("GET", "/v2/A/tags/list", EndpointError::Name(NameError)),
        ("GET", "/v2/a//tags/list", EndpointError::Name(NameError)),
        ("GET", "/v2/a%2Fb/tags/list", EndpointError::Name(NameError)),
        ("GET", "/v2/a%00/tags/list", EndpointError::Name(NameError)),
        ("GET", "/v2/a%FF/tags/list", EndpointError::Name(NameError)),
        ("GET", "/v2/../a/tags/list", EndpointError::Name(NameError)),
        ("GET", "/v2/a/manifests/-x", EndpointError::Tag(TagError)),
        ("GET", "/v2/a/manifests/sha256:x", EndpointError::Digest(DigestError::Encoded)),
        ("GET", "/v2/a/blobs/x", EndpointError::Digest(DigestError::Encoded)),
        ("GET", &format!("/v2/a/blobs/md5:{hex}"), EndpointError::Digest(DigestError::Algorithm)),
        ("PUT", &format!("/v2/a/blobs/uploads/{id}"), EndpointError::NoDigest),
        ("PATCH", "/v2/a/blobs/uploads/x", EndpointError::UploadId),
        ("PUT", "/v2/a/manifests/x?tag=y", EndpointError::TagsOnTag),
        ("PUT", &format!("/v2/a/manifests/sha256:{hex}?tag=-y"), EndpointError::Tag(TagError)),
        ("POST", "/v2/a/blobs/uploads/?mount=x", EndpointError::Digest(DigestError::Encoded)),
        (
            "POST",
            &format!("/v2/a/blobs/uploads/?mount=sha256:{hex}&from=B"),
            EndpointError::Name(NameError),
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/?digest-algorithm=md5",
            EndpointError::Digest(DigestError::Algorithm),
        ),
        ("GET", "/v2/a/tags/list?n=-1", EndpointError::Page(PageError)),
        ("GET", "/v2/a/referrers/x", EndpointError::Digest(DigestError::Encoded)),
    ] {
        assert_eq!(parse(method, target), Err(want), "{method} {target}");
    }
    let tags: String = (0..=Endpoint::MAX_TAGS).map(|i| format!("&tag=t{i}")).collect();
    let target = format!("/v2/a/manifests/sha256:{hex}?{tags}");
    assert_eq!(parse("PUT", &target), Err(EndpointError::TooManyTags));
}

#[test]
fn what_clients_write_differently_means_the_same() {
    let hex = "0".repeat(64);
    for (method, one, other) in [
        ("GET", "/v2".to_owned(), "/v2/".to_owned()),
        ("HEAD", "/v2/".to_owned(), "/v2/?x=y".to_owned()),
        ("POST", "/v2/a/blobs/uploads".to_owned(), "/v2/a/blobs/uploads/".to_owned()),
        ("GET", format!("/v2/a/blobs/sha256%3A{hex}"), format!("/v2/a/blobs/sha256:{hex}?x")),
        (
            "GET",
            format!("/v2/a/referrers/sha256:{hex}?artifactType=a/b+c"),
            format!("/v2/a/referrers/sha256:{hex}?artifactType=a%2Fb%2Bc"),
        ),
        ("GET", "/v2/a/tags/list?last=".to_owned(), "/v2/a/tags/list".to_owned()),
    ] {
        assert_eq!(parse(method, &one).unwrap(), parse(method, &other).unwrap(), "{one}");
    }
}
