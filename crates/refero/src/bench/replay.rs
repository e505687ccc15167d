//! `refero bench replay`: how fast a program's history is told again, and in how much memory. Customers of a hundred
//! affiliates pay ten times each, and one payment in twenty is returned in part.

use app::affiliate::NewAffiliate;
use app::{App, Caller};
use clap::Args;
use domain::affiliate::Status;
use domain::command::{Command, Operation, Refund};
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::money::Money;
use domain::text::{Email, Name, Source};
use serde_json::json;
use tokio::time::Instant;

use super::ground::{self, Ground};
use super::seed;
use crate::failure::{Failure, Outcome};

/// Affiliates, whose customers are spread over them.
const AFFILIATES: u64 = 100;

/// Payments of a customer.
const PAYMENTS: u64 = 10;

/// One payment in so many is returned in part.
const RETURNED: u64 = 20;

/// Customers handed over at once.
const CHUNK: u64 = 400;

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    ground: ground::Options,
    /// How many events are told again, about.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: Options) -> Outcome {
    let (ground, ()) = Ground::open(&options.ground, async |_, _| Ok(())).await?;
    let done = measure(&ground, &options).await;
    ground.close().await?;
    let (report, seconds, [before, most]) = done?;
    let rate = report.events as f64 / seconds;
    if options.json {
        let answer = json!({
            "events": report.events, "referrals": report.referrals, "seconds": seconds, "per_second": rate,
            "resident_kib_before": before, "resident_kib_most": most, "different": report.different,
        });
        println!("{answer}");
    } else {
        println!(
            "{} events of {} referrals in {seconds:.1} s, {rate:.0} a second; {} MiB of memory before, {} MiB at most",
            report.events,
            report.referrals,
            before / 1024,
            most / 1024
        );
    }
    match report.differences.first() {
        Some(difference) => Err(Failure::new(format!("{} differences: {difference}", report.different))),
        None => Ok(()),
    }
}

async fn measure(ground: &Ground, options: &Options) -> Outcome<(app::replay::Report, f64, [u64; 2])> {
    let app = ground.product().await?;
    let (program, _) = seed::program(&app, "Replay").await?;
    let affiliates = affiliates(&app, program).await?;
    // A registration, the payments, and what of them is returned.
    let customers = (options.events * RETURNED / (RETURNED * (PAYMENTS + 1) + PAYMENTS)).max(1);
    for from in (0..customers).step_by(CHUNK as usize) {
        history(&app, program, &affiliates, from..customers.min(from + CHUNK)).await?;
    }
    let mut sql = ground.connect().await?;
    ground::settle(&mut sql).await?;
    let before = resident("VmRSS")?;
    // From here on the most is counted anew; where the system does not allow it, seeding is in it.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let started = Instant::now();
    let report = app::replay::program(&app, program).await?;
    let seconds = started.elapsed().as_secs_f64();
    let most = resident("VmHWM")?;
    app.stop().await;
    Ok((report, seconds, [before, most]))
}

async fn affiliates(app: &App, program: ProgramId) -> Outcome<Vec<AffiliateId>> {
    let caller = Caller::operator(program, app.now());
    let mut ids = Vec::new();
    for number in 0..AFFILIATES {
        let new = NewAffiliate {
            name: Name::parse(&format!("Affiliate {number}")).map_err(Failure::new)?,
            email: Email::parse(&format!("a{number}@example.com")).map_err(Failure::new)?,
            slug: None,
            status: Status::Approved,
            deal: None,
            parent: None,
            external_id: None,
            payout_threshold_micros: None,
        };
        ids.push(app::affiliate::create(app, &caller, new).await?.id);
    }
    Ok(ids)
}

/// Registers customers and lets each of them pay.
async fn history(
    app: &App,
    program: ProgramId,
    affiliates: &[AffiliateId],
    customers: std::ops::Range<u64>,
) -> Outcome {
    let owner = |customer: u64| affiliates[(customer % AFFILIATES) as usize].0;
    let registrations = customers.clone().map(|number| seed::register(&format!("c{number}"), owner(number)));
    seed::submit(app, program, registrations.collect::<Outcome<_>>()?).await?;
    let mut payments = Vec::new();
    let mut refunds = Vec::new();
    for customer in customers {
        for number in customer * PAYMENTS..(customer + 1) * PAYMENTS {
            payments.push(seed::pay(&format!("c{customer}"), number)?);
            if number % RETURNED == 0 {
                refunds.push(refund(number)?);
            }
        }
    }
    seed::submit(app, program, payments).await?;
    seed::submit(app, program, refunds).await
}

fn refund(number: u64) -> Outcome<app::ingest::Ask> {
    let refund = Refund {
        payment: Source::parse(&format!("stored-{number}")).map_err(Failure::new)?,
        source: Some(Source::parse(&format!("returned-{number}")).map_err(Failure::new)?),
        amount: Some(Money::from_micros(25_000_000, Currency::EUR)),
        state: None,
        is_total: false,
        occurred_at: None,
    };
    Ok(app::ingest::Ask::new(Operation::Native, Command::Refund(refund)))
}

/// Memory of this process in KiB, as Linux counts it.
fn resident(what: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| Failure::new(format!("/proc/self/status has no {what}")))
}
