//! Every system call of a push and of a deletion fails once, in every way, and nothing that was
//! answered is lost.

use std::collections::BTreeMap;

use registry_core::ports::{DeleteOutcome, StoreErrorKind};
use rustix::io::Errno;

use super::*;

/// What a caller was told.
#[derive(Default)]
struct Told {
    /// The bodies that each record may have now.
    records: BTreeMap<RecordKey, Vec<Option<&'static str>>>,
    sealed: Vec<(ContentId, &'static str)>,
    resumable: Option<(ContentId, Checkpoint, &'static str)>,
}

impl Told {
    /// Changes a record, and remembers what may be there: only the new body once that is answered.
    async fn change(
        &mut self,
        records: &FilesystemRecords,
        name: &str,
        body: Option<&'static str>,
    ) -> Result<(), StoreError> {
        let key = key(name);
        let found = records.get(&key, None).await?;
        self.records.entry(key.clone()).or_insert_with(|| vec![None]).push(body);
        match (found, body) {
            (Lookup::Absent, Some(body)) => {
                let outcome = records.put(&key, record(body), Expect::Absent).await?;
                assert!(matches!(outcome, PutOutcome::Stored(_)));
            }
            (Lookup::Found(version, _), Some(body)) => {
                let expect = Expect::Version(version);
                let outcome = records.put(&key, record(body), expect).await?;
                assert!(matches!(outcome, PutOutcome::Stored(_)));
            }
            (Lookup::Found(version, _), None) => {
                let outcome = records.delete(&key, &version).await?;
                assert_eq!(outcome, DeleteOutcome::Deleted);
            }
            other => panic!("{key}: {other:?}"),
        }
        self.records.insert(key, vec![body]);
        Ok(())
    }

    /// A push, part of another, a deletion.
    async fn scenario(&mut self, store: &Filesystem) -> Result<(), StoreError> {
        let (records, contents) = (store.records(), store.contents());
        let (first, second) = (id(), id());
        self.change(&records, "upload/1", Some("open")).await?;
        self.change(&records, "upload/1", Some("closing")).await?;
        let mut one = writer(&contents, &first, &Checkpoint::START).await?;
        let at = append(&mut *one, "some ").await?;
        self.resumable = Some((first, at.clone(), "some "));
        one.write(vec!["of which nothing is told".into()]).await?;
        drop(one);
        let mut one = writer_once_free(&contents, &first, &at).await?;
        append(&mut *one, "bytes").await?;
        self.resumable = None;
        one.seal(&SealOptions::default()).await?;
        drop(one);
        self.sealed.push((first, "some bytes"));
        self.change(&records, "x-blob/a/b", Some("live")).await?;
        self.change(&records, "x-blob/a/b", Some("condemned")).await?;
        self.change(&records, "tag/r/latest", Some("first")).await?;
        self.change(&records, "upload/1", None).await?;
        let mut two = writer(&contents, &second, &Checkpoint::START).await?;
        let at = append(&mut *two, "half").await?;
        self.resumable = Some((second, at, "half"));
        drop(two);
        self.change(&records, "tag/r/latest", None).await?;
        self.change(&records, "tag/r/latest", Some("again")).await?;
        Ok(())
    }

    /// Everything that was told holds. After a failed sync, a record that was being changed may
    /// refuse to say what it is.
    async fn holds(&self, store: &Filesystem, context: &str) {
        for (key, bodies) in &self.records {
            match body(&store.records(), key).await {
                Ok(found) => {
                    let found = found.map(|bytes| String::from_utf8(bytes.into()).unwrap());
                    assert!(bodies.contains(&found.as_deref()), "{context}: {key} is {found:?}");
                }
                Err(error) => {
                    assert!(bodies.len() > 1, "{context}: {key} is known, but {error:?}");
                    assert_eq!(error.kind(), StoreErrorKind::Unavailable { retry_after: None });
                }
            }
        }
        for (id, bytes) in &self.sealed {
            assert_eq!(
                whole(&store.contents(), id).await.unwrap(),
                Some((*bytes).into()),
                "{context}"
            );
        }
    }

    /// What was checkpointed can be gone on with and sealed.
    async fn goes_on(&self, store: &Filesystem, context: &str) {
        let Some((id, at, bytes)) = &self.resumable else { return };
        let mut writer = writer_once_free(&store.contents(), id, at).await.expect(context);
        writer.seal(&SealOptions::default()).await.expect(context);
        assert_eq!(whole(&store.contents(), id).await.unwrap(), Some((*bytes).into()), "{context}");
    }
}

/// A dropped writer's last call may still be in flight.
async fn writer_once_free(
    contents: &FilesystemContents,
    id: &ContentId,
    at: &Checkpoint,
) -> Result<Box<dyn ContentWriter>, StoreError> {
    loop {
        match writer(contents, id, at).await {
            Err(error) if error.kind() == StoreErrorKind::Busy => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

async fn close(fixture: &Fixture, store: Filesystem) -> Result<Filesystem, OpenError> {
    drop(store);
    loop {
        match fixture.open() {
            Err(OpenError::Busy(_)) => tokio::task::yield_now().await,
            outcome => return outcome,
        }
    }
}

/// Runs the scenario with a fault, then looks, then restarts and looks again.
async fn check(call: usize, fault: Fault) {
    let context = format!("call {call} {fault:?}");
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    fixture.seam.fail(call, fault);
    let mut told = Told::default();
    let outcome = told.scenario(&store).await;
    fixture.seam.heal();
    if let (Err(error), Fault::Refused(Errno::NOSPC)) = (&outcome, fault) {
        assert_eq!(error.kind(), StoreErrorKind::Full, "{context}: {error:?}");
    }
    told.holds(&store, &context).await;
    let store = match close(&fixture, store).await {
        Ok(store) => store,
        // Only a failed sync asks for a new start of the machine, which ends all uploads.
        Err(OpenError::SyncFailed(_)) => {
            fixture.seam.reboot();
            told.resumable = None;
            told.records.retain(|key, _| !key.is_volatile());
            fixture.open().expect(&context)
        }
        Err(error) => panic!("{context}: {error}"),
    };
    told.holds(&store, &context).await;
    told.goes_on(&store, &context).await;
}

#[tokio::test]
async fn whichever_call_fails_what_was_answered_is_there() {
    let fixture = Fixture::new();
    let store = fixture.open().unwrap();
    fixture.seam.log();
    Told::default().scenario(&store).await.unwrap();
    let calls = fixture.seam.log().len();
    assert!(calls > 50, "the scenario makes {calls} calls");
    for call in 0..calls {
        check(call, Fault::Refused(Errno::IO)).await;
        check(call, Fault::Denied(Errno::IO)).await;
        check(call, Fault::Refused(Errno::NOSPC)).await;
    }
}
