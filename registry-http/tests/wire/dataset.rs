//! What the official suite pushes: sets of blobs, manifests and tags that belong together.

use serde_json::{Value, json};

use crate::{
    content::{Algorithm, CONFIG, Content, EMPTY, LAYER, LAYER_GZIP, MANIFEST, image, index},
    target::Target,
};

const EXAMPLE: &str = "application/vnd.example.oci.conformance";

/// Blobs and manifests in the order of their push, and tags for some manifests.
#[derive(Debug)]
pub(crate) struct Dataset {
    algorithm: Algorithm,
    pub(crate) blobs: Vec<Content>,
    pub(crate) manifests: Vec<Content>,
    /// Tag, and the digest it is for.
    pub(crate) tags: Vec<(String, String)>,
    /// Whether tags go with the push by digest, as parameters.
    pub(crate) tag_params: bool,
}

/// Makes a set of new content.
pub(crate) type Make = fn(&Target) -> Dataset;

/// Every set: the clause that it is for, and how it is made.
pub(crate) const ALL: [(&str, Make); 20] = [
    ("image", |t| Dataset::new().with_tagged(t, "image", |set, t| set.image(t, as_is))),
    ("image-uncompressed", |t| Dataset::new().with_tagged(t, "plain", Dataset::plain_image)),
    ("large-manifest", |t| Dataset::new().with_tagged(t, "large", Dataset::large_image)),
    ("index", |t| Dataset::new().with_tagged(t, "index", |set, t| set.platforms(t, as_is))),
    ("nested-index", |t| Dataset::new().with_tagged(t, "nested", Dataset::nested)),
    ("empty-index", |t| Dataset::new().with_tagged(t, "empty", |set, _| set.index(&[], as_is))),
    ("artifact", |t| Dataset::new().with_tagged(t, "artifact", |set, t| set.artifact(t, as_is))),
    ("artifact-index", |t| Dataset::new().with_tagged(t, "artifacts", Dataset::artifacts)),
    ("artifact-without-layers", |t| {
        Dataset::new().with_tagged(t, "bare", |set, _| set.bare_artifact())
    }),
    ("artifacts-with-subject", artifacts_with_subject),
    ("index-with-subject", index_with_subject),
    ("missing-subject", missing_subject),
    ("data-field", |t| Dataset::new().with_tagged(t, "data", Dataset::with_data)),
    ("non-distributable-layers", |t| Dataset::new().with_tagged(t, "foreign", Dataset::foreign)),
    ("custom-fields", |t| Dataset::new().with_tagged(t, "custom", Dataset::custom)),
    ("no-layers", |t| {
        Dataset::new().with_tagged(t, "none", |set, t| {
            set.image(t, |document| document["layers"] = json!([]))
        })
    }),
    ("sparse", sparse),
    ("sha512", |t| {
        let mut set = Dataset { algorithm: Algorithm::Sha512, ..Dataset::new() };
        set.platforms(t, as_is);
        set
    }),
    ("tag-param-sha256", |t| tag_params(t, Algorithm::Sha256)),
    ("tag-param-sha512", |t| tag_params(t, Algorithm::Sha512)),
];

fn artifacts_with_subject(t: &Target) -> Dataset {
    let mut set = Dataset::new();
    let subject = set.image(t, as_is);
    set.tag("image", &subject);
    set.image(t, |document| document["subject"] = subject.descriptor());
    for (tag, artifact_type) in [("artifact-1", EXAMPLE), ("artifact-2", MANIFEST)] {
        let word = t.word();
        let artifact = set.artifact(t, |document| {
            document["artifactType"] = json!(artifact_type);
            document["annotations"] = json!({ "org.example.hello": "world", "org.example": word });
            document["subject"] = subject.descriptor();
        });
        set.tag(tag, &artifact);
    }
    set
}

