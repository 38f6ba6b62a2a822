//! Connections that read. Each has a thread of its own, so a long read blocks neither the async runtime of whoever
//! asks, whichever that is, nor the one who writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::schema::open_to_read;
use crate::store::StoreError;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// Threads that read: enough for two cores, since a read that misses the page cache waits for the disk.
const THREADS: usize = 2;

/// The connections that read.
pub(super) struct Readers {
    reads: Mutex<Option<Sender<Read>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// For a read that must be seen in one step with the decided state.
    direct: Mutex<Connection>,
}

impl Readers {
    /// Opens the connections.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let (reads, queue) = channel::<Read>();
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let conn = open_to_read(path)?;
            let queue = queue.clone();
            let thread = std::thread::Builder::new()
                .name("faena-read".into())
                .spawn(move || serve(&conn, &queue))
                .map_err(super::disk::broken)?;
            threads.push(thread);
        }
        Ok(Self {
            reads: Mutex::new(Some(reads)),
            threads: Mutex::new(threads),
            direct: Mutex::new(open_to_read(path)?),
        })
    }

    /// Reads on one of the threads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let task: Read = Box::new(move |conn| drop(answer.send(read(conn))));
        let closed = || StoreError::Unavailable("the store is closed".into());
        self.reads.lock().as_ref().ok_or_else(closed)?.send(task).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Reads on the caller's thread.
    pub(super) fn read_here<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read(&self.direct.lock())
    }

    /// Ends the threads.
    pub(super) fn close(&self) {
        *self.reads.lock() = None;
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // A read that panicked has told its asker by hanging up.
            let _ = thread.join();
        }
    }
}

fn serve(conn: &Connection, queue: &Mutex<Receiver<Read>>) {
    loop {
        let next = queue.lock().recv();
        match next {
            Ok(read) => read(conn),
            Err(_) => return,
        }
    }
}
