//! `refero bench clicks`: clicks from memory into the database, in the product's own batches: time, and size on disk.

use std::time::Duration;

use app::click::redirect::{Visit, from_memory, look_up};
use clap::Args;
use serde_json::json;
use tokio::time::Instant;

use super::ground::{self, Ground};
use super::seed;
use crate::failure::{Failure, Outcome};

/// Visitors that the clicks come from.
const VISITORS: u64 = 200_000;

/// How long writing may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Clicks that may wait before more are made, so that none is dropped.
const WAITING: u64 = 100_000;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    ground: ground::Options,
    /// How many clicks are written.
    #[arg(long, default_value_t = 1_000_000)]
    clicks: u64,
    /// On how many links.
    #[arg(long, default_value_t = 10_000)]
    links: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: Options) -> Outcome {
    let (ground, ()) = Ground::open(&options.ground, async |_, _| Ok(())).await?;
    let done = measure(&ground, &options).await;
    ground.close().await?;
    let (seconds, table, indexes) = done?;
    let clicks = options.clicks as f64;
    if options.json {
        let answer = json!({
            "clicks": options.clicks, "seconds": seconds, "per_second": clicks / seconds, "table_bytes": table,
            "index_bytes": indexes,
        });
        println!("{answer}");
        return Ok(());
    }
    println!(
        "{} clicks in {seconds:.1} s, {:.0} a second; {:.0} bytes a click: {:.0} in the table, {:.0} in indexes",
        options.clicks,
        clicks / seconds,
        (table + indexes) as f64 / clicks,
        table as f64 / clicks,
        indexes as f64 / clicks
    );
    Ok(())
}

async fn measure(ground: &Ground, options: &Options) -> Outcome<(f64, i64, i64)> {
    let app = ground.product().await?;
    let (program, _) = seed::program(&app, "Clicks").await?;
    let mut sql = ground.connect().await?;
    let first = seed::affiliates(&mut sql, program, 1_000).await?;
    super::redirect::links(&mut sql, program.0, first, options.links).await?;
    ground::settle(&mut sql).await?;
    let started = Instant::now();
    for number in 0..options.clicks {
        let (code, query) =
            (format!("l{}", number.wrapping_mul(7919) % options.links), format!("sid=s{number}"));
        let visitor = (number.wrapping_mul(104_729) % VISITORS) as u32;
        let visit = Visit {
            code: &code,
            host: None,
            query: &query,
            agent: b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 \
                     Safari/537.36",
            referrer: b"https://blog.example.com/post",
            address: Some(std::net::Ipv4Addr::from(0x0a00_0000 | visitor).into()),
            counts: true,
            now: app.now(),
        };
        if from_memory(&app, &visit).is_none() {
            look_up(&app, &visit).await;
        }
        while app.metrics().clicks_recorded.get() > app.metrics().clicks_written.get() + WAITING {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    if !app::click::settle(&app, PATIENCE).await {
        return Err(Failure::new("the clicks are not written in time"));
    }
    let seconds = started.elapsed().as_secs_f64();
    app.stop().await;
    let (rows, table, indexes): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from click), coalesce(sum(pg_table_size(inhrelid)), 0)::bigint,
                coalesce(sum(pg_indexes_size(inhrelid)), 0)::bigint
         from pg_inherits where inhparent = 'click'::regclass",
    )
    .fetch_one(&mut sql)
    .await?;
    if rows != options.clicks as i64 {
        return Err(Failure::new(format!("{rows} clicks of {} are in the database", options.clicks)));
    }
    Ok((seconds, table, indexes))
}
