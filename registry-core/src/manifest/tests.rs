use super::*;

const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

fn descriptor() -> String {
    format!(r#"{{"mediaType":"a/b","digest":"sha256:{HEX}","size":2}}"#)
}

fn parse(text: &str, content_type: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(Bytes::copy_from_slice(text.as_bytes()), content_type.parse().ok())
}

#[test]
fn an_image_keeps_its_bytes_and_unknown_fields() {
    let text = format!(
        r#" {{"schemaVersion":2,"config":{0},"layers":[{0}],"x":{{"y":[1.5,null,true,-1,"z"]}}}}"#,
        descriptor()
    );
    let manifest = parse(&text, MediaType::OCI_MANIFEST).unwrap();
    assert_eq!(manifest.bytes(), text.as_bytes());
    assert_eq!(manifest.layers().len(), 1);
    assert_eq!(manifest.artifact_type(), Some("a/b"));
}

#[test]
fn empty_and_null_lists_are_accepted() {
    let config = descriptor();
    for layers in ["", r#","layers":[]"#, r#","layers":null,"annotations":null"#] {
        let text = format!(r#"{{"schemaVersion":2,"config":{config}{layers}}}"#);
        assert!(parse(&text, MediaType::OCI_MANIFEST).unwrap().layers().is_empty());
    }
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let index = parse(index, MediaType::OCI_INDEX).unwrap();
    assert_eq!((index.manifests().len(), index.artifact_type()), (0, None));
}

#[test]
fn without_a_content_type_the_documents_own_type_counts() {
    let text =
        format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, MediaType::OCI_INDEX);
    assert_eq!(parse(&text, "").unwrap().media_type().as_str(), MediaType::OCI_INDEX);
    assert!(matches!(parse(r#"{"schemaVersion":2}"#, ""), Err(ManifestError::NoMediaType)));
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let d = descriptor();
    for (text, media_type) in [
        ("{".into(), MediaType::OCI_MANIFEST),
        ("[]".into(), MediaType::OCI_MANIFEST),
        ("\u{feff}{}".into(), MediaType::OCI_MANIFEST),
        (format!(r#"{{"schemaVersion":1,"config":{d}}}"#), MediaType::OCI_MANIFEST),
        (format!(r#"{{"config":{d}}}"#), MediaType::OCI_MANIFEST),
        (format!(r#"{{"schemaVersion":2,"config":{d}}}"#), MediaType::OCI_INDEX),
        (format!(r#"{{"schemaVersion":2,"config":{d},"manifests":[]}}"#), MediaType::OCI_MANIFEST),
        (format!(r#"{{"schemaVersion":2,"config":{d},"manifests":[]}}"#), MediaType::OCI_INDEX),
        (r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#.into(), MediaType::OCI_INDEX),
        (r#"{"schemaVersion":2,"layers":[]}"#.into(), MediaType::OCI_MANIFEST),
        (format!(r#"{{"schemaVersion":2,"config":{d}}}"#), "text/plain"),
        (
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","config":{d}}}"#,
                MediaType::DOCKER_MANIFEST
            ),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(r#"{{"schemaVersion":2,"schemaVersion":2,"config":{d}}}"#),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(r#"{{"schemaVersion":2,"config":{d},"x":{{"y":1,"y":2}}}}"#),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(r#"{{"schemaVersion":2,"config":{}}}"#, d.replace("\"size\":2", "\"size\":-2")),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(
                r#"{{"schemaVersion":2,"config":{}}}"#,
                d.replace("\"size\":2", "\"size\":2.5")
            ),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(r#"{{"schemaVersion":2,"config":{}}}"#, d.replace("4413", "44G3")),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(r#"{{"schemaVersion":2,"config":{d},"subject":{{"digest":"sha256:1"}}}}"#),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(r#"{{"schemaVersion":2,"config":{d},"annotations":{{"a":1}}}}"#),
            MediaType::OCI_MANIFEST,
        ),
        (
            format!(
                r#"{{"schemaVersion":2,"config":{d},"x":{}{}}}"#,
                "[".repeat(200),
                "]".repeat(200)
            ),
            MediaType::OCI_MANIFEST,
        ),
    ] {
        assert!(parse(&text, media_type).is_err(), "{media_type}: {text}");
    }
}

#[test]
fn no_bytes_are_of_two_types_whatever_content_type_they_come_with() {
    let types = [
        MediaType::OCI_MANIFEST,
        MediaType::OCI_INDEX,
        MediaType::DOCKER_MANIFEST,
        MediaType::DOCKER_LIST,
    ];
    let image = format!(r#""config":{}"#, descriptor());
    let index = r#""manifests":[]"#;
    let says = |media_type: &str| format!(r#","mediaType":"{media_type}""#);
    for (shape, said, is) in [
        (&*image, String::new(), MediaType::OCI_MANIFEST),
        (&image, r#","mediaType":null"#.into(), MediaType::OCI_MANIFEST),
        (&image, says(MediaType::OCI_MANIFEST), MediaType::OCI_MANIFEST),
        (&image, says(MediaType::DOCKER_MANIFEST), MediaType::DOCKER_MANIFEST),
        (index, String::new(), MediaType::OCI_INDEX),
        (index, says(MediaType::OCI_INDEX), MediaType::OCI_INDEX),
        (index, says(MediaType::DOCKER_LIST), MediaType::DOCKER_LIST),
    ] {
        let text = format!(r#"{{"schemaVersion":2,{shape}{said}}}"#);
        let taken = types.into_iter().filter(|content_type| parse(&text, content_type).is_ok());
        assert_eq!(taken.collect::<Vec<_>>(), [is], "{text}");
    }
}
