//! An event as a JSON object.
//!
//! There is a line for each request, so the object is written as it is read, without a map between.

use std::{
    error::Error,
    fmt::{self, Debug, Write},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes `{"timestamp":…,"level":…,"target":…,` and the event's fields, its text as `message`.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\",\"target\":\"", metadata.level())?;
        Escaped(&mut writer).write_str(metadata.target())?;
        writer.write_char('"')?;
        let mut fields = Fields { writer, outcome: Ok(()) };
        event.record(&mut fields);
        fields.outcome?;
        fields.writer.write_str("}\n")
    }
}

/// Writes the fields, as far as that goes.
struct Fields<'a> {
    writer: Writer<'a>,
    outcome: fmt::Result,
}

impl Fields<'_> {
    /// A value that JSON has as it stands.
    fn plain(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.add(field, |writer| writer.write_fmt(value));
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.add(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_fmt(value)?;
            writer.write_char('"')
        });
    }

    fn add(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let writer = &mut self.writer;
        self.outcome = self.outcome.and_then(|()| {
            writer.write_str(",\"")?;
            Escaped(writer).write_str(field.name())?;
            writer.write_str("\":")?;
            value(writer)
        });
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, format_args!("{}", Chain(value)));
    }
}

/// An error and its causes.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.0.source().map_or(Ok(()), |source| write!(f, ": {}", Chain(source)))
    }
}

/// Writes a part of a JSON string (RFC 8259 section 7).
struct Escaped<'a, W>(&'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            // Whatever is escaped is one byte long, so both ends lie between characters.
            self.0.write_str(&text[plain..at])?;
            write!(self.0, "\\u{byte:04x}")?;
            plain = at + 1;
        }
        self.0.write_str(&text[plain..])
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    /// What `log` logs, line by line.
    fn lines(log: impl FnOnce()) -> Vec<serde_json::Value> {
        #[derive(Clone, Default)]
        struct Sink(Arc<Mutex<Vec<u8>>>);

        impl io::Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("a buffer").extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(Json)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = sink.0.lock().expect("a buffer").clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    #[test]
    fn fields_keep_their_types_and_the_text_is_the_message() {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 5000));
        let lines = lines(|| {
            tracing::info!(target: "here", %address, bytes = 5_u64, less = -1, yes = true, "said");
        });
        let line = &lines[0];
        assert_eq!((&line["message"], &line["target"]), (&"said".into(), &"here".into()));
        assert_eq!((&line["level"], &line["address"]), (&"INFO".into(), &"127.0.0.1:5000".into()));
        assert_eq!((&line["bytes"], &line["less"]), (&5.into(), &(-1).into()));
        assert_eq!(line["yes"], true);
        let timestamp = line["timestamp"].as_str().expect("a time");
        assert!(timestamp.starts_with("20") && timestamp.ends_with('Z'), "{timestamp}");
    }

    #[test]
    fn nothing_in_a_text_ends_the_line_or_the_string() {
        let odd = "\"quoted\" \\ and\nnew\r\tline \u{0} ä \u{2028} \u{1f980}";
        let lines = lines(|| tracing::warn!(odd, debug = ?odd, "{odd}"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["odd"], odd);
        assert_eq!(lines[0]["message"], odd);
        assert_eq!(lines[0]["debug"], format!("{odd:?}"));
    }

    #[test]
    fn an_error_is_logged_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] io::Error);

        let error = Outer(io::Error::other("inner"));
        let lines = lines(|| tracing::error!(error = &error as &dyn Error));
        assert_eq!(lines[0]["error"], "outer: inner");
    }
}
