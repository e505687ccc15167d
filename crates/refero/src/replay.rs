//! `refero replay`: tells every referral its facts and decisions again, compares what that gives with what is booked, and
//! says what differs and how fast it went.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use app::replay::{Question, Report};
use clap::Args;
use domain::ids::ProgramId;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    house: house::Options,
    /// Only this program.
    #[arg(long, value_name = "ID")]
    program: Option<ProgramId>,
    /// Only referrals that rows of the program's log from this number on changed.
    #[arg(long, value_name = "NUMBER", requires = "program")]
    from: Option<i64>,
    /// Differences from what an older engine booked that are accepted, one a line as this command prints them; lines
    /// that begin with # are remarks.
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// Answer in JSON, one line a program.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let question = Question { from: options.from, accepted: accepted(options.accept.as_ref())? };
    let house = House::open(&options.house, Manner::command()).await?;
    let replayed = replay(&house, &options, &question).await;
    house.close(false).await?;
    match replayed? {
        0 => Ok(()),
        different => Err(Failure::new(format!("{different} differences"))),
    }
}

/// The differences that a file names.
fn accepted(file: Option<&PathBuf>) -> Outcome<BTreeSet<String>> {
    let Some(file) = file else { return Ok(BTreeSet::new()) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("--accept {}: {error}", file.display())))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

async fn replay(house: &House, options: &Options, question: &Question) -> Outcome<u64> {
    let programs = match options.program {
        Some(program) => vec![program],
        None => app::program::ids(&house.app).await?,
    };
    let mut different = 0;
    for program in programs {
        let started = Instant::now();
        let report = app::replay::ask(&house.app, program, question).await?;
        let seconds = started.elapsed().as_secs_f64();
        different += report.different;
        if options.json {
            println!("{}", shown(program, &report, seconds));
        } else {
            print(program, &report, seconds);
        }
    }
    Ok(different)
}

/// Events per second, whole.
fn rate(report: &Report, seconds: f64) -> u64 {
    if seconds > 0.0 { (report.events as f64 / seconds) as u64 } else { 0 }
}

fn shown(program: ProgramId, report: &Report, seconds: f64) -> serde_json::Value {
    json!({
        "program_id": program,
        "clean": report.is_clean(),
        "engine": domain::ENGINE_VERSION,
        "referrals": report.referrals,
        "events": report.events,
        "transfers": report.transfers,
        "months": report.months,
        "accounts": report.accounts,
        "events_per_second": rate(report, seconds),
        "log_number": report.through,
        "accepted": report.accepted,
        "different": report.different,
        "differences": report.differences,
    })
}

fn print(program: ProgramId, report: &Report, seconds: f64) {
    let Report { through, referrals, events, transfers, months, accounts, accepted, different, differences } =
        report;
    let clean = if report.is_clean() { "clean".to_owned() } else { format!("{different} differences") };
    println!("program {program}: {clean}");
    println!(
        "    {events} events of {referrals} referrals, {transfers} transfers, {months} months, {accounts} accounts; \
         {} events a second, engine {}; the log up to number {through}",
        rate(report, seconds),
        domain::ENGINE_VERSION
    );
    if *accepted > 0 {
        println!("    {accepted} differences from an older engine, all of them accepted");
    }
    differences.iter().for_each(|difference| println!("    {difference}"));
    let kept = differences.len() as u64;
    if kept < *different {
        println!("    and {} more", different - kept);
    }
}
