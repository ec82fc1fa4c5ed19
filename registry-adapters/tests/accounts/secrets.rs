//! No secret leaves, and none is kept: neither passwords nor keys nor refresh tokens.

use registry_core::{
    credentials::Secret,
    ports::{Authenticator, RefreshTokens},
};

use crate::{
    log,
    world::{World, basic, new_key, user},
};

crate::on_every_store! {
    no_secret_is_shown_anywhere_or_kept,
}

async fn no_secret_is_shown_anywhere_or_kept(world: World) {
    world.add("known", "canary-right").await;
    let created = world.key("user:known").await;
    let project = world.key("project:acme").await;
    let mut shown = format!("{:?} {:#?} {created:?}", world.accounts, world.accounts);
    let who = world.who("known", "canary-right").await.expect("known");
    let token = crate::refresh::issue(&world.accounts, &who).await.expect("a token");
    let mut secrets = vec!["canary".to_owned()];
    for secret in [&created.secret, &project.secret, &token] {
        // What comes behind the prefix and a refresh token's login.
        let text = secret.expose();
        secrets.push(text[text.len() - 36..].to_owned());
    }
    let typo = project.secret.expose().to_owned() + "canary";
    for (name, secret) in [
        ("known", "canary-right"),
        ("known", "canary-wrong"),
        ("canary-as-a-name", "canary-wrong"),
        ("Canary As A Name", "canary-wrong"),
        ("known", created.secret.expose()),
        ("canary-as-a-name", created.secret.expose()),
        ("acme", project.secret.expose()),
        ("acme", &typo),
        ("known", token.expose()),
        (project.secret.expose(), "canary-wrong"),
        ("known", "ocir_canary"),
    ] {
        let result = world.accounts.authenticate(&basic(name, secret), None).await;
        shown += &format!(
            "{result:?} {}",
            result.as_ref().map_or_else(ToString::to_string, |_| String::new())
        );
    }
    for refresh in [&token, &project.secret, &Secret::new("canary")] {
        let result = world.accounts.redeem(refresh).await;
        shown += &format!("{result:?}");
    }
    for password in ["canary\n", "canary", "ocir_canary"] {
        let password = Secret::new(password);
        let error = world.accounts.add_user(&user("other"), &password, &[]).await;
        let error = error.expect_err("no password");
        shown += &format!("{error} {error:?}");
    }
    world.calls.break_at(|_| true);
    let failed = [
        world.accounts.add_user(&user("other"), &Secret::new("canary-right"), &[]).await,
        world.accounts.create_key(new_key("project:acme")).await.map(drop),
    ];
    shown += &format!("{failed:?}");
    world.calls.mend();
    shown += &format!("{:?} {:?}", world.accounts.users().await, world.accounts.keys().await);
    let stored = String::from_utf8_lossy(&world.stored().await).into_owned();
    assert!(stored.contains("$argon2id$") && stored.contains("for a test"), "all of it");
    let hashes: Vec<_> = stored.split('"').filter(|text| text.starts_with("$argon2id$")).collect();
    assert!(log::count(&["compared", "user=\"known\""]) > 0, "the log is listened to");
    for secret in &secrets {
        assert!(!shown.contains(secret.as_str()), "{shown}");
        assert!(!stored.contains(secret.as_str()), "{stored}");
        assert_eq!(log::count(&[secret]), 0);
    }
    for hash in hashes {
        assert!(!shown.contains(hash), "{shown}");
        assert_eq!(log::count(&[hash]), 0);
    }
}
