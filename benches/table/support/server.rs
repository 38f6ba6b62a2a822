//! The program and the bare server as processes of their own, and what the system knows of them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::bare;

/// A running server. It is killed when nobody holds it any more.
pub struct Server {
    child: Child,
    addr: SocketAddr,
}

impl Server {
    /// The program, with everything below `data`.
    pub fn faena(data: &Path, flags: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(data)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_faena"));
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--no-maintenance", "--log-filter", "warn", "--data"])
            .arg(data)
            .args(flags);
        // Neither a file of settings nor a variable of whoever measures may change what is measured.
        command.current_dir(data);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FAENA_")) {
            command.env_remove(name);
        }
        let server = Self::start(command).context("cannot start faena")?;
        // For whoever wants to look at it with a profiler meanwhile.
        eprintln!("  faena is process {}", server.child.id());
        Ok(server)
    }

    /// The bare server, whose answers have these sizes.
    pub fn bare(sizes: bare::Sizes) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([bare::ROLE, &sizes.post.to_string(), &sizes.get.to_string()]);
        Self::start(command).context("cannot start the bare server")
    }

    /// Each says where it listens in its first line.
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.as_mut().context("the server has no stdout")?;
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim_end().rsplit_once("http://").and_then(|(_, addr)| addr.parse().ok()) {
            Some(addr) => Ok(Self { child, addr }),
            None => {
                // It is of no use, and may be gone already.
                let _ = child.kill();
                let status = child.wait()?;
                anyhow::bail!("it said `{}` and ended with {status}", line.trim_end());
            }
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Memory that it has in use, in bytes.
    pub fn memory(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("there is no VmRSS")?;
        Ok(1_024 * line.trim().trim_end_matches(" kB").parse::<u64>()?)
    }

    /// Time that its threads have computed for. The scheduler's own figures: those of `stat` are in steps of 10 ms.
    pub fn computed(&self) -> Result<Duration> {
        let mut sum = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
            sum += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(sum))
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.context("the server has no process id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
