//! What a token says, and how it is written (RFC 7519; distribution, "Token Authentication
//! Implementation").

use std::sync::Arc;

use registry_core::{
    access::{Grant, Resource},
    identity::{CredentialKind, Principal, PrincipalKind},
};
use serde::{Deserialize, Serialize};

/// The payload. One that says more is not ours: what is not understood may be a restriction.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    pub(super) iss: String,
    /// The principal's id; empty for anonymous.
    pub(super) sub: String,
    pub(super) aud: String,
    pub(super) exp: u64,
    pub(super) nbf: u64,
    iat: u64,
    jti: String,
    access: Vec<AccessClaim>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    credential: CredentialClaim,
}

/// What goes into a token besides whom it is about.
pub(super) struct Envelope<'a> {
    pub(super) issuer: &'a str,
    pub(super) service: &'a str,
    pub(super) issued: u64,
    pub(super) expires: u64,
    pub(super) id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessClaim {
    r#type: String,
    name: String,
    actions: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CredentialClaim {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// The `typ` of each kind's tokens (RFC 8725 section 3.11), so that none is taken for another.
const TYPES: [(PrincipalKind, &str); 5] = [
    (PrincipalKind::Anonymous, "oci-anonymous+jwt"),
    (PrincipalKind::User, "oci-user+jwt"),
    (PrincipalKind::Service, "oci-service+jwt"),
    (PrincipalKind::Project, "oci-project+jwt"),
    (PrincipalKind::Runner, "oci-runner+jwt"),
];

const CREDENTIALS: [(CredentialKind, &str); 6] = [
    (CredentialKind::None, "none"),
    (CredentialKind::Password, "password"),
    (CredentialKind::UserKey, "user-key"),
    (CredentialKind::ProjectKey, "project-key"),
    (CredentialKind::RunnerToken, "runner-token"),
    (CredentialKind::Other, "other"),
];

/// Why something cannot be put into a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unspeakable {
    #[error("there are no tokens for principals of this kind: add one to the types of tokens")]
    Kind,
    #[error("tokens have no word for credentials of this kind: add one")]
    Credential,
    #[error("a token carries nothing for one tag alone: grant it for the repository")]
    Tag,
}

/// Why what a token says is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unknown {
    #[error("its access is to something that is not known")]
    Resource,
    #[error("its access has an action that is not known")]
    Action,
    #[error("its credential is of a kind that is not known")]
    Credential,
    #[error("its subject is not one of its kind")]
    Subject,
}

/// The `typ` of tokens of a kind.
pub(super) fn type_of(kind: PrincipalKind) -> Result<&'static str, Unspeakable> {
    let found = TYPES.iter().find(|(other, _)| *other == kind);
    found.map(|(_, typ)| *typ).ok_or(Unspeakable::Kind)
}

/// The kind of tokens of a `typ`.
pub(super) fn kind_of(typ: &str) -> Option<PrincipalKind> {
    TYPES.iter().find(|(_, other)| *other == typ).map(|(kind, _)| *kind)
}

impl Claims {
    pub(super) fn new(
        envelope: Envelope<'_>,
        principal: &Principal,
        grants: &[Grant],
    ) -> Result<Self, Unspeakable> {
        let is_anonymous = principal.kind() == PrincipalKind::Anonymous;
        let sub = if is_anonymous { "" } else { principal.id() };
        Ok(Self {
            iss: envelope.issuer.to_owned(),
            sub: sub.to_owned(),
            aud: envelope.service.to_owned(),
            exp: envelope.expires,
            nbf: envelope.issued,
            iat: envelope.issued,
            jti: envelope.id,
            access: grants.iter().map(AccessClaim::new).collect::<Result<_, _>>()?,
            groups: principal.groups().map(str::to_owned).collect(),
            credential: CredentialClaim::new(principal)?,
        })
    }

    /// Whom it is about.
    pub(super) fn principal(&self, kind: PrincipalKind) -> Result<Principal, Unknown> {
        let principal = match (kind, &*self.sub) {
            (PrincipalKind::Anonymous, "") => Principal::anonymous(),
            (PrincipalKind::Anonymous, _) | (_, "") => return Err(Unknown::Subject),
            (kind, id) => Principal::new(kind, id),
        };
        let CredentialClaim { kind: word, id } = &self.credential;
        let credential = CREDENTIALS.iter().find(|(_, other)| other == word);
        let (credential, _) = credential.ok_or(Unknown::Credential)?;
        let groups = self.groups.iter().map(String::as_str);
        Ok(principal.with_credential(*credential, id.as_deref()).with_groups(groups))
    }

    /// What it carries.
    pub(super) fn grants(&self) -> Result<Arc<[Grant]>, Unknown> {
        self.access.iter().map(AccessClaim::grant).collect()
    }
}

impl AccessClaim {
    fn new(grant: &Grant) -> Result<Self, Unspeakable> {
        let (r#type, name) = grant.resource().type_and_name().ok_or(Unspeakable::Tag)?;
        let actions = grant.words().into_iter().map(str::to_owned).collect();
        Ok(Self { r#type: r#type.to_owned(), name: name.to_owned(), actions })
    }

    fn grant(&self) -> Result<Grant, Unknown> {
        let resource = Resource::of_type(&self.r#type, &self.name).ok_or(Unknown::Resource)?;
        let actions = self.actions.iter().map(|word| match resource.actions_of(word) {
            [] => Err(Unknown::Action),
            actions => Ok(actions),
        });
        let actions = actions.collect::<Result<Vec<_>, _>>()?;
        Ok(Grant::new(resource, actions.into_iter().flatten().copied()))
    }
}

impl CredentialClaim {
    fn new(principal: &Principal) -> Result<Self, Unspeakable> {
        let kind = CREDENTIALS.iter().find(|(kind, _)| *kind == principal.credential());
        let (_, kind) = kind.ok_or(Unspeakable::Credential)?;
        Ok(Self { kind: (*kind).to_owned(), id: principal.credential_id().map(str::to_owned) })
    }
}
