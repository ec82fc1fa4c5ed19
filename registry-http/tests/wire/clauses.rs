//! The checklist: what a registry must, should and may do, and what this one has decided.
//!
//! Rows name a clause by its id, and a test sees that every clause has a row or a stated reason
//! why it has none. `spec` names the section of the OCI distribution spec (branch main).

/// How binding a clause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Must,
    Should,
    May,
    /// A scenario or check of the official conformance suite.
    Scenario,
    /// Something real clients need beyond the spec.
    Client,
    /// Where the spec leaves a choice: ours.
    Decision,
}

/// One line of the checklist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clause {
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    /// The section that says so.
    pub(crate) spec: &'static str,
    pub(crate) text: &'static str,
}

/// The codes that an error may have, and no others (spec, "Error Codes").
pub(crate) const ERROR_CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

/// The clause with this id.
///
/// # Panics
///
/// When there is none: a row that names it is a mistake.
pub(crate) fn find(id: &str) -> &'static Clause {
    CLAUSES.iter().find(|clause| clause.id == id).unwrap_or_else(|| panic!("no clause {id}"))
}

const fn must(id: &'static str, spec: &'static str, text: &'static str) -> Clause {
    Clause { id, level: Level::Must, spec, text }
}

const fn should(id: &'static str, spec: &'static str, text: &'static str) -> Clause {
    Clause { id, level: Level::Should, spec, text }
}

const fn may(id: &'static str, spec: &'static str, text: &'static str) -> Clause {
    Clause { id, level: Level::May, spec, text }
}

const fn scenario(id: &'static str, text: &'static str) -> Clause {
    Clause { id, level: Level::Scenario, spec: "official conformance suite", text }
}

const fn client(id: &'static str, text: &'static str) -> Clause {
    Clause { id, level: Level::Client, spec: "what real clients need", text }
}

const fn decision(id: &'static str, text: &'static str) -> Clause {
    Clause { id, level: Level::Decision, spec: "our decision", text }
}

