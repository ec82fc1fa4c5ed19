//! What a request needs, as a token's scope says it (`appendAccessRecords` of distribution asks for
//! the same). The core decides; this is only how a client learns what to ask for.

use registry_core::{
    access::{Action, Grant, Resource},
    endpoint::Endpoint,
    name::RepositoryName,
};

/// The scope of a challenge; `None` where a request needs nothing but a token.
pub(crate) fn scope(endpoint: &Endpoint) -> Option<String> {
    let texts: Vec<String> = needs(endpoint).iter().filter_map(Grant::to_scope).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}

/// The repository of a request.
pub(crate) const fn repository(endpoint: &Endpoint) -> Option<&RepositoryName> {
    match endpoint {
        Endpoint::GetBlob { name, .. }
        | Endpoint::GetManifest { name, .. }
        | Endpoint::OpenUpload { name, .. }
        | Endpoint::PushBlob { name, .. }
        | Endpoint::AppendUpload { name, .. }
        | Endpoint::CloseUpload { name, .. }
        | Endpoint::PushManifest { name, .. }
        | Endpoint::ListTags { name, .. }
        | Endpoint::DeleteManifest { name, .. }
        | Endpoint::DeleteBlob { name, .. }
        | Endpoint::MountBlob { name, .. }
        | Endpoint::ListReferrers { name, .. }
        | Endpoint::GetUpload { name, .. }
        | Endpoint::CancelUpload { name, .. } => Some(name),
        _ => None,
    }
}

fn needs(endpoint: &Endpoint) -> Vec<Grant> {
    use Action::{Catalog, Delete, Pull, Push};
    match endpoint {
        // A push begins with a look at what is there. A client that gets a token for that alone asks
        // for a second one, and oras' client for Python never does. Whoever may not push gets one
        // that carries `pull`.
        Endpoint::GetBlob { name, head: true, .. } => vec![Grant::repository(name, [Pull, Push])],
        Endpoint::GetBlob { name, .. }
        | Endpoint::GetManifest { name, .. }
        | Endpoint::ListTags { name, .. }
        | Endpoint::ListReferrers { name, .. } => vec![Grant::repository(name, [Pull])],
        // To look how far an upload is, and to cancel it, is part of a push, and no deletion (D23).
        Endpoint::OpenUpload { name, .. }
        | Endpoint::PushBlob { name, .. }
        | Endpoint::AppendUpload { name, .. }
        | Endpoint::CloseUpload { name, .. }
        | Endpoint::PushManifest { name, .. }
        | Endpoint::GetUpload { name, .. }
        | Endpoint::CancelUpload { name, .. } => vec![Grant::repository(name, [Pull, Push])],
        Endpoint::MountBlob { name, from, .. } => {
            let target = Grant::repository(name, [Pull, Push]);
            let source = from.iter().filter(|from| *from != name);
            let source = source.map(|from| Grant::repository(from, [Pull]));
            [target].into_iter().chain(source).collect()
        }
        Endpoint::DeleteManifest { name, .. } | Endpoint::DeleteBlob { name, .. } => {
            vec![Grant::repository(name, [Delete])]
        }
        Endpoint::Catalog { .. } => vec![Grant::new(Resource::Registry, [Catalog])],
        // The ping, and endpoints that the core knows and this crate does not yet.
        _ => Vec::new(),
    }
}
