//! The line between a node and its database: it can be cut, and it can swallow everything that is said.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use parking_lot::Mutex;

/// A line to a database. It lasts as long as the process.
pub struct Line {
    /// The database's address, as it is reached by this line.
    pub url: String,
    state: Arc<Mutex<State>>,
    /// Hears of each connection that is made while the line is whole.
    pub made: Mutex<Receiver<()>>,
}

#[derive(Default)]
struct State {
    swallows: bool,
    /// Those that were made before the last change say nothing more, ever.
    age: u64,
    open: Vec<TcpStream>,
}

impl Line {
    pub fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("{before}@{}/{name}", listener.local_addr().unwrap());
        let (state, address) = (Arc::<Mutex<State>>::default(), address.to_owned());
        let (tell, made) = channel();
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
                for (from, to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))] {
                    let (from, to, state) = (from.unwrap(), to.unwrap(), of_all.clone());
                    std::thread::spawn(move || carry(from, to, age, &state));
                }
            }
        });
        Self { url: own, state, made: Mutex::new(made) }
    }

    /// From now on nothing arrives, and nobody is told.
    pub fn swallow(&self) {
        self.change(true);
    }

    /// New connections are good again.
    pub fn heal(&self) {
        self.change(false);
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
        for stream in self.state.lock().open.drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Carries what is said in one direction, or swallows it.
fn carry(mut from: TcpStream, mut to: TcpStream, age: u64, state: &Mutex<State>) {
    let mut buffer = [0; 16 << 10];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        let passes = {
            let state = state.lock();
            state.age == age && !state.swallows
        };
        if passes && to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
