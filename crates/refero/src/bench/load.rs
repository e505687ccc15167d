//! The load generator: keep-alive connections that each send a request and wait for its answer. It shares two cores
//! with what it measures, so it runs on one thread, reuses its buffers and reads no more of an answer than it needs.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::connections;
use crate::failure::{Failure, Outcome};

/// What to send.
#[derive(Clone)]
pub(super) struct Load {
    /// To whom.
    pub(super) address: SocketAddr,
    /// The API key.
    pub(super) key: String,
    /// Over how many connections.
    pub(super) connections: usize,
    /// For how long.
    pub(super) duration: Duration,
    /// Which requests.
    pub(super) requests: Requests,
}

/// A series of requests; the n-th is always the same.
#[derive(Clone)]
pub(super) struct Requests {
    /// Distinguishes the payments of this series from those of any other.
    pub(super) series: String,
    /// The first letter of the customers' uids.
    pub(super) customers: char,
    /// How many customers there are.
    pub(super) count: u64,
    /// Payments in one request; 1 speaks Reditus, more the native bulk form.
    pub(super) bulk: u64,
    /// Answers of an earlier load with the same series: its requests are sent again and must get the same answers.
    pub(super) answered: Option<Arc<Vec<u64>>>,
}

/// What came of it.
#[derive(Clone, Default)]
pub(super) struct Measured {
    /// Payments that were answered as they should be.
    pub(super) payments: u64,
    /// Requests that were not.
    pub(super) errors: u64,
    /// What the first of those got.
    pub(super) first_error: Option<String>,
    /// How long it took.
    pub(super) seconds: f64,
    /// Time to answer of the median request, in milliseconds.
    pub(super) p50: f64,
    /// Time within which 99 of 100 requests were answered, in milliseconds.
    pub(super) p99: f64,
    /// Digests of the answers, by request.
    pub(super) digests: Vec<u64>,
}

impl Measured {
    /// Payments a second.
    pub(super) fn rate(&self) -> f64 {
        self.payments as f64 / self.seconds
    }
}

/// What the connections share.
struct Shared {
    load: Load,
    next: Cell<u64>,
    started: Instant,
    payments: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    micros: RefCell<Vec<u32>>,
    digests: RefCell<Vec<u64>>,
}

/// Sends requests from a thread of its own until the time is over; what was sent is waited for.
pub(super) async fn run(load: Load) -> Outcome<Measured> {
    connections::on_one_thread(|| drive(load)).await
}

async fn drive(load: Load) -> Outcome<Measured> {
    let streams = connections::open(load.address, load.connections).await?;
    let shared = Rc::new(Shared {
        load,
        next: Cell::new(0),
        started: Instant::now(),
        payments: Cell::new(0),
        errors: Cell::new(0),
        first_error: RefCell::default(),
        micros: RefCell::default(),
        digests: RefCell::default(),
    });
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::task::spawn_local(converse(shared.clone(), stream)))
        .collect();
    for task in tasks {
        task.await??;
    }
    let seconds = shared.started.elapsed().as_secs_f64();
    let shared = Rc::try_unwrap(shared).map_err(|_| Failure::new("a connection goes on"))?;
    let mut taken = shared.micros.into_inner();
    taken.sort_unstable();
    Ok(Measured {
        payments: shared.payments.get(),
        errors: shared.errors.get(),
        first_error: shared.first_error.into_inner(),
        seconds,
        p50: connections::quantile(&taken, 0.50),
        p99: connections::quantile(&taken, 0.99),
        digests: shared.digests.into_inner(),
    })
}

/// One connection.
async fn converse(shared: Rc<Shared>, mut stream: TcpStream) -> Outcome {
    let requests = &shared.load.requests;
    let replays = requests.answered.clone();
    let (mut request, mut body, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    let mut sent_at = shared.started;
    while shared.started.elapsed() < shared.load.duration {
        let turn = shared.next.get();
        shared.next.set(turn + 1);
        let number = replays.as_ref().map_or(turn, |known| turn % known.len().max(1) as u64);
        requests.body(number, &mut body);
        requests.head(&shared.load, &body, &mut request);
        stream.write_all(&request).await?;
        let (status, content) = connections::receive(&mut stream, &mut answer).await?;
        if content.is_empty() {
            return Err(Failure::new(format!("an answer of {status} without content")));
        }
        let now = Instant::now();
        shared.micros.borrow_mut().push(now.duration_since(sent_at.max(shared.started)).as_micros() as u32);
        sent_at = now;
        let digest = digest(content);
        let is_right = match &replays {
            Some(known) => status == 202 && known.get(number as usize).is_none_or(|first| *first == digest),
            None if requests.bulk > 1 => status == 200 && count(content, b"\"status\":201") == requests.bulk,
            None => status == 202,
        };
        if is_right {
            shared.payments.set(shared.payments.get() + requests.bulk);
        } else {
            shared.errors.set(shared.errors.get() + 1);
            let text = || format!("{status} {}", String::from_utf8_lossy(&content[..content.len().min(300)]));
            shared.first_error.borrow_mut().get_or_insert_with(text);
        }
        if replays.is_none() && requests.bulk == 1 {
            let mut digests = shared.digests.borrow_mut();
            let length = digests.len().max(number as usize + 1);
            digests.resize(length, 0);
            digests[number as usize] = digest;
        }
    }
    Ok(())
}

impl Requests {
    /// The n-th body.
    fn body(&self, number: u64, body: &mut Vec<u8>) {
        body.clear();
        // A buffer takes everything.
        if self.bulk == 1 {
            let (customer, series) = (self.customer(number), &self.series);
            let _ = write!(
                body,
                r#"{{"amount":10000,"currency":"eur","idempotency_key":"{series}-{number}","referral_uid":"{customer}"}}"#
            );
            return;
        }
        let _ = write!(body, r#"{{"events":["#);
        for number in number * self.bulk..(number + 1) * self.bulk {
            let (customer, series) = (self.customer(number), &self.series);
            let comma = if number % self.bulk == 0 { "" } else { "," };
            let _ = write!(
                body,
                r#"{comma}{{"type":"payment","uid":"{customer}","amount":"100.00","currency":"EUR","id":"{series}-{number}"}}"#
            );
        }
        let _ = write!(body, "]}}");
    }

    /// Neighbours in the series are strangers in the tables.
    fn customer(&self, number: u64) -> String {
        format!("{}{}", self.customers, number.wrapping_mul(7919) % self.count)
    }

    fn head(&self, load: &Load, body: &[u8], request: &mut Vec<u8>) {
        let path = if self.bulk == 1 { "/reditus/api/v1/payments" } else { "/v1/events/bulk" };
        request.clear();
        let _ = write!(
            request,
            "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            load.address,
            load.key,
            body.len()
        );
        request.extend_from_slice(body);
    }
}

/// FNV-1a, to compare answers without keeping them.
fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

fn count(bytes: &[u8], wanted: &[u8]) -> u64 {
    bytes.windows(wanted.len()).filter(|window| *window == wanted).count() as u64
}
