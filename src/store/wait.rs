//! Waiting for a store's answer on a thread of one's own.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// Waits for something on this thread, whatever the thread is. For blocking work, which has a thread of its own.
pub fn wait<T>(answer: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut answer = pin!(answer);
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        std::thread::park();
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_from_another_thread_is_waited_for() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let (begin, begun) = std::sync::mpsc::channel::<()>();
        let teller = std::thread::spawn(move || {
            begun.recv().unwrap();
            tell.send(7).unwrap();
        });
        begin.send(()).unwrap();
        assert_eq!(wait(told), Ok(7));
        teller.join().unwrap();
    }
}
