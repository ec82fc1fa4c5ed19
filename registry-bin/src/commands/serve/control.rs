//! The commands that come while the server runs.

use std::sync::Arc;

use registry_adapters::system::{SystemClock, TokioTasks};
use tokio::task::JoinHandle;

use crate::{
    admin::Administrator,
    config::{Config, Store},
    control::{self, ControlError, Socket, SocketPath},
    directory,
    failure::Failure,
};

/// Hears commands, until it is dropped.
pub(super) struct Control(Option<JoinHandle<()>>);

/// Removes the socket that a server left which kept nothing in the directory, and is no more: a
/// directory with something in it that is not a store's is refused.
pub(super) fn clear(config: &Config) -> Result<(), Failure> {
    let data = config.data.value.path();
    if config.store.value == Store::Filesystem && !directory::has_store(data) && data.exists() {
        // Where a socket cannot be, none was left.
        if let Ok(path) = SocketPath::in_directory(data) {
            path.clear()?;
        }
    }
    Ok(())
}

/// Listens on the control socket. Without accounts there is little to command, and a server that
/// cannot be commanded only says so.
pub(super) fn start(
    config: &Config,
    administrator: Administrator,
    tasks: TokioTasks,
) -> Result<Control, Failure> {
    let keeps_accounts = config.accounts.value;
    if config.store.value == Store::Memory && !keeps_accounts {
        return Ok(Control(None));
    }
    if config.store.value == Store::Memory {
        let data = config.data.value.path();
        // Where it fails the socket does, and says why.
        let _ = directory::make(data);
        directory::check(data)?;
    }
    match listen(config) {
        Ok(socket) => Ok(Control(Some(tokio::spawn(hear(socket, administrator, tasks))))),
        Err(error) if keeps_accounts => Err(error.into()),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the server cannot be commanded while it runs");
            Ok(Control(None))
        }
    }
}

fn listen(config: &Config) -> Result<Socket, ControlError> {
    SocketPath::in_directory(config.data.value.path())?.listen()
}

async fn hear(socket: Socket, administrator: Administrator, tasks: TokioTasks) {
    let administrator = Arc::new(administrator);
    let answer = move |operator, command| {
        let administrator = Arc::clone(&administrator);
        async move { administrator.carry_out(operator, command).await }
    };
    if let Err(error) = control::serve(&socket, SystemClock::new(), &tasks, answer).await {
        tracing::error!(error = &error as &dyn std::error::Error, "no command is heard any more");
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
