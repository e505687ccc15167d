//! `refero program`: makes and lists programs.

use app::program::{Mode, NewProgram};
use clap::{Args, Subcommand};
use domain::currency::Currency;
use domain::deal::{Rule, Terms};
use domain::money::parse_decimal;
use domain::rate::Rate;
use domain::text::Name;
use domain::time::Zone;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a program with a default affiliate and a default deal.
    Create(Create),
    /// List the programs.
    List(List),
}

#[derive(Args)]
struct Create {
    #[command(flatten)]
    house: house::Options,
    /// Its name.
    #[arg(long)]
    name: String,
    /// The currency of its books, by ISO 4217.
    #[arg(long)]
    currency: Currency,
    /// The time zone of its days and months.
    #[arg(long, default_value = "UTC")]
    zone: Zone,
    /// A program to try things out in, instead of a live one.
    #[arg(long)]
    test: bool,
    /// The default deal's percentage of each payment.
    #[arg(long, default_value = "20")]
    percent: String,
    /// For how many months the default deal pays.
    #[arg(long)]
    months: Option<u16>,
    /// For how many days the default deal holds commissions.
    #[arg(long, default_value_t = 0)]
    hold_days: u16,
    /// The smallest payout.
    #[arg(long, default_value = "0")]
    threshold: String,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    house: house::Options,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    match options.command {
        Command::Create(options) => create(options).await,
        Command::List(options) => list(options).await,
    }
}

async fn create(options: Create) -> Outcome {
    let name = Name::parse(&options.name).map_err(|error| Failure::new(format!("--name: {error}")))?;
    let rate =
        Rate::from_percent(&options.percent).map_err(|error| Failure::new(format!("--percent: {error}")))?;
    let threshold =
        parse_decimal(&options.threshold).map_err(|error| Failure::new(format!("--threshold: {error}")))?;
    if threshold < 0 {
        return Err(Failure::new(format!("--threshold: {} is below 0", options.threshold)));
    }
    let mut rule = Rule::percent(rate);
    rule.limits.months = options.months;
    let terms = Terms { rules: vec![rule], hold_days: options.hold_days, ..Terms::default() };
    let new = NewProgram {
        name,
        currency: options.currency,
        zone: options.zone,
        mode: if options.test { Mode::Test } else { Mode::Live },
        terms,
        payout_threshold_micros: threshold,
    };
    let house = House::open(&options.house, Manner::command()).await?;
    let program = app::program::create(&house.app, house.app.now(), new).await;
    house.close(false).await?;
    let program = program?;
    if options.json {
        println!("{}", json!({ "program_id": program.id }));
    } else {
        println!("program {} ({})", program.id, program.name);
    }
    Ok(())
}

async fn list(options: List) -> Outcome {
    let house = House::open(&options.house, Manner::command()).await?;
    let mut programs = Vec::new();
    for id in app::program::ids(&house.app).await? {
        let caller = app::Caller::operator(id, house.app.now());
        programs.push(app::program::show(&house.app, &caller).await?);
    }
    house.close(false).await?;
    for program in programs {
        if options.json {
            println!(
                "{}",
                json!({ "program_id": program.id, "name": program.name, "currency": program.currency,
                        "mode": program.mode.as_str() })
            );
        } else {
            println!("{}  {}  {}  {}", program.id, program.currency, program.mode.as_str(), program.name);
        }
    }
    Ok(())
}
