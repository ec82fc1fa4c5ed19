//! The endpoints of the API, one family a file, request and response together.
//!
//! To add an endpoint: (1) give it a variant of [`Endpoint`] and its path in the core's parser;
//! (2) answer it in the file of its family, a function from what the request says to a reply;
//! (3) name it among its like below; (4) add rows to the table in `tests/`.

mod blobs;
mod catalog;
mod listing;
mod manifests;
mod ping;
mod referrers;
mod tags;
pub(crate) mod uploads;

use hyper::{HeaderMap, Response};
use registry_core::{
    endpoint::{Endpoint, EndpointError},
    error::RegistryError,
    identity::Caller,
    ports::Source,
    registry::Registry,
};

use crate::{
    base_path::BasePath, body::ResponseBody, budget::Budget, file_windows::FileWindows,
    incoming::Incoming,
};

pub(crate) type Reply = Result<Response<ResponseBody>, RegistryError>;

/// One request and what answers it.
#[derive(Clone, Copy)]
pub(crate) struct Exchange<'a> {
    pub(crate) source: &'a dyn Source,
    pub(crate) registry: Option<&'a Registry>,
    pub(crate) base_path: &'a BasePath,
    pub(crate) budget: &'a Budget,
    pub(crate) caller: &'a Caller,
    pub(crate) headers: &'a HeaderMap,
    /// Where the connection sends files, what of them it is sending.
    pub(crate) windows: Option<&'a FileWindows>,
}

impl Exchange<'_> {
    /// Answers an endpoint. `HEAD` is answered as `GET`; the service then leaves the bytes out.
    pub(crate) async fn answer(self, endpoint: &Endpoint, body: Option<Box<Incoming>>) -> Reply {
        match endpoint {
            Endpoint::Ping => Ok(ping::ping()),
            Endpoint::GetBlob { name, digest, head, ns } => {
                blobs::get(self, name, digest, *head, ns.as_ref()).await
            }
            Endpoint::GetManifest { name, reference, head, ns } => {
                manifests::get(self, name, reference, *head, ns.as_ref()).await
            }
            // Apart, since these futures are large, and that of a pull need not be.
            _ => Box::pin(self.list_or_write(endpoint, body)).await,
        }
    }

    async fn list_or_write(self, endpoint: &Endpoint, body: Option<Box<Incoming>>) -> Reply {
        match endpoint {
            Endpoint::ListTags { name, page } => tags::list(self, name, page).await,
            Endpoint::ListReferrers { name, digest, artifact_type, page } => {
                referrers::list(self, name, digest, artifact_type.as_deref(), page).await
            }
            Endpoint::Catalog { page } => catalog::list(self, page).await,
            _ => self.write(endpoint, body).await,
        }
    }

    async fn write(self, endpoint: &Endpoint, body: Option<Box<Incoming>>) -> Reply {
        let registry = self.registry.ok_or(RegistryError::Unsupported)?;
        match endpoint {
            Endpoint::DeleteBlob { name, digest } => {
                blobs::delete(self, registry, name, digest).await
            }
            Endpoint::PushManifest { name, reference, tags } => {
                manifests::push(self, registry, name, reference, tags, body).await
            }
            Endpoint::DeleteManifest { name, reference } => {
                manifests::delete(self, registry, name, reference).await
            }
            Endpoint::OpenUpload { name, announced } => {
                uploads::open(self, registry, name, *announced).await
            }
            Endpoint::PushBlob { name, digest } => {
                uploads::push(self, registry, name, digest, body).await
            }
            Endpoint::MountBlob { name, digest, from } => {
                uploads::mount(self, registry, name, digest, from.as_ref()).await
            }
            Endpoint::AppendUpload { name, id } => {
                uploads::append(self, registry, name, id, body).await
            }
            Endpoint::CloseUpload { name, id, digest } => {
                uploads::close(self, registry, name, id, digest, body).await
            }
            Endpoint::GetUpload { name, id } => uploads::status(self, registry, name, id).await,
            Endpoint::CancelUpload { name, id } => uploads::cancel(self, registry, name, id).await,
            // An endpoint that the core knows and this crate does not yet.
            _ => Err(EndpointError::NoRoute.into()),
        }
    }
}
