//! [`Endpoint`] → (method, path with query).

use super::{Endpoint, Namespace, query::encode};
use crate::page::Page;

pub(super) fn format(endpoint: &Endpoint) -> (&'static str, String) {
    let read = |head: bool| if head { "HEAD" } else { "GET" };
    match endpoint {
        Endpoint::Ping => ("GET", "/v2/".to_owned()),
        Endpoint::GetBlob { name, digest, head, ns } => {
            (read(*head), with_ns(format!("/v2/{name}/blobs/{digest}"), ns.as_ref()))
        }
        Endpoint::GetManifest { name, reference, head, ns } => {
            (read(*head), with_ns(format!("/v2/{name}/manifests/{reference}"), ns.as_ref()))
        }
        Endpoint::OpenUpload { name, announced } => {
            let algorithm = announced.map(|algorithm| ("digest-algorithm", algorithm.to_string()));
            ("POST", with_query(format!("/v2/{name}/blobs/uploads/"), algorithm))
        }
        Endpoint::PushBlob { name, digest } => {
            ("POST", format!("/v2/{name}/blobs/uploads/?digest={}", encode(&digest.to_string())))
        }
        Endpoint::AppendUpload { name, id } => ("PATCH", format!("/v2/{name}/blobs/uploads/{id}")),
        Endpoint::CloseUpload { name, id, digest } => {
            let digest = encode(&digest.to_string());
            ("PUT", format!("/v2/{name}/blobs/uploads/{id}?digest={digest}"))
        }
        Endpoint::PushManifest { name, reference, tags } => {
            let tags = tags.iter().map(|tag| ("tag", tag.to_string()));
            ("PUT", with_query(format!("/v2/{name}/manifests/{reference}"), tags))
        }
        Endpoint::ListTags { name, page } => {
            ("GET", with_query(format!("/v2/{name}/tags/list"), pairs(page)))
        }
        Endpoint::DeleteManifest { name, reference } => {
            ("DELETE", format!("/v2/{name}/manifests/{reference}"))
        }
        Endpoint::DeleteBlob { name, digest } => ("DELETE", format!("/v2/{name}/blobs/{digest}")),
        Endpoint::MountBlob { name, digest, from } => {
            let mount = [("mount", digest.to_string())];
            let from = from.iter().map(|from| ("from", from.to_string()));
            (
                "POST",
                with_query(format!("/v2/{name}/blobs/uploads/"), mount.into_iter().chain(from)),
            )
        }
        Endpoint::ListReferrers { name, digest, artifact_type, page } => {
            let artifact_type = artifact_type.iter().map(|text| ("artifactType", text.clone()));
            let pairs = artifact_type.chain(pairs(page));
            ("GET", with_query(format!("/v2/{name}/referrers/{digest}"), pairs))
        }
        Endpoint::GetUpload { name, id } => ("GET", format!("/v2/{name}/blobs/uploads/{id}")),
        Endpoint::CancelUpload { name, id } => ("DELETE", format!("/v2/{name}/blobs/uploads/{id}")),
        Endpoint::Catalog { page } => ("GET", with_query("/v2/_catalog".to_owned(), pairs(page))),
    }
}

fn with_ns(path: String, ns: Option<&Namespace>) -> String {
    with_query(path, ns.map(|ns| ("ns", ns.as_str().to_owned())))
}

fn with_query(mut path: String, pairs: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut separator = '?';
    for (key, value) in pairs {
        path.push(separator);
        path.push_str(key);
        path.push('=');
        path.push_str(&encode(&value));
        separator = '&';
    }
    path
}

fn pairs(page: &Page) -> impl Iterator<Item = (&'static str, String)> {
    let n = page.n.map(|n| ("n", n.to_string()));
    let last = page.last.clone().map(|last| ("last", last));
    n.into_iter().chain(last)
}
