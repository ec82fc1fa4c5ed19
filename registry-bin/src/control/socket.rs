//! The socket's file.

use std::{
    fs, io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, fchmod},
    net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
};

use super::ControlError;

/// Its name in the data directory.
const NAME: &str = "control.sock";
/// `sun_path` of unix(7) has 108 bytes, the last of which is zero.
const LONGEST: usize = 107;
/// Read and write for the server's user alone.
const MODE: u32 = 0o600;
/// How many may wait to be heard.
const BACKLOG: i32 = 16;

/// Where the socket of a data directory is: a path that a socket can have.
#[derive(Clone, Debug)]
pub(crate) struct SocketPath(PathBuf);

/// A socket on which a server listens. Its file goes with it.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    listener: UnixListener,
    file: (u64, u64),
}

impl SocketPath {
    /// The socket in this data directory.
    ///
    /// # Errors
    /// [`ControlError::TooLong`].
    pub(crate) fn in_directory(data: &Path) -> Result<Self, ControlError> {
        let path = data.join(NAME);
        match path.as_os_str().as_bytes().len() {
            length if length > LONGEST => {
                Err(ControlError::TooLong { path, length, most: LONGEST })
            }
            _ => Ok(Self(path)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Connects to the server that listens; `None` where none does. It is told passwords, so it must
    /// be root's or that of whoever owns the directory.
    pub(super) fn connect(&self) -> Result<Option<UnixStream>, ControlError> {
        use io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
        match UnixStream::connect(&self.0) {
            Ok(stream) => self.trusted(stream).map(Some),
            Err(e) if matches!(e.kind(), NotFound | NotADirectory | ConnectionRefused) => Ok(None),
            Err(source) => Err(self.failed("connect to", source)),
        }
    }

    fn trusted(&self, stream: UnixStream) -> Result<UnixStream, ControlError> {
        let peer = net::sockopt::socket_peercred(&stream);
        let peer = peer.map_err(|error| self.failed("look at who listens on", error.into()))?;
        let directory = fs::metadata(self.0.parent().unwrap_or(&self.0));
        let owner = directory.map_err(|source| self.failed("look at the directory of", source))?;
        let (peer, owner) = (peer.uid.as_raw(), owner.uid());
        if is_trusted(peer, owner) {
            Ok(stream)
        } else {
            Err(ControlError::Impostor { path: self.0.clone(), peer, owner })
        }
    }

    /// Listens. What a server left that is no more is replaced.
    ///
    /// # Errors
    /// When a server answers there, or something else is in the way.
    pub(crate) fn listen(&self) -> Result<Socket, ControlError> {
        self.clear()?;
        let socket = self.bound().map_err(|source| self.failed("make", source))?;
        let listener = UnixListener::from(socket);
        let metadata = fs::symlink_metadata(&self.0).map_err(|e| self.failed("look at", e))?;
        let file = (metadata.dev(), metadata.ino());
        let socket = Socket { path: self.0.clone(), listener, file };
        // Nobody can connect before the call after this one.
        match metadata.permissions().mode() & 0o7777 {
            MODE => net::listen(&socket.listener, BACKLOG)
                .map_err(|error| self.failed("listen on", error.into()))?,
            mode => return Err(ControlError::Open { path: self.0.clone(), mode }),
        }
        Ok(socket)
    }

    /// Removes what a server left that is no more.
    pub(crate) fn clear(&self) -> Result<(), ControlError> {
        match fs::symlink_metadata(&self.0) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(self.failed("look at", source)),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(ControlError::Foreign { path: self.0.clone() });
            }
            Ok(_) => {}
        }
        if self.connect()?.is_some() {
            return Err(ControlError::InUse { path: self.0.clone() });
        }
        fs::remove_file(&self.0).map_err(|source| self.failed("remove", source))
    }

    /// A socket with its file, to which nobody can connect yet.
    fn bound(&self) -> io::Result<OwnedFd> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // Linux makes the file with the mode that the socket has, less the umask.
        fchmod(&socket, Mode::from_raw_mode(MODE))?;
        net::bind(&socket, &SocketAddrUnix::new(&self.0)?)?;
        // A umask may have taken from the owner too.
        fs::set_permissions(&self.0, fs::Permissions::from_mode(MODE))?;
        Ok(socket)
    }

    fn failed(&self, what: &'static str, source: io::Error) -> ControlError {
        ControlError::System { what, path: self.0.clone(), source }
    }
}

impl Socket {
    pub(super) fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        // Another server's, should it have come into its place, is not ours to remove.
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.file) {
            // What stays is found dead by the next server.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a server of this user is the one of a directory with this owner.
const fn is_trusted(peer: u32, owner: u32) -> bool {
    peer == 0 || peer == owner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_told_to_the_owner_of_the_directory_and_to_root_alone() {
        assert!(is_trusted(1000, 1000) && is_trusted(0, 1000));
        assert!(!is_trusted(1001, 1000) && !is_trusted(1000, 0));
    }

    fn path(directory: &tempfile::TempDir) -> SocketPath {
        SocketPath::in_directory(directory.path()).expect("a short path")
    }

    #[test]
    fn only_the_owner_can_connect_and_nothing_is_left_behind() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = path(&directory);
        assert!(path.connect().expect("nobody").is_none());
        let socket = path.listen().expect("a socket");
        let mode = fs::symlink_metadata(path.path()).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(path.connect().expect("somebody").is_some());
        drop(socket);
        assert!(!path.path().exists());
    }

    #[test]
    fn a_dead_server_s_socket_is_replaced_and_a_live_one_s_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = path(&directory);
        drop(UnixListener::bind(path.path()).expect("a socket that stays"));
        let socket = path.listen().expect("it is dead");
        assert!(matches!(path.listen(), Err(ControlError::InUse { .. })));
        // One that lost its place leaves the other's alone.
        fs::rename(path.path(), directory.path().join("away")).expect("a rename");
        let other = path.listen().expect("it is gone");
        drop(socket);
        assert!(path.connect().expect("the other").is_some());
        drop(other);
    }

    #[test]
    fn what_is_no_socket_is_left_alone_and_a_long_path_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(NAME), "mine").expect("a file");
        assert!(matches!(path(&directory).listen(), Err(ControlError::Foreign { .. })));
        assert_eq!(fs::read(directory.path().join(NAME)).expect("a file"), b"mine");
        let fits = format!("/{}", "d".repeat(LONGEST - NAME.len() - 2));
        assert!(SocketPath::in_directory(fits.as_ref()).is_ok());
        let error = SocketPath::in_directory(format!("{fits}d").as_ref()).expect_err("too long");
        assert!(error.to_string().contains("has 108 bytes"), "{error}");
    }
}
