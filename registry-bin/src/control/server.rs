//! The server's end of the socket.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use futures::future::{self, Either};
use registry_core::ports::{Clock, Tasks};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
};

use super::{LONGEST_REQUEST, Socket};

/// How many are heard at once.
const AT_ONCE: usize = 8;
/// How long a request may take to come, and a reply to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when the system has nothing left to accept with.
const BREATH: Duration = Duration::from_millis(100);

/// Who asks: the operating system's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    uid: u32,
}

impl Operator {
    /// Whoever runs this process.
    pub(crate) fn myself() -> Self {
        Self { uid: rustix::process::geteuid().as_raw() }
    }

    /// The name under which what they do is written down.
    pub(crate) fn id(self) -> String {
        format!("uid-{}", self.uid)
    }

    fn may_command(self, server: Self) -> bool {
        self.uid == 0 || self == server
    }
}

/// Answers whoever connects, until it is dropped. What was begun by then ends nevertheless: `tasks`
/// has it.
pub(crate) async fn serve<Q, A, F>(
    socket: &Socket,
    clock: impl Clock + Clone,
    tasks: &impl Tasks,
    answer: impl Fn(Operator, Q) -> F + Send + Sync + 'static,
) -> io::Result<()>
where
    Q: DeserializeOwned + Send + 'static,
    A: Serialize + Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    let listener = UnixListener::from_std(socket.listener()?)?;
    let answer = Arc::new(answer);
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot hear a command");
                clock.sleep(BREATH).await;
                continue;
            }
        };
        let (answer, clock) = (Arc::clone(&answer), clock.clone());
        tasks.spawn(Box::pin(async move {
            if let Err(error) = converse(stream, &clock, &*answer).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a command broke off");
            }
            drop(turn);
        }));
    }
}

async fn converse<Q, A, F>(
    mut stream: UnixStream,
    clock: &impl Clock,
    answer: &impl Fn(Operator, Q) -> F,
) -> io::Result<()>
where
    Q: DeserializeOwned,
    A: Serialize,
    F: Future<Output = A>,
{
    let operator = Operator { uid: stream.peer_cred()?.uid() };
    if !operator.may_command(Operator::myself()) {
        let what = format!("user {} of the system may not command the server", operator.uid);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    }
    let mut line = Vec::new();
    let mut request = BufReader::new((&mut stream).take(LONGEST_REQUEST));
    in_time(clock, request.read_until(b'\n', &mut line)).await?;
    if line.last() != Some(&b'\n') {
        return Err(io::Error::other("the request has no end, or is too long"));
    }
    // What is wrong with it may quote it, and it may hold a password.
    let request = serde_json::from_slice(&line)
        .map_err(|_| io::Error::other("the request is none of this version"))?;
    let mut reply = serde_json::to_vec(&answer(operator, request).await)?;
    reply.push(b'\n');
    in_time(clock, stream.write_all(&reply)).await?;
    in_time(clock, stream.shutdown()).await
}

async fn in_time<T>(
    clock: &impl Clock,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match future::select(pin!(work), clock.sleep(PATIENCE)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use registry_adapters::system::{SystemClock, TokioTasks};
    use tokio::sync::Notify;

    use super::{
        super::{SocketPath, ask},
        *,
    };

    #[tokio::test]
    async fn a_command_that_was_begun_is_waited_for_when_the_server_ends() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = SocketPath::in_directory(directory.path()).expect("a short path");
        let socket = path.listen().expect("a socket");
        let tasks = TokioTasks::current();
        let [begun, end] = [(); 2].map(|()| Arc::new(Notify::new()));
        let answer = {
            let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
            move |_, question: u8| {
                let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
                async move {
                    begun.notify_one();
                    end.notified().await;
                    question + 1
                }
            }
        };
        let asking = tokio::task::spawn_blocking(move || ask::<u8, u8>(&path, &1));
        let serving = serve(&socket, SystemClock::new(), &tasks, answer);
        assert!(matches!(
            future::select(pin!(serving), pin!(begun.notified())).await,
            Either::Right(_)
        ));
        assert!(tasks.idle().now_or_never().is_none(), "the end waits for it");
        end.notify_one();
        tasks.idle().await;
        assert_eq!(asking.await.expect("no panic").expect("an answer"), Some(2));
    }

    #[test]
    fn only_root_and_the_server_s_own_user_may_command() {
        let [root, server, other] = [0, 1000, 1001].map(|uid| Operator { uid });
        assert!(root.may_command(server) && server.may_command(server));
        assert!(!other.may_command(server) && !server.may_command(root));
    }
}
