//! What somebody may have meant.

/// The known name that is closest to an unknown one, if any is close.
pub(crate) fn closest(unknown: &str, known: impl IntoIterator<Item = String>) -> Option<String> {
    // One edit in three characters still looks like a slip.
    let most = (unknown.len() / 3).max(1);
    let distance = |name: &String| strsim::damerau_levenshtein(unknown, name);
    known.into_iter().min_by_key(distance).filter(|name| distance(name) <= most)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_is_recognized_and_another_word_is_not() {
        let known = || ["listen", "data", "max-connections"].map(String::from);
        assert_eq!(closest("listne", known()).as_deref(), Some("listen"));
        assert_eq!(closest("max-conections", known()).as_deref(), Some("max-connections"));
        assert_eq!(closest("storage", known()), None);
        assert_eq!(closest("", known()), None);
    }
}
