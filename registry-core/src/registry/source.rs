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
        let read = async |caller: &Caller| self.0.pull_manifest(caller, name, reference).await;
        self.0.audited_read(caller, AuditAction::Pull, || within(name, reference), read).await
    }

    async fn blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        options: &BlobOptions,
    ) -> Result<Fetched<Content>, RegistryError> {
        let read = async |caller: &Caller| self.0.pull_blob(caller, name, digest, options).await;
        let resource = || format!("{name}@{digest}");
        match self.0.audited_read(caller, AuditAction::Pull, resource, read).await? {
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
        let read = async |caller: &Caller| self.0.pull_tags(caller, name, page).await;
        self.0.audited_read(caller, AuditAction::Pull, || name.to_string(), read).await
    }

    async fn referrers(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        subject: &Digest,
        options: &ReferrerOptions,
    ) -> Result<Listing<Descriptor>, RegistryError> {
        let read =
            async |caller: &Caller| self.0.pull_referrers(caller, name, subject, options).await;
        self.0.audited_read(caller, AuditAction::Pull, || format!("{name}@{subject}"), read).await
    }

    async fn repositories(
        &self,
        caller: &Caller,
        page: &Page,
    ) -> Result<Listing<RepositoryName>, RegistryError> {
        let read = async |caller: &Caller| self.pull_catalog(caller, page).await;
        self.0.audited_read(caller, AuditAction::Catalog, String::new, read).await
    }
}
