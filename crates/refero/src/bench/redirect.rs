//! `refero bench redirect`: clicks on many links, every one recorded, beside a bare axum handler that answers a constant
//! 302 in a process of its own on the same runtime, and beside nginx where it is installed. All in one run.

mod bare;
mod load;
mod opponents;

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use tokio::time::Instant;

use super::ground::{self, Ground};
use super::report::median;
use super::seed;
use super::server::{self, Server};
use crate::failure::{Failure, Outcome};
use load::{Load, Measured};
use opponents::Opponent;

pub(super) use bare::serve as serve_bare;

/// Affiliates that the links belong to.
const AFFILIATES: u64 = 1_000;

/// How long clicks may take to be written after the load.
const DRAIN: Duration = Duration::from_secs(300);

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    ground: ground::Options,
    /// How many links are clicked.
    #[arg(long, default_value_t = 100_000)]
    links: u64,
    /// Connections that click.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long each is measured.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often all are measured, in turn.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Clicks a second of the measurement at a fixed rate; 0 for none.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Who is measured, in the order of the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Who {
    Refero,
    Bare,
    Nginx,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Who::Refero => "refero, every click recorded",
            Who::Bare => "bare axum handler",
            Who::Nginx => "nginx return 302",
        }
    }
}

/// One measurement.
struct Run {
    who: Who,
    rate: u64,
    measured: Measured,
    /// Processor time of the server a request, in microseconds.
    cpu_time: f64,
    drained: Drained,
}

/// What was left to write when the load was over.
#[derive(Clone, Copy)]
struct Drained {
    clicks: i64,
    seconds: f64,
}

/// What became of the clicks.
struct Written {
    clicks: i64,
    dropped: i64,
    peak_kib: u64,
    bytes: i64,
}

pub(super) async fn run(options: Options) -> Outcome {
    let (ground, ()) = Ground::open(&options.ground, async |_, _| Ok(())).await?;
    let done = measure(&ground, &options).await;
    ground.close().await?;
    let (runs, written) = done?;
    if options.json {
        println!("{}", as_json(&runs, &written));
    } else {
        print(&runs, &written, options.rate);
    }
    Ok(())
}

async fn measure(ground: &Ground, options: &Options) -> Outcome<(Vec<Run>, Written)> {
    let app = ground.product().await?;
    let (program, _) = seed::program(&app, "Redirect").await?;
    app.stop().await;
    let mut sql = ground.connect().await?;
    let first = seed::affiliates(&mut sql, program, AFFILIATES).await?;
    links(&mut sql, program.0, first, options.links).await?;
    ground::settle(&mut sql).await?;
    let server = Server::start(&ground.dir, ground.external_url()).await?;
    wait_for_links(&server, options.links).await?;
    let opponents = opponents::start().await?;
    let mut rates = vec![0, options.rate];
    rates.dedup();
    let mut runs = Vec::new();
    for _ in 0..options.runs {
        for rate in &rates {
            runs.extend(turn(&server, &opponents, options, *rate).await?);
        }
    }
    let written = written(&server, &mut sql).await?;
    for opponent in opponents {
        opponent.stop().await;
    }
    server.stop().await?;
    Ok((runs, written))
}

/// Measures everybody once, one after the other.
async fn turn(server: &Server, opponents: &[Opponent], options: &Options, rate: u64) -> Outcome<Vec<Run>> {
    let mut runs = Vec::new();
    let refero = (Who::Refero, server.address, server.pids()?);
    let others = opponents.iter().map(|opponent| (opponent.who, opponent.address, opponent.pids()));
    for (who, address, pids) in std::iter::once(refero).chain(others) {
        let load = Load {
            address,
            connections: options.connections,
            duration: Duration::from_secs(options.seconds),
            links: options.links,
            rate,
        };
        let before = opponents::cpu_time(&pids)?;
        let measured = load::run(load).await?;
        let cpu_time = (opponents::cpu_time(&pids)? - before) / measured.answers.max(1) as f64;
        if measured.errors > 0 {
            return Err(Failure::new(format!("{}: {} requests went wrong", who.name(), measured.errors)));
        }
        // What is left to write shall not cost the next one.
        let drained = drain(server).await?;
        runs.push(Run { who, rate, measured, cpu_time, drained });
    }
    Ok(runs)
}

/// Makes links with the codes that the load asks for: `l0`, `l1`, …
pub(super) async fn links(sql: &mut PgConnection, program: i64, first_affiliate: i64, count: u64) -> Outcome {
    for statement in [
        "update program set allowed_hosts = '{shop.example.com}' where program_id = $1 and $2::bigint > 0 and $3::bigint > 0",
        "insert into link (program_id, id, affiliate_id, code, kind, destination_url, is_default, is_public, is_enabled,
                           created_at, updated_at)
         select $1, n + 1, $2 + n % 1000, 'l' || n, 'other', 'https://shop.example.com/landing/' || n, false, false, true,
                now(), now()
         from generate_series(0, $3::bigint - 1) as n",
        "insert into directory_code (code, program_id, link_id)
         select 'l' || n, $1, n + 1 from generate_series(0, $3::bigint - 1) as n where $2::bigint > 0",
    ] {
        sqlx::query(statement).bind(program).bind(first_affiliate).bind(count as i64).execute(&mut *sql).await?;
    }
    Ok(())
}

