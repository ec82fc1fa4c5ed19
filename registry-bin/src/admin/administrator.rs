//! Carries commands out.

use std::{error::Error, fmt::Write, sync::Arc};

use futures::TryStreamExt;
use registry_adapters::{
    accounts::{Accounts, AccountsError, GroupName, NewKey, UserName},
    htpasswd::Htpasswd,
    jwt::KeyError,
};
use registry_core::{
    access::{Access, Action, Grant},
    error::RegistryError,
    identity::{Caller, CredentialKind, Principal, PrincipalKind},
    name::RepositoryName,
    page::Page,
    ports::{
        AuditAction, AuditEvent, AuditLog, AuditOutcome, Clock, ContentIdError, TokenError,
        TokenIssuer,
    },
    record::{KeyError as RecordKeyError, RepositoryRecord},
    registry::{Registry, RepositoryChange, RepositoryStatus},
};

use super::{
    Answer, Command, Facts, Hidden, KeyEntry, Reply, RepositoryEntry, Served, TokenKeyEntry,
    UploadEntry, UserEntry, owner::OwnerError,
};
use crate::{
    control::Operator,
    wiring::{Discard, TokenKeys},
};

/// Carries commands out, and keeps what they changed in the audit log.
pub(crate) struct Administrator {
    /// `None` where the server keeps none.
    pub(crate) accounts: Option<Accounts>,
    /// The users of a file; `None` where there is none.
    pub(crate) htpasswd: Option<Arc<Htpasswd>>,
    /// Deletes what is no record.
    pub(crate) discard: Discard,
    /// One whose policy lets everybody do everything.
    pub(crate) registry: Registry,
    /// `None` where no tokens are made.
    pub(crate) minter: Option<Minter>,
    /// `None` where there are none.
    pub(crate) token_keys: Option<TokenKeys>,
    /// Says by what the server decides; `None` where none runs.
    pub(crate) served: Option<Box<dyn Fn() -> Served + Send + Sync>>,
    pub(crate) audit: Option<Arc<dyn AuditLog>>,
    pub(crate) clock: Box<dyn Clock>,
}

/// Makes tokens.
pub(crate) struct Minter {
    pub(crate) issuer: Arc<dyn TokenIssuer>,
    /// The one that is served, whose policy says what a token carries.
    pub(crate) registry: Registry,
}

