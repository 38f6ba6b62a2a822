//! The console: an event is a line of JSON on the standard output, for whoever tries things out or has something that collects
//! what processes print. It was taken when it is written.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::{Attempt, Parcel, Publisher};
use crate::clock::Timestamp;
use crate::event::Heard;

/// Writes events as lines.
#[derive(Clone)]
pub struct Console(Arc<Mutex<dyn Write + Send>>);

impl Console {
    /// To the standard output of this process.
    pub fn stdout() -> Self {
        Self::to(io::stdout())
    }

    /// To something else.
    pub fn to(lines: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(lines)))
    }
}

impl Publisher for Console {
    fn publish<'a>(&'a self, parcel: Parcel<'a>, _now: Timestamp) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            let began = Instant::now();
            let said = match serde_json::to_string(parcel.event) {
                Ok(line) => self.write(line).await,
                Err(error) => Err(format!("the event cannot be written: {error}")),
            };
            match said {
                Ok(()) => Attempt::new(Heard::Taken, began.elapsed(), ""),
                Err(why) => Attempt::new(Heard::Nothing, began.elapsed(), &why),
            }
        })
    }
}

impl Console {
    /// Writes one line, on a thread that may wait: whoever reads may be slow.
    async fn write(&self, mut line: String) -> Result<(), String> {
        line.push('\n');
        let out = self.0.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut out = out.lock();
            out.write_all(line.as_bytes()).and_then(|()| out.flush())
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the output takes nothing: {error}")),
            Err(_) => Err("the process is about to end".to_owned()),
        }
    }
}
