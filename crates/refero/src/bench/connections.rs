//! What load generators share: keep-alive connections on one thread, answers read no further than needed, and quantiles.

use std::future::Future;
use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::failure::{Failure, Outcome};

/// Runs a load on a thread of its own.
pub(super) async fn on_one_thread<T, F>(load: impl FnOnce() -> F + Send + 'static) -> Outcome<T>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>>,
{
    let measured = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(LocalSet::new().run_until(load()))
    });
    measured.await?
}

/// Opens connections to a server.
pub(super) async fn open(address: SocketAddr, count: usize) -> Outcome<Vec<TcpStream>> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    Ok(streams)
}

/// Receives one answer: its status and its content.
pub(super) async fn receive<'a>(stream: &mut TcpStream, answer: &'a mut Vec<u8>) -> Outcome<(u16, &'a [u8])> {
    answer.clear();
    let head = loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(Failure::new("the server closed a connection"));
        }
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let whole = head + content_length(&answer[..head]);
    while answer.len() < whole {
        if stream.read_buf(answer).await? == 0 {
            return Err(Failure::new("the server closed a connection within an answer"));
        }
    }
    let status = std::str::from_utf8(answer.get(9..12).unwrap_or_default())?.parse()?;
    Ok((status, &answer[head..whole]))
}

/// The length that an answer's head tells; an answer that tells none has no content.
fn content_length(head: &[u8]) -> usize {
    let mut lines = head.split(|byte| *byte == b'\n');
    let length = lines.find_map(|line| {
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        let is_length = name.eq_ignore_ascii_case(b"content-length");
        is_length.then(|| std::str::from_utf8(&value[1..]).ok()?.trim().parse().ok())?
    });
    length.unwrap_or(0)
}

/// What a part of all took at most, in milliseconds; `taken` are microseconds, in order.
pub(super) fn quantile(taken: &[u32], part: f64) -> f64 {
    let index = ((taken.len() as f64 * part) as usize).min(taken.len().saturating_sub(1));
    taken.get(index).map_or(0.0, |one| f64::from(*one) / 1000.0)
}
