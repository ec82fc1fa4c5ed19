//! Tags: end-8a and end-8b.

use registry_core::{
    endpoint::Endpoint, error::RegistryError, name::RepositoryName, page::Page, ports::Fetched,
};

use super::{Exchange, Reply, listing};
use crate::reply::APPLICATION_JSON;

/// end-8a, end-8b `GET /v2/<name>/tags/list[?n=<n>&last=<tag>]`
pub(super) async fn list(exchange: Exchange<'_>, name: &RepositoryName, page: &Page) -> Reply {
    let tags = match exchange.source.tags(exchange.caller, name, page).await? {
        Fetched::Found(tags) => tags,
        Fetched::Unknown | Fetched::RepositoryUnknown => return Err(RegistryError::NameUnknown),
    };
    let next = |page| Endpoint::ListTags { name: name.clone(), page };
    let frame = (format!(r#"{{"name":"{name}","tags":["#), "]}");
    listing::reply(exchange, APPLICATION_JSON, frame, tags, page, next).await
}
