//! A future that goes on when its caller has left. A client that hangs up while its request commits drops the
//! request's future; the commit takes hold all the same, and whoever watches must still hear of it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that is handed to the runtime when it is dropped half way.
pub(super) struct Surely<T: Send + 'static> {
    rest: Option<Boxed<T>>,
    begun: bool,
}

impl<T: Send + 'static> Surely<T> {
    pub(super) fn boxed(future: impl Future<Output = T> + Send + 'static) -> Boxed<T> {
        Box::pin(Self { rest: Some(Box::pin(future)), begun: false })
    }
}

impl<T: Send + 'static> Future for Surely<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.begun = true;
        // Polled again after its end, it stays silent: the contract of futures leaves that open.
        let Some(rest) = &mut self.rest else { return Poll::Pending };
        let polled = rest.as_mut().poll(cx);
        if polled.is_ready() {
            self.rest = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Surely<T> {
    fn drop(&mut self) {
        // What was never begun has asked for nothing yet.
        let Some(rest) = self.rest.take().filter(|_| self.begun) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                rest.await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn goes_on_when_its_caller_has_left() {
        let (open, gate) = oneshot::channel::<()>();
        let (told, heard) = oneshot::channel();
        let mut future = Surely::boxed(async move {
            let _ = gate.await;
            let _ = told.send(7);
        });
        assert!(futures_util::poll!(&mut future).is_pending());
        drop(future);
        open.send(()).unwrap();
        assert_eq!(heard.await, Ok(7));
    }

    #[tokio::test]
    async fn does_not_begin_what_nobody_polled() {
        let (told, heard) = oneshot::channel();
        drop(Surely::boxed(async move {
            let _ = told.send(7);
        }));
        assert!(heard.await.is_err());
    }
}
