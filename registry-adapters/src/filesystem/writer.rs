//! Writing one content.

use std::{fs::File, io, io::IoSlice, mem, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use registry_core::ports::{Checkpoint, ContentWriter, SealOptions, StoreError};
use rustix::io::Errno;
use tokio::task::{JoinHandle, spawn_blocking};
use tracing::warn;

use super::{
    calls::{How, Kind, SEALED},
    checkpoint::{Line, Mark},
    error::{Context, Error, Result},
    held::{Held, Leaving},
    joined,
    tree::{Tree, split},
};

/// Writes one content on the runtime's blocking threads, at most one call at a time: while it is
/// in flight, the caller collects and hashes the next buffers.
pub(super) struct FilesystemWriter {
    state: State,
    leaving: Leaving,
}

enum State {
    Idle(Box<Appender>),
    InFlight(JoinHandle<(Box<Appender>, Result<()>)>),
    Failed,
}

impl FilesystemWriter {
    pub(super) fn new(appender: Appender, leaving: Leaving) -> Self {
        Self { state: State::Idle(Box::new(appender)), leaving }
    }

    /// Waits for the call in flight. This may be dropped and waited for again.
    async fn landed(&mut self) -> Result<&mut Box<Appender>> {
        if let State::InFlight(flight) = &mut self.state {
            let landed = joined(flight.await);
            // What failed is dropped, and with it whatever was written since the checkpoint.
            self.state = State::Failed;
            let (appender, outcome) = landed?;
            outcome?;
            self.state = State::Idle(appender);
        }
        match &mut self.state {
            State::Idle(appender) => Ok(appender),
            State::InFlight(_) | State::Failed => Err(Error::Failed),
        }
    }

    /// Starts a call, when the one before has ended.
    async fn start(
        &mut self,
        call: impl FnOnce(&mut Appender) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        self.landed().await?;
        if let State::Idle(mut appender) = mem::replace(&mut self.state, State::Failed) {
            self.state = State::InFlight(spawn_blocking(move || {
                let outcome = call(&mut appender);
                (appender, outcome)
            }));
        }
        Ok(())
    }
}

#[async_trait]
impl ContentWriter for FilesystemWriter {
    async fn write(&mut self, buffers: Vec<Bytes>) -> Result<(), StoreError> {
        Ok(self.start(move |appender| appender.append(buffers)).await?)
    }

    async fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.landed().await?.checkpoint()
    }

    async fn seal(&mut self, _options: &SealOptions) -> Result<(), StoreError> {
        self.start(Appender::seal).await?;
        self.landed().await?;
        Ok(())
    }
}

impl Drop for FilesystemWriter {
    fn drop(&mut self) {
        match mem::replace(&mut self.state, State::Failed) {
            // To cut a long content can take long.
            State::Idle(appender) if appender.end > appender.at => {
                self.leaving.begin();
                drop(spawn_blocking(move || drop(appender)));
            }
            State::InFlight(_) => self.leaving.begin(),
            State::Idle(_) | State::Failed => {}
        }
    }
}

/// An open content. It is nobody else's until this is dropped, on whichever thread that is.
#[derive(Debug)]
pub(super) struct Appender {
    tree: Arc<Tree>,
    path: String,
    file: File,
    line: Line,
    /// Where it was opened, if there were more bytes than that: they may be those of a newer
    /// checkpoint, and stay until something is written or sealed here.
    beyond: Option<Mark>,
    /// The offset of the last checkpoint.
    at: u64,
    /// The offset of the next byte.
    end: u64,
    /// To where the kernel was told to write to the disk.
    begun: u64,
    /// To where room is reserved, and to where it may be.
    reserved: u64,
    announced: u64,
    sealed: bool,
    _held: Held,
}

/// How many bytes the kernel gathers before it begins to write them: the sync at the end is short
/// then.
const WRITE_BACK: u64 = 8 << 20;
/// How many bytes to reserve at once: a client that announces much and sends little keeps little.
const RESERVE: u64 = 64 << 20;
/// Not worth reserving.
const SMALL: u64 = 4 << 20;
/// The most buffers of one call (`IOV_MAX`).
const MAX_BUFFERS: usize = 1024;

impl Appender {
    pub(super) fn open(
        tree: Arc<Tree>,
        held: Held,
        path: String,
        at: &Checkpoint,
        size: Option<u64>,
    ) -> Result<Self> {
        tree.writable()?;
        let mark = Mark::of(at, &tree.boot)?;
        let file = open_file(&tree, &path, *at == Checkpoint::START)?.ok_or(Error::Lost)?;
        let status = tree.calls.status(&file).to("look at a content")?;
        if status.kind != Kind::File {
            return Err(Error::NotAFile(path));
        }
        let line = match tree.calls.attribute(&file, Line::ATTRIBUTE).to("read a content's line")? {
            Some(bytes) => Line::from_bytes(&bytes).ok_or(Error::Lost)?,
            None => Line::default(),
        };
        let sealed = !status.unsealed;
        if sealed && (status.size != mark.offset || !line.has(mark)) {
            return Err(Error::Sealed);
        }
        if status.size < mark.offset || !line.has(mark) {
            return Err(Error::Lost);
        }
        let announced = size.unwrap_or(0);
        if announced > mark.offset && announced - mark.offset > tree.free()? {
            return Err(Error::NoRoom(announced));
        }
        let offset = mark.offset;
        Ok(Self {
            tree,
            path,
            file,
            line,
            beyond: (status.size > offset).then_some(mark),
            at: offset,
            end: offset,
            begun: offset,
            reserved: offset,
            announced,
            sealed,
            _held: held,
        })
    }

