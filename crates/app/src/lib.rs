//! The verbs: what the product does, whoever asks. A verb reads through `store`, lets `domain` decide, and writes
//! through `store` in one transaction; HTTP and command lines call verbs and render what they return.
//!
//! What must not be here: SQL, a rule about commissions, a wire format.

pub mod activity;
pub mod adjustment;
pub mod affiliate;
pub mod attribution;
pub mod balance;
pub mod brand;
mod cache;
pub mod click;
pub mod clock;
pub mod commission;
pub mod config;
mod counter;
pub mod coupon;
pub mod deal;
pub mod error;
pub mod event;
pub mod explain;
pub mod ingest;
pub mod inquiry;
pub mod jobs;
pub mod key;
mod ledger;
pub mod limit;
pub mod link;
pub mod metrics;
mod once;
pub mod opening;
pub mod outside;
pub mod overview;
mod pages;
pub mod payout;
pub mod period;
pub mod postback;
pub mod program;
pub mod random;
pub mod rates;
pub mod referral;
pub mod release;
pub mod replay;
pub mod review;
pub mod secret;
mod sequencer;
pub mod verify;
pub mod visit;
pub mod what_if;
pub mod widget;

use std::sync::Arc;
use std::time::Duration;

use domain::ids::{AffiliateId, ProgramId};
use domain::time::Timestamp;
use store::Pool;

pub use error::{Error, Result};

use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::Config;
use crate::counter::Counters;
use crate::ingest::Queue;
use crate::key::Keys;
use crate::metrics::Metrics;
use crate::outside::mail::Mailer;
use crate::secret::Secret;
use crate::sequencer::Sequencer;

/// A server waits so long for its links at most before it answers.
const LINKS_READ: Duration = Duration::from_secs(10);

/// The running product: its database, its queue, its caches. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    pool: Pool,
    secret: Secret,
    clock: Clock,
    config: Config,
    cache: Cache,
    counters: Counters,
    keys: Keys,
    clicks: click::Clicks,
    limits: limit::Limits,
    /// Whose turn it is to answer a question of the staff: of those who wait one holds a connection.
    answers: tokio::sync::Mutex<()>,
    visits: visit::Visits,
    queue: Queue,
    /// Connections of the batches.
    warm: store::Warm,
    sequencer: Sequencer,
    jobs: jobs::Jobs,
    mailer: Option<Mailer>,
    metrics: Metrics,
    tasks: tokio_tasks::Tasks,
}

/// Who asks, in which program, and when. `now` is read once per request or job, and again where a decision is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The program.
    pub program: ProgramId,
    /// Whom the caller speaks for.
    pub scope: store::key::Scope,
    /// The time of the request.
    pub now: Timestamp,
    /// Whether `now` was read from the clock as the request came, and not given.
    pub is_live: bool,
}

impl Caller {
    /// A caller that speaks for the program.
    pub fn operator(program: ProgramId, now: Timestamp) -> Caller {
        Caller { program, scope: store::key::Scope::Operator, now, is_live: false }
    }

    /// The caller at the moment at which its decision is made: behind the program's fence, or with the referral locked. The
    /// body may have taken its time since the request came, and what was booked meanwhile lies before the decision.
    pub(crate) fn decides(&self, app: &App) -> Caller {
        let now = if self.is_live { app.now().max(self.now) } else { self.now };
        Caller { now, ..*self }
    }

    /// Refuses a caller that speaks for one affiliate only.
    pub fn require_operator(&self) -> Result<()> {
        match self.scope {
            store::key::Scope::Operator => Ok(()),
            store::key::Scope::Affiliate(_) => Err(Error::Forbidden(
                "this call needs an operator key; the key given belongs to an affiliate".to_owned(),
            )),
        }
    }

    /// The affiliate a caller may see: its own for an affiliate key, the one asked for (or all) for an operator.
    pub fn visible_affiliate(&self, asked: Option<AffiliateId>) -> Result<Option<AffiliateId>> {
        match (self.scope, asked) {
            (store::key::Scope::Operator, asked) => Ok(asked),
            (store::key::Scope::Affiliate(own), None) => Ok(Some(own)),
            (store::key::Scope::Affiliate(own), Some(asked)) if own == asked => Ok(Some(own)),
            (store::key::Scope::Affiliate(_), Some(_)) => {
                Err(Error::Forbidden("an affiliate key sees its own affiliate only".to_owned()))
            }
        }
    }
}

