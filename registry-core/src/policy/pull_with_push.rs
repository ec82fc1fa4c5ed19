//! Credentials that are for pushing.

use async_trait::async_trait;

use super::credentials::word;
use crate::{
    access::{Access, Action},
    identity::{CredentialKind, Principal},
    ports::{Authorizer, AuthorizerError, Decision, Question, Verdict},
};

/// What another policy decides, but with credentials of some kinds nobody pulls where they may not
/// push: such a key is for pushing, which looks at what is there, and is of no use to those who only
/// run what others push.
///
/// That holds however the credential is shown. Of a token one can ask more, since it says what it is
/// for: that it is not for pulling alone.
#[derive(Clone, Debug)]
pub struct PullWithPush<A> {
    kinds: Vec<CredentialKind>,
    policy: A,
}

impl<A: Authorizer> PullWithPush<A> {
    /// Credentials of these kinds pull only where the policy lets them push.
    #[must_use]
    pub fn new(kinds: impl IntoIterator<Item = CredentialKind>, policy: A) -> Self {
        Self { kinds: kinds.into_iter().collect(), policy }
    }
}

#[async_trait]
impl<A: Authorizer> Authorizer for PullWithPush<A> {
    async fn authorize(
        &self,
        principal: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        let kind = principal.credential();
        if !self.kinds.contains(&kind) {
            return self.policy.authorize(principal, questions).await;
        }
        // What is asked, and then of each pull whether it might be a push.
        let all: Vec<Question> = questions
            .iter()
            .cloned()
            .chain(questions.iter().filter_map(push_in_place_of))
            .collect();
        let mut decisions = self.policy.authorize(principal, &all).await?;
        if decisions.len() != all.len() {
            let error = "the policy answered another number of questions than it was asked";
            return Err(AuthorizerError(error.into()));
        }
        let mut pushes = decisions.split_off(questions.len()).into_iter();
        for (decision, question) in decisions.iter_mut().zip(questions) {
            if push_in_place_of(question).is_some()
                && pushes.next().is_none_or(|push| push.verdict != Verdict::Allow)
                && decision.verdict == Verdict::Allow
            {
                let kind = word(kind);
                let reason =
                    format!("credentials of the kind {kind} pull only where they may push");
                *decision = Decision::new(Verdict::Deny, reason.into());
            }
        }
        Ok(decisions)
    }
}

/// A push to what a question asks to pull from; `None` where it asks for something else.
fn push_in_place_of(question: &Question) -> Option<Question> {
    let name = question.access.resource.repository()?;
    let push = Access::repository(Action::Push, name);
    (question.access.action == Action::Pull)
        .then(|| Question::within(push, question.repository.clone()))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::policy::{AllowAll, ReadOnly, Rules};

    const KEY: CredentialKind = CredentialKind::ProjectKey;

    /// Pulls and pushes `acme/app`, pulls `acme/base`, and pushes `acme/in`.
    fn rules() -> Rules {
        serde_json::from_str(
            r#"{"rule": [
                {"who": ["everybody"], "repositories": ["acme/app"], "actions": ["pull", "push"]},
                {"who": ["everybody"], "repositories": ["acme/base"], "actions": ["pull", "delete"]},
                {"who": ["everybody"], "repositories": ["acme/in"], "actions": ["push"]}
            ]}"#,
        )
        .unwrap()
    }

    fn acme() -> Principal {
        Principal::project(&"acme".parse().unwrap()).with_credential(KEY, None)
    }

    fn decide(policy: impl Authorizer, who: &Principal, asked: &[(Action, &str)]) -> Vec<Decision> {
        let question = |(action, name): &(Action, &str)| {
            Question::new(Access::repository(*action, &name.parse().unwrap()))
        };
        let questions: Vec<Question> = asked.iter().map(question).collect();
        block_on(policy.authorize(who, &questions)).unwrap()
    }

    #[test]
    fn they_pull_only_where_they_may_push_and_everything_else_is_as_it_was() {
        const ASKED: [(Action, &str); 6] = [
            (Action::Pull, "acme/base"),
            (Action::Pull, "acme/app"),
            (Action::Pull, "acme/in"),
            (Action::Push, "acme/app"),
            (Action::Delete, "acme/base"),
            (Action::Pull, "acme/none"),
        ];
        let allowed = |kinds: &[CredentialKind], who: &Principal| -> Vec<bool> {
            let decided = decide(PullWithPush::new(kinds.to_vec(), rules()), who, &ASKED);
            decided.iter().map(|decision| decision.verdict == Verdict::Allow).collect()
        };
        let others = [true, true, false, true, true, false];
        assert_eq!(allowed(&[KEY], &acme()), [false, true, false, true, true, false]);
        assert_eq!(allowed(&[CredentialKind::UserKey], &acme()), others);
        let password = acme().with_credential(CredentialKind::Password, None);
        assert_eq!(allowed(&[KEY], &password), others);
    }

    #[test]
    fn the_reason_is_that_of_what_decides() {
        let asked = [(Action::Pull, "acme/base"), (Action::Pull, "acme/none")];
        let decided = decide(PullWithPush::new([KEY], rules()), &acme(), &asked);
        assert_eq!(
            decided[0].reason,
            "credentials of the kind project-key pull only where they may push"
        );
        assert!(decided[1].reason.contains("no rule allows it"), "{}", decided[1].reason);
        let nobody_pushes = decide(PullWithPush::new([KEY], ReadOnly(AllowAll)), &acme(), &asked);
        assert!(nobody_pushes.iter().all(|decision| decision.verdict == Verdict::Deny));
    }

    #[test]
    fn a_policy_that_leaves_out_an_answer_decides_nothing() {
        struct First;

        #[async_trait]
        impl Authorizer for First {
            async fn authorize(
                &self,
                _: &Principal,
                _: &[Question],
            ) -> Result<Vec<Decision>, AuthorizerError> {
                Ok(vec![Decision::allow("it looks at one question")])
            }
        }

        let pull = Question::new(Access::repository(Action::Pull, &"acme".parse().unwrap()));
        block_on(PullWithPush::new([KEY], First).authorize(&acme(), &[pull])).unwrap_err();
    }
}
