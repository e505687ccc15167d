//! Visitors: connections that click one link after another and remember the click of every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::click::{ClickId, TOKEN_LENGTH};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Visitors at a time.
pub(crate) const CONNECTIONS: usize = 8;

/// Between two clicks of a visitor.
const PACE: Duration = Duration::from_millis(4);

/// A redirect that takes longer has failed: none waits for the database.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long clicks may take to come.
const DEADLINE: Duration = Duration::from_secs(90);

pub(crate) struct Load {
    shared: Arc<Shared>,
    visitors: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    address: SocketAddr,
    codes: Vec<String>,
    answered: Mutex<Vec<(ClickId, Instant)>>,
    count: watch::Sender<usize>,
    failures: AtomicUsize,
    is_paused: AtomicBool,
    is_stopping: AtomicBool,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, codes: Vec<String>) -> Load {
        let shared = Arc::new(Shared {
            address,
            codes,
            answered: Mutex::default(),
            count: watch::Sender::new(0),
            failures: AtomicUsize::new(0),
            is_paused: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
        });
        let visitors = (0..CONNECTIONS).map(|number| tokio::spawn(Arc::clone(&shared).visit(number)));
        Load { visitors: Mutex::new(visitors.collect()), shared }
    }

    /// Waits for so many more clicks.
    pub(crate) async fn wait_for(&self, clicks: usize) {
        let mut count = self.shared.count.subscribe();
        let until = *count.borrow() + clicks;
        let reached = tokio::time::timeout(DEADLINE, count.wait_for(|count| *count >= until)).await;
        reached.expect("clicks are answered").expect("the load goes on");
    }

    /// Redirects that were not answered as they should be, while the load was not paused.
    pub(crate) fn failures(&self) -> usize {
        self.shared.failures.load(Ordering::SeqCst)
    }

    pub(crate) fn pause(&self) {
        self.shared.is_paused.store(true, Ordering::SeqCst);
    }

    pub(crate) fn resume(&self) {
        self.shared.is_paused.store(false, Ordering::SeqCst);
    }

    /// Ends the load and tells every click that was answered, and when.
    pub(crate) async fn stop(&self) -> Vec<(ClickId, Instant)> {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        let visitors = std::mem::take(&mut *self.visitors.lock().expect("no visitor panics"));
        for visitor in visitors {
            visitor.await.expect("a visitor goes on until it is told to stop");
        }
        std::mem::take(&mut *self.shared.answered.lock().expect("no visitor panics"))
    }
}

impl Shared {
    async fn visit(self: Arc<Self>, number: usize) {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut turn = number;
        while !self.is_stopping.load(Ordering::SeqCst) {
            if self.is_paused.load(Ordering::SeqCst) {
                tokio::time::sleep(PACE).await;
                continue;
            }
            let code = &self.codes[turn % self.codes.len()];
            turn += CONNECTIONS;
            match tokio::time::timeout(PATIENCE, self.click(&client, code)).await {
                Ok(Some(click)) => {
                    self.answered.lock().expect("no visitor panics").push((click, Instant::now()));
                    self.count.send_modify(|count| *count += 1);
                }
                // What was under way when the server was killed is no failure of a redirect.
                _ if self.is_paused.load(Ordering::SeqCst) => {}
                _ => drop(self.failures.fetch_add(1, Ordering::SeqCst)),
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn click(&self, client: &Client<HttpConnector, Empty<Bytes>>, code: &str) -> Option<ClickId> {
        let request = hyper::Request::get(format!("http://{}/c/{code}", self.address))
            .header("user-agent", "Mozilla/5.0 Firefox/127.0")
            .body(Empty::new())
            .expect("a request");
        let answer = client.request(request).await.ok()?;
        let location = answer.headers().get("location")?.to_str().ok()?.to_owned();
        answer.into_body().collect().await.ok()?;
        domain::click::named(location.get(location.len().checked_sub(TOKEN_LENGTH)?..)?)
    }
}