/// The whole checklist.
pub(crate) const CLAUSES: &[Clause] = &[
    must("M1", "Requirements", "all of Pull; a category that is claimed is there as a whole"),
    must("M2", "Error Codes", "a JSON body of a 4xx is the error envelope, with listed codes only"),
    must("M3", "Warnings", "warnings have code 299, agent -, no date, at most 4096 bytes in all"),
    must("M4", "Pushing Manifests", "a pull from an unknown repository is answered 404"),
    must("M5", "Pulling", "GET gives 200 and the exact bytes, HEAD gives 200"),
    must("M6", "Pulling", "Docker-Content-Digest on every GET and HEAD of a blob or manifest"),
    must("M7", "Checking if content exists", "Content-Length on every HEAD"),
    must("M8", "Pulling", "what is not there is answered 404"),
    must("M9", "POST then PUT", "POST opens an upload: 202 and a unique Location"),
    must("M10", "POST then PUT", "the closing PUT: 201 and the Location of a pullable blob"),
    must(
        "M11",
        "Single POST",
        "a single POST that succeeds: 201 and a Location; length and digest match",
    ),
    must(
        "M12",
        "Pushing a blob in chunks",
        "a chunk: 202, Location, Range: 0-<last byte of the blob>",
    ),
    must(
        "M13",
        "Pushing a blob in chunks",
        "a chunk out of order: 416, on PATCH and on the closing PUT",
    ),
    must("M14", "Pushing a blob in chunks", "the status of an upload: 204, Location, Range"),
    must("M15", "Mounting a blob", "a mount that succeeds: 201 and a Location"),
    must("M16", "Pushing Manifests", "a manifest is stored byte for byte"),
    must(
        "M17",
        "Pushing Manifests",
        "201, the Location of a pullable manifest, the client's own digest",
    ),
    must("M18", "Push", "a manifest whose subject does not exist is accepted"),
    must("M19", "Push", "a manifest refused for missing references: MANIFEST_BLOB_UNKNOWN"),
    must("M20", "Pushing Manifests with Subject", "OCI-Subject on every manifest with a subject"),
    must("M21", "Pushing Manifests", "OCI-Tag for every tag parameter that was accepted"),
    must("M22", "Listing Tags", "200 for a known repository, tags in lexical or byte order"),
    must("M23", "Listing Tags", "the body is {name, tags}"),
    must(
        "M24",
        "Listing Tags",
        "n results, unless fewer remain or a Link is given; n=0: none, no Link",
    ),
    must("M25", "Listing Tags", "last is exclusive, and works without n"),
    must("M26", "Listing Tags", "Link has rel=\"next\""),
    must("M27", "Listing Referrers", "200 and an index for any valid digest, never 404"),
    must("M28", "Listing Referrers", "400 for an invalid digest"),
    must(
        "M29",
        "Listing Referrers",
        "the index's own Content-Type; an empty list when there are none",
    ),
    must("M30", "Listing Referrers", "descriptors with artifactType and annotations"),
    must(
        "M31",
        "Listing Referrers",
        "a Link when the list does not fit one manifest; each page an index",
    ),
    must("M32", "Listing Referrers", "OCI-Filters-Applied when a filter was applied"),
    must(
        "M33",
        "Enabling the Referrers API",
        "manifests listed under a referrers tag are included",
    ),
    must("M34", "Content Management", "a delete of a tag, a manifest, a blob: 202"),
    must("M35", "Content Management", "where deleting is disabled: 400 or 405"),
    must("M36", "Content Management", "deleting what is not there: 404"),
    must("M37", "Content Management", "a deleted manifest and every tag of it, a deleted tag: 404"),
    should(
        "S1",
        "Pushing Manifests",
        "Content-Type without parameters, as pushed; parameters ignored",
    ),
    should("S2", "Pulling blobs", "range requests as RFC 9110 section 14 has them"),
    should("S3", "Pushing blobs", "an invalid digest or an unsupported algorithm: 400"),
    should("S4", "Single POST", "where it is unsupported: 202 and a session that works"),
    should("S5", "Pushing a blob in chunks", "OCI-Chunk-Min-Length where there is a minimum"),
    should("S6", "Cancel a blob upload", "cancel: 204; uploads that are abandoned expire"),
    should("S7", "Mounting a blob", "a mount that is not possible: 202 and a session that works"),
    should("S8", "Pushing Manifests", "at least ten tags in one push"),
    should("S9", "Pushing Manifests", "a manifest over the limit: 413; 4 MB are accepted"),
    should("S10", "Listing Referrers", "a filter on artifactType"),
    should("S11", "Registry Proxying", "OCI-Namespace when ns was used"),
    should("S12", "Error Codes", "429 has Retry-After"),
    should("S13", "API", "RFC 9110 where the spec is silent"),
    should("S14", "Requirements", "Push, Content Discovery, Content Management are supported"),
    may("Y1", "POST then PUT", "Location is absolute or relative, with or without a query"),
    may("Y2", "Single POST", "a blob is pushed in a single POST"),
    may(
        "Y3",
        "Mounting a blob",
        "from is optional: a blob is mounted from wherever it can be read",
    ),
    may("Y4", "Push", "manifests with missing references are refused"),
    may("Y5", "Pushing Manifests", "several tags in one push; 414 when there are too many"),
    may("Y6", "Listing Tags", "Link when more tags follow"),
    may("Y7", "Content Management", "tags, manifests and blobs can be deleted"),
    may("Y8", "Registry Proxying", "ns is ignored by a registry that is no proxy"),
    may("Y9", "API", "any request may be redirected"),
    may("Y10", "Warnings", "warnings may be sent"),
    may("Y11", "Determining Support", "/v2/ may ask for credentials"),
    scenario("ping", "the registry answers"),
    scenario("empty", "tags and referrers of a repository that nobody has pushed to"),
    scenario("sha256-blobs", "every way to push a blob, and pull and delete it"),
    scenario("sha512-blobs", "the same under sha512"),
    scenario("image", "an image with compressed layers"),
    scenario("image-uncompressed", "an image with plain layers"),
    scenario("large-manifest", "an image with 3.9 MB of annotations"),
    scenario("index", "an index of two platforms"),
    scenario("nested-index", "an index of indexes"),
    scenario("empty-index", "an index of nothing"),
    scenario("artifact", "an artifact with the empty config"),
    scenario("artifact-index", "an index of artifacts"),
    scenario("artifact-without-layers", "an artifact whose only layer is the empty descriptor"),
    scenario("artifacts-with-subject", "artifacts that refer to an image"),
    scenario("index-with-subject", "an index that refers to an index"),
    scenario("missing-subject", "an artifact whose subject is not there"),
    scenario("data-field", "descriptors that carry their content"),
    scenario("non-distributable-layers", "layers that are not uploaded"),
    scenario("custom-fields", "fields that no spec knows"),
    scenario("no-layers", "an image without layers"),
    scenario("sparse", "an image without one of its layers, an index without one of its images"),
    scenario("sha512", "an index under sha512"),
    scenario("tag-param-sha256", "tags given with the push by digest"),
    scenario("tag-param-sha512", "the same under sha512"),
    scenario("bad-digest-image", "a manifest whose bytes have another digest"),
    scenario("missing-manifest", "manifests that are not there"),
    scenario("invalid-digest-format", "a digest that is none"),
    scenario(
        "C1",
        "a manifest, and an empty blob, in chunked transfer coding without Content-Length",
    ),
    scenario("C2", "a PATCH in chunked transfer coding without Content-Range and Content-Length"),
    scenario("C3", "sha512 learned only at the closing PUT"),
    scenario("C4", "Docker-Content-Digest is the digest that the client used, also by tag"),
    scenario("C5", "Docker-Content-Digest on the 201 of a blob push"),
    scenario("C6", "the Location of a push gives what was pushed"),
    scenario("C7", "Content-Type of a manifest is string-equal to the pushed one"),
    scenario("C8", "GET of a blob has its Content-Length, though the client would take gzip"),
    scenario("C9", "a HEAD reply has no body, and a Content-Length also when it is zero"),
    scenario("C10", "ranges on a blob: closed, open, suffix, too long, reversed, beyond the end"),
    scenario("C11", "the status of an upload without a byte has a Range 0-<integer>"),
    scenario("C12", "the status of an upload is asked at a URL with an extra digest parameter"),
    scenario("C13", "the upload goes on after a 416; a chunk from the start is out of order too"),
    scenario("C14", "a wrong digest is answered exactly 400"),
    scenario("C15", "a manifest PUT under a malformed digest is answered 400, a GET 404 or 400"),
    scenario("C16", "referrers of an unknown repository: 200; its tag list: 200 or 404"),
    scenario("C17", "the tag list without n holds every tag"),
    scenario("C18", "last alone, compared in byte order"),
    scenario("C19", "what was deleted is gone at once"),
    scenario("C20", "the delete of what is not there is answered 404"),
    scenario("C21", "a mount of what is there is 201, of what is not there a session that works"),
    scenario("C22", "a mount with a token for one repository only"),
    scenario("C23", "the challenge parser"),
    scenario("C24", "unknown fields in manifests, indexes and configs"),
    scenario("C25", "no layers, no manifests"),
    scenario("C26", "non-distributable layers that are absent, of any size"),
    scenario("C27", "a config's diff_ids are not looked at"),
    scenario("C28", "a manifest of 3.91 MB"),
    scenario("C29", "missing layers and children where references are sparse"),
    scenario("C30", "the same manifest by digest, then by tag; children that share a tag"),
    scenario("C31", "the ping"),
    scenario("C32", "cancel is answered exactly 204"),
    scenario("C33", "what the official suite does not test"),
    client("X1", "Docker-Distribution-API-Version: registry/2.0 on every reply"),
    client("X2", "Docker-Upload-UUID on every reply about an upload"),
    client("X3", "the paths of ping and uploads also work without the last slash"),
    client("X4", "every 4xx has the envelope as application/json"),
    client("X5", "_catalog: the repositories in order, by pages"),
    client("X6", "Docker's own manifest types; schema 1 is refused"),
    client("X7", "the closing PUT of docker: no body, no Content-Type"),
    client("X8", "a Location survives a client that parses and re-encodes its query"),
    client("X9", "a manifest that the image spec does not allow is refused"),
    client("X10", "a push that breaks off is resumed"),
    client("X11", "a request id that client and log share"),
    decision("D1", "the spec's main branch"),
    decision("D2", "sha256 and sha512; a tag keeps the digest it was pushed with"),
    decision("D3", "the digest algorithm may be announced, or not be known until the PUT"),
    decision("D4", "Location is an absolute path without a query"),
    decision("D5", "unknown query parameters are ignored"),
    decision("D6", "the offset in Content-Range is checked without a Content-Length too"),
    decision("D7", "an upload without a byte says Range: 0-0"),
    decision("D8", "416 says Location, Range and Docker-Upload-UUID, and keeps the session"),
    decision("D9", "a wrong digest never commits"),
    decision("D10", "single POST is supported"),
    decision("D11", "a mount without from finds what the caller may read"),
    decision("D12", "a mount without rights on the source is an upload"),
    decision(
        "D13",
        "strict references by default, sparse by choice; children are manifests or blobs",
    ),
    decision("D14", "a manifest has at most 4 MiB, counted while it is read"),
    decision("D15", "Accept is ignored"),
    decision("D16", "tags in byte order, without default page; Link is relative; n has a cap"),
    decision("D17", "a repository is there once something was pushed"),
    decision(
        "D18",
        "deletes are seen at once; a second one is 404; other repositories keep their blobs",
    ),
    decision("D19", "artifactType matches exactly; a plain + means itself"),
    decision("D20", "referrers come in pages, with our own Link; n is understood"),
    decision("D21", "tags of one push: all or none; by digest only; too many are 414"),
    decision("D22", "401 before 403 before 404"),
    decision("D23", "cancel needs the right to push"),
    decision("D24", "HTTP details: lengths, coding, Expect, percent-encoding"),
    decision("D25", "ETag is the digest in quotes; If-None-Match gives 304"),
    decision(
        "D26",
        "one range gives 206, several the whole blob, an unsatisfiable one 416 with the size",
    ),
    decision("D27", "Location after a push by tag names the digest"),
    decision("D28", "the media type of a manifest follows from its bytes"),
];

/// Clauses that no row can try from outside, and where they are tried instead.
pub(crate) const ELSEWHERE: &[(&str, &str)] = &[
    ("S12", "nothing limits the rate yet"),
    ("Y9", "a permission to registries; the client of this suite follows redirects"),
    ("Y10", "a permission to registries; M3 says what warnings look like"),
    ("C22", "needs credentials"),
    ("C23", "needs credentials"),
    ("D12", "needs a policy: a_mount_reveals_nothing in tests/api/authorization.rs"),
    ("D22", "needs a policy: a_denied_read_reveals_nothing in tests/api/authorization.rs"),
];
