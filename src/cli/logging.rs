//! Logs of a server, on stderr: lines for people, or one JSON object a line in the words of the wire.

use std::fmt::{self, Debug};
use std::io;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use faena::app::Settings;
use faena::app::settings::LogFormat;
use faena::clock::Clock;

use super::ending::Trouble;
use super::output;

/// Starts logging as the settings say.
pub fn start(settings: &Settings) -> Result<(), Trouble> {
    // What the web server says about its own threads is noise, unless somebody asks for it.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{}", settings.log_filter)).map_err(|error| {
        Trouble::usage(format!("log_filter: `{}` is not a filter such as info: {error}", settings.log_filter))
    })?;
    // A line that cannot be written is lost: to complain about that would panic where stderr is a file on a full disk, and whoever
    // logs may be the one who commits.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    let started = match settings.log {
        LogFormat::Json => lines.event_format(JsonLines).try_init(),
        LogFormat::Pretty => lines.with_ansi(output::colours(&io::stderr())).with_target(false).try_init(),
    };
    started.map_err(|error| Trouble::Failed(anyhow::anyhow!("cannot start logging: {error}")))
}

/// One JSON object a line, its names in camelCase as everywhere on the wire: `jobId`, `subType`.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields(Map::new());
        fields.put("timestamp", Clock::System.now().to_string());
        fields.put("level", event.metadata().level().as_str().to_lowercase());
        fields.put("target", event.metadata().target());
        event.record(&mut fields);
        writeln!(writer, "{}", Value::Object(fields.0))
    }
}

/// The fields of a line, in the order in which they were given.
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(camel_case(name), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}

fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut raise = false;
    for c in name.chars() {
        match c {
            '_' => raise = true,
            c if std::mem::take(&mut raise) => camel.extend(c.to_uppercase()),
            c => camel.push(c),
        }
    }
    camel
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_object_in_the_words_of_the_wire() {
        let written = Written::default();
        let to = written.clone();
        let lines = tracing_subscriber::fmt().event_format(JsonLines).with_writer(move || to.clone()).finish();
        tracing::subscriber::with_default(lines, || {
            tracing::warn!(job_id = %"01a2", took_ms = 7, done = false, "a \"quoted\"\nline");
        });
        let text = String::from_utf8(written.0.lock().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((line["jobId"].as_str(), line["tookMs"].as_u64()), (Some("01a2"), Some(7)));
        assert_eq!((line["level"].as_str(), line["message"].as_str()), (Some("warn"), Some("a \"quoted\"\nline")));
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    }
}
