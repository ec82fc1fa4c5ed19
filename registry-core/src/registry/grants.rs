//! What a token may carry.

use std::collections::BTreeSet;

use super::{Inner, Registry, authorize::Outcome};
use crate::{
    access::{Access, Action, Grant, Resource},
    error::RegistryError,
    identity::Caller,
    ports::Question,
};

impl Registry {
    /// Of what a client asks for, what its caller may do: for a token that is to carry it. A
    /// resource of which nothing is left stays, without actions, so that its refusal can be told
    /// from a question never asked. The registry asks again when the token is used.
    ///
    /// # Errors
    /// [`RegistryError::Authorizer`], [`RegistryError::Storage`]; a refusal is none.
    pub async fn grant(
        &self,
        caller: &Caller,
        asked: &[Grant],
    ) -> Result<Vec<Grant>, RegistryError> {
        let mut questions = Vec::new();
        for grant in asked {
            questions.extend(self.0.questions(grant).await?);
        }
        let outcomes = self.0.decide(caller, &questions).await?;
        let allowed: Vec<&Access> = questions
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| matches!(outcome, Outcome::Allowed(_)))
            .map(|(question, _)| &question.access)
            .collect();
        let granted = |grant: &Grant| {
            let of = |access: &&&Access| access.resource == *grant.resource();
            let actions: BTreeSet<Action> =
                allowed.iter().filter(of).map(|access| access.action).collect();
            Grant::new(grant.resource().clone(), actions)
        };
        Ok(asked.iter().map(granted).collect())
    }
}

impl Inner {
    async fn questions(&self, grant: &Grant) -> Result<Vec<Question>, RegistryError> {
        let repository = match grant.resource() {
            Resource::Registry => None,
            Resource::Repository(name) | Resource::Tag(name, _) => self.find(name).await?,
        };
        let question = |action: &Action| {
            let access = Access { action: *action, resource: grant.resource().clone() };
            Question::within(access, repository.clone())
        };
        Ok(grant.actions().iter().map(question).collect())
    }
}
