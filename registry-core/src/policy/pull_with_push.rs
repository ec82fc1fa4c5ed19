//! Credentials that are for pushing.

use async_trait::async_trait;

use super::credentials::word;
use crate::{
    access::{Access, Action},
    identity::{CredentialKind, Principal},
    ports::{Authorizer, AuthorizerError, Decision, Question, Verdict},
};

/// What another policy decides, but with credentials of some kinds nobody pulls where they may not
/// push, unless everybody may pull there: such a key is for pushing, which looks at what is there, and
/// builds on what is public, and is of no use to those who only run what others push.
///
/// What everybody may pull is what the other policy lets callers without credentials pull: an
/// [`Anonymous`](super::Anonymous) goes within. A [`ReadOnly`](super::ReadOnly) goes around, since
/// within it would leave these credentials nothing to pull.
///
/// That holds however the credential is shown. Of a token one can ask more, since it says what it is
/// for: that it is not for pulling alone.
#[derive(Clone, Debug)]
pub struct PullWithPush<A> {
    kinds: Vec<CredentialKind>,
    policy: A,
}

impl<A: Authorizer> PullWithPush<A> {
    /// Credentials of these kinds pull only where the policy lets them push, or everybody pull.
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
        let pushes = questions.iter().filter_map(push_in_place_of);
        let all: Vec<Question> = questions.iter().cloned().chain(pushes).collect();
        let mut decisions = self.ask(principal, &all).await?;
        let pushes = decisions.split_off(questions.len());
        let pulls: Vec<Question> =
            questions.iter().filter(|asked| is_pull(asked)).cloned().collect();
        let everybody = self.ask(&Principal::anonymous(), &pulls).await?;
        let decided = decisions.iter_mut().zip(questions).filter(|(_, asked)| is_pull(asked));
        for (((decision, _), push), everybodys) in decided.zip(pushes).zip(everybody) {
            let otherwise = [push.verdict, everybodys.verdict].contains(&Verdict::Allow);
            if decision.verdict == Verdict::Allow && !otherwise {
                let kind = word(kind);
                let reason = format!(
                    "credentials of the kind {kind} pull only where they may push or everybody may pull"
                );
                *decision = Decision::new(Verdict::Deny, reason.into());
            }
        }
        Ok(decisions)
    }
}

impl<A: Authorizer> PullWithPush<A> {
    /// What the policy answers, to each question one.
    async fn ask(
        &self,
        who: &Principal,
        questions: &[Question],
    ) -> Result<Vec<Decision>, AuthorizerError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let decisions = self.policy.authorize(who, questions).await?;
        if decisions.len() != questions.len() {
            let error = "the policy answered another number of questions than it was asked";
            return Err(AuthorizerError(error.into()));
        }
        Ok(decisions)
    }
}

/// Whether something in a repository is to be pulled.
fn is_pull(asked: &Question) -> bool {
    push_in_place_of(asked).is_some()
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
    use crate::policy::{Anonymous, AnonymousAccess, ReadOnly, Rules};

    const KEY: CredentialKind = CredentialKind::ProjectKey;

    /// Whoever logs in pulls and pushes `acme/app`, pulls `acme/base`, and pushes `acme/in`; everybody
    /// pulls `acme/public`.
    fn rules() -> Rules {
        serde_json::from_str(
            r#"{"rule": [
                {"who": ["authenticated"], "repositories": ["acme/app"],
                 "actions": ["pull", "push"]},
                {"who": ["authenticated"], "repositories": ["acme/base"],
                 "actions": ["pull", "delete"]},
                {"who": ["authenticated"], "repositories": ["acme/in"], "actions": ["push"]},
                {"who": ["everybody"], "repositories": ["acme/public"], "actions": ["pull"]}
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
    fn they_pull_only_where_they_may_push_or_everybody_pulls_and_all_else_is_as_it_was() {
        const ASKED: [(Action, &str); 7] = [
            (Action::Pull, "acme/base"),
            (Action::Pull, "acme/app"),
            (Action::Pull, "acme/in"),
            (Action::Push, "acme/app"),
            (Action::Delete, "acme/base"),
            (Action::Pull, "acme/none"),
            (Action::Pull, "acme/public"),
        ];
        let allowed = |kinds: &[CredentialKind], who: &Principal| -> Vec<bool> {
            let decided = decide(PullWithPush::new(kinds.to_vec(), rules()), who, &ASKED);
            decided.iter().map(|decision| decision.verdict == Verdict::Allow).collect()
        };
        let others = [true, true, false, true, true, false, true];
        assert_eq!(allowed(&[KEY], &acme()), [false, true, false, true, true, false, true]);
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
            "credentials of the kind project-key pull only where they may push or everybody may pull"
        );
        assert!(decided[1].reason.contains("no rule allows it"), "{}", decided[1].reason);
    }

    #[test]
    fn while_nobody_pushes_they_pull_where_they_might_push() {
        let asked =
            [(Action::Pull, "acme/app"), (Action::Pull, "acme/base"), (Action::Push, "acme/app")];
        let decided = decide(ReadOnly(PullWithPush::new([KEY], rules())), &acme(), &asked);
        let verdicts: Vec<Verdict> = decided.iter().map(|decision| decision.verdict).collect();
        assert_eq!(verdicts, [Verdict::Allow, Verdict::Deny, Verdict::Unsupported]);
    }

    #[test]
    fn what_callers_without_credentials_may_not_pull_not_everybody_may() {
        let asked = [(Action::Pull, "acme/public")];
        for (access, verdict) in
            [(AnonymousAccess::None, Verdict::Deny), (AnonymousAccess::Pull, Verdict::Allow)]
        {
            let policy = PullWithPush::new([KEY], Anonymous::new(access, rules()));
            assert_eq!(decide(policy, &acme(), &asked)[0].verdict, verdict, "{access:?}");
        }
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
