//! Who asks, as an authenticator found out.

use std::{any::Any, fmt, sync::Arc};

use crate::{
    access::{Access, Action},
    name::RepositoryName,
};

/// Who asks, and with what sort of credential. Anonymous is a principal too.
///
/// Whose it is and what sort does not change once it is made:
///
/// ```compile_fail,E0616
/// use registry_core::identity::{Principal, PrincipalKind};
/// let mut nobody = Principal::anonymous();
/// nobody.kind = PrincipalKind::User;
/// ```
///
/// ```compile_fail,E0451
/// use registry_core::identity::{Principal, PrincipalKind};
/// let alice = Principal::new(PrincipalKind::User, "alice");
/// let admin = Principal { id: "admin".into(), ..alice };
/// ```
#[derive(Clone)]
pub struct Principal {
    id: Arc<str>,
    kind: PrincipalKind,
    credential: CredentialKind,
    credential_id: Option<Arc<str>>,
    groups: Option<Arc<[Box<str>]>>,
    value: Option<Arc<dyn Any + Send + Sync>>,
}

/// What sort of principal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PrincipalKind {
    /// Nobody in particular: a request without credentials.
    Anonymous,
    /// A person.
    User,
    /// A program.
    Service,
    /// A namespace, for programs that work in it. Its id is the namespace: the name of a repository,
    /// which it reaches together with those below it and no others, whatever a policy says.
    Project,
    /// A program that pulls one repository. Its id is the repository's name; it can do nothing else,
    /// whatever a policy says.
    Runner,
}

/// With what sort of credential a principal showed who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CredentialKind {
    /// None.
    None,
    /// A password.
    Password,
    /// A user's key.
    UserKey,
    /// A project's key.
    ProjectKey,
    /// A runner's token.
    RunnerToken,
    /// A sort of which this crate knows nothing.
    Other,
}

impl Principal {
    /// Whoever sends no credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        let anonymous = Self::new(PrincipalKind::Anonymous, "anonymous");
        Self { credential: CredentialKind::None, ..anonymous }
    }

    /// A principal with a stable id, which uploads are bound to.
    #[must_use]
    pub fn new(kind: PrincipalKind, id: &str) -> Self {
        Self {
            id: id.into(),
            kind,
            credential: CredentialKind::Other,
            credential_id: None,
            groups: None,
            value: None,
        }
    }

    /// The principal of a namespace.
    #[must_use]
    pub fn project(namespace: &RepositoryName) -> Self {
        Self::new(PrincipalKind::Project, namespace.as_str())
    }

    /// The principal that pulls one repository.
    #[must_use]
    pub fn runner(repository: &RepositoryName) -> Self {
        Self::new(PrincipalKind::Runner, repository.as_str())
    }

    /// The same principal, known by a credential of this kind, and by which of them where they have
    /// ids that may be shown.
    #[must_use]
    pub fn with_credential(self, kind: CredentialKind, id: Option<&str>) -> Self {
        Self { credential: kind, credential_id: id.map(Into::into), ..self }
    }

    /// The same principal as a member of these groups.
    #[must_use]
    pub fn with_groups<G: Into<Box<str>>>(self, groups: impl IntoIterator<Item = G>) -> Self {
        let groups: Arc<[Box<str>]> = groups.into_iter().map(Into::into).collect();
        Self { groups: (!groups.is_empty()).then_some(groups), ..self }
    }

    /// The same principal, with the application's own value for its authorizer.
    #[must_use]
    pub fn with_value(self, value: Arc<dyn Any + Send + Sync>) -> Self {
        Self { value: Some(value), ..self }
    }

    /// Its stable id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What sort it is.
    #[must_use]
    pub const fn kind(&self) -> PrincipalKind {
        self.kind
    }

    /// With what sort of credential it showed who it is.
    #[must_use]
    pub const fn credential(&self) -> CredentialKind {
        self.credential
    }

    /// Which credential it was: the id of a key, never the key, or of a login with a password. That
    /// of a login is no secret, but refresh tokens hang on it, so logs have [`key_id`](Self::key_id).
    #[must_use]
    pub fn credential_id(&self) -> Option<&str> {
        self.credential_id.as_deref()
    }

    /// Which key it was, for logs; `None` where it was none.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        match self.credential {
            CredentialKind::Password => None,
            _ => self.credential_id(),
        }
    }

    /// The groups that it is a member of.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().flat_map(|groups| groups.iter()).map(|group| &**group)
    }

    /// The application's own value.
    #[must_use]
    pub fn value<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.as_ref()?.downcast_ref()
    }

    /// Whether its kind lets it do this at all: what a project or a runner cannot do no policy gives
    /// it.
    #[must_use]
    pub fn could(&self, access: &Access) -> bool {
        let repository = access.resource.repository();
        match self.kind {
            PrincipalKind::Project => repository.is_some_and(|name| name.is_in(&self.id)),
            PrincipalKind::Runner => {
                let name = repository.map(RepositoryName::as_str);
                access.action == Action::Pull && name == Some(&*self.id)
            }
            _ => true,
        }
    }

    /// Kind and id, so that a user called "anonymous" is not the anonymous principal: how the owner
    /// of a repository or an upload is written down. Empty for whoever is anonymous, who owns
    /// nothing.
    #[must_use]
    pub fn owner(&self) -> String {
        let kind = match self.kind {
            PrincipalKind::Anonymous => return String::new(),
            PrincipalKind::User => "user",
            PrincipalKind::Service => "service",
            PrincipalKind::Project => "project",
            PrincipalKind::Runner => "runner",
        };
        format!("{kind}:{}", self.id)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The application's value may hold anything, secrets included.
        write!(f, "{:?}({})", self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(action: Action, name: &str) -> Access {
        Access::repository(action, &name.parse().unwrap())
    }

    #[test]
    fn only_the_id_of_a_key_is_shown() {
        let alice = Principal::new(PrincipalKind::User, "alice");
        let key = alice.clone().with_credential(CredentialKind::UserKey, Some("0123"));
        assert_eq!((key.key_id(), key.credential_id()), (Some("0123"), Some("0123")));
        let login = alice.with_credential(CredentialKind::Password, Some("4567"));
        assert_eq!((login.key_id(), login.credential_id()), (None, Some("4567")));
    }

    #[test]
    fn a_project_reaches_its_namespace_and_nothing_else() {
        let project = Principal::project(&"acme".parse().unwrap());
        for (name, within) in [
            ("acme", true),
            ("acme/a", true),
            ("acme/a/b", true),
            ("acme-2", false),
            ("acmes/a", false),
            ("a/acme", false),
        ] {
            for action in [Action::Pull, Action::Push, Action::Overwrite, Action::Delete] {
                assert_eq!(project.could(&access(action, name)), within, "{action:?} {name}");
            }
        }
        assert!(!project.could(&Access::registry(Action::Catalog)));
    }

    #[test]
    fn a_runner_pulls_its_repository_and_does_nothing_else() {
        let runner = Principal::runner(&"a/b".parse().unwrap());
        assert!(runner.could(&access(Action::Pull, "a/b")));
        for (action, name) in [
            (Action::Push, "a/b"),
            (Action::Overwrite, "a/b"),
            (Action::Delete, "a/b"),
            (Action::Pull, "a"),
            (Action::Pull, "a/b/c"),
        ] {
            assert!(!runner.could(&access(action, name)), "{action:?} {name}");
        }
        assert!(!runner.could(&Access::registry(Action::Catalog)));
    }
}
