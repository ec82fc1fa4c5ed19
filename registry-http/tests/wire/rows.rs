//! All rows, one family a file.

mod blob_scenarios;
mod catalog;
mod chunked;
mod conditional;
mod data_scenarios;
mod delete;
mod digests;
mod errors;
mod http_details;
mod manifest_forms;
mod manifests;
mod mount;
mod names;
mod ping;
mod pull;
mod push;
mod ranges;
mod referrers;
mod sessions;
mod sparse;
mod tag_params;
mod tags;

use crate::row::Row;

/// Every row there is.
pub(crate) fn all() -> Vec<Row> {
    let families = [
        blob_scenarios::rows(),
        catalog::rows(),
        chunked::rows(),
        conditional::rows(),
        data_scenarios::rows(),
        delete::rows(),
        digests::rows(),
        errors::rows(),
        http_details::rows(),
        manifest_forms::rows(),
        manifests::rows(),
        mount::rows(),
        names::rows(),
        ping::rows(),
        pull::rows(),
        push::rows(),
        ranges::rows(),
        referrers::rows(),
        sessions::rows(),
        sparse::rows(),
        tag_params::rows(),
        tags::rows(),
    ];
    families.into_iter().flatten().collect()
}
