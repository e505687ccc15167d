//! `refero bench balances`: the balance of one affiliate among few and among many, now and as of an old date, and the
//! list of all of them with the memory it takes.

use std::net::SocketAddr;

use clap::Args;
use serde_json::json;
use sqlx::postgres::PgConnection;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::ground::{self, Ground};
use super::report::median;
use super::seed;
use super::server::{self, Server};
use crate::failure::{Failure, Outcome};

/// Requests for one balance.
const REQUESTS: usize = 400;

/// Months of transfers behind each balance.
const MONTHS: i32 = 12;

/// Transfers of each month, of 1.00 each.
const TRANSFERS: i32 = 2;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    ground: ground::Options,
    /// How many affiliates the small program has.
    #[arg(long, default_value_t = 1_000)]
    few: u64,
    /// How many affiliates the large program has.
    #[arg(long, default_value_t = 100_000)]
    many: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// A program to ask.
struct Program {
    key: String,
    affiliates: u64,
    /// One affiliate in the middle.
    one: i64,
}

/// What was measured of a program.
struct Measured {
    affiliates: u64,
    now_ms: f64,
    then_ms: f64,
    rows: u64,
    seconds: f64,
    /// What the server occupies at most after the list, in KiB.
    peak: u64,
}

pub(super) async fn run(options: Options) -> Outcome {
    if options.few == 0 || options.many < options.few {
        return Err(Failure::new(
            "the large program needs at least as many affiliates as the small one, and that one 1",
        ));
    }
    let (ground, ()) = Ground::open(&options.ground, async |_, _| Ok(())).await?;
    let measured = measure(&ground, [options.few, options.many]).await;
    ground.close().await?;
    let [few, many] = measured?;
    if options.json {
        println!("{}", json!({ "few": few.json(), "many": many.json() }));
        return Ok(());
    }
    println!(
        "| affiliates | one, now: p50 ms | one, a year ago: p50 ms | all: rows | rows a second | peak memory MiB |"
    );
    println!("|---|---|---|---|---|---|");
    for measured in [&few, &many] {
        println!("{}", measured.line());
    }
    println!(
        "\none among {} takes {:.2} of one among {}; the long list takes {:.2} of the memory of the short one",
        many.affiliates,
        many.now_ms / few.now_ms,
        few.affiliates,
        many.peak as f64 / few.peak as f64,
    );
    Ok(())
}

async fn measure(ground: &Ground, sizes: [u64; 2]) -> Outcome<[Measured; 2]> {
    let mut sql = ground.connect().await?;
    let app = ground.product().await?;
    let mut programs = Vec::new();
    for affiliates in sizes {
        let (program, key) = seed::program(&app, "Bench").await?;
        let first = seed::affiliates(&mut sql, program, affiliates).await?;
        balances(&mut sql, program.0).await?;
        programs.push(Program { key, affiliates, one: first + affiliates as i64 / 2 });
    }
    app.stop().await;
    sqlx::query("vacuum analyze").execute(&mut sql).await?;
    let server = Server::start(&ground.dir, ground.external_url()).await?;
    let [few, many] = programs.as_slice() else { unreachable!("there are two sizes") };
    let measured = [ask(&server, few).await?, ask(&server, many).await?];
    server.stop().await?;
    Ok(measured)
}

