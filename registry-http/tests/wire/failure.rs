//! Why a row failed, in words that need no debugger.

use std::fmt;

/// What a row, or a step of one, comes to.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// The request, what was expected of the reply, and what came.
///
/// It is no `std::error::Error`, so that every error can become one with `?`.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// Says which of several like steps failed.
    pub(crate) fn during(self, step: impl fmt::Display) -> Self {
        Self(format!("{step}:\n{}", self.0))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut why = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            why.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Self(why)
    }
}

/// Fails the row with the sentence unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::failure::Failure::new(format!($($why)+)));
        }
    };
}
pub(crate) use ensure;