/// A figure of `/metrics`.
async fn metric(server: &Server, name: &str) -> Outcome<i64> {
    let page = server::get(server.address, "/metrics", None).await?;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let number = line.and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| Failure::new(format!("/metrics does not say {name}")))
}

async fn wait_for_links(server: &Server, links: u64) -> Outcome {
    let started = Instant::now();
    while metric(server, "refero_links_in_memory").await? < links as i64 {
        if started.elapsed() > DRAIN {
            return Err(Failure::new("the links do not come into memory"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Waits until every recorded click is written, and says how many were left and how long it took.
async fn drain(server: &Server) -> Outcome<Drained> {
    let started = Instant::now();
    let recorded = metric(server, "refero_clicks_recorded_total").await?;
    let clicks = recorded - metric(server, "refero_clicks_written_total").await?;
    while metric(server, "refero_clicks_written_total").await? < recorded {
        if started.elapsed() > DRAIN {
            return Err(Failure::new("the clicks are not written in time"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(Drained { clicks, seconds: started.elapsed().as_secs_f64() })
}

async fn written(server: &Server, sql: &mut PgConnection) -> Outcome<Written> {
    let recorded = metric(server, "refero_clicks_recorded_total").await?;
    let clicks: i64 = sqlx::query_scalar("select count(*) from click").fetch_one(&mut *sql).await?;
    if clicks != recorded {
        return Err(Failure::new(format!(
            "{recorded} clicks were recorded and {clicks} are in the database"
        )));
    }
    let bytes = sqlx::query_scalar(
        "select coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint from pg_inherits
         where inhparent = 'click'::regclass",
    );
    Ok(Written {
        clicks,
        dropped: metric(server, "refero_clicks_dropped_total").await?,
        peak_kib: server.memory()?.peak,
        bytes: bytes.fetch_one(sql).await?,
    })
}

fn of(runs: &[Run], who: Who, rate: u64, what: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().filter(|run| run.who == who && run.rate == rate).map(what))
}

/// What is held against what: the median of the ratios of each turn.
fn ratio(runs: &[Run], rate: u64, against: Who, what: impl Fn(&Run) -> f64) -> f64 {
    let all = |who| runs.iter().filter(move |run: &&Run| run.who == who && run.rate == rate);
    median(all(Who::Refero).zip(all(against)).map(|(ours, theirs)| what(ours) / what(theirs)))
}

fn print(runs: &[Run], written: &Written, rate: u64) {
    println!("| who | asked a second | a second | p50 ms | p99 ms | processor µs a request |");
    println!("|---|---|---|---|---|---|");
    let mut kinds: Vec<(u64, Who)> = runs.iter().map(|run| (run.rate, run.who)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for (asked, who) in &kinds {
        let figure = |what: fn(&Run) -> f64| of(runs, *who, *asked, what);
        println!(
            "| {} | {} | {:.0} | {:.3} | {:.3} | {:.1} |",
            who.name(),
            if *asked == 0 { "all it can".to_owned() } else { asked.to_string() },
            figure(|run| run.measured.rate()),
            figure(|run| run.measured.p50),
            figure(|run| run.measured.p99),
            figure(|run| run.cpu_time),
        );
    }
    for (against, least) in [(Who::Bare, 0.85), (Who::Nginx, 0.80)] {
        if kinds.contains(&(0, against)) {
            let rates = ratio(runs, 0, against, |run| run.measured.rate());
            let tails = ratio(runs, 0, against, |run| run.measured.p99);
            let cpu = ratio(runs, 0, against, |run| run.cpu_time);
            println!(
                "against {}: rate {rates:.2} (at least {least:.2}), p99 {tails:.2}, processor time {cpu:.2} (at most 2)",
                against.name()
            );
            if rate > 0 {
                let tails = ratio(runs, rate, against, |run| run.measured.p99);
                println!("  at {rate} a second: p99 {tails:.2} (at most 2)");
            }
        }
    }
    println!(
        "{} clicks written, {} dropped; memory at most {} MiB; {:.0} bytes a click on disk",
        written.clicks,
        written.dropped,
        written.peak_kib / 1024,
        written.bytes as f64 / written.clicks.max(1) as f64
    );
    let meanwhile =
        runs.iter().map(|run| 1.0 - run.drained.clicks as f64 / run.measured.answers.max(1) as f64);
    println!(
        "written while a load went on: at least {:.0} %; the rest at most {:.1} s after it",
        meanwhile.fold(1.0, f64::min) * 100.0,
        runs.iter().map(|run| run.drained.seconds).fold(0.0, f64::max)
    );
}

fn as_json(runs: &[Run], written: &Written) -> Value {
    let runs: Vec<Value> = runs
        .iter()
        .map(|run| {
            json!({
                "who": run.who.name(), "asked_per_second": run.rate, "per_second": run.measured.rate(),
                "p50_ms": run.measured.p50, "p99_ms": run.measured.p99, "cpu_time": run.cpu_time,
                "left_clicks": run.drained.clicks, "drain_seconds": run.drained.seconds,
            })
        })
        .collect();
    json!({
        "runs": runs, "clicks": written.clicks, "dropped": written.dropped,
        "peak_kib": written.peak_kib, "bytes": written.bytes,
    })
}
