//! The load: writers that send requests until each is answered, and keep every answer to compare it later.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Dice;
use super::server::{LOOK, PATIENCE};

/// Writers, each with a request in flight at any time.
pub(crate) const WRITERS: u64 = 24;

/// Affiliates that the customers come from; few, so that account rows are contended.
const AFFILIATES: u64 = 3;

/// A request that is sent until it is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    pub(crate) path: &'static str,
    /// The header `Idempotency-Key`, for requests whose body has none.
    key: Option<String>,
    pub(crate) body: Value,
    expected: u16,
}

/// A request with its answer, which must never change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) request: Request,
    pub(crate) answer: Bytes,
}

/// The load generator.
pub(crate) struct Load {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    operator_key: String,
    acknowledged: Mutex<Vec<Acknowledged>>,
    count: watch::Sender<usize>,
    stopping: AtomicBool,
}

impl Load {
    pub(crate) fn new(address: SocketAddr, operator_key: String) -> Load {
        Load {
            client: Client::builder(TokioExecutor::new()).build_http(),
            address,
            operator_key,
            acknowledged: Mutex::default(),
            count: watch::Sender::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// Makes the affiliates that the customers come from.
    pub(crate) async fn make_affiliates(&self) {
        for number in 0..AFFILIATES {
            let slug = slug(number);
            let body = json!({ "name": slug, "email": format!("{slug}@example.com"), "slug": slug });
            self.answer(&Request { path: "/v1/affiliates", key: None, body, expected: 201 }).await;
        }
    }

    /// Signs customers up, charges them and refunds some, until told to stop.
    pub(crate) async fn write(self: std::sync::Arc<Self>, writer: u64) {
        let mut dice = Dice(writer);
        for number in 0.. {
            let customer = format!("cus_{writer}_{number}");
            self.acknowledge(conversion(&customer, writer % AFFILIATES)).await;
            for charge in 0..dice.between(2, 8) {
                if self.stopping.load(Ordering::Relaxed) {
                    return;
                }
                let key = format!("ch_{writer}_{number}_{charge}");
                let request = payment(&customer, &key, 100 * dice.between(1, 500));
                if dice.between(0, 9) == 0 {
                    self.acknowledge_twice(request).await;
                } else {
                    self.acknowledge(request).await;
                }
                if dice.between(0, 5) == 0 {
                    self.acknowledge(refund(&key)).await;
                }
            }
        }
    }

    /// No more new requests.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Sends a request until it is answered and keeps the answer.
    async fn acknowledge(&self, request: Request) {
        let answer = self.answer(&request).await;
        self.keep(Acknowledged { request, answer });
    }

    /// Sends a request twice at once: one of the two is the repetition, and nobody can tell which.
    async fn acknowledge_twice(&self, request: Request) {
        let (answer, again) = tokio::join!(self.answer(&request), self.answer(&request));
        assert_eq!(answer, again, "{request:?}");
        self.keep(Acknowledged { request, answer });
    }

    fn keep(&self, acknowledged: Acknowledged) {
        self.acknowledged.lock().expect("no panic while it is held").push(acknowledged);
        self.count.send_modify(|count| *count += 1);
    }

    /// Waits until so many more answers have come.
    pub(crate) async fn wait_for(&self, more: usize) {
        let mut count = self.count.subscribe();
        let wanted = *count.borrow() + more;
        let enough = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= wanted)).await;
        assert!(enough.is_ok(), "the answers have ceased to come; a writer has said why, or the log does");
    }

    /// Every answer so far.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().expect("no panic while it is held").clone()
    }

    /// The newest answers, which the kill may have met, and as many others.
    pub(crate) fn sample(&self, size: usize, dice: &mut Dice) -> Vec<Acknowledged> {
        let all = self.acknowledged();
        let newest = all.iter().rev().take(size / 2).cloned();
        let others = (0..size / 2).map(|_| all[dice.between(0, all.len() as u64 - 1) as usize].clone());
        newest.chain(others).collect()
    }

    /// Asks again and compares byte for byte.
    pub(crate) async fn replay(&self, acknowledged: &[Acknowledged]) {
        let compare = async |Acknowledged { request, answer }: &Acknowledged| {
            assert_eq!(self.answer(request).await, answer, "{request:?} was answered otherwise before");
        };
        let comparisons = acknowledged.iter().map(compare);
        futures_util::stream::iter(comparisons).buffer_unordered(WRITERS as usize).collect::<()>().await;
    }

    /// Sends a request until it is answered. A lost connection and 503 say nothing about what became of it, so it is
    /// sent again as it was; any other answer must be the one expected.
    async fn answer(&self, request: &Request) -> Bytes {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.send(request).await {
                Ok((status, body)) if status == request.expected => return body,
                Ok((503, _)) | Err(_) => {}
                Ok((status, body)) => {
                    panic!("{request:?} was answered {status} {}", String::from_utf8_lossy(&body))
                }
            }
            while !is_ready(self.address).await {
                assert!(Instant::now() < deadline, "{request:?} was not answered");
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Sends a request once: status and body, or why there is no whole answer.
    async fn send(&self, request: &Request) -> Result<(u16, Bytes), String> {
        let mut builder = hyper::Request::post(format!("http://{}{}", self.address, request.path))
            .header("authorization", format!("Bearer {}", self.operator_key))
            .header("content-type", "application/json");
        if let Some(key) = &request.key {
            builder = builder.header("idempotency-key", key);
        }
        let body = Full::new(Bytes::from(request.body.to_string()));
        let sent = self.client.request(builder.body(body).expect("a request")).await;
        let response = sent.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

/// Whether the product says that it can do its work.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let uri = format!("http://{address}/readyz").parse().expect("an address");
    client.get(uri).await.is_ok_and(|response| response.status() == 200)
}

fn slug(affiliate: u64) -> String {
    format!("affiliate-{affiliate}")
}

fn conversion(customer: &str, affiliate: u64) -> Request {
    Request {
        path: "/reditus/api/v2/tracking/conversion",
        key: Some(format!("sign-up of {customer}")),
        body: json!({ "affiliate_slug": slug(affiliate), "uid": customer, "email": format!("{customer}@example.com") }),
        expected: 201,
    }
}

fn payment(customer: &str, key: &str, cents: u64) -> Request {
    Request {
        path: "/reditus/api/v1/payments",
        key: None,
        body: json!({ "referral_uid": customer, "amount": cents, "currency": "eur", "idempotency_key": key }),
        expected: 202,
    }
}

fn refund(payment: &str) -> Request {
    Request {
        path: "/reditus/api/v1/refunds",
        key: None,
        body: json!({ "payment_id": payment }),
        expected: 200,
    }
}
