//! Visitors: keep-alive connections that click one link after another, as fast as they are answered or at a fixed rate. They
//! share two cores with what they measure, so they run on one thread and read no more of an answer than they need.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::bench::connections;
use crate::failure::{Failure, Outcome};

/// What to ask.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) address: SocketAddr,
    pub(super) connections: usize,
    pub(super) duration: Duration,
    /// Links `l0`, `l1`, … there are so many.
    pub(super) links: u64,
    /// Requests a second over all connections; 0 for as many as are answered.
    pub(super) rate: u64,
}

/// What came of it.
#[derive(Clone, Default)]
pub(super) struct Measured {
    pub(super) answers: u64,
    pub(super) errors: u64,
    pub(super) seconds: f64,
    /// In milliseconds; at a fixed rate from when the request was due.
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Measured {
    /// Answers a second.
    pub(super) fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
}

struct Shared {
    load: Load,
    started: Instant,
    next: Cell<u64>,
    errors: Cell<u64>,
    micros: RefCell<Vec<u32>>,
}

/// Clicks from a thread of its own until the time is over.
pub(super) async fn run(load: Load) -> Outcome<Measured> {
    connections::on_one_thread(move || drive(load)).await
}

async fn drive(load: Load) -> Outcome<Measured> {
    let streams = connections::open(load.address, load.connections).await?;
    let shared = Rc::new(Shared {
        load,
        started: Instant::now(),
        next: Cell::new(0),
        errors: Cell::new(0),
        micros: RefCell::new(Vec::with_capacity(1 << 20)),
    });
    let visitors: Vec<_> =
        streams.into_iter().map(|stream| tokio::task::spawn_local(visit(shared.clone(), stream))).collect();
    for visitor in visitors {
        visitor.await??;
    }
    let seconds = shared.started.elapsed().as_secs_f64();
    let shared = Rc::try_unwrap(shared).map_err(|_| Failure::new("a visitor goes on"))?;
    let mut taken = shared.micros.into_inner();
    taken.sort_unstable();
    Ok(Measured {
        answers: taken.len() as u64,
        errors: shared.errors.get(),
        seconds,
        p50: connections::quantile(&taken, 0.50),
        p99: connections::quantile(&taken, 0.99),
    })
}

async fn visit(shared: Rc<Shared>, mut stream: TcpStream) -> Outcome {
    let Load { duration, links, rate, .. } = shared.load;
    let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(1024));
    while shared.started.elapsed() < duration {
        let turn = shared.next.get();
        shared.next.set(turn + 1);
        let mut due = Instant::now();
        if let Some(nanos) = (turn * 1_000_000_000).checked_div(rate) {
            due = shared.started + Duration::from_nanos(nanos);
            // The clock of timers ticks once a millisecond; what is due within the tick is sent at once.
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            }
        }
        // Neighbours in the series are strangers in memory.
        let link = turn.wrapping_mul(7919) % links;
        request.clear();
        write!(
            request,
            "GET /c/l{link}?sid=s{turn} HTTP/1.1\r\nhost: {}\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:127.0) \
             Gecko/20100101 Firefox/127.0\r\naccept: text/html\r\n\r\n",
            shared.load.address
        )?;
        stream.write_all(&request).await?;
        let (status, _) = connections::receive(&mut stream, &mut answer).await?;
        shared.micros.borrow_mut().push(due.elapsed().as_micros() as u32);
        if status != 302 {
            shared.errors.set(shared.errors.get() + 1);
        }
    }
    Ok(())
}
