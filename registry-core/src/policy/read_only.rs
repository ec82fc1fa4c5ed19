//! Reading alone.

use async_trait::async_trait;

use crate::{
    access::Action,
    identity::Principal,
    ports::{Authorizer, AuthorizerError, Decision, Question},
};

/// Whoever may read by another policy may read, and nobody may write. For a mirror, or while an
/// operator works. With [`AllowAll`](super::AllowAll) everybody may read.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is what is done to the other policy")]
pub struct ReadOnly<A>(pub A);

#[async_trait]
impl<A: Authorizer> Authorizer for ReadOnly<A> {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let mut decisions = self.0.authorize(principal, questions).await?;
        for (decision, question) in decisions.iter_mut().zip(questions) {
            match question.access.action {
                // Whoever looks after it does so all the more.
                Action::Pull | Action::Catalog | Action::Admin => {}
                Action::Push | Action::Overwrite | Action::Delete => {
                    *decision = Decision::unsupported("the registry is read-only");
                }
            }
        }
        Ok(decisions)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::{access::Access, policy::Rules, ports::Verdict};

    #[test]
    fn reads_are_as_the_other_policy_says_and_writes_are_unsupported() {
        let rules: Rules = serde_json::from_str(
            r#"{"rule":[{"who":["everybody"],"repositories":["a"],"actions":["pull","push"]}]}"#,
        )
        .unwrap();
        let questions: Vec<Question> = [(Action::Pull, "a"), (Action::Pull, "b")]
            .into_iter()
            .chain([Action::Push, Action::Overwrite, Action::Delete].map(|action| (action, "a")))
            .map(|(action, name)| Access::repository(action, &name.parse().unwrap()))
            .map(Question::new)
            .collect();
        let decided = block_on(ReadOnly(rules).authorize(&Principal::anonymous(), &questions));
        let verdicts: Vec<_> = decided.unwrap().iter().map(|decision| decision.verdict).collect();
        let unsupported = Verdict::Unsupported;
        assert_eq!(
            verdicts,
            [Verdict::Allow, Verdict::Deny, unsupported, unsupported, unsupported]
        );
    }
}
