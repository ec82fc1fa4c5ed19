//! Time does not tell.
//!
//! The tries of all sorts are interleaved, so that whatever else the machine does slows all of them,
//! and what is compared is the median of each sort.

use std::time::{Duration, Instant};

use registry_adapters::accounts::PasswordCost;

use crate::world::{HOME, Outcome, World, login_from, user};

/// How often each is tried.
const ROUNDS: usize = 15;

/// The median times of some tries.
pub(crate) async fn medians<T: Copy, const N: usize>(
    sorts: [T; N],
    attempt: impl AsyncFn(T),
) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (sort, times) in sorts.into_iter().zip(&mut times) {
            let began = Instant::now();
            attempt(sort).await;
            times.push(began.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// Each is less than so many times any other.
pub(crate) fn are_the_same<const N: usize>(medians: [Duration; N], bound: f64) {
    let (least, most) = (medians.iter().min(), medians.iter().max());
    let (least, most) = least.zip(most).expect("some");
    assert!(most.as_secs_f64() < bound * least.as_secs_f64(), "{medians:?}");
}

/// Within a factor of three; without a hash for nobody it would be a thousand.
#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password_and_a_disabled_one() {
    let world = World::in_memory();
    // Some ten milliseconds.
    let accounts = world.of_cost(PasswordCost::new(8 << 10, 2).expect("a cost"));
    for name in ["alice", "disabled"] {
        let password = registry_core::credentials::Secret::new("wonderland");
        accounts.add_user(&user(name), &password, &[]).await.expect("added");
    }
    accounts.set_disabled(&user("disabled"), true).await.expect("disabled");
    let names = ["alice", "disabled", "nobody", "No Name"];
    let medians = medians(names, async |name| {
        world.pass(60);
        let outcome = login_from(&accounts, HOME, name, "wrong-password").await;
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    });
    are_the_same(medians.await, 3.0);
}

/// A key is looked up by its hash, which is another in every byte whatever the keys share. Of keys
/// that are right in none, half or all but the last of their random characters, with a checksum that
/// fits, the medians are within a factor of three; comparing them character by character is not
/// seen at this scale, but a look-up by prefix would be.
#[tokio::test]
async fn how_much_of_a_wrong_key_is_right_does_not_tell() {
    let world = World::in_memory();
    let key = world.key("project:acme").await;
    let right = key.secret.expose();
    let body = &right["ocir_project_".len()..right.len() - 6];
    let wrong = [0, 1, 15, 29].map(|shared| {
        let mut text = format!("ocir_project_{}", &body[..shared]);
        // Another character in the first place that is not shared, and whatever else behind it.
        text += if body[shared..].starts_with('x') { "y" } else { "x" };
        text += &"z".repeat(29 - shared);
        text.clone() + &checksum(&text)
    });
    let sorts: [&str; 4] = std::array::from_fn(|n| wrong[n].as_str());
    let medians = medians(sorts, async |secret| {
        for _ in 0..9 {
            let outcome = world.login("acme", secret).await;
            assert_eq!(outcome, Outcome::Refused("the key is not known".to_owned()));
        }
        world.pass(60);
    });
    are_the_same(medians.await, 3.0);
}

/// As the format of keys has it: CRC-32 in six digits of base 62.
fn checksum(text: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let crc = u64::from(crc32fast::hash(text.as_bytes()));
    let digit = |place: u32| char::from(DIGITS[(crc / 62_u64.pow(place) % 62) as usize]);
    (0..6).rev().map(digit).collect()
}
