//! `refero bench payments`: payments over HTTP against a running server, and beside them the same rows by plain SQL.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use domain::ids::ProgramId;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::counters::{self, Cost};
use super::ground::{self, Ground, settle};
use super::limit::{self, Bare, Template};
use super::load::{self, Load, Measured, Requests};
use super::report::{self, Line, median};
use super::seed::{self, Seeded};
use super::server::{Memory, Server};
use crate::failure::{Failure, Outcome};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    ground: ground::Options,
    /// Only these cases.
    #[arg(long, value_enum, value_delimiter = ',')]
    case: Vec<Case>,
    /// How often to run; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// How many affiliates there are, with as many customers spread over them and as many of one of them.
    #[arg(long, default_value_t = 10_000)]
    affiliates: u64,
    /// Also measure with so many payments stored.
    #[arg(long, num_args = 0..=1, default_missing_value = "1000000", default_value_t = 0, value_name = "N")]
    million: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Case {
    /// Payments on 1 connection.
    One,
    /// Payments on 64 connections.
    Many,
    /// Payments on 256 connections.
    Crowd,
    /// Payments for one affiliate.
    Hot,
    /// Known payments again.
    Replays,
    /// The native bulk endpoint.
    Bulk,
}

/// The rates of plain SQL in one run.
struct Limits {
    one: f64,
    many: f64,
    arrays: f64,
}

/// A measurement in progress.
struct Bench {
    options: Options,
    ground: Ground,
    sql: PgConnection,
    seeded: Seeded,
    template: Template,
    limit_program: ProgramId,
    lines: Vec<(&'static str, Line)>,
    limits: Vec<Limits>,
    bare: Option<Bare>,
    limit_cost: Option<Cost>,
    server_cost: Option<Cost>,
    /// Payments that were acknowledged.
    acknowledged: u64,
    /// What is wrong with the run.
    faults: Vec<String>,
    loaded_memory: Option<Memory>,
}

/// A large database has more pages than a few seconds touch, and after a checkpoint each is logged whole once: what is
/// measured is what the rate settles at.
const FULL_WARM_UP: Duration = Duration::from_secs(15);

const PLAIN_ONE: &str = "plain SQL (a) on 1";
const PLAIN_MANY: &str = "plain SQL (a) on 32";
const PLAIN_ARRAYS: &str = "plain SQL (b) on 2";

/// Every line of the table by its name here.
fn lines() -> Vec<(&'static str, Line)> {
    vec![
        ("one", Line::new("1 connection", PLAIN_ONE, 0.33)),
        ("many", Line::new("64 connections", PLAIN_MANY, 1.0)),
        ("crowd", Line::new("256 connections", PLAIN_MANY, 1.5)),
        ("hot many", Line::new("one affiliate, 64", "spread, 64", 0.8)),
        ("hot crowd", Line::new("one affiliate, 256", "spread, 256", 0.8)),
        ("replays many", Line::new("replays, 64", "fresh, 64", 1.8)),
        ("replays crowd", Line::new("replays, 256", "fresh, 256", 1.8)),
        ("bulk", Line::new("bulk of 1,000, 2 connections", PLAIN_ARRAYS, 0.5)),
        ("full many", Line::new("with payments stored, 64", "empty, 64", 0.8)),
        ("full crowd", Line::new("with payments stored, 256", "empty, 256", 0.8)),
    ]
}

pub(super) async fn run(options: Options) -> Outcome {
    if options.runs == 0 || options.affiliates < 64 || options.seconds < 0.1 {
        return Err(Failure::new("at least 1 run, 64 affiliates and 0.1 seconds are needed"));
    }
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let (ground, idle) = Ground::open(&options.ground, idle_memory).await?;
    let mut bench = Bench::prepare(options, ground).await?;
    let measured = tokio::select! {
        measured = bench.measure() => measured,
        _ = interrupt.recv() => Err(Failure::new("interrupted")),
        _ = terminate.recv() => Err(Failure::new("terminated")),
    };
    let done = match measured {
        Ok(()) => bench.report(idle),
        Err(failure) => Err(failure),
    };
    bench.ground.close().await?;
    done
}

/// What a server occupies that has just started, with the database it runs but does not count.
async fn idle_memory(dir: &std::path::Path, external_url: Option<&str>) -> Outcome<Memory> {
    if external_url.is_some() {
        // The secret must be there before a server on a database by URL starts.
        crate::secret::load(None, Some(dir))?;
    }
    let server = Server::start(dir, external_url).await?;
    sleep(Duration::from_secs(3)).await;
    let memory = server.memory()?;
    server.stop().await?;
    Ok(memory)
}

impl Bench {
    async fn prepare(options: Options, ground: Ground) -> Outcome<Bench> {
        let mut sql = ground.connect().await?;
        let app = ground.product().await?;
        let seeded = seed::customers(&app, &mut sql, options.affiliates).await?;
        seed::payments(&app, &seeded, 0..1).await?;
        app.stop().await;
        let limit_program = seed::copy(&mut sql, seeded.program).await?;
        let template = Template::read(&mut sql, seeded.program, limit_program).await?;
        Ok(Bench {
            options,
            ground,
            sql,
            seeded,
            template,
            limit_program,
            lines: lines(),
            limits: Vec::new(),
            bare: None,
            limit_cost: None,
            server_cost: None,
            acknowledged: 1,
            faults: Vec::new(),
            loaded_memory: None,
        })
    }

