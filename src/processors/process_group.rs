//! A subprocess together with all that it starts: they are one group, and they end together. Whoever drops the group
//! ends it: it is asked to stop, and after a while it is made to.

use std::io;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use crate::limits;

/// A running subprocess and all that it starts.
#[derive(Debug)]
pub(super) struct ProcessGroup {
    /// None once it has been taken over by whoever sees it to its end.
    running: Option<Running>,
}

/// The group itself; what is left of it is killed when this is dropped.
#[derive(Debug)]
struct Running {
    leader: Child,
    id: Pid,
}

impl ProcessGroup {
    /// Starts a program as the leader of a group of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        // A group that has the leader's number.
        let leader = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = leader.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let id = id.ok_or_else(|| io::Error::other("the process has no number"))?;
        Ok(Self { running: Some(Running { leader, id }) })
    }

    /// The ends of its standard streams, once.
    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        match &mut self.running {
            Some(Running { leader, .. }) => (leader.stdin.take(), leader.stdout.take(), leader.stderr.take()),
            None => (None, None, None),
        }
    }

    /// Waits for the leader to end, and ends those that it left behind: they would hold its streams open.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        let Some(running) = &mut self.running else { return Err(io::ErrorKind::NotFound.into()) };
        let status = running.leader.wait().await;
        drop(self.running.take());
        status
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        // One that has gone already is what we want.
        let _ = kill_process_group(running.id, Signal::TERM);
        // Without a runtime nobody can wait: then there is no grace. A runtime that ends drops the group at once too.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(limits::COMMAND_STOP_GRACE, running.leader.wait()).await;
            });
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A number is not given out again while a member of its group lives. If none does, there is nobody to hit
        // but a process that took the number since the leader was waited for: a moment ago, among millions.
        let _ = kill_process_group(self.id, Signal::KILL);
    }
}