impl App {
    /// Starts the product on a migrated database: the ingest workers and the sequencer run from now on.
    pub async fn start(pool: Pool, secret: Secret, clock: Clock, config: Config) -> Result<App> {
        secret.check(&pool).await?;
        let mailer = config.mail.as_ref().map(Mailer::new).transpose()?;
        let change_head = store::change::head(&pool).await?;
        let app = App(Arc::new(Inner {
            cache: Cache::default(),
            counters: Counters::default(),
            keys: Keys::default(),
            limits: limit::Limits::new(config.limits),
            answers: tokio::sync::Mutex::default(),
            visits: visit::Visits::default(),
            clicks: click::Clicks::new(&pool, &config)?,
            queue: Queue::new(config.queue_limit),
            warm: store::Warm::default(),
            sequencer: Sequencer::default(),
            jobs: jobs::Jobs::default(),
            metrics: Metrics::default(),
            tasks: tokio_tasks::Tasks::default(),
            pool,
            secret,
            clock,
            config,
            mailer,
        }));
        click::start(&app).await?;
        for _ in 0..app.0.config.ingest_workers {
            app.0.tasks.spawn(ingest::work(app.clone()));
        }
        app.0.tasks.spawn(sequencer::run(app.clone()));
        app.0.tasks.spawn(click::write::run(app.clone()));
        app.0.tasks.spawn(key::follow_changes(app.clone(), change_head));
        Ok(app)
    }

    /// Starts what works on its own: releases, advances, mails.
    pub fn start_jobs(&self) {
        self.0.tasks.spawn(jobs::run(self.clone()));
    }

    /// Reads the links into memory, so that a server's first clicks find theirs however slow the database is. What takes
    /// longer than some seconds goes on behind it.
    pub async fn read_links(&self) {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let app = self.clone();
        self.0.tasks.spawn(async move {
            click::fill(app).await;
            // Nobody waits any more where it took too long.
            let _ = done.send(());
        });
        let _ = tokio::time::timeout(LINKS_READ, is_done).await;
    }

    /// Stops taking work, finishes what was taken, and ends every task.
    pub async fn stop(&self) {
        self.0.queue.close();
        self.0.sequencer.close();
        self.0.clicks.journal.stop();
        self.0.tasks.finish().await;
        self.0.warm.clear();
        self.0.clicks.pool.close().await;
        self.0.pool.close().await;
    }

    /// The database.
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }

    /// The time now; read once per request or job and passed on, and again where a decision is made.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// How many requests one caller may make.
    pub fn limits(&self) -> &limit::Limits {
        &self.0.limits
    }

    /// The header in which the operator's proxy tells the visitor's address.
    pub fn address_header(&self) -> Option<&str> {
        self.0.config.address_header.as_deref()
    }

    /// Whether visitors reach this server by TLS.
    pub fn is_public_by_tls(&self) -> bool {
        self.0.config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// What the product counts about itself.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Everything counted so far, as Prometheus reads it.
    pub fn render_metrics(&self) -> String {
        click::measure(self);
        self.0.metrics.render()
    }

    /// Whether the product can do its work: the database answers.
    pub async fn is_ready(&self) -> bool {
        store::node::ping(&self.0.pool).await.is_ok()
    }
}

mod tokio_tasks {
    //! The background tasks of a running product, ended together.

    use std::future::Future;
    use std::sync::Mutex;

    use tokio::sync::watch;
    use tokio::task::JoinSet;

    /// Running tasks and the signal that ends them.
    pub(crate) struct Tasks {
        set: Mutex<JoinSet<()>>,
        stop: watch::Sender<bool>,
    }

    impl Default for Tasks {
        fn default() -> Tasks {
            Tasks { set: Mutex::default(), stop: watch::Sender::new(false) }
        }
    }

    impl Tasks {
        /// Runs a task until it ends by itself.
        pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
            self.set.lock().expect("no task panics while it holds this").spawn(task);
        }

        /// Becomes true when the product stops.
        pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
            self.stop.subscribe()
        }

        /// Tells every task to end and waits for them.
        pub(crate) async fn finish(&self) {
            self.stop.send_replace(true);
            let mut set = std::mem::take(&mut *self.set.lock().expect("no task panics while it holds this"));
            while set.join_next().await.is_some() {}
        }
    }
}
