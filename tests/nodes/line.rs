//! The line between a node and its database: it can be cut, and it can swallow everything that is said, on the connection that
//! hears of other nodes alone, too.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// A line to a database. It lasts as long as the process.
pub struct Line {
    /// The database's address, as it is reached by this line.
    pub url: String,
    state: Arc<Mutex<State>>,
    /// Hears of each connection that is made while the line is whole.
    pub made: Mutex<Receiver<()>>,
    /// One permit for each connection on which somebody began to listen.
    pub listened: Arc<Semaphore>,
}

/// One connection.
struct Connection {
    near: TcpStream,
    is_mute: AtomicBool,
    /// Whether it hears nothing any more.
    is_deaf: AtomicBool,
}

#[derive(Default)]
struct State {
    swallows: bool,
    /// The next connection that commits hears no answer to it.
    loses_commit: bool,
    /// Those that were made before the last change say nothing more, ever.
    age: u64,
    open: Vec<TcpStream>,
    /// Those that listen.
    ears: Vec<Arc<Connection>>,
}

impl Line {
    pub fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("{before}@{}/{name}", listener.local_addr().unwrap());
        let (state, address) = (Arc::<Mutex<State>>::default(), address.to_owned());
        let (tell, made) = channel();
        let listened = Arc::new(Semaphore::new(0));
        let for_all = listened.clone();
        let of_all = state.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(&address) else { continue };
                let age = {
                    let mut state = of_all.lock();
                    state.open.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                    if !state.swallows {
                        let _ = tell.send(());
                    }
                    state.age
                };
                let connection = Arc::new(Connection {
                    near: near.try_clone().unwrap(),
                    is_mute: AtomicBool::default(),
                    is_deaf: AtomicBool::default(),
                });
                for (from, to, asks) in [(near.try_clone(), far.try_clone(), true), (Ok(far), Ok(near), false)] {
                    let (from, to, state) = (from.unwrap(), to.unwrap(), of_all.clone());
                    let (connection, listened) = (connection.clone(), for_all.clone());
                    std::thread::spawn(move || carry(from, to, age, &state, &connection, &listened, asks));
                }
            }
        });
        Self { url: own, state, made: Mutex::new(made), listened }
    }

    /// From now on nothing arrives, and nobody is told.
    pub fn swallow(&self) {
        self.change(true);
    }

    /// The next connection that commits is cut once its COMMIT has arrived, before it hears of it.
    pub fn lose_a_commit(&self) {
        self.state.lock().loses_commit = true;
    }

    /// Whether that has happened.
    pub fn has_lost_it(&self) -> bool {
        !self.state.lock().loses_commit
    }

    /// New connections are good again.
    pub fn heal(&self) {
        self.change(false);
    }

    /// Cuts the connections that listen.
    pub fn cut_ears(&self) {
        for ear in self.state.lock().ears.drain(..) {
            let _ = ear.near.shutdown(Shutdown::Both);
        }
    }

    /// Swallows what is said on the connections that listen, in both directions. New ones are good.
    pub fn mute_ears(&self) {
        self.state.lock().ears.drain(..).for_each(|ear| ear.is_mute.store(true, Ordering::Release));
    }

    /// Ends every connection, as a server that goes down does.
    pub fn hang_up(&self) {
        for stream in self.state.lock().open.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn change(&self, swallows: bool) {
        let mut state = self.state.lock();
        state.swallows = swallows;
        state.age += 1;
        while self.made.lock().try_recv().is_ok() {}
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// Carries what is said in one direction, or swallows it.
fn carry(
    mut from: TcpStream,
    mut to: TcpStream,
    age: u64,
    state: &Mutex<State>,
    connection: &Arc<Connection>,
    listened: &Semaphore,
    asks: bool,
) {
    const LISTEN: &[u8] = b"LISTEN faena";
    let mut buffer = [0; 16 << 10];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if asks && buffer[..bytes].windows(7).any(|word| word == b"COMMIT\0") {
            let loses_it = std::mem::take(&mut state.lock().loses_commit);
            connection.is_deaf.fetch_or(loses_it, Ordering::AcqRel);
        }
        if !asks && connection.is_deaf.load(Ordering::Acquire) {
            break;
        }
        let passes = {
            let state = state.lock();
            state.age == age && !state.swallows && !connection.is_mute.load(Ordering::Acquire)
        };
        if passes && to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
        if passes && buffer[..bytes].windows(LISTEN.len()).any(|words| words == LISTEN) {
            state.lock().ears.push(connection.clone());
            listened.add_permits(1);
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
