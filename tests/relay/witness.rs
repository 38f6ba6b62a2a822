//! An endpoint outside of all that is killed: it writes down what it is sent before it answers, and kills the sender where a
//! test wants that to happen.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::judge::Heard;
use crate::scene::PATIENCE;

/// An endpoint with a history on disk.
pub struct Witness {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    file: Mutex<File>,
    heard: Mutex<Vec<Heard>>,
    grown: Condvar,
    trap: Mutex<Option<(u64, Pid)>>,
}

impl Witness {
    pub fn writing(file: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let file = Mutex::new(File::create(file).unwrap());
        let shared = Arc::new(Shared { file, heard: Mutex::default(), grown: Condvar::new(), trap: Mutex::default() });
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let served = served.clone();
                std::thread::spawn(move || while served.receive(&stream).is_some() {});
            }
        });
        Self { address, shared }
    }

    /// All that it was sent, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().clone()
    }

    /// Waits until it has heard of the end of a job.
    pub fn wait_for_end(&self, job: &str) {
        let mut heard = self.shared.heard.lock();
        while !heard.iter().any(|heard| heard.of == job && heard.kind == "job.completed") {
            let late = self.shared.grown.wait_for(&mut heard, PATIENCE).timed_out();
            assert!(!late, "the end of {job} is not told; {} events are", heard.len());
        }
    }

    /// Kills a process when the `nth` post from now on is there, in place of an answer.
    pub fn kill_at(&self, nth: u64, sender: u32) {
        let sender = Pid::from_raw(i32::try_from(sender).unwrap()).unwrap();
        *self.shared.trap.lock() = Some((nth, sender));
    }
}

impl Shared {
    /// One post of a connection; none when that has ended, however it did.
    fn receive(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(bytes) = line.strip_prefix("content-length:") {
                length = bytes.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let event: Value = serde_json::from_slice(&body).ok()?;
        {
            let mut file = self.file.lock();
            file.write_all(&body).unwrap();
            file.sync_data().unwrap();
            self.heard.lock().push(Heard::of(&event));
            self.grown.notify_all();
        }
        let mut trap = self.trap.lock();
        if let Some((left, sender)) = trap.as_mut() {
            *left -= 1;
            if *left == 0 {
                kill_process(*sender, Signal::KILL).unwrap();
                *trap = None;
                return None;
            }
        }
        drop(trap);
        (&*stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()
    }
}