    fn append(&mut self, buffers: Vec<Bytes>) -> Result<()> {
        if self.sealed {
            return Err(Error::Sealed);
        }
        self.tree.writable()?;
        self.cut_beyond()?;
        self.reserve(buffers.iter().map(|buffer| buffer.len() as u64).sum())?;
        let slices: Vec<IoSlice<'_>> = buffers.iter().map(|buffer| IoSlice::new(buffer)).collect();
        for some in slices.chunks(MAX_BUFFERS) {
            self.write(some.to_vec())?;
        }
        if self.end - self.begun >= WRITE_BACK {
            // Only a hint: what it does not begin, the sync does.
            //
            // When it fails, Linux keeps that with the inode (since 4.13) until an `fsync` tells of
            // it, through whichever descriptor. Between two requests of an upload nobody has the
            // file open; if memory is so short that its inode is evicted meanwhile, the failure is
            // forgotten, and the sync of the seal succeeds without the bytes. To begin nothing
            // here would not close this window, since the kernel begins by itself. To sync at the
            // end of each request would, for a second sync in every push; to keep the files of
            // waiting uploads open would, up to a limit of open files.
            let _ = self.tree.calls.begin_write_back(&self.file, self.begun..self.end);
            self.begun = self.end;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<Checkpoint, StoreError> {
        self.at = self.end;
        if self.at == 0 {
            return Ok(Checkpoint::START);
        }
        self.line.checkpoint(self.at, &self.tree.boot)
    }

    fn seal(&mut self) -> Result<()> {
        self.tree.writable()?;
        if !self.sealed {
            self.cut_beyond()?;
            if self.end > self.at || self.reserved > self.at {
                self.cut()?;
            }
            // Before the sync, so that the mark goes with the bytes. When the power fails between
            // the two, the content may look sealed and lack bytes; but no record names it then.
            self.tree.calls.set_mode(&self.file, SEALED).to("seal a content")?;
            self.sealed = true;
        }
        let (folder, name) = split(&self.path);
        let folder = self.tree.folder(folder)?.ok_or(Error::Lost)?;
        self.tree.sync_new(&self.file).inspect_err(|error| {
            // Bytes below its checkpoints may be lost, so that none of them may hold. Where it
            // stays, a second sync would make the next request believe that they are there.
            if error.is_full()
                && let Err(stays) = self.tree.calls.remove(&folder, name, Kind::File)
            {
                warn!(error = &stays as &dyn std::error::Error, "cannot remove a lost content");
                self.tree.stop(error);
            }
        })?;
        self.tree.sync(&folder)
    }

    fn write(&mut self, mut slices: Vec<IoSlice<'_>>) -> Result<()> {
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match self.tree.calls.write(&self.file, rest, self.end).to("write a content")? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero)).to("write a content"),
                written => {
                    self.end += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
            }
        }
        Ok(())
    }

    /// Reserves room for what was announced, so that a full disk shows before the bytes are there.
    fn reserve(&mut self, more: u64) -> Result<()> {
        let needed = self.end + more;
        if self.announced < SMALL || needed <= self.reserved || self.reserved >= self.announced {
            return Ok(());
        }
        let to = self.announced.min(needed + RESERVE);
        match self.tree.calls.reserve(&self.file, self.end..to) {
            Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {
                self.announced = 0;
                return Ok(());
            }
            outcome => outcome.to("reserve room for a content")?,
        }
        self.reserved = to;
        Ok(())
    }

    /// Cuts off what lies beyond the checkpoint that it was opened at.
    fn cut_beyond(&mut self) -> Result<()> {
        let Some(mark) = self.beyond else { return Ok(()) };
        let line = Line::cut(mark);
        match self.tree.calls.set_attribute(&self.file, Line::ATTRIBUTE, &line.to_bytes()) {
            // Without the line a newer checkpoint could not be told from this one.
            Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => {
                return Err(Error::Lost);
            }
            outcome => outcome.to("begin a content's new line")?,
        }
        self.line = line;
        self.cut()?;
        self.beyond = None;
        Ok(())
    }

    /// Cuts to the last checkpoint, and gives up what is reserved.
    fn cut(&mut self) -> Result<()> {
        self.tree.calls.truncate(&self.file, self.at).to("cut a content")?;
        (self.end, self.begun, self.reserved) = (self.at, self.at, self.at);
        Ok(())
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // Nobody else knows of these bytes; if they stay, the next writer cuts them.
        if !self.sealed && (self.end > self.at || self.reserved > self.end) {
            let _ = self.cut();
        }
    }
}

/// Opens the file of a content; at the start it is created where there is none.
fn open_file(tree: &Tree, path: &str, create: bool) -> Result<Option<File>> {
    let how = if create { How::Append } else { How::Write };
    match tree.open(path, how) {
        // A sealed content cannot be opened for writing, nor need it.
        Err(Error::Call(_, error)) if error.kind() == io::ErrorKind::PermissionDenied => {
            tree.open(path, How::Read)
        }
        outcome => outcome,
    }
}