/// Gives every affiliate of a program twelve months of transfers, with what is derived from them.
async fn balances(sql: &mut PgConnection, program: i64) -> Outcome {
    let months = format!("generate_series(0, {} ) as m", MONTHS - 1);
    let sum = TRANSFERS * 1_000_000;
    let month = "to_char(date_trunc('month', now()) - m * interval '1 month', 'YYYYMM')::int";
    for statement in [
        format!(
            "insert into transfer (program_id, id, affiliate_id, currency, debit, credit, amount_micros, cause,
                                   cause_id, revision, commission_id, leg, entry, effective_at, period, log_id,
                                   unclaimed_micros, engine)
             select program_id, gen_random_uuid(), id, 'EUR', 2, 10, 1000000, 0, gen_random_uuid(), 0,
                    gen_random_uuid(), 0, 0, date_trunc('month', now()) - m * interval '1 month' + n * interval '1 hour',
                    {month}, gen_random_uuid(), 1000000, 1
             from affiliate cross join {months} cross join generate_series(1, {TRANSFERS}) as n where program_id = $1"
        ),
        format!(
            "insert into account_month (program_id, affiliate_id, currency, month, moved)
             select program_id, id, 'EUR', {month},
                    array[0, 0, -{sum}, 0, 0, 0, 0, 0, 0, 0, {sum}, 0, 0, 0, 0, 0]::numeric[]
             from affiliate cross join {months} where program_id = $1"
        ),
        format!(
            "insert into account select program_id, id, 'EUR', 0, 0, -s, 0, 0, 0, 0, 0, 0, 0, s, 0, 0, 0, 0, 0,
                                        0, 0, 0, 0, 0, null
             from affiliate cross join (select {MONTHS} * {sum} as s) as sum where program_id = $1"
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(program).execute(&mut *sql).await?;
    }
    Ok(())
}

async fn ask(server: &Server, program: &Program) -> Outcome<Measured> {
    let one = format!("/smartico/api/af2_balance_op?affiliate_id={}", program.one);
    let year_ago = format!(
        "{one}&to={}T00:00:00Z",
        app::clock::Clock::System.now().date_naive() - chrono::TimeDelta::days(300)
    );
    let now_ms = latency(server.address, &one, &program.key).await?;
    let then_ms = latency(server.address, &year_ago, &program.key).await?;
    let started = Instant::now();
    // Both ends of a range are inside.
    let list = format!("/smartico/api/af2_balance_op?range=[0,{}]", program.affiliates);
    let rows = count_rows(server.address, &list, &program.key).await?;
    let seconds = started.elapsed().as_secs_f64();
    if rows < program.affiliates {
        return Err(Failure::new(format!("the list has {rows} rows, not {}", program.affiliates)));
    }
    Ok(Measured {
        affiliates: program.affiliates,
        now_ms,
        then_ms,
        rows,
        seconds,
        peak: server.memory()?.peak,
    })
}

/// The median time of a request, a connection each.
async fn latency(address: SocketAddr, path: &str, key: &str) -> Outcome<f64> {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let started = Instant::now();
        let answer = server::get(address, path, Some(key)).await?;
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        if !answer.starts_with("HTTP/1.1 200") || !answer.contains("affiliate_id") {
            return Err(Failure::new(format!("{path} was answered with {answer}")));
        }
    }
    Ok(median(times.into_iter()))
}

/// Reads a list as it comes and counts its rows, without keeping them.
async fn count_rows(address: SocketAddr, path: &str, key: &str) -> Outcome<u64> {
    const MARK: &[u8] = b"\"affiliate_id\"";
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let (mut rows, mut kept, mut buffer) = (0, Vec::new(), vec![0; 1 << 16]);
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(rows);
        }
        kept.extend_from_slice(&buffer[..read]);
        rows += kept.windows(MARK.len()).filter(|window| *window == MARK).count() as u64;
        let tail = kept.len().saturating_sub(MARK.len() - 1);
        kept.drain(..tail);
    }
}

impl Measured {
    fn line(&self) -> String {
        format!(
            "| {} | {:.2} | {:.2} | {} | {:.0} | {:.0} |",
            self.affiliates,
            self.now_ms,
            self.then_ms,
            self.rows,
            self.rows as f64 / self.seconds,
            self.peak as f64 / 1024.0,
        )
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "affiliates": self.affiliates, "one_now_p50_ms": self.now_ms, "one_then_p50_ms": self.then_ms,
            "rows": self.rows, "rows_a_second": self.rows as f64 / self.seconds, "peak_kib": self.peak,
        })
    }
}
