//! Where contents and records are kept, in every store that keeps them as named objects.
//!
//! | what | path |
//! |---|---|
//! | a content | `data/<2 hex>/<uuid>` |
//! | `blob/<algorithm>:<hex>` | `blob/<algorithm>/<2 hex>/<hex>!` |
//! | `link/<algorithm>:<hex>/<repository>` | `link/<algorithm>/<2 hex>/<hex>/<repository>!` |
//! | any other key | the key itself and `!` |
//!
//! The `!` at the end lets `a` be an object where `a/b` is one too: `!` is no character of a key,
//! and sorts below all of them and below `/`, so that paths sort as their keys do. A `:` becomes a
//! `;`, which is no character of a key and sorts where `:` does, since `:` means something to
//! file copiers and other systems.

use std::fmt::Write as _;

use registry_core::{
    digest::{Algorithm, Digest},
    ports::ContentId,
    record::RecordKey,
};

/// The folder of the contents; no record lives below it.
pub(crate) const CONTENTS: &str = "data";

/// The kinds whose first component is a digest, of which there may be very many.
const SHARDED: [&str; 2] = ["blob", "link"];

/// The folders that any store fills soon: each parent, and the names in it. Parents come first.
pub(crate) fn folders() -> [(&'static str, Vec<String>); 6] {
    let shards = || (0..=u8::MAX).map(|shard| format!("{shard:02x}")).collect();
    [
        ("", [CONTENTS].into_iter().chain(SHARDED).map(str::to_owned).collect()),
        (CONTENTS, shards()),
        ("blob", vec!["sha256".to_owned()]),
        ("blob/sha256", shards()),
        ("link", vec!["sha256".to_owned()]),
        ("link/sha256", shards()),
    ]
}

/// The folders of contents, in the order of the contents in them.
pub(crate) fn shards() -> impl Iterator<Item = String> {
    (0..=u8::MAX).map(|shard| format!("{CONTENTS}/{shard:02x}"))
}

/// The path of a content.
pub(crate) fn content(id: &ContentId) -> String {
    let id = id.to_string();
    format!("{CONTENTS}/{}/{id}", &id[..2])
}

/// The path of a record; `None` for a key that has none: a digest is malformed, or the kind's
/// place is taken.
pub(crate) fn record(key: &RecordKey) -> Option<String> {
    let (kind, rest) = key.as_str().split_once('/')?;
    if kind == CONTENTS || kind.starts_with('.') {
        return None;
    }
    if !SHARDED.contains(&kind) {
        return Some(escape(key.as_str()) + "!");
    }
    let (digest, rest) = split_first(rest);
    Some(format!("{kind}/{}{}!", shard(digest)?, escape(rest)))
}

/// The key of the record at a path, the inverse of [`record`].
pub(crate) fn key(path: &str) -> Option<RecordKey> {
    let path = path.strip_suffix('!')?;
    let text = key_text(path);
    let key = text.parse().ok()?;
    // One key has one path; whatever else lies around is none of ours.
    (record(&key)?.strip_suffix('!') == Some(path)).then_some(key)
}

/// The folder of all records whose keys start with a prefix that ends in `/`.
pub(crate) fn folder(prefix: &str) -> Option<String> {
    let prefix = prefix.strip_suffix('/')?;
    match prefix.split_once('/') {
        Some((kind, rest)) if SHARDED.contains(&kind) => {
            let (digest, rest) = split_first(rest);
            Some(format!("{kind}/{}{}", shard(digest)?, escape(rest)))
        }
        _ => Some(escape(prefix)),
    }
}

/// What the keys of all records in a folder start with.
pub(crate) fn key_prefix(folder: &str) -> String {
    match folder.split_once('/') {
        None => folder.to_owned() + "/",
        Some((kind, rest)) if SHARDED.contains(&kind) => {
            let depth = rest.split('/').count();
            key_text(folder)
                + match depth {
                    1 => ":",
                    2 => "",
                    _ => "/",
                }
        }
        Some(_) => key_text(folder) + "/",
    }
}

/// A text below which no record's path lies whose key is greater than `text`, which need not be
/// a key.
pub(crate) fn floor(text: &str) -> String {
    let Some((kind, rest)) = text.split_once('/').filter(|(kind, _)| SHARDED.contains(kind)) else {
        return escape(text);
    };
    match rest.split_once(':').filter(|(algorithm, _)| algorithm.parse::<Algorithm>().is_ok()) {
        Some((algorithm, hex)) => match hex.get(..2) {
            Some(two) if hex.len() > 2 => format!("{kind}/{algorithm}/{two}/{}", escape(hex)),
            _ => format!("{kind}/{algorithm}/{hex}"),
        },
        // A text that stops before the `:` sorts among algorithms otherwise than their folders do.
        None => format!("{kind}/"),
    }
}

fn escape(text: &str) -> String {
    text.replace(':', ";")
}

/// The text of a path without its `!`, which may stop in the middle of a digest.
fn key_text(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut parts = path.split('/');
    let kind = parts.next().unwrap_or_default();
    text.push_str(kind);
    if SHARDED.contains(&kind) {
        if let Some(algorithm) = parts.next() {
            let _ = write!(text, "/{algorithm}");
        }
        let two = parts.next();
        if let Some(hex) = parts.next().or(two) {
            let _ = write!(text, ":{hex}");
        }
    }
    for part in parts {
        let _ = write!(text, "/{part}");
    }
    text.replace(';', ":")
}

/// The path of a digest: `<algorithm>/<2 hex>/<hex>`.
fn shard(digest: &str) -> Option<String> {
    let _: Digest = digest.parse().ok()?;
    let (algorithm, hex) = digest.split_once(':')?;
    Some(format!("{algorithm}/{}/{hex}", &hex[..2]))
}

/// The first component, and the rest with its `/`.
fn split_first(text: &str) -> (&str, &str) {
    text.split_at(text.find('/').unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_key() -> impl Strategy<Value = RecordKey> {
        let component = "[A-Za-z0-9._:@+=-]{1,3}".prop_filter("dots", |c| c != "." && c != "..");
        let tail = prop::collection::vec(component, 0..4);
        let first = prop_oneof![
            Just("blob".to_owned()),
            Just("link".to_owned()),
            Just("tag/r".to_owned()),
            Just("x-a".to_owned()),
        ];
        let digest = (any::<u8>(), 0..2_usize)
            .prop_map(|(seed, algorithm)| Algorithm::ALL[algorithm].digest(&[seed]).to_string());
        (first, digest, tail).prop_filter_map("not a key", |(first, digest, tail)| {
            let mut parts = vec![first];
            if SHARDED.contains(&parts[0].as_str()) {
                parts.push(digest);
            }
            parts.extend(tail);
            parts.join("/").parse().ok()
        })
    }

    proptest! {
        #[test]
        fn a_key_has_one_path_and_the_path_has_that_key(key in any_key()) {
            let path = record(&key).unwrap();
            prop_assert_eq!(super::key(&path), Some(key));
        }

        #[test]
        fn paths_sort_as_their_keys(a in any_key(), b in any_key()) {
            prop_assert_eq!(a.cmp(&b), record(&a).unwrap().cmp(&record(&b).unwrap()));
        }

        #[test]
        fn a_folder_holds_just_the_keys_that_start_with_its_prefix(a in any_key(), b in any_key()) {
            let path = record(&a).unwrap();
            for (end, _) in path.match_indices('/') {
                let prefix = key_prefix(&path[..end]);
                prop_assert!(a.as_str().starts_with(&prefix), "{} {}", a, prefix);
                let inside = record(&b).unwrap().starts_with(&path[..=end]);
                prop_assert_eq!(inside, b.as_str().starts_with(&prefix), "{} {}", b, prefix);
            }
            for (end, _) in a.as_str().match_indices('/') {
                let folder = folder(&a.as_str()[..=end]).unwrap();
                prop_assert!(path.starts_with(&(folder + "/")));
            }
        }

        #[test]
        fn no_greater_key_lies_below_the_floor(
            key in any_key(),
            other in any_key(),
            cut in any::<prop::sample::Index>(),
            odd in "[ -~]{0,3}",
        ) {
            let other = other.as_str();
            let text = format!("{}{odd}", &other[..cut.index(other.len() + 1)]);
            if key.as_str() > text.as_str() {
                prop_assert!(record(&key).unwrap() >= floor(&text), "{} {}", key, text);
            }
        }

        #[test]
        fn whatever_lies_around_has_no_key_or_its_own_path(path in "[a-z0-9/;:!.]{0,12}") {
            if let Some(key) = key(&path) {
                prop_assert_eq!(record(&key), Some(path));
            }
        }
    }

    #[test]
    fn stored_names_are_those_that_earlier_versions_wrote() {
        let digest = Algorithm::Sha256.digest(b"{}");
        let hex = digest.hex();
        let repository = "did:plc:x".parse().unwrap();
        assert_eq!(record(&RecordKey::blob(&digest)), Some(format!("blob/sha256/44/{hex}!")));
        assert_eq!(
            record(&RecordKey::link(&digest, &repository)),
            Some(format!("link/sha256/44/{hex}/did;plc;x!"))
        );
        assert_eq!(
            record(&RecordKey::manifest(&repository, &digest)),
            Some(format!("manifest/did;plc;x/sha256;{hex}!"))
        );
        assert_eq!(
            record(&RecordKey::repository(&"a/b".parse().unwrap())),
            Some("repository/a/b!".into())
        );
        let id = "f47ac10b-58cc-4372-a567-0e02b2c3d479".parse().unwrap();
        assert_eq!(content(&id), "data/f4/f47ac10b-58cc-4372-a567-0e02b2c3d479");
    }

    #[test]
    fn keys_that_would_fall_on_something_else_have_no_path() {
        for text in ["data/f4/x", ".hidden/x", "blob/x", "blob/sha256/ab/abcd", "link/sha256:ab/r"]
        {
            assert_eq!(record(&text.parse().unwrap()), None, "{text}");
        }
    }
}
