//! Clients that hang up once their request has changed something: it is told of, and counted, all
//! the same.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::Poll,
};

use async_trait::async_trait;
use futures::{
    executor::block_on,
    future::{Either, select},
};
use registry_core::{
    error::RegistryError,
    policy::AllowAll,
    ports::{Limit, StoreError},
    record::Visibility,
    registry::{Registry, RepositoryChange},
    testing::{Call, ManualTasks, Tap},
};

use crate::{
    audit::Recorded,
    quota::Room,
    support::{Prepared, digest, name, user},
};

/// Holds the answer to one call back once it is done, until that is let go.
struct Gate {
    holds: fn(&Call) -> bool,
    reached: AtomicBool,
    open: AtomicBool,
}

impl Gate {
    fn before_the_answer_to(holds: fn(&Call) -> bool) -> Arc<Self> {
        Arc::new(Self { holds, reached: AtomicBool::default(), open: AtomicBool::default() })
    }
}

#[async_trait]
impl Tap for Gate {
    type Ticket = bool;

    async fn before(&self, call: Call) -> Result<bool, StoreError> {
        Ok((self.holds)(&call))
    }

    async fn after(&self, held: bool) -> Result<(), StoreError> {
        if held {
            self.reached.store(true, SeqCst);
            set(&self.open).await;
        }
        Ok(())
    }
}

async fn set(flag: &AtomicBool) {
    poll_fn(|context| {
        if flag.load(SeqCst) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Makes a request whose client hangs up when the call that changes something is done.
fn hangs_up(
    prepared: &Prepared,
    changes: fn(&Call) -> bool,
    request: impl AsyncFn(&Registry) -> Result<(), RegistryError>,
) -> (Vec<String>, u64) {
    let (gate, tasks) = (Gate::before_the_answer_to(changes), Arc::<ManualTasks>::default());
    let (log, room) = (Arc::<Recorded>::default(), Room::stored(1000));
    let registry = prepared.builder_behind(&gate, AllowAll).tasks(Arc::clone(&tasks));
    let registry = registry.audit(Arc::clone(&log)).limiter(Arc::clone(&room)).build();
    block_on(tasks.run_while(async {
        match select(pin!(request(&registry)), pin!(set(&gate.reached))).await {
            Either::Left((answer, _)) => panic!("it was answered: {answer:?}"),
            Either::Right(_) => {}
        }
    }));
    assert!(log.lines().is_empty(), "it is not done yet");
    gate.open.store(true, SeqCst);
    block_on(tasks.finish());
    (log.lines(), room.left(Limit::StoredBytes, "a"))
}

#[test]
fn a_blob_that_was_deleted_is_told_of_and_makes_room_though_the_client_hung_up() {
    let prepared = Prepared::new();
    let blob = digest(&prepared.image.blobs[0]);
    let is_deleted = |call: &Call| matches!(call, Call::DeleteRecord(_));
    let (lines, left) = hangs_up(&prepared, is_deleted, async |registry| {
        registry.delete_blob(&user("alice"), &name("a"), &blob).await
    });
    assert_eq!(lines, [format!("delete a@{blob} done")]);
    assert_eq!(left, 1000 + prepared.image.blobs[0].len() as u64);
}

#[test]
fn a_blob_that_was_mounted_is_told_of_though_the_client_hung_up() {
    let (prepared, shared) = (Prepared::new(), digest(Prepared::SHARED));
    let is_linked = |call: &Call| matches!(call, Call::Put(key) if key.kind() == "link");
    let (lines, left) = hangs_up(&prepared, is_linked, async |registry| {
        let (a, b) = (name("a"), name("b"));
        registry.mount_blob(&user("alice"), &a, &shared, Some(&b)).await.map(drop)
    });
    assert_eq!(lines, [format!("mount a@{shared} from b done")]);
    assert_eq!(left, 1000 - Prepared::SHARED.len() as u64);
}

#[test]
fn a_repository_that_was_made_public_is_told_of_though_the_client_hung_up() {
    let is_changed = |call: &Call| matches!(call, Call::Put(key) if key.kind() == "repository");
    let (lines, _) = hangs_up(&Prepared::new(), is_changed, async |registry| {
        let public = RepositoryChange::new().visible_to(Visibility::Public);
        registry.change_repository(&user("alice"), &name("a"), &public).await.map(drop)
    });
    assert_eq!(lines, ["admin a done"]);
}
