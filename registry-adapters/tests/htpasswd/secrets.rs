//! No secret leaves: neither passwords nor hashes, nor what may be one in the wrong place.

use registry_core::ports::Authenticator;

use crate::{
    log,
    support::{World, basic, error, line},
};

#[tokio::test]
async fn no_password_and_no_hash_is_shown_anywhere() {
    let stored = line("known", "canary-right");
    let hash = &stored["known:$2b$04$".len()..stored.len() - 1];
    let world = World::new(&stored);
    let mut shown = format!("{:?} {:#?}", world.htpasswd, world.htpasswd);
    let long = "canary".repeat(20);
    for (name, password) in [
        ("known", "canary-right"),
        ("known", "canary-wrong"),
        ("canary-as-a-name", "canary-wrong"),
        ("known", &long),
    ] {
        let result = world.htpasswd.authenticate(&basic(name, password), None).await;
        shown += &format!("{result:?}");
        if let Err(error) = result {
            shown += &error.to_string();
        }
    }
    world.replace(&format!("{stored}canary-as-a-line"));
    assert!(world.is_right("known", "canary-right").await);
    let broken = error(&world.path());
    shown += &format!("{broken} {broken:?}");
    assert!(!shown.contains("canary") && !shown.contains(hash), "{shown}");
    assert!(log::count(&["compared", "user=\"known\""]) > 0, "the log is listened to");
    assert_eq!((log::count(&["canary"]), log::count(&[hash])), (0, 0));
}
