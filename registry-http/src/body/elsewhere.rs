//! Systems on which no file is sent as such: contents are streams there.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use registry_core::ports::{Content, StoreError};

use crate::file_windows::FileWindows;

/// There is none.
pub(super) struct FileBody(Infallible);

impl FileBody {
    pub(super) const fn new(content: Content, _: &FileWindows) -> Result<Self, Content> {
        Err(content)
    }

    pub(super) const fn remaining(&self) -> u64 {
        match self.0 {}
    }

    pub(super) const fn poll_next(
        &mut self,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StoreError>>> {
        match self.0 {}
    }
}