fn index_with_subject(t: &Target) -> Dataset {
    let mut set = Dataset::new();
    let subject = set.platforms(t, as_is);
    set.tag("index", &subject);
    let children = [set.artifact(t, as_is), set.artifact(t, as_is)];
    let word = t.word();
    let artifact = set.index(&children.each_ref(), |document| {
        document["artifactType"] = json!(EXAMPLE);
        document["annotations"] = json!({ "org.example.hello": "world", "org.example": word });
        document["subject"] = subject.descriptor();
    });
    set.tag("tagged-artifact", &artifact);
    set
}

fn missing_subject(t: &Target) -> Dataset {
    let mut set = Dataset::new();
    let (word, missing) = (t.word(), Algorithm::Sha256.digest(&t.bytes(8)));
    let artifact = set.artifact(t, |document| {
        document["annotations"] = json!({ "org.example.hello": "world", "org.example": word });
        document["subject"] = json!({ "mediaType": MANIFEST, "digest": missing, "size": 123 });
    });
    set.tag("tagged-artifact", &artifact);
    set
}

fn sparse(t: &Target) -> Dataset {
    let mut set = Dataset::new();
    let image = set.image(t, as_is);
    set.tag("sparse-image", &image);
    set.blobs.retain({
        let layer = set.blobs.iter().find(|blob| blob.media_type == LAYER_GZIP);
        let missing = layer.map(|layer| layer.digest.clone());
        move |blob| Some(&blob.digest) != missing.as_ref()
    });
    let child = set.image(t, as_is);
    let missing = json!({
        "mediaType": MANIFEST,
        "digest": Algorithm::Sha256.digest(&t.bytes(8)),
        "size": 1024,
    });
    let parent = set.index(&[&child], |document| {
        document["manifests"].as_array_mut().expect("manifests").push(missing);
    });
    set.tag("sparse-index", &parent);
    set
}

fn tag_params(t: &Target, algorithm: Algorithm) -> Dataset {
    let mut set = Dataset { algorithm, tag_params: true, ..Dataset::new() };
    let top = set.platforms(t, as_is);
    set.tag("top", &top);
    for (at, manifest) in set.manifests.clone().iter().enumerate() {
        set.tag(&format!("top-{at}"), manifest);
    }
    set
}

fn as_is(_: &mut Value) {}

