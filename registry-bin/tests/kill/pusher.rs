//! One client: it pushes, tags, mounts and deletes at random, and keeps a ledger.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::dice::{Dice, Payload};
use super::ledger::{Answer, Ledger, Question, Upload, digest};
use crate::support::http::{Error, Http, Reply, closing};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BYTES: (HeaderName, &str) = (CONTENT_TYPE, "application/octet-stream");
/// How many tags are overwritten again and again in a repository.
const TAGS: usize = 5;
/// How many contents all clients push, so that they meet on the same blobs.
const SHARED: usize = 12;

/// A client of its own repository.
#[derive(Debug)]
pub(crate) struct Pusher {
    pub(crate) ledger: Ledger,
    dice: Dice,
    /// Blobs that are there and never deleted, for manifests to refer to.
    kept: Vec<Payload>,
    /// Blobs that are there and may be deleted.
    loose: Vec<String>,
    documents: Vec<Document>,
}

/// A manifest that was pushed at least once. It may have been deleted since.
#[derive(Clone, Debug)]
struct Document {
    digest: String,
    bytes: Bytes,
    subject: Option<String>,
}

/// A pusher at work on one server.
struct Shift<'a> {
    pusher: &'a mut Pusher,
    http: &'a Http,
    acknowledged: &'a Semaphore,
}

impl Pusher {
    pub(crate) fn new(number: usize, dice: Dice) -> Self {
        let (kept, loose, documents) = Default::default();
        Self { ledger: Ledger::new(repository(number)), dice, kept, loose, documents }
    }

    /// Works until a request fails, and returns why it did. Adds a permit for every reply.
    pub(crate) async fn work(&mut self, http: &Http, acknowledged: Arc<Semaphore>) -> Error {
        let mut shift = Shift { pusher: self, http, acknowledged: &acknowledged };
        loop {
            if let Err(error) = shift.step().await {
                return error;
            }
        }
    }

    /// Continues every upload that the server's end left open, and closes it.
    pub(crate) async fn resume_uploads(&mut self, http: &Http) -> Result<(), Error> {
        let uncounted = Semaphore::new(0);
        let uploads = std::mem::take(&mut self.ledger.uploads);
        let mut shift = Shift { pusher: self, http, acknowledged: &uncounted };
        for upload in uploads {
            shift.resume(upload).await?;
        }
        Ok(())
    }
}

