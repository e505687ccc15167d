//! What the product counts about itself, in the text format of Prometheus.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// GET, POST, …; `other` for one that is none of the product's.
    pub method: &'static str,
    /// The route, not the address: `/v1/affiliates/{id}`.
    pub route: String,
    /// The status.
    pub status: u16,
}

/// Labels of a request's duration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    /// The route.
    pub route: String,
}

/// The product's counters.
pub struct Metrics {
    registry: Registry,
    /// Requests answered.
    pub requests: Family<Request, Counter>,
    /// Seconds a request took.
    pub request_seconds: Family<Route, Histogram>,
    /// Facts in a batch.
    pub batch_facts: Histogram,
    /// Seconds a batch took, begin to commit.
    pub batch_seconds: Histogram,
    /// Commands waiting for a batch.
    pub queue_depth: Gauge,
    /// Facts recorded.
    pub facts: Counter,
    /// Commands answered from what was recorded before.
    pub replays: Counter,
    /// Commands refused.
    pub refusals: Counter,
    /// Transfers booked by ingest.
    pub transfers: Counter,
    /// Batches tried again after a fault of the database.
    pub retries: Counter,
    /// Jobs that failed.
    pub job_failures: Counter,
    /// Redirects answered in front of the router, with 302.
    pub redirects: Counter,
    /// Those answered with anything else.
    pub redirects_refused: Counter,
    /// Seconds a redirect took, from the request's head to its answer.
    pub redirect_seconds: Histogram,
    /// Clicks led on by a redirect and recorded.
    pub clicks_recorded: Counter,
    /// Clicks whose rows are lost; their tokens attribute all the same.
    pub clicks_dropped: Counter,
    /// Clicks written to the database.
    pub clicks_written: Counter,
    /// Seconds a batch of clicks took, begin to commit.
    pub click_batch_seconds: Histogram,
    /// Bytes of clicks made durable in spill segments.
    pub click_spill_bytes: Counter,
    /// Times the disk refused clicks.
    pub click_spill_failures: Counter,
    /// Bytes that clicks take in memory.
    pub click_memory_bytes: Gauge,
    /// Closed segments of clicks that wait for the database.
    pub click_segments_waiting: Gauge,
    /// Codes that were asked for and name no link.
    pub codes_unknown: Counter,
    /// Links in memory.
    pub links_in_memory: Gauge,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("refero");
        let seconds = || Histogram::new(exponential_buckets(0.000_5, 2.0, 14));
        let request_seconds = Family::<Route, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.000_5, 2.0, 14))
        });
        let metrics = Metrics {
            requests: Family::default(),
            request_seconds,
            batch_facts: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            batch_seconds: seconds(),
            queue_depth: Gauge::default(),
            facts: Counter::default(),
            replays: Counter::default(),
            refusals: Counter::default(),
            transfers: Counter::default(),
            retries: Counter::default(),
            job_failures: Counter::default(),
            redirects: Counter::default(),
            redirects_refused: Counter::default(),
            // From a microsecond in memory to the longest look-up, and beyond.
            redirect_seconds: Histogram::new(exponential_buckets(0.000_001, 4.0, 10)),
            clicks_recorded: Counter::default(),
            clicks_dropped: Counter::default(),
            clicks_written: Counter::default(),
            click_batch_seconds: seconds(),
            click_spill_bytes: Counter::default(),
            click_spill_failures: Counter::default(),
            click_memory_bytes: Gauge::default(),
            click_segments_waiting: Gauge::default(),
            codes_unknown: Counter::default(),
            links_in_memory: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register("http_request_seconds", "Seconds a request took", metrics.request_seconds.clone());
        registry.register("ingest_batch_facts", "Facts in a batch", metrics.batch_facts.clone());
        registry.register("ingest_batch_seconds", "Seconds a batch took", metrics.batch_seconds.clone());
        registry.register("ingest_queue_depth", "Commands waiting for a batch", metrics.queue_depth.clone());
        registry.register("ingest_facts", "Facts recorded", metrics.facts.clone());
        registry.register("ingest_replays", "Commands answered from before", metrics.replays.clone());
        registry.register("ingest_refusals", "Commands refused", metrics.refusals.clone());
        registry.register("ingest_transfers", "Transfers booked by ingest", metrics.transfers.clone());
        registry.register("ingest_retries", "Batches tried again", metrics.retries.clone());
        registry.register("job_failures", "Jobs that failed", metrics.job_failures.clone());
        metrics.register_clicks(&mut registry);
        Metrics { registry, ..metrics }
    }
}

impl Metrics {
    fn register_clicks(&self, registry: &mut Registry) {
        registry.register("redirects", "Redirects answered with 302", self.redirects.clone());
        registry.register(
            "redirects_refused",
            "Redirects answered otherwise",
            self.redirects_refused.clone(),
        );
        registry.register("redirect_seconds", "Seconds a redirect took", self.redirect_seconds.clone());
        registry.register("clicks_recorded", "Clicks led on and recorded", self.clicks_recorded.clone());
        registry.register("clicks_dropped", "Clicks whose rows are lost", self.clicks_dropped.clone());
        registry.register("clicks_written", "Clicks written to the database", self.clicks_written.clone());
        registry.register(
            "click_batch_seconds",
            "Seconds a batch of clicks took",
            self.click_batch_seconds.clone(),
        );
        registry.register(
            "click_spill_bytes",
            "Bytes of clicks made durable",
            self.click_spill_bytes.clone(),
        );
        registry.register(
            "click_spill_failures",
            "Times the disk refused clicks",
            self.click_spill_failures.clone(),
        );
        registry.register("click_memory_bytes", "Bytes of clicks in memory", self.click_memory_bytes.clone());
        registry.register(
            "click_segments_waiting",
            "Segments that wait or are being written",
            self.click_segments_waiting.clone(),
        );
        registry.register("codes_unknown", "Codes asked for that name no link", self.codes_unknown.clone());
        registry.register("links_in_memory", "Links in memory", self.links_in_memory.clone());
    }

    /// Everything counted so far, as Prometheus reads it.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("the metrics could not be written");
        }
        text
    }
}
