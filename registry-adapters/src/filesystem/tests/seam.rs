//! System calls that are written down and can be made to fail.

use std::{
    fs::File,
    io::{self, IoSlice},
    ops::Range,
    path::Path,
    sync::Mutex,
};

use rustix::io::Errno;

use super::{Calls, How, Kind, Linux, Status};

/// The calls of Linux, but without any sync, which no test needs that does not cut the power.
#[derive(Debug, Default)]
pub(super) struct Seam(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What was called, with the last name of a path.
    log: Vec<String>,
    faults: Vec<(usize, Fault)>,
    full: Option<usize>,
    boot: Option<String>,
    ignores_case: bool,
}

/// How a call fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It is not done.
    Refused(Errno),
    /// It is done, and says that it is not.
    Denied(Errno),
}

impl Seam {
    /// Forgets the log; the call with this number from now on will fail.
    pub(super) fn fail(&self, call: usize, fault: Fault) {
        let mut state = self.state();
        state.log.clear();
        state.faults = vec![(call, fault)];
    }

    /// Another call, counted from the same one, will fail as well.
    pub(super) fn fail_too(&self, call: usize, fault: Fault) {
        self.state().faults.push((call, fault));
    }

    /// From now on no call fails.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        (state.faults, state.full) = (Vec::new(), None);
    }

    /// From now on there is only room for as many new files.
    pub(super) fn fill(&self, room: usize) {
        self.state().full = Some(room);
    }

    /// As if the machine were started anew.
    pub(super) fn reboot(&self) {
        self.state().boot = Some("another".to_owned());
    }

    pub(super) fn ignore_case(&self) {
        self.state().ignores_case = true;
    }

    /// What was called since the last time.
    pub(super) fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.state().log)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn call<T>(&self, name: &str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state();
        let number = state.log.len();
        state.log.push(name.to_owned());
        match state.faults.iter().find(|(at, _)| *at == number).copied() {
            Some((_, Fault::Refused(error))) => return Err(error.into()),
            Some((_, Fault::Denied(error))) => {
                call()?;
                return Err(error.into());
            }
            None => {}
        }
        if let Some(room) = &mut state.full
            && ["create", "append", "make", "write", "reserve"]
                .iter()
                .any(|new| name.starts_with(new))
        {
            *room = room.checked_sub(1).ok_or(Errno::NOSPC)?;
        }
        drop(state);
        call()
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

impl Calls for Seam {
    fn open_root(&self, path: &Path) -> io::Result<File> {
        self.call("open the root", || Linux.open_root(path))
    }

    fn open(&self, folder: &File, path: &str, how: How) -> io::Result<File> {
        let verb = match how {
            How::Folder => "enter",
            How::Read => "read",
            How::Write => "write to",
            How::Append => "append to",
            How::Create => "create",
        };
        self.call(&format!("{verb} {}", last(path)), || Linux.open(folder, path, how))
    }

    fn create_folder(&self, folder: &File, name: &str) -> io::Result<()> {
        self.call(&format!("make {name}"), || Linux.create_folder(folder, name))
    }

    fn remove(&self, folder: &File, name: &str, kind: Kind) -> io::Result<()> {
        self.call(&format!("remove {name}"), || {
            if name == "reserve"
                && let Some(room) = &mut self.0.lock().unwrap().full
            {
                *room += 100;
            }
            Linux.remove(folder, name, kind)
        })
    }

    fn rename(&self, from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
        self.call(&format!("rename to {}", to.1), || Linux.rename(from, to))
    }

    fn exchange(&self, one: (&File, &str), other: (&File, &str)) -> io::Result<()> {
        self.call(&format!("exchange with {}", other.1), || Linux.exchange(one, other))
    }

    fn entries(&self, folder: &File, each: &mut dyn FnMut(&str, Kind)) -> io::Result<()> {
        self.call("list", || Linux.entries(folder, each))
    }

    fn status(&self, file: &File) -> io::Result<Status> {
        self.call("look", || Linux.status(file))
    }

    fn status_at(&self, folder: &File, name: &str) -> io::Result<Status> {
        if self.state().ignores_case && name == name.to_uppercase() {
            return Linux.status_at(folder, &name.to_lowercase());
        }
        self.call(&format!("look at {name}"), || Linux.status_at(folder, name))
    }

    fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call("get bytes", || Linux.read(file, buffer, offset))
    }

    fn write(&self, file: &File, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        self.call("write", || Linux.write(file, buffers, offset))
    }

    fn truncate(&self, file: &File, size: u64) -> io::Result<()> {
        self.call(&format!("cut to {size}"), || Linux.truncate(file, size))
    }

    fn reserve(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        self.call("reserve", || Linux.reserve(file, range))
    }

    fn begin_write_back(&self, file: &File, range: Range<u64>) -> io::Result<()> {
        self.call("begin", || Linux.begin_write_back(file, range))
    }

    fn set_mode(&self, file: &File, mode: u32) -> io::Result<()> {
        self.call("mark", || Linux.set_mode(file, mode))
    }

    fn attribute(&self, file: &File, name: &str) -> io::Result<Option<Vec<u8>>> {
        self.call("get line", || Linux.attribute(file, name))
    }

    fn set_attribute(&self, file: &File, name: &str, value: &[u8]) -> io::Result<()> {
        self.call("set line", || Linux.set_attribute(file, name, value))
    }

    fn sync(&self, _file: &File) -> io::Result<()> {
        self.call("sync", || Ok(()))
    }

    fn sync_all(&self, _root: &File) -> io::Result<()> {
        self.call("sync all", || Ok(()))
    }

    fn free(&self, root: &File) -> io::Result<u64> {
        self.call("ask for room", || Linux.free(root))
    }

    fn lock(&self, file: &File) -> io::Result<bool> {
        self.call("lock", || Linux.lock(file))
    }

    fn boot_id(&self) -> io::Result<String> {
        let boot = self.state().boot.clone();
        self.call("ask for the boot", || boot.map_or_else(|| Linux.boot_id(), Ok))
    }
}
