//! The file, and that it may change.

use std::fs;

use tempfile::TempDir;

use crate::{
    log,
    support::{World, error, line},
};

#[tokio::test]
async fn a_changed_file_counts_within_a_second() {
    let world = World::new(&line("alice", "wonder"));
    assert!(world.is_right("alice", "wonder").await);
    world.replace(&(line("alice", "changed") + &line("bob", "builder")));
    assert!(!world.is_right("alice", "wonder").await, "it is remembered of another line");
    assert!(world.is_right("alice", "changed").await);
    assert!(world.is_right("bob", "builder").await);
    world.replace(&line("bob", "builder"));
    assert!(!world.is_right("alice", "changed").await);
    assert!(world.is_right("bob", "builder").await);
    // Written in place, and of the same length.
    fs::write(world.path(), line("eve", "builder")).expect("a file");
    world.pass(1);
    assert!(world.is_right("eve", "builder").await);
}

#[tokio::test]
async fn the_file_is_looked_at_once_a_second_at_most() {
    let world = World::new(&line("alice", "wonder"));
    world.replace(&line("bob", "builder"));
    assert!(world.is_right("bob", "builder").await);
    fs::write(world.path(), line("carol", "caroline")).expect("a file");
    assert!(!world.is_right("carol", "caroline").await);
    world.pass(1);
    assert!(world.is_right("carol", "caroline").await);
}

#[tokio::test]
async fn a_broken_file_keeps_the_users_and_is_reported_once() {
    let world = World::new(&line("alice", "wonder"));
    let path = world.path().display().to_string();
    let errors = || log::count(&["ERROR", &path, "the users stay as they were"]);
    world.replace(&(line("bob", "builder") + "canary"));
    for _ in 0..3 {
        assert!(world.is_right("alice", "wonder").await);
        world.pass(1);
    }
    assert!(!world.is_right("bob", "builder").await);
    assert_eq!((errors(), log::count(&["ERROR", &path, "line 2: there is no colon"])), (1, 1));
    fs::remove_file(world.path()).expect("the file");
    for _ in 0..3 {
        world.pass(1);
        assert!(world.is_right("alice", "wonder").await);
    }
    assert_eq!((errors(), log::count(&["ERROR", &path, "cannot be read: "])), (2, 1));
    world.replace(&line("bob", "builder"));
    assert!(world.is_right("bob", "builder").await);
    assert!(!world.is_right("alice", "wonder").await);
    assert_eq!((errors(), log::count(&["INFO", &path, "read again", "users=1"])), (2, 1));
}

#[test]
fn a_file_that_cannot_be_used_is_refused_in_one_sentence() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("users");
    let shown = path.display();
    let missing = format!("{shown} cannot be read: No such file or directory (os error 2)");
    assert_eq!(error(&path).to_string(), missing);
    fs::write(&path, line("alice", "wonder") + "bob\n").expect("a file");
    let broken = format!("{shown} line 2: there is no colon between a name and a hash");
    assert_eq!(error(&path).to_string(), broken);
    fs::write(&path, vec![b'#'; (16 << 20) + 1]).expect("a file");
    assert!(error(&path).to_string().ends_with("so it is no htpasswd file"));
    assert!(error(directory.path()).to_string().contains(" cannot be read: "));
}