/// Why a command is not carried out.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    #[error("this server keeps no users and keys: start it with --accounts")]
    NoAccounts,
    #[error("tokens are made by a server that runs, and lets somebody log in for them")]
    NoTokens,
    #[error(
        "no key signs tokens: a server makes one when it starts and lets somebody log in for them"
    )]
    NoTokenKeys,
    #[error("there is no such user, or it is disabled")]
    NoUser,
    #[error("{0} is no record that is damaged")]
    NotCorrupt(String),
    #[error(transparent)]
    Record(#[from] RecordKeyError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    TokenKeys(#[from] KeyError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Owner(#[from] OwnerError),
    #[error(transparent)]
    Upload(#[from] ContentIdError),
    #[error("the key would be good for longer than time can be counted")]
    TooLong,
}

impl Administrator {
    /// Carries a command out for whoever asks, who may have anything done.
    pub(crate) async fn carry_out(&self, operator: Operator, command: Command) -> Reply {
        let change = command.change();
        let outcome = self.execute(operator, command).await;
        if let Some((words, resource)) = change {
            self.keep(operator, words, resource, &outcome).await;
        }
        match outcome {
            Ok(answer) => Reply::Done(answer),
            Err(refusal) => Reply::Refused(chain(&refusal)),
        }
    }

    async fn execute(&self, operator: Operator, command: Command) -> Result<Answer, Refusal> {
        let caller = Caller::new(principal(operator), "");
        match command {
            Command::UserAdd { name, groups, password } => {
                let accounts = self.accounts()?;
                let owned = self.owned(&caller, &name).await?;
                accounts.add_user(&name, &password.to_secret(), &groups).await?;
                return Ok(Answer::Added { owned });
            }
            Command::UserList => {
                let list = self.accounts()?.users().await?;
                let users = list.users.into_iter().map(UserEntry::of).collect();
                let corrupt = list.corrupt.iter().map(ToString::to_string).collect();
                return Ok(Answer::Users { users, corrupt });
            }
            Command::UserPasswd { name, password } => {
                self.accounts()?.set_password(&name, &password.to_secret()).await?;
            }
            Command::UserGroups { name, groups } => {
                self.accounts()?.set_groups(&name, &groups).await?;
            }
            Command::UserDisable { name } => self.accounts()?.set_disabled(&name, true).await?,
            Command::UserEnable { name } => self.accounts()?.set_disabled(&name, false).await?,
            Command::UserLogout { name } => self.accounts()?.revoke_refresh_tokens(&name).await?,
            Command::UserRemove { name } => {
                let accounts = self.accounts()?;
                let owned = self.owned(&caller, &name).await?;
                self.or_discard(accounts.remove_user(&name).await).await?;
                return Ok(Answer::Removed {
                    owned,
                    is_in_file: self.is_in_file(name.as_str()).await,
                });
            }
            Command::KeyCreate { owner, description, good_for } => {
                let now = self.clock.now();
                let expires = |good_for| now.checked_add(good_for).ok_or(Refusal::TooLong);
                let expires = good_for.map(expires).transpose()?;
                let new = NewKey { owner, description, expires };
                return Ok(Answer::created(self.accounts()?.create_key(new).await?, now));
            }
            Command::KeyList { owner } => {
                let now = self.clock.now();
                let mut list = self.accounts()?.keys().await?;
                list.keys.retain(|key| owner.as_ref().is_none_or(|owner| key.owner == *owner));
                let keys = list.keys.into_iter().map(|key| KeyEntry::of(key, now)).collect();
                // Whose they are is not known.
                let corrupt = list.corrupt.iter().map(ToString::to_string).collect();
                return Ok(Answer::Keys { keys, corrupt });
            }
            Command::KeyRevoke { id } => {
                self.or_discard(self.accounts()?.revoke_key(&id).await).await?;
            }
            Command::RecordRemove { record } => {
                let removed = self.accounts()?.remove_corrupt(&record.parse()?).await;
                self.or_discard(removed).await.map_err(|error| match error {
                    AccountsError::NotFound => Refusal::NotCorrupt(record),
                    other => other.into(),
                })?;
            }
            Command::TokenMint { user, scope } => return self.mint(&user, &scope).await,
            Command::TokenKeyList => {
                let keys = self.token_keys()?.ring.status().await;
                return Ok(Answer::TokenKeys(keys.into_iter().map(TokenKeyEntry::of).collect()));
            }
            Command::TokenKeyRotate => {
                let keys = self.token_keys()?;
                let id = keys.ring.rotate().await?;
                keys.publish().await;
                return Ok(Answer::AddedTokenKey(id));
            }
            Command::TokenKeyRetire { id } => {
                let keys = self.token_keys()?;
                keys.ring.retire_now(&id).await?;
                keys.publish().await;
            }
            Command::RepositoryList => {
                let repositories = self.repositories(&caller).await?;
                let entries = repositories.into_iter().map(RepositoryEntry::of);
                return Ok(Answer::Repositories(entries.collect()));
            }
            Command::RepositorySet { name, visibility, owner } => {
                let mut change = RepositoryChange::new();
                if let Some(visibility) = visibility {
                    change = change.visible_to(visibility);
                }
                if let Some(owner) = owner {
                    change = change.owned_by(&owner.principal()?);
                }
                self.registry.change_repository(&caller, &name, &change).await?;
            }
            Command::UploadList => return self.uploads(&caller).await,
            Command::UploadCancel { id } => {
                self.registry.cancel_any_upload(&caller, &id.parse()?).await?;
            }
            Command::Facts { user, repository } => return self.facts(user, repository).await,
        }
        Ok(Answer::Nothing)
    }

    fn accounts(&self) -> Result<&Accounts, Refusal> {
        self.accounts.as_ref().ok_or(Refusal::NoAccounts)
    }

    fn token_keys(&self) -> Result<&TokenKeys, Refusal> {
        self.token_keys.as_ref().ok_or(Refusal::NoTokenKeys)
    }

    /// Whether the file has a user of this name.
    async fn is_in_file(&self, name: &str) -> bool {
        match &self.htpasswd {
            Some(htpasswd) => htpasswd.has_user(name).await,
            None => false,
        }
    }

    /// Deletes what is no record, where the accounts could not. One that came into its place
    /// meanwhile is somebody else's.
    async fn or_discard(&self, removed: Result<(), AccountsError>) -> Result<(), AccountsError> {
        let Err(AccountsError::Corrupt { record }) = removed else {
            return removed;
        };
        match (self.discard)(record).await? {
            true => Ok(()),
            false => Err(AccountsError::Busy),
        }
    }

    /// Makes a token as the user would get for a password.
    async fn mint(&self, name: &UserName, scope: &str) -> Result<Answer, Refusal> {
        let minter = self.minter.as_ref().ok_or(Refusal::NoTokens)?;
        let user = self.accounts()?.user(name).await?;
        let user = user.filter(|user| !user.disabled).ok_or(Refusal::NoUser)?;
        let groups = user.groups.iter().map(GroupName::as_str);
        let principal = Principal::new(PrincipalKind::User, name.as_str())
            .with_credential(CredentialKind::Password, None)
            .with_groups(groups);
        let caller = Caller::new(principal.clone(), "");
        let granted = minter.registry.grant(&caller, &Grant::parse_scopes(scope)).await?;
        let issued = minter.issuer.issue(&principal, &granted).await?;
        let carried = granted.iter().filter(|grant| !grant.actions().is_empty());
        let scopes: Vec<String> = carried.filter_map(Grant::to_scope).collect();
        Ok(Answer::Token {
            token: Hidden::from(&issued.token),
            scope: scopes.join(" "),
            seconds: issued.lifetime.as_secs(),
        })
    }

    async fn repositories(&self, caller: &Caller) -> Result<Vec<RepositoryStatus>, Refusal> {
        let all = self.registry.all_repositories(caller, &Page::default()).await?;
        Ok(all.entries.try_collect().await?)
    }

    /// What a user of this name owns. It is left to them: what nobody owns others may claim.
    async fn owned(
        &self,
        caller: &Caller,
        name: &UserName,
    ) -> Result<Vec<RepositoryName>, Refusal> {
        let owner = Principal::new(PrincipalKind::User, name.as_str()).owner();
        let all = self.repositories(caller).await?.into_iter();
        Ok(all.filter(|one| *one.record.owner == *owner).map(|one| one.name).collect())
    }

    async fn uploads(&self, caller: &Caller) -> Result<Answer, Refusal> {
        let repositories = self.repositories(caller).await?.into_iter();
        let names = repositories.map(|status| (status.record.id.clone(), status.name)).collect();
        let uploads: Vec<_> = self.registry.uploads(caller).await?.entries.try_collect().await?;
        let entries = uploads.into_iter().map(|upload| UploadEntry::of(upload, &names));
        Ok(Answer::Uploads(entries.collect()))
    }

    async fn facts(
        &self,
        name: Option<String>,
        repository: Option<RepositoryName>,
    ) -> Result<Answer, Refusal> {
        let name = name.as_deref();
        let user = match (&self.accounts, name.and_then(|name| name.parse().ok())) {
            (Some(accounts), Some(name)) => accounts.user(&name).await?,
            _ => None,
        };
        let is_in_file = match name {
            Some(name) => self.is_in_file(name).await,
            None => false,
        };
        let repository = match repository {
            Some(name) => {
                let access = Access::repository(Action::Pull, &name);
                self.registry.question(access).await?.repository
            }
            None => None,
        };
        Ok(Answer::Facts(Box::new(Facts {
            user: user.map(UserEntry::of),
            is_in_file,
            repository: repository.map(|record| RepositoryRecord::clone(&record)),
            served: self.served.as_ref().map(|served| served()),
        })))
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
            "key create" | "token keys rotate" => AuditAction::KeyCreated,
            "key revoke" | "token keys retire" => AuditAction::KeyRevoked,
            _ => AuditAction::Admin,
        };
        let now = self.clock.now();
        let mut event = AuditEvent::new(now, principal(operator), action, resource);
        event.reason = Some(words.to_owned());
        match outcome {
            Ok(Answer::CreatedKey { entry, .. }) => {
                event.resource = format!("key:{} {}", entry.id, entry.owner);
            }
            Ok(Answer::AddedTokenKey(id)) => event.resource = format!("token-key:{id}"),
            Ok(_) => {}
            Err(refusal) => {
                event.outcome = AuditOutcome::Failed;
                event.reason = Some(format!("{words}: {}", chain(refusal)));
            }
        }
        let (action, resource, outcome) = (event.action, &event.resource, event.outcome);
        tracing::info!(operator = operator.id(), %action, %resource, %outcome, command = words, "command");
        if let Some(audit) = &self.audit
            && let Err(error) = audit.record(&event).await
        {
            tracing::error!(error = &error as &dyn Error, "an event is not in the audit log");
        }
    }
}

/// Whoever works on the machine, as those see it who read the audit log.
fn principal(operator: Operator) -> Principal {
    Principal::new(PrincipalKind::Service, &operator.id())
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
