//! A row: one thing a registry must do, said in a sentence and tried over HTTP.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use crate::{
    clauses::{self, Clause},
    failure::Outcome,
    target::{Setting, Target},
};

type Run =
    Box<dyn for<'t> Fn(&'t Target) -> Pin<Box<dyn Future<Output = Outcome> + 't>> + Send + Sync>;

/// One row of the suite.
pub(crate) struct Row {
    pub(crate) clause: &'static Clause,
    says: String,
    needs: Option<Setting>,
    run: Run,
}

impl Row {
    /// A row for a clause of the checklist, for a registry in any usual setting.
    pub(crate) fn new<F>(clause: &'static str, says: impl Into<String>, run: F) -> Self
    where
        F: AsyncFn(&Target) -> Outcome + Send + Sync + 'static,
    {
        let run = Arc::new(run);
        Self {
            clause: clauses::find(clause),
            says: says.into(),
            needs: None,
            run: Box::new(move |target| {
                let run = Arc::clone(&run);
                Box::pin(async move { run(target).await })
            }),
        }
    }

    /// The same row, which only makes sense for a registry that is set so.
    pub(crate) fn only(mut self, setting: Setting) -> Self {
        self.needs = Some(setting);
        self
    }

    /// The name: the clause's id, then the sentence.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.clause.id, self.says)
    }

    /// Whether the row makes sense for a registry that is set so.
    pub(crate) fn suits(&self, setting: Setting) -> bool {
        match self.needs {
            Some(needed) => needed == setting,
            None => setting != Setting::NoDeletes,
        }
    }

    /// The setting in which the row is run when every setting is at hand.
    pub(crate) fn setting(&self) -> Setting {
        self.needs.unwrap_or(Setting::Strict)
    }

    /// Tries the row.
    pub(crate) async fn run(&self, target: &Target) -> Outcome {
        (self.run)(target).await
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("name", &self.name()).field("needs", &self.needs).finish()
    }
}