    async fn measure(&mut self) -> Outcome {
        for run in 0..self.options.runs {
            eprintln!("run {} of {}", run + 1, self.options.runs);
            let limits = self.plain(run).await?;
            self.limits.push(limits);
            let server = Server::start(&self.ground.dir, self.ground.external_url()).await?;
            self.cases(run, &server).await?;
            self.loaded_memory = Some(server.memory()?);
            server.stop().await?;
        }
        if self.options.million > 0 {
            self.full().await?;
        }
        self.check().await
    }

    fn wants(&self, case: Case) -> bool {
        self.options.case.is_empty() || self.options.case.contains(&case)
    }

    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.options.seconds)
    }

    /// Plain SQL, while no server runs.
    async fn plain(&mut self, run: usize) -> Outcome<Limits> {
        let duration = self.duration();
        settle(&mut self.sql).await?;
        let one = limit::single(&self.ground, &self.template, 1, duration).await?;
        settle(&mut self.sql).await?;
        let before = counters::read(&mut self.sql).await?;
        let many = limit::single(&self.ground, &self.template, 32, duration).await?;
        // The first payment of each connection is written before the clock starts.
        self.limit_cost = Some(counters::cost(&mut self.sql, &before, many.payments + 32).await?);
        settle(&mut self.sql).await?;
        let arrays = limit::arrays(&self.ground, &self.template, 2, duration).await?;
        if run == 0 {
            settle(&mut self.sql).await?;
            self.bare = Some(limit::bare(&self.ground, &self.template, duration / 2).await?);
        }
        // The server's sequencer must not find rows of a program that is none. A connection of its own tells at once
        // what it has deleted.
        let mut other = self.ground.connect().await?;
        sqlx::query("delete from log_waiting where program_id = $1")
            .bind(self.limit_program.0)
            .execute(&mut other)
            .await?;
        ground::hang_up(vec![other]).await?;
        let limits = Limits { one: one.rate(), many: many.rate(), arrays: arrays.rate() };
        eprintln!(
            "  plain SQL: {:.0} on 1, {:.0} on 32, {:.0} in arrays",
            limits.one, limits.many, limits.arrays
        );
        Ok(limits)
    }

    /// The server's cases of one run.
    async fn cases(&mut self, run: usize, server: &Server) -> Outcome {
        let Some(&Limits { one, many, arrays }) = self.limits.get(run) else { return Ok(()) };
        let (started, earlier) = (counters::read(&mut self.sql).await?, self.acknowledged);
        // Statements are prepared and caches filled before anything counts.
        let warm = self.spread(format!("warm-{run}"));
        let seconds = self.options.seconds.min(1.0);
        self.load(server, 64, warm, Duration::from_secs_f64(seconds)).await?;
        if self.wants(Case::One) {
            let measured = self.fresh(server, 1, self.spread(format!("one-{run}"))).await?;
            self.keep("one", measured, one);
        }
        // Before the cases that fill the tables, as its limit is.
        if self.wants(Case::Bulk) {
            let requests = Requests { bulk: 1_000, ..self.spread(format!("bulk-{run}")) };
            let measured = self.fresh(server, 2, requests).await?;
            self.keep("bulk", measured, arrays);
        }
        for (connections, name, hot, replays, case) in [
            (64, "many", "hot many", "replays many", Case::Many),
            (256, "crowd", "hot crowd", "replays crowd", Case::Crowd),
        ] {
            if !self.wants(case) && !self.wants(Case::Hot) && !self.wants(Case::Replays) {
                continue;
            }
            let requests = self.spread(format!("{name}-{run}"));
            let fresh = self.fresh(server, connections, requests.clone()).await?;
            if self.server_cost.is_none() {
                // Idle backends tell late what they did, so the rows are counted from the start of the server.
                let payments = self.acknowledged - earlier;
                self.server_cost = Some(counters::cost(&mut self.sql, &started, payments).await?);
            }
            let rate = fresh.rate();
            self.keep(name, fresh.clone(), many);
            if self.wants(Case::Hot) {
                let requests = Requests { customers: 'h', ..self.spread(format!("hot-{name}-{run}")) };
                let measured = self.fresh(server, connections, requests).await?;
                self.keep(hot, measured, rate);
            }
            if self.wants(Case::Replays) {
                let measured = self.replay(server, connections, requests, &fresh).await?;
                self.keep(replays, measured, rate);
            }
        }
        Ok(())
    }

    fn spread(&self, series: String) -> Requests {
        Requests { series, customers: 's', count: self.seeded.affiliates, bulk: 1, answered: None }
    }

    /// Payments that nobody knows yet.
    async fn fresh(&mut self, server: &Server, connections: usize, requests: Requests) -> Outcome<Measured> {
        settle(&mut self.sql).await?;
        self.load(server, connections, requests, self.duration()).await
    }

    async fn load(
        &mut self,
        server: &Server,
        connections: usize,
        requests: Requests,
        duration: Duration,
    ) -> Outcome<Measured> {
        let (address, key) = (server.address, self.seeded.key.clone());
        let measured = load::run(Load { address, key, connections, duration, requests }).await?;
        self.acknowledged += measured.payments;
        Ok(measured)
    }

    /// The same requests again: they must get the same answers and leave nothing behind.
    async fn replay(
        &mut self,
        server: &Server,
        connections: usize,
        requests: Requests,
        first: &Measured,
    ) -> Outcome<Measured> {
        let before = self.rows().await?;
        let requests = Requests { answered: Some(Arc::new(first.digests.clone())), ..requests };
        let measured = self.fresh(server, connections, requests).await?;
        self.acknowledged -= measured.payments;
        let after = self.rows().await?;
        if before != after {
            self.faults.push(format!("replays created rows: {before:?} before, {after:?} after"));
        }
        Ok(measured)
    }

    /// How many facts, commissions, transfers and log rows the program has.
    async fn rows(&mut self) -> Outcome<(i64, i64, i64, i64)> {
        let counted = sqlx::query_as(
            "select (select count(*) from fact where program_id = $1),
                    (select count(*) from commission where program_id = $1),
                    (select count(*) from transfer where program_id = $1),
                    (select count(*) from log where program_id = $1)",
        );
        Ok(counted.bind(self.seeded.program.0).fetch_one(&mut self.sql).await?)
    }

    fn keep(&mut self, name: &str, measured: Measured, against: f64) {
        eprintln!(
            "  {name}: {:.0} a second, {:.2} of {against:.0}",
            measured.rate(),
            measured.rate() / against
        );
        if let Some((_, line)) = self.lines.iter_mut().find(|(known, _)| *known == name) {
            line.runs.push((measured, against));
        }
    }

    /// The rate so far of a line.
    fn rate(&self, name: &str) -> f64 {
        let line = self.lines.iter().find(|(known, _)| *known == name);
        median(line.iter().flat_map(|(_, line)| &line.runs).map(|(measured, _)| measured.rate()))
    }

    /// The same again with many payments stored.
    async fn full(&mut self) -> Outcome {
        eprintln!("storing {} payments", self.options.million);
        let app = self.ground.product().await?;
        seed::payments(&app, &self.seeded, 1..1 + self.options.million).await?;
        app.stop().await;
        self.acknowledged += self.options.million;
        for run in 0..self.options.runs {
            let server = Server::start(&self.ground.dir, self.ground.external_url()).await?;
            settle(&mut self.sql).await?;
            self.load(&server, 64, self.spread(format!("full-warm-{run}")), FULL_WARM_UP).await?;
            for (connections, name, empty) in [(64, "full many", "many"), (256, "full crowd", "crowd")] {
                let requests = self.spread(format!("{name}-{run}"));
                let measured = self.load(&server, connections, requests, self.duration()).await?;
                let empty = self.rate(empty);
                self.keep(name, measured, empty);
            }
            server.stop().await?;
        }
        Ok(())
    }

    /// A rate counts only if the books are right.
    async fn check(&mut self) -> Outcome {
        let app = self.ground.product().await?;
        for finding in app::verify::program(&app, self.seeded.program).await? {
            self.faults.push(format!("verify: {}: {}", finding.check, finding.rows.join("; ")));
        }
        app.stop().await;
        let program = self.seeded.program.0;
        let unbalanced: i64 = sqlx::query_scalar(
            "select count(*) from (
                 select affiliate_id, currency, sum(side) as sum
                 from (select affiliate_id, currency, credit as account, amount_micros::numeric as side
                       from transfer where program_id = $1
                       union all
                       select affiliate_id, currency, debit, -amount_micros from transfer where program_id = $1)
                      as sides
                 group by affiliate_id, currency
             ) as summed where sum <> 0",
        )
        .bind(program)
        .fetch_one(&mut self.sql)
        .await?;
        if unbalanced != 0 {
            self.faults.push(format!("the transfers of {unbalanced} affiliates do not sum to zero"));
        }
        let stored: i64 = sqlx::query_scalar("select count(*) from fact where program_id = $1 and kind = 1")
            .bind(program)
            .fetch_one(&mut self.sql)
            .await?;
        if stored != self.acknowledged as i64 {
            self.faults
                .push(format!("{stored} payments are stored, {} were acknowledged", self.acknowledged));
        }
        if let (Some(limit), Some(server)) = (&self.limit_cost, &self.server_cost) {
            for difference in limit.differences(server) {
                self.faults.push(format!("plain SQL and the server write different rows: {difference}"));
            }
        }
        Ok(())
    }

    fn report(&self, idle: Memory) -> Outcome {
        let lines: Vec<&Line> =
            self.lines.iter().map(|(_, line)| line).filter(|line| !line.runs.is_empty()).collect();
        if self.options.json {
            println!("{}", self.json(&lines, idle));
        } else {
            self.print(&lines, idle);
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Failure::new("the run does not count")) }
    }

    fn json(&self, lines: &[&Line], idle: Memory) -> Value {
        let middle = |of: fn(&Limits) -> f64| median(self.limits.iter().map(of));
        json!({
            "cases": lines.iter().map(|line| line.json()).collect::<Vec<_>>(),
            "limits": { "a_on_1": middle(|run| run.one), "a_on_32": middle(|run| run.many),
                        "b_on_2": middle(|run| run.arrays),
                        "c_on_32": self.bare.as_ref().map(|bare| bare.single),
                        "c_in_arrays": self.bare.as_ref().map(|bare| bare.arrays) },
            "payment_of_limit": self.limit_cost.as_ref().map(report::cost_json),
            "payment_of_server": self.server_cost.as_ref().map(report::cost_json),
            "idle_memory_kib": idle.resident, "loaded_memory_kib": self.loaded_memory.map(|memory| memory.resident),
            "faults": self.faults, "counts": self.faults.is_empty(),
        })
    }

    fn print(&self, lines: &[&Line], idle: Memory) {
        report::print(lines);
        let mib = |memory: Memory| memory.resident as f64 / 1024.0;
        println!(
            "idle memory of refero itself: {:.1} MiB (at most 64: {}); after the load {:.1} MiB",
            mib(idle),
            if idle.resident <= 64 * 1024 { "ok" } else { "short" },
            self.loaded_memory.map_or(f64::NAN, mib)
        );
        if let Some(bare) = &self.bare {
            println!(
                "(c) the bare four rows: {:.0} a second on 32 connections, {:.0} in arrays on 2",
                bare.single, bare.arrays
            );
        }
        for (who, cost) in [("plain SQL (a)", &self.limit_cost), ("server", &self.server_cost)] {
            if let Some(cost) = cost {
                report::print_cost(who, cost);
            }
        }
        if self.faults.is_empty() {
            println!("books: verify is clean, {} payments stored as acknowledged", self.acknowledged);
        }
        self.faults.iter().for_each(|fault| println!("DOES NOT COUNT: {fault}"));
    }
}
