//! `refero serve` as a process of its own, so that its memory can be told from that of the measuring process.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::failure::{Failure, Outcome};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(super) struct Server {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

/// What a process occupies.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    /// Now, in KiB.
    pub(super) resident: u64,
    /// At most until now, in KiB.
    pub(super) peak: u64,
}

impl Server {
    /// Starts a server on a folder or a URL and waits until it answers.
    pub(super) async fn start(dir: &Path, external_url: Option<&str>) -> Outcome<Server> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--data").arg(dir).arg("--listen").arg(address.to_string());
        if let Some(url) = external_url {
            command.arg("--database-url").arg(url);
        }
        command.env_remove("REFERO_DATABASE_URL").env_remove("REFERO_SECRET").env_remove("REFERO_SMTP_URL");
        // What the server logs would cost what is measured; REFERO_BENCH_LOG shows it to whoever looks for a reason.
        let log = std::env::var("REFERO_BENCH_LOG").unwrap_or_else(|_| "error".to_owned());
        command.env("REFERO_LOG", log).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        if external_url.is_some() {
            command.env("REFERO_SECRET", std::fs::read_to_string(dir.join("secret.key"))?.trim());
        }
        let mut server = Server { child: command.spawn()?, address };
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = server.child.try_wait()? {
                return Err(Failure::new(format!("the server ended while it was starting: {status}")));
            }
            if is_ready(address).await {
                return Ok(server);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(Failure::new("the server did not become ready in time"))
    }

    /// What the server occupies.
    pub(super) fn memory(&self) -> Outcome<Memory> {
        let pid = self.child.id().ok_or_else(|| Failure::new("the server has ended"))?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let missing = || Failure::new("the system does not say what the server occupies");
        Ok(Memory {
            resident: field("VmRSS:").ok_or_else(missing)?,
            peak: field("VmHWM:").ok_or_else(missing)?,
        })
    }

    /// Its process.
    pub(super) fn pids(&self) -> Outcome<Vec<u32>> {
        self.child.id().map(|pid| vec![pid]).ok_or_else(|| Failure::new("the server has ended"))
    }

    /// Stops the server as an operator would.
    pub(super) async fn stop(mut self) -> Outcome {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let pid = rustix::process::Pid::from_raw(pid).ok_or_else(|| Failure::new("no process id"))?;
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => Ok(()),
            Ok(status) => Err(Failure::new(format!("the server ended with {status:?}"))),
            Err(_) => Err(Failure::new("the server did not stop in time")),
        }
    }
}

pub(super) fn free_address() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?)
}

async fn is_ready(address: SocketAddr) -> bool {
    get(address, "/readyz", None).await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Gets a small page on a connection of its own.
pub(super) async fn get(address: SocketAddr, path: &str, key: Option<&str>) -> Outcome<String> {
    let mut stream = TcpStream::connect(address).await?;
    let authorization = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
