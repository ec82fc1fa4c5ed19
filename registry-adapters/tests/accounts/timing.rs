//! Time does not tell.

use registry_adapters::accounts::PasswordCost;
use registry_core::credentials::Secret;

pub(crate) use self::rounds::assert_the_same;
use crate::world::{HOME, Outcome, World, login_from, user};

#[path = "../support/rounds.rs"]
mod rounds;

/// One MiB once is half a millisecond, fifty times as much as all the rest: a hash that nobody computes
/// for whoever is not there, or a cheaper one, is far out of bounds.
pub(crate) fn seen() -> PasswordCost {
    PasswordCost::new(1024, 1).expect("a cost")
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password_and_a_disabled_one() {
    let world = World::in_memory();
    let accounts = world.of_cost(seen());
    for name in ["alice", "disabled"] {
        let password = Secret::new("wonderland");
        accounts.add_user(&user(name), &password, &[]).await.expect("added");
    }
    accounts.set_disabled(&user("disabled"), true).await.expect("disabled");
    let names = ["alice", "disabled", "nobody", "No Name"];
    let tries = assert_the_same(names, async |name| {
        world.pass(60);
        let outcome = login_from(&accounts, HOME, name, "wrong-password").await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    });
    tries.await;
}

/// A key is looked up by its hash, which is another in every byte whatever the keys share. Of keys
/// that are right in none, half or all but the last of their random characters, with a checksum that
/// fits, none takes longer; comparing them character by character is not seen at this scale, but a
/// look-up by prefix would be.
#[tokio::test]
async fn how_much_of_a_wrong_key_is_right_does_not_tell() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    let right = key.secret.expose();
    let body = &right["ocir_project_".len()..right.len() - 6];
    let wrong = [0, 1, 15, 29].map(|shared| {
        let others = body[shared..].chars().map(another);
        let text: String =
            "ocir_project_".chars().chain(body[..shared].chars()).chain(others).collect();
        text.clone() + &checksum(&text)
    });
    let sorts: [&str; 4] = std::array::from_fn(|n| wrong[n].as_str());
    let tries = assert_the_same(sorts, async |secret| {
        for _ in 0..9 {
            let outcome = world.login("acme", secret).await;
            assert_eq!(outcome, Outcome::Refused("the key is not known".to_owned()));
        }
        world.pass(60);
    });
    tries.await;
}

/// What is asserted of the others can fail.
#[tokio::test]
#[should_panic(expected = "not the same")]
async fn a_quarter_more_is_told() {
    let world = World::in_memory();
    let tries = assert_the_same([8, 10], async |times| {
        for _ in 0..times {
            world.login("acme", "ocir_project_").await;
        }
        world.pass(60);
    });
    tries.await;
}

/// Another character of the same class, so that what is done for each class takes as long.
fn another(character: char) -> char {
    match character {
        '9' => '0',
        'Z' => 'A',
        'z' => 'a',
        other => char::from(other as u8 + 1),
    }
}

/// As the format of keys has it: CRC-32 in six digits of base 62.
fn checksum(text: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let crc = u64::from(crc32fast::hash(text.as_bytes()));
    let digit = |place: u32| char::from(DIGITS[(crc / 62_u64.pow(place) % 62) as usize]);
    (0..6).rev().map(digit).collect()
}
