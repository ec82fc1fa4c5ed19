//! Limits as a registry uses them: through the port, over restarts, by many at once.

mod rates;
mod restarts;
mod stored;
mod support;
