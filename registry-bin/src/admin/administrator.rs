//! Carries commands out.

use std::{error::Error, fmt::Write, sync::Arc};

use registry_adapters::accounts::{Accounts, AccountsError, NewKey};
use registry_core::{
    identity::{Principal, PrincipalKind},
    ports::{AuditAction, AuditEvent, AuditLog, AuditOutcome, Clock},
};

use super::{Answer, Command, KeyEntry, Reply, UserEntry};
use crate::control::Operator;

/// Carries commands out, and keeps what they changed in the audit log.
pub(crate) struct Administrator {
    /// `None` where the server keeps none.
    pub(crate) accounts: Option<Accounts>,
    pub(crate) audit: Arc<dyn AuditLog>,
    pub(crate) clock: Box<dyn Clock>,
}

/// Why a command is not carried out.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    #[error("this server keeps no users and keys: start it with --accounts")]
    NoAccounts,
    #[error("the key would be good for longer than time can be counted")]
    TooLong,
}

impl Administrator {
    /// Carries a command out for whoever asks, who may have anything done.
    pub(crate) async fn carry_out(&self, operator: Operator, command: Command) -> Reply {
        let change = command.change();
        let outcome = self.execute(command).await;
        if let Some((words, resource)) = change {
            self.keep(operator, words, resource, &outcome).await;
        }
        match outcome {
            Ok(answer) => Reply::Done(answer),
            Err(refusal) => Reply::Refused(chain(&refusal)),
        }
    }

    async fn execute(&self, command: Command) -> Result<Answer, Refusal> {
        let accounts = self.accounts.as_ref().ok_or(Refusal::NoAccounts)?;
        match command {
            Command::UserAdd { name, groups, password } => {
                accounts.add_user(&name, &password.to_secret(), &groups).await?;
            }
            Command::UserList => {
                let users = accounts.users().await?;
                return Ok(Answer::Users(users.into_iter().map(UserEntry::of).collect()));
            }
            Command::UserPasswd { name, password } => {
                accounts.set_password(&name, &password.to_secret()).await?;
            }
            Command::UserGroups { name, groups } => accounts.set_groups(&name, &groups).await?,
            Command::UserDisable { name } => accounts.set_disabled(&name, true).await?,
            Command::UserEnable { name } => accounts.set_disabled(&name, false).await?,
            Command::UserRemove { name } => accounts.remove_user(&name).await?,
            Command::KeyCreate { owner, description, good_for } => {
                let now = self.clock.now();
                let expires = |good_for| now.checked_add(good_for).ok_or(Refusal::TooLong);
                let expires = good_for.map(expires).transpose()?;
                let created = accounts.create_key(NewKey { owner, description, expires }).await?;
                return Ok(Answer::created(created, now));
            }
            Command::KeyList { owner } => {
                let now = self.clock.now();
                let mut keys = accounts.keys().await?;
                keys.retain(|key| owner.as_ref().is_none_or(|owner| key.owner == *owner));
                let entries = keys.into_iter().map(|key| KeyEntry::of(key, now));
                return Ok(Answer::Keys(entries.collect()));
            }
            Command::KeyRevoke { id } => accounts.revoke_key(&id).await?,
        }
        Ok(Answer::Nothing)
    }

    /// Keeps what was done, or why it was not.
    async fn keep(
        &self,
        operator: Operator,
        words: &str,
        resource: String,
        outcome: &Result<Answer, Refusal>,
    ) {
        let action = match words {
            "key create" => AuditAction::KeyCreated,
            "key revoke" => AuditAction::KeyRevoked,
            _ => AuditAction::Admin,
        };
        let principal = Principal::new(PrincipalKind::Service, &operator.id());
        let mut event = AuditEvent::new(self.clock.now(), principal, action, resource);
        event.reason = Some(words.to_owned());
        match outcome {
            Ok(Answer::CreatedKey { entry, .. }) => {
                event.resource = format!("key:{} {}", entry.id, entry.owner);
            }
            Ok(_) => {}
            Err(refusal) => {
                event.outcome = AuditOutcome::Failed;
                event.reason = Some(format!("{words}: {}", chain(refusal)));
            }
        }
        let (action, resource, outcome) = (event.action, &event.resource, event.outcome);
        tracing::info!(operator = operator.id(), %action, %resource, %outcome, command = words, "command");
        if let Err(error) = self.audit.record(&event).await {
            tracing::error!(error = &error as &dyn Error, "an event is not in the audit log");
        }
    }
}

/// An error with its causes, for whoever typed the command.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
