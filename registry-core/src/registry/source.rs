//! A registry is a [`Source`].

use async_trait::async_trait;

use super::{Registry, audit::within};
use crate::{
    descriptor::Descriptor,
    digest::Digest,
    error::RegistryError,
    identity::Caller,
    name::RepositoryName,
    page::Page,
    ports::{
        AuditAction, BlobOptions, Content, Fetched, Listing, ManifestOptions, PulledManifest,
        ReferrerOptions, Source,
    },
    reference::Reference,
    tag::Tag,
};

#[async_trait]
impl Source for Registry {
    async fn manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        reference: &Reference,
        _: &ManifestOptions,
    ) -> Result<Fetched<PulledManifest>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Pull, || within(name, reference));
        let caller = trail.caller(caller);
        trail.refusal(self.0.pull_manifest(caller, name, reference)).await
    }

    async fn blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        options: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Pull, || format!("{name}@{digest}"));
        let caller = trail.caller(caller);
        let found = trail.refusal(self.0.pull_blob(caller, name, digest, options)).await?;
        match found {
            // HEAD sends nothing.
            Fetched::Found(content) if !options.head => {
                Ok(Fetched::Found(self.0.metered(name, content).await?))
            }
            found => Ok(found),
        }
    }

    async fn tags(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        page: &Page,
    ) -> Result<Fetched<Listing<Tag>>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Pull, || name.to_string());
        trail.refusal(self.0.pull_tags(trail.caller(caller), name, page)).await
    }

    async fn referrers(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        subject: &Digest,
        options: &ReferrerOptions,
    ) -> Result<Listing<Descriptor>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Pull, || format!("{name}@{subject}"));
        let caller = trail.caller(caller);
        trail.refusal(self.0.pull_referrers(caller, name, subject, options)).await
    }

    async fn repositories(
        &self,
        caller: &Caller,
        page: &Page,
    ) -> Result<Listing<RepositoryName>, RegistryError> {
        let trail = self.0.trail(caller, AuditAction::Catalog, String::new);
        trail.refusal(self.pull_catalog(trail.caller(caller), page)).await
    }
}
