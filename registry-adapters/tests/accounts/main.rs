//! Accounts in a record store: who is let in with what, for how long, and what is kept of it.
#![expect(clippy::disallowed_methods, reason = "the real time that a refusal takes is measured")]

mod advisories;
mod first;
mod keys;
mod limits;
#[path = "../support/log.rs"]
mod log;
mod login;
mod prefix;
mod refresh;
mod restarts;
mod secrets;
mod timing;
mod users;
mod world;

/// Makes a test of each rule on each store.
macro_rules! on_every_store {
    ($($rule:ident,)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(crate::world::World::in_memory()).await;
            })*
        }

        mod on_a_filesystem {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(crate::world::World::on_a_filesystem()).await;
            })*
        }
    };
}

use on_every_store;
