//! Percent-encoding and query strings (RFC 3986).

/// Decodes `%XX`; `None` when that leaves no UTF-8 or an escape is broken.
///
/// A `+` stays a `+`: media types contain it, and clients do not always escape it.
pub(super) fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let (escape, tail) = rest.split_at_checked(2)?;
            let mut byte = [0];
            hex::decode_to_slice(escape, &mut byte).ok()?;
            bytes.push(byte[0]);
            rest = tail;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Encodes everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// A query string that is read key by key.
pub(super) struct Query<'a>(pub(super) &'a str);

impl Query<'_> {
    /// Every value of a key, undecodable ones as they stand.
    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = String> {
        self.0.split('&').filter_map(move |pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name == key).then(|| decode(value).unwrap_or_else(|| value.to_owned()))
        })
    }

    /// The first value of a key.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.all(key).next()
    }
}
