//! What one client was promised, and whether the registry keeps it.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;
use hyper::header::RANGE;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::dice::Payload;
use crate::support::http::{Http, Reply};

/// What a registry can be asked about. The answer is the digest of what it has there, computed
/// from the bytes that it sends, or nothing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Question {
    Blob(String),
    Manifest(String),
    Tag(String),
    Referrer { subject: String, digest: String },
}

/// An answer.
pub(crate) type Answer = Option<String>;

/// The answers that are possible: one after an acknowledgement, more after a request whose reply
/// did not arrive.
type Possible = BTreeSet<Answer>;

/// An upload session that was not closed, or whose closing was not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) location: String,
    pub(crate) payload: Payload,
    /// How many bytes a 202 has promised to keep.
    pub(crate) acknowledged: usize,
    /// How many bytes were sent at most.
    pub(crate) sent: usize,
    /// Whether a PUT was sent.
    pub(crate) closing: bool,
}

/// Everything that was promised in one repository.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) repository: String,
    pub(crate) uploads: Vec<Upload>,
    facts: BTreeMap<Question, Possible>,
    /// Asked about since the last restart.
    changed: BTreeSet<Question>,
}

impl Ledger {
    pub(crate) fn new(repository: String) -> Self {
        let (uploads, facts, changed) = Default::default();
        Self { repository, uploads, facts, changed }
    }

    /// Notes what a request will change, before it is sent: until its reply, either may be true.
    pub(crate) fn attempt(&mut self, changes: &[(Question, Answer)]) {
        for (question, answer) in changes {
            let possible = self.facts.entry(question.clone()).or_insert_with(|| [None].into());
            possible.insert(answer.clone());
            self.changed.insert(question.clone());
        }
    }

    /// Notes that these answers were acknowledged.
    pub(crate) fn settle(&mut self, changes: Vec<(Question, Answer)>) {
        for (question, answer) in changes {
            self.facts.insert(question, [answer].into());
        }
    }

    /// The answers that are possible now.
    pub(crate) fn possible(&self, question: &Question) -> Possible {
        self.facts.get(question).cloned().unwrap_or_else(|| [None].into())
    }

    /// The tags that may be `digest`.
    pub(crate) fn tags_of(&self, digest: &str) -> Vec<String> {
        let may_be = |possible: &Possible| possible.contains(&Some(digest.to_owned()));
        let tags = self.facts.iter().filter(|(_, possible)| may_be(possible));
        tags.filter_map(|(question, _)| match question {
            Question::Tag(tag) => Some(tag.clone()),
            _ => None,
        })
        .collect()
    }

    /// Asks about everything that changed since the last restart, and asserts that each answer is
    /// a possible one. From then on it is the only one.
    pub(crate) async fn verify_changed(&mut self, http: &Http) {
        for question in std::mem::take(&mut self.changed) {
            self.verify(http, question).await;
        }
    }

    /// Asks about everything that was ever acknowledged.
    pub(crate) async fn verify_all(&mut self, http: &Http) {
        for question in self.facts.keys().cloned().collect::<Vec<_>>() {
            self.verify(http, question).await;
        }
    }

    async fn verify(&mut self, http: &Http, question: Question) {
        let answer = self.ask(http, &question).await;
        let possible = self.possible(&question);
        assert!(
            possible.contains(&answer),
            "{}: {question:?} is {answer:?}, possible: {possible:?}",
            self.repository
        );
        self.settle(vec![(question, answer)]);
    }

    async fn ask(&self, http: &Http, question: &Question) -> Answer {
        match question {
            Question::Blob(digest) => self.get(http, &format!("blobs/{digest}")).await,
            Question::Manifest(of) | Question::Tag(of) => {
                self.get(http, &format!("manifests/{of}")).await
            }
            Question::Referrer { subject, digest } => {
                let path = format!("/v2/{}/referrers/{subject}", self.repository);
                let reply = http.get(&path).await.expect("a reply");
                let index: Value = serde_json::from_slice(&reply.body).expect("an index is JSON");
                let mut entries = index["manifests"].as_array().expect("manifests").iter();
                entries.any(|entry| entry["digest"] == **digest).then(|| digest.clone())
            }
        }
    }

    async fn get(&self, http: &Http, path: &str) -> Answer {
        let path = format!("/v2/{}/{path}", self.repository);
        let reply = http.get(&path).await.expect("a reply");
        match reply.status {
            StatusCode::NOT_FOUND => None,
            StatusCode::OK => {
                let digest = digest(&reply.body);
                assert_eq!(reply.header("docker-content-digest"), digest, "{path}");
                Some(digest)
            }
            other => panic!("{path}: {other} {:?}", reply.body),
        }
    }
}

impl Upload {
    /// The offset in the reply to a status request. Asserts that it keeps what was promised.
    pub(crate) fn offset(&self, reply: &Reply) -> usize {
        let range = reply.header(RANGE);
        let last = range.strip_prefix("0-").and_then(|last| last.parse::<usize>().ok());
        let last = last.unwrap_or_else(|| panic!("{}: no range: {range}", self.location));
        // `0-0` is also what a session without bytes says, and no chunk here is one byte long.
        let offset = if last == 0 { 0 } else { last + 1 };
        let (low, high) = (self.acknowledged, self.sent);
        assert!((low..=high).contains(&offset), "{}: {low} <= {offset} <= {high}", self.location);
        offset
    }
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
