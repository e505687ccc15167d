//! `refero replay`: tells every referral its facts and decisions again, compares what that gives with what is booked, and
//! says what differs and how fast it went.

use std::time::Instant;

use app::replay::Report;
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
    /// Answer in JSON, one line a program.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let house = House::open(&options.house, Manner::command()).await?;
    let replayed = replay(&house, &options).await;
    house.close(false).await?;
    match replayed? {
        0 => Ok(()),
        different => Err(Failure::new(format!("{different} differences"))),
    }
}

async fn replay(house: &House, options: &Options) -> Outcome<u64> {
    let programs = match options.program {
        Some(program) => vec![program],
        None => app::program::ids(&house.app).await?,
    };
    let mut different = 0;
    for program in programs {
        let started = Instant::now();
        let report = app::replay::program(&house.app, program).await?;
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
        "different": report.different,
        "differences": report.differences,
    })
}

fn print(program: ProgramId, report: &Report, seconds: f64) {
    let Report { referrals, events, transfers, months, accounts, different, differences } = report;
    let clean = if report.is_clean() { "clean".to_owned() } else { format!("{different} differences") };
    println!("program {program}: {clean}");
    println!(
        "    {events} events of {referrals} referrals, {transfers} transfers, {months} months, {accounts} accounts; \
         {} events a second, engine {}",
        rate(report, seconds),
        domain::ENGINE_VERSION
    );
    differences.iter().for_each(|difference| println!("    {difference}"));
    let kept = differences.len() as u64;
    if kept < *different {
        println!("    and {} more", different - kept);
    }
}