impl Shift<'_> {
    async fn step(&mut self) -> Result<(), Error> {
        match self.pusher.dice.below(12) {
            0 => self.push_blob().await,
            1 => self.push_blob_at_once().await,
            2 => self.push_shared_blob().await,
            3 => self.mount_shared_blob().await,
            4 => self.delete_blob().await,
            5 | 6 => self.begin_upload().await,
            7 => self.go_on_with_an_upload().await,
            8 => self.push_image().await,
            9 => self.push_artifact().await,
            10 => self.push_again().await,
            _ => self.delete_manifest_or_tag().await,
        }
    }

    async fn push_blob(&mut self) -> Result<(), Error> {
        let payload = self.pusher.dice.payload();
        self.upload_whole(payload).await?;
        self.pusher.kept.push(payload);
        Ok(())
    }

    async fn push_blob_at_once(&mut self) -> Result<(), Error> {
        let bytes = self.pusher.dice.payload().bytes();
        let digest = digest(&bytes);
        let path = format!("{}?digest={digest}", self.path("blobs/uploads/"));
        let changes = vec![blob(&digest)];
        self.change(changes, Method::POST, &path, &[BYTES], bytes, StatusCode::CREATED).await?;
        self.pusher.loose.push(digest);
        Ok(())
    }

    async fn push_shared_blob(&mut self) -> Result<(), Error> {
        let payload = self.shared();
        self.upload_whole(payload).await
    }

    async fn mount_shared_blob(&mut self) -> Result<(), Error> {
        let digest = digest(&self.shared().bytes());
        let from = repository(self.pusher.dice.below(super::PUSHERS));
        let path = format!("{}?mount={digest}&from={from}", self.path("blobs/uploads/"));
        let change = blob(&digest);
        let before = self.pusher.ledger.possible(&change.0);
        self.pusher.ledger.attempt(std::slice::from_ref(&change));
        let reply = self.send(Method::POST, &path, &[(CONTENT_LENGTH, "0")], "").await?;
        match reply.status {
            StatusCode::CREATED => self.pusher.ledger.settle(vec![change]),
            // Not there: an upload instead, and nothing has changed.
            StatusCode::ACCEPTED => {
                self.expect(Method::DELETE, reply.location(), &[], "", StatusCode::NO_CONTENT)
                    .await?;
                let settled = before.into_iter().map(|answer| (change.0.clone(), answer));
                self.pusher.ledger.settle(settled.collect());
            }
            other => panic!("{path}: {other} {:?}", reply.body),
        }
        Ok(())
    }

    async fn delete_blob(&mut self) -> Result<(), Error> {
        let Some(digest) = self.pusher.loose.pop() else { return Ok(()) };
        let path = self.path(&format!("blobs/{digest}"));
        let changes = vec![(Question::Blob(digest), None)];
        self.change(changes, Method::DELETE, &path, &[], "", StatusCode::ACCEPTED).await?;
        Ok(())
    }

    async fn begin_upload(&mut self) -> Result<(), Error> {
        let payload = self.pusher.dice.payload();
        let location = self.open().await?;
        let upload = Upload { location, payload, acknowledged: 0, sent: 0, closing: false };
        self.pusher.ledger.uploads.push(upload);
        self.go_on_with_an_upload().await
    }

    /// Sends the next chunk of the upload that was begun last, or closes it.
    async fn go_on_with_an_upload(&mut self) -> Result<(), Error> {
        let Some(upload) = self.pusher.ledger.uploads.last().cloned() else { return Ok(()) };
        let left = upload.payload.len - upload.acknowledged;
        if left < 2 {
            return self.close_the_last_upload(upload).await;
        }
        let end = upload.acknowledged + 2 + self.pusher.dice.below(left - 1);
        let chunk = Bytes::from(upload.payload.bytes()).slice(upload.acknowledged..end);
        self.last_upload().sent = end;
        let range = format!("{}-{}", upload.acknowledged, end - 1);
        let headers = [BYTES, (CONTENT_RANGE, range.as_str())];
        let headers = if self.pusher.dice.below(2) == 0 { &headers[..] } else { &headers[..1] };
        let reply = self
            .expect(Method::PATCH, &upload.location, headers, chunk, StatusCode::ACCEPTED)
            .await?;
        self.last_upload().location = reply.location().to_owned();
        self.last_upload().acknowledged = end;
        Ok(())
    }

    async fn close_the_last_upload(&mut self, upload: Upload) -> Result<(), Error> {
        let bytes = upload.payload.bytes();
        let rest = Bytes::copy_from_slice(&bytes[upload.acknowledged..]);
        let path = closing(&upload.location, &digest(&bytes));
        self.last_upload().closing = true;
        self.last_upload().sent = bytes.len();
        let changes = vec![blob(&digest(&bytes))];
        self.change(changes, Method::PUT, &path, &[BYTES], rest, StatusCode::CREATED).await?;
        self.pusher.ledger.uploads.pop();
        self.pusher.kept.push(upload.payload);
        Ok(())
    }

    /// After a restart: the session is where its client was told, and can be brought to its end.
    /// One whose closing was under way may have ended; then its blob is there.
    async fn resume(&mut self, upload: Upload) -> Result<(), Error> {
        let bytes = Bytes::from(upload.payload.bytes());
        let blob = blob(&digest(&bytes));
        let status = self.send(Method::GET, &upload.location, &[], "").await?;
        if upload.closing && status.status == StatusCode::NOT_FOUND {
            let possible = self.pusher.ledger.possible(&blob.0);
            assert_eq!(possible, [blob.1].into(), "{} is lost", upload.location);
            return Ok(());
        }
        assert_eq!(status.status, StatusCode::NO_CONTENT, "{upload:?}: {:?}", status.body);
        let offset = upload.offset(&status);
        let path = closing(status.location(), &digest(&bytes));
        let rest = bytes.slice(offset..);
        self.change(vec![blob], Method::PUT, &path, &[BYTES], rest, StatusCode::CREATED).await?;
        Ok(())
    }

    async fn push_image(&mut self) -> Result<(), Error> {
        let config = self.pusher.dice.payload();
        self.upload_whole(config).await?;
        let layers = (0..self.pusher.dice.below(3))
            .filter_map(|_| self.pusher.dice.pick(&self.pusher.kept).copied().map(descriptor));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(config),
            "layers": layers.collect::<Vec<_>>(),
        });
        self.push_document(Document::new(manifest, None)).await
    }

    async fn push_artifact(&mut self) -> Result<(), Error> {
        let subject = self.pusher.dice.pick(&self.pusher.documents).cloned();
        let Some(subject) = subject else { return Ok(()) };
        let config = self.pusher.dice.payload();
        self.upload_whole(config).await?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.example.note",
            "config": descriptor(config),
            "layers": [],
            "subject": {
                "mediaType": MANIFEST,
                "digest": subject.digest,
                "size": subject.bytes.len(),
            },
        });
        self.push_document(Document::new(manifest, Some(subject.digest))).await
    }

    /// Pushes a manifest that was there before, deleted or not, to some tag.
    async fn push_again(&mut self) -> Result<(), Error> {
        let document = self.pusher.dice.pick(&self.pusher.documents).cloned();
        match document {
            Some(document) => self.push_document(document).await,
            None => Ok(()),
        }
    }

    async fn push_document(&mut self, document: Document) -> Result<(), Error> {
        let tag = format!("tag-{}", self.pusher.dice.below(TAGS));
        let path = self.path(&format!("manifests/{tag}"));
        let now = Some(document.digest.clone());
        let mut changes = document.existence(now.clone());
        changes.push((Question::Tag(tag), now));
        let body = document.bytes.clone();
        if !self.pusher.documents.iter().any(|known| known.digest == document.digest) {
            self.pusher.documents.push(document);
        }
        let headers = [(CONTENT_TYPE, MANIFEST)];
        self.change(changes, Method::PUT, &path, &headers, body, StatusCode::CREATED).await?;
        Ok(())
    }

    async fn delete_manifest_or_tag(&mut self) -> Result<(), Error> {
        let Some(document) = self.pusher.dice.pick(&self.pusher.documents).cloned() else {
            return Ok(());
        };
        let manifest = Question::Manifest(document.digest.clone());
        if self.pusher.ledger.possible(&manifest) != [Some(document.digest.clone())].into() {
            return Ok(());
        }
        let tags = self.pusher.ledger.tags_of(&document.digest);
        let (reference, changes) = match tags.first() {
            Some(tag) if self.pusher.dice.below(2) == 0 => {
                (tag.clone(), vec![(Question::Tag(tag.clone()), None)])
            }
            _ => {
                let tags = tags.into_iter().map(|tag| (Question::Tag(tag), None));
                let changes = document.existence(None).into_iter().chain(tags);
                (document.digest.clone(), changes.collect())
            }
        };
        let path = self.path(&format!("manifests/{reference}"));
        self.change(changes, Method::DELETE, &path, &[], "", StatusCode::ACCEPTED).await?;
        Ok(())
    }

    async fn upload_whole(&mut self, payload: Payload) -> Result<(), Error> {
        let location = self.open().await?;
        let bytes = payload.bytes();
        let digest = digest(&bytes);
        let path = closing(&location, &digest);
        let changes = vec![blob(&digest)];
        self.change(changes, Method::PUT, &path, &[BYTES], bytes, StatusCode::CREATED).await?;
        Ok(())
    }

    async fn open(&mut self) -> Result<String, Error> {
        let path = self.path("blobs/uploads/");
        let none = [(CONTENT_LENGTH, "0")];
        let reply = self.expect(Method::POST, &path, &none, "", StatusCode::ACCEPTED).await?;
        Ok(reply.location().to_owned())
    }

    /// Sends a request that makes `changes` true, and notes them: as possible before, as promised
    /// after its reply.
    async fn change(
        &mut self,
        changes: Vec<(Question, Answer)>,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
        status: StatusCode,
    ) -> Result<Reply, Error> {
        self.pusher.ledger.attempt(&changes);
        let reply = self.expect(method, path, headers, body, status).await?;
        self.pusher.ledger.settle(changes);
        Ok(reply)
    }

    async fn expect(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
        status: StatusCode,
    ) -> Result<Reply, Error> {
        let reply = self.send(method.clone(), path, headers, body).await?;
        assert_eq!(reply.status, status, "{method} {path}: {:?}", reply.body);
        Ok(reply)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Reply, Error> {
        let reply = self.http.send(method, path, headers, body).await?;
        self.acknowledged.add_permits(1);
        Ok(reply)
    }

    fn last_upload(&mut self) -> &mut Upload {
        self.pusher.ledger.uploads.last_mut().expect("an upload was begun")
    }

    fn path(&self, below: &str) -> String {
        format!("/v2/{}/{below}", self.pusher.ledger.repository)
    }

    /// One of the contents that all clients push.
    fn shared(&mut self) -> Payload {
        let seed = self.pusher.dice.below(SHARED);
        Payload { seed: seed as u64, len: seed << 10 }
    }
}

impl Document {
    fn new(manifest: Value, subject: Option<String>) -> Self {
        let bytes = Bytes::from(manifest.to_string());
        Self { digest: digest(&bytes), bytes, subject }
    }

    /// What is true of this manifest, and of its place among the referrers, when it is `now`.
    fn existence(&self, now: Answer) -> Vec<(Question, Answer)> {
        let digest = self.digest.clone();
        let subject = self.subject.clone();
        let referrer =
            subject.map(|subject| Question::Referrer { subject, digest: digest.clone() });
        let manifest = Question::Manifest(digest.clone());
        [manifest].into_iter().chain(referrer).map(|question| (question, now.clone())).collect()
    }
}

fn repository(number: usize) -> String {
    format!("kill/pusher-{number}")
}

fn blob(digest: &str) -> (Question, Answer) {
    (Question::Blob(digest.to_owned()), Some(digest.to_owned()))
}

fn descriptor(payload: Payload) -> Value {
    let digest = digest(&payload.bytes());
    json!({"mediaType": "application/octet-stream", "digest": digest, "size": payload.len})
}
