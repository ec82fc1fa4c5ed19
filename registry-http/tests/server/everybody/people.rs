//! Everybody, and what they show.

use std::{collections::HashMap, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use registry_adapters::{
    accounts::{Accounts, CreatedKey, Key, NewKey, PasswordCost},
    jwt::{JsonWebTokens, KeyRing},
    memory::MemoryRecords,
    system::SystemRandom,
};
use registry_core::{credentials::Secret, ports::Clock, testing::ManualClock};
use registry_http::TokenService;
use serde_json::Value;

use super::room::{Room, STATES, repository};

const SERVICE: &str = "registry.test";
const PASSWORD: &str = "wonderland";

/// Everybody whom the table of rights names.
pub(super) struct People {
    accounts: Accounts,
    tokens: Arc<JsonWebTokens>,
    published: String,
    clock: Arc<ManualClock>,
    /// What each shows for the repository of each state: the value of `Authorization`.
    shown: HashMap<(&'static str, &'static str), String>,
}

impl People {
    pub(super) async fn new() -> Self {
        // Tokens do not age, whatever passes for the accounts.
        let (clock, still) = (Arc::<ManualClock>::default(), Arc::<ManualClock>::default());
        let cost = PasswordCost::new(8, 1).expect("a cost");
        let accounts =
            Accounts::with_cost(MemoryRecords::default(), Arc::clone(&clock), SystemRandom, cost);
        let keys = KeyRing::in_memory(Arc::clone(&still), SystemRandom).expect("a key");
        let published = keys.jwks().await;
        let tokens = Arc::new(JsonWebTokens::new(SERVICE, SERVICE, keys, still, SystemRandom));
        let shown = HashMap::new();
        let mut people = Self { accounts, tokens, published, clock, shown };
        people.have_passwords_and_keys().await;
        let tokens = people.ask_for_tokens().await;
        people.shown.extend(tokens);
        people
    }

    /// The token service that knows them.
    pub(super) fn token_service(&self) -> TokenService {
        let (tokens, published) = (&self.tokens, self.published.clone());
        let service = SERVICE.parse().expect("a realm");
        TokenService::new(service, tokens.clone(), tokens.clone(), self.accounts.clone())
            .keys(move || published.clone())
    }

    /// What somebody shows for the repository of this state.
    pub(super) fn shows(&self, who: &'static str, state: &'static str) -> Option<&str> {
        match who {
            "nobody" => None,
            _ => Some(&self.shown[&(who, state)]),
        }
    }

    /// Somebody was refused. Ten times in a minute would be too many.
    pub(super) fn wait(&self) {
        self.clock.advance(Duration::from_secs(7));
    }

    async fn have_passwords_and_keys(&mut self) {
        let admins = ["admins".parse().expect("a group")];
        for (name, groups) in [
            ("alice", &[][..]),
            ("bob", &[]),
            ("rita", &[]),
            ("dave", &[]),
            ("root", &admins),
            ("disabled-user", &[]),
        ] {
            let (user, password) = (name.parse().expect("a user name"), Secret::new(PASSWORD));
            self.accounts.add_user(&user, &password, groups).await.expect("added");
            self.show(name, basic(name, PASSWORD));
        }
        let disabled = "disabled-user".parse().expect("a user name");
        self.accounts.set_disabled(&disabled, true).await.expect("disabled");
        self.show("wrong-password", basic("alice", "looking-glass"));
        self.show("unknown-user", basic("humpty", PASSWORD));
        self.show("unknown-scheme", "Negotiate YWxpY2U=".to_owned());

        let alices = self.key("user:alice").await;
        self.show("alice-key", basic("alice", alices.secret.expose()));
        self.show("key-of-another", basic("bob", alices.secret.expose()));
        let revoked = self.key("user:alice").await;
        self.accounts.revoke_key(&revoked.key.id).await.expect("revoked");
        self.show("revoked-key", basic("alice", revoked.secret.expose()));
        for (who, name, owner) in [
            ("project-key", "acme", "project:acme"),
            ("project-key-elsewhere", "other", "project:other"),
            ("runner-token-elsewhere", "runner", "runner:acme/elsewhere"),
        ] {
            let key = self.key(owner).await;
            self.show(who, basic(name, key.secret.expose()));
        }
        for state in STATES {
            let key = self.key(&format!("runner:{}", repository(state))).await;
            let shown = basic("runner", key.secret.expose());
            self.shown.insert(("runner-token", state), shown);
        }
    }

    /// Everybody who has a token asks the token endpoint for it.
    async fn ask_for_tokens(&self) -> Vec<((&'static str, &'static str), String)> {
        let all = "registry:catalog:* repository:base:pull repository:<name>:pull,push,delete";
        let (mut room, mut tokens) = (Room::new(self).await, Vec::new());
        for state in STATES {
            for (who, owner, scope) in [
                ("anonymous-token", "nobody", all),
                ("alice-token", "alice", all),
                ("alice-token-to-pull", "alice", "repository:<name>:pull"),
                ("alice-token-to-push", "alice", "repository:<name>:push"),
                ("alice-token-elsewhere", "alice", "repository:acme/elsewhere:pull,push,delete"),
                ("dave-token", "dave", all),
                ("forged-token", "alice", all),
            ] {
                let scope = scope.replace("<name>", &repository(state)).replace(' ', "%20");
                let path = format!("/v2/_token?scope={scope}");
                let reply = room.send("GET", &path, self.shows(owner, state), &[], "").await;
                let reply: Value = serde_json::from_slice(&reply.body).expect("JSON");
                let token = reply["token"].as_str().expect("a token");
                let token = if who == "forged-token" { forged(token) } else { token.to_owned() };
                tokens.push(((who, state), format!("Bearer {token}")));
            }
        }
        tokens
    }

    async fn key(&self, owner: &str) -> CreatedKey {
        let soon = self.clock.now() + Key::RUNNER_LIFETIME;
        let expires = owner.starts_with("runner:").then_some(soon);
        let owner = owner.parse().expect("an owner");
        let new = NewKey { owner, description: String::new(), expires };
        self.accounts.create_key(new).await.expect("a key")
    }

    /// Whatever is asked for.
    fn show(&mut self, who: &'static str, shown: String) {
        self.shown.extend(STATES.map(|state| ((who, state), shown.clone())));
    }
}

fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{secret}")))
}

/// The same with another signature.
fn forged(token: &str) -> String {
    let (claims, signature) = token.rsplit_once('.').expect("a signature");
    format!("{claims}.{}", signature.chars().rev().collect::<String>())
}
