//! Referrers: end-12a and end-12b.

use hyper::header::HeaderValue;
use registry_core::{
    digest::Digest, endpoint::Endpoint, media_type::MediaType, name::RepositoryName, page::Page,
    ports::ReferrerOptions,
};

use super::{Exchange, Reply, listing};
use crate::reply::OCI_FILTERS_APPLIED;

/// end-12a, end-12b `GET /v2/<name>/referrers/<digest>[?artifactType=<type>]`
pub(super) async fn list(
    exchange: Exchange<'_>,
    name: &RepositoryName,
    digest: &Digest,
    artifact_type: Option<&str>,
    page: &Page,
) -> Reply {
    let mut options = ReferrerOptions::default();
    options.artifact_type = artifact_type.map(str::to_owned);
    options.page = page.clone();
    let referrers = exchange.source.referrers(exchange.caller, name, digest, &options).await?;

    let next = |page| Endpoint::ListReferrers {
        name: name.clone(),
        digest: *digest,
        artifact_type: artifact_type.map(str::to_owned),
        page,
    };
    let index = MediaType::OCI_INDEX;
    let start = format!(r#"{{"schemaVersion":2,"mediaType":"{index}","manifests":["#);
    let content_type = HeaderValue::from_static(index);
    let mut response =
        listing::reply(exchange, content_type, (start, "]}"), referrers, page, next).await?;
    if artifact_type.is_some() {
        let filters = HeaderValue::from_static("artifactType");
        response.headers_mut().insert(OCI_FILTERS_APPLIED, filters);
    }
    Ok(response)
}