impl Dataset {
    fn new() -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            blobs: Vec::new(),
            manifests: Vec::new(),
            tags: Vec::new(),
            tag_params: false,
        }
    }

    fn with_tagged(
        mut self,
        t: &Target,
        tag: &str,
        make: impl FnOnce(&mut Self, &Target) -> Content,
    ) -> Self {
        let manifest = make(&mut self, t);
        self.tag(tag, &manifest);
        self
    }

    fn tag(&mut self, tag: &str, manifest: &Content) {
        self.tags.push((tag.to_owned(), manifest.digest.clone()));
    }

    fn blob(&mut self, media_type: &str, bytes: impl Into<bytes::Bytes>) -> Content {
        let blob = Content::new(media_type, bytes, self.algorithm);
        if !self.blobs.iter().any(|known| known.digest == blob.digest) {
            self.blobs.push(blob.clone());
        }
        blob
    }

    fn manifest(&mut self, mut document: Value, edit: impl FnOnce(&mut Value)) -> Content {
        edit(&mut document);
        let manifest = Content::manifest_by(&document, self.algorithm);
        self.manifests.push(manifest.clone());
        manifest
    }

    fn config(&mut self, t: &Target) -> Content {
        let config = json!({
            "architecture": "amd64", "os": "linux", "author": t.word(),
            "rootfs": { "type": "layers", "diff_ids": [self.algorithm.digest(b"")] },
        });
        self.blob(CONFIG, config.to_string())
    }

    fn image_of(&mut self, t: &Target, layer_type: &str, edit: impl FnOnce(&mut Value)) -> Content {
        let config = self.config(t);
        let layers = [1024, 2000, 3].map(|len| self.blob(layer_type, t.bytes(len)));
        self.manifest(image(&config, &layers.each_ref()), edit)
    }

    fn image(&mut self, t: &Target, edit: impl FnOnce(&mut Value)) -> Content {
        self.image_of(t, LAYER_GZIP, edit)
    }

    fn plain_image(&mut self, t: &Target) -> Content {
        self.image_of(t, LAYER, as_is)
    }

    fn large_image(&mut self, t: &Target) -> Content {
        self.image(t, |document| {
            for at in 0..390 {
                document["annotations"][format!("large-{at}")] = json!("A".repeat(10_000));
            }
        })
    }

    fn index(&mut self, children: &[&Content], edit: impl FnOnce(&mut Value)) -> Content {
        self.manifest(index(children), edit)
    }

    /// An index of two images.
    fn platforms(&mut self, t: &Target, edit: impl FnOnce(&mut Value)) -> Content {
        let children = [self.image(t, as_is), self.image(t, as_is)];
        self.index(&children.each_ref(), |document| {
            for (at, architecture) in ["amd64", "arm64"].into_iter().enumerate() {
                let platform = json!({ "os": "linux", "architecture": architecture });
                document["manifests"][at]["platform"] = platform;
            }
            edit(document);
        })
    }

    fn nested(&mut self, t: &Target) -> Content {
        let children = [self.platforms(t, as_is), self.platforms(t, as_is)];
        self.index(&children.each_ref(), as_is)
    }

    fn artifact(&mut self, t: &Target, edit: impl FnOnce(&mut Value)) -> Content {
        let config = self.blob(EMPTY, "{}");
        let layer = self.blob(EXAMPLE, t.bytes(500));
        self.manifest(image(&config, &[&layer]), |document| {
            document["artifactType"] = json!(EXAMPLE);
            edit(document);
        })
    }

    fn bare_artifact(&mut self) -> Content {
        let empty = self.blob(EMPTY, "{}");
        self.manifest(image(&empty, &[&empty]), |document| {
            document["artifactType"] = json!(EXAMPLE);
        })
    }

    fn artifacts(&mut self, t: &Target) -> Content {
        let children = [self.artifact(t, as_is), self.artifact(t, as_is)];
        self.index(&children.each_ref(), |document| {
            document["artifactType"] = json!(EXAMPLE);
        })
    }

    /// The content of each descriptor once more in its `data`.
    fn with_data(&mut self, t: &Target) -> Content {
        let config = self.blob(CONFIG, "{}");
        let layer = self.blob(LAYER, t.word());
        let word = base64(&layer.bytes);
        self.manifest(image(&config, &[&layer]), |document| {
            document["config"]["data"] = json!("e30=");
            document["layers"][0]["data"] = json!(word);
        })
    }

    /// Two layers that are not uploaded, and one that is.
    fn foreign(&mut self, t: &Target) -> Content {
        let kinds = ["nondistributable.v1.tar+gzip", "nondistributable.v1.tar"].map(|kind| {
            let digest = Algorithm::Sha256.digest(&t.bytes(8));
            json!({
                "mediaType": format!("application/vnd.oci.image.layer.{kind}"),
                "digest": digest,
                "size": 123_456,
                "urls": [format!("https://store.example.com/blobs/{digest}")],
            })
        });
        self.image(t, |document| {
            let own = document["layers"][0].take();
            document["layers"] = json!([kinds[0], kinds[1], own]);
        })
    }

    /// Fields that no spec knows, in config, images and index.
    fn custom(&mut self, t: &Target) -> Content {
        let extra = |document: &mut Value| document["org.example.extra"] = json!("hello");
        let children = [0, 1].map(|_| {
            let config = json!({ "os": "linux", "architecture": t.word(), "org.example.extra": 1 });
            let config = self.blob(CONFIG, config.to_string());
            let layer = self.blob(LAYER_GZIP, t.bytes(100));
            self.manifest(image(&config, &[&layer]), extra)
        });
        self.index(&children.each_ref(), extra)
    }
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
