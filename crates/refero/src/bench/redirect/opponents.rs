//! What the redirect is held against, each in processes of its own, and the processor time that processes have taken.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::Who;
use crate::bench::server::free_address;
use crate::failure::{Failure, Outcome};

/// A running server that only answers.
pub(super) struct Opponent {
    pub(super) who: Who,
    pub(super) address: SocketAddr,
    child: Child,
    folder: Option<std::path::PathBuf>,
}

impl Opponent {
    /// Its processes.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.child.id().map(with_children).unwrap_or_default()
    }

    /// Ends it.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| rustix::process::Pid::from_raw(pid as i32)) {
            // Processes that nginx has started end with it.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = self.child.wait().await;
        }
        if let Some(folder) = self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Starts the bare handler, and nginx where it is installed.
pub(super) async fn start() -> Outcome<Vec<Opponent>> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "bare-redirect", "--listen", &address.to_string()]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
    let mut opponents = vec![Opponent { who: Who::Bare, address, child, folder: None }];
    opponents.extend(nginx()?);
    for opponent in &opponents {
        wait_for(opponent).await?;
    }
    Ok(opponents)
}

/// nginx with as many workers as there are cores, which write no log, as a high-performance set-up would be.
fn nginx() -> Outcome<Option<Opponent>> {
    let address = free_address()?;
    let folder =
        std::env::temp_dir().join(format!("refero-nginx-{}", app::random::hex(&app::random::bytes::<6>())));
    std::fs::create_dir(&folder)?;
    let place = folder.display();
    let settings = format!(
        "daemon off; worker_processes auto; pid {place}/pid; error_log {place}/error.log crit;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {place}; proxy_temp_path {place};\n\
         fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};\n\
         server {{ listen {address}; location / {{ return 302 https://shop.example.com/landing; }} }} }}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, settings)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder).arg("-c").arg(&file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match command.spawn() {
        Ok(child) => Ok(Some(Opponent { who: Who::Nginx, address, child, folder: Some(folder) })),
        Err(_) => {
            std::fs::remove_dir_all(folder)?;
            Ok(None)
        }
    }
}

async fn wait_for(opponent: &Opponent) -> Outcome {
    for _ in 0..200 {
        if TcpStream::connect(opponent.address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(Failure::new(format!("{} does not start", opponent.who.name())))
}

/// A process with those that it has started.
fn with_children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    std::iter::once(pid).chain(children).collect()
}

/// Processor time of the threads of processes until now, in microseconds.
pub(super) fn cpu_time(pids: &[u32]) -> Outcome<f64> {
    let mut nanos = 0.0;
    for pid in pids {
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end meanwhile.
            let text = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            nanos += text.split_whitespace().next().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        }
    }
    Ok(nanos / 1_000.0)
}
