//! The catalog, which the spec reserves and clients use.

use registry_core::{endpoint::Endpoint, page::Page};

use super::{Exchange, Reply, listing};
use crate::reply::APPLICATION_JSON;

/// `GET /v2/_catalog[?n=<n>&last=<name>]`
pub(super) async fn list(exchange: Exchange<'_>, page: &Page) -> Reply {
    let names = exchange.source.repositories(exchange.caller, page).await?;
    let next = |page| Endpoint::Catalog { page };
    let frame = (r#"{"repositories":["#.to_owned(), "]}");
    listing::reply(exchange, APPLICATION_JSON, frame, names, page, next).await
}
