//! What the listings share: a JSON array in a frame, whole while it is small and streamed when it
//! is not, and a link to the next page.

use bytes::Bytes;
use futures::{
    TryStreamExt,
    stream::{self, BoxStream, StreamExt},
};
use hyper::{StatusCode, header::HeaderValue};
use registry_core::{
    endpoint::Endpoint,
    error::RegistryError,
    page::Page,
    ports::{Listing, StoreError, StoreErrorKind},
};
use serde::Serialize;

use super::{Exchange, Reply};
use crate::{body::ResponseBody, reply};

/// The size of a piece of a streamed listing; a listing below it is sent whole, with its length.
const PIECE: usize = 64 * 1024;

/// The reply with the entries between `frame.0` and `frame.1`.
pub(super) async fn reply<T: Serialize + Send + 'static>(
    exchange: Exchange<'_>,
    content_type: HeaderValue,
    frame: (String, &'static str),
    listing: Listing<T>,
    page: &Page,
    endpoint: impl Fn(Page) -> Endpoint,
) -> Reply {
    let mut pieces = pieces(frame, listing.entries);
    // An error in the first piece is still a reply of its own.
    let first = pieces.try_next().await?.unwrap_or_default();
    let body = match pieces.try_next().await? {
        None => ResponseBody::full(first),
        Some(second) => {
            ResponseBody::stream(stream::iter([Ok(first), Ok(second)]).chain(pieces).boxed())
        }
    };
    let mut response = reply::with_body(StatusCode::OK, content_type, body);
    if let Some(last) = listing.next {
        let mut next = Page::default();
        next.n = page.n;
        next.last = Some(last);
        reply::add_next(response.headers_mut(), exchange.base_path, &endpoint(next));
    }
    Ok(response)
}

fn pieces<T: Serialize + Send + 'static>(
    (start, end): (String, &'static str),
    entries: BoxStream<'static, Result<T, RegistryError>>,
) -> BoxStream<'static, Result<Bytes, RegistryError>> {
    let state = Some((start.into_bytes(), entries));
    stream::try_unfold((state, true), move |(state, mut is_first)| async move {
        let Some((mut piece, mut entries)) = state else { return Ok(None) };
        while let Some(entry) = entries.try_next().await? {
            if !is_first {
                piece.push(b',');
            }
            is_first = false;
            serde_json::to_writer(&mut piece, &entry).map_err(unwritable)?;
            if piece.len() >= PIECE {
                let next = Some((Vec::with_capacity(PIECE), entries));
                return Ok(Some((Bytes::from(piece), (next, is_first))));
            }
        }
        piece.extend_from_slice(end.as_bytes());
        Ok(Some((Bytes::from(piece), (None, is_first))))
    })
    .boxed()
}

fn unwritable(error: serde_json::Error) -> RegistryError {
    StoreError::with_source(StoreErrorKind::Corrupt, error).into()
}
