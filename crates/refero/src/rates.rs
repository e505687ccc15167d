//! `refero rates`: brings in exchange rates from a file or an address, and lists those that are known.

use std::path::PathBuf;

use app::rates::{Differing, FILE_LIMIT, Imported};
use clap::{Args, Subcommand};
use domain::currency::Currency;
use domain::exchange::Format;
use serde_json::json;
use tokio::io::AsyncReadExt as _;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

/// Differing rates that are shown one by one to people.
const SHOWN: usize = 10;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring in a file: reference rates of the European Central Bank, or lines of date,currency,rate.
    Import(Import),
    /// Fetch a file of reference rates and bring it in.
    Fetch(Fetch),
    /// List the newest rate of every currency.
    List(List),
}

#[derive(Args)]
struct Import {
    #[command(flatten)]
    house: house::Options,
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What the rates of a list are against: one unit of it in each currency.
    #[arg(long, value_name = "CURRENCY", default_value = "EUR")]
    base: Currency,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Fetch {
    #[command(flatten)]
    house: house::Options,
    /// Where the file is.
    #[arg(long, env = "REFERO_RATES_URL", value_name = "URL")]
    rates_url: String,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    house: house::Options,
    /// Answer in JSON, a rate a line.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    match options.command {
        Command::Import(options) => import(options).await,
        Command::Fetch(options) => fetch(options).await,
        Command::List(options) => list(options).await,
    }
}

async fn import(options: Import) -> Outcome {
    let file = read(&options.file)
        .await
        .map_err(|error| Failure::new(format!("{}: {error}", options.file.display())))?;
    let house = House::open(&options.house, Manner::command()).await?;
    let imported = app::rates::import(&house.app, house.app.now(), &file, options.base).await;
    house.close(false).await?;
    tell(&imported?, options.json);
    Ok(())
}

/// One byte more than is taken, so that a larger file is refused and not cut off.
async fn read(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn fetch(options: Fetch) -> Outcome {
    let house = House::open(&options.house, Manner::command()).await?;
    let imported = app::rates::fetch(&house.app, house.app.now(), &options.rates_url).await;
    house.close(false).await?;
    tell(&imported?, options.json);
    Ok(())
}

fn tell(imported: &Imported, as_json: bool) {
    if as_json {
        let differing = imported.differing.iter().map(|Differing { given, kept }| {
            json!({ "currency": given.currency, "day": given.day, "given": given.rate, "kept": kept })
        });
        let answer = json!({
            "format": match imported.format { Format::Reference => "ecb", Format::List => "list" },
            "new": imported.new,
            "known": imported.known,
            "differing": differing.collect::<Vec<_>>(),
            "closing_days": imported.closing_days,
            "unknown_currencies": imported.unknown,
            "programs_waiting": imported.programs_waiting,
        });
        println!("{answer}");
        return;
    }
    println!("{} rates are new, {} were known", imported.new, imported.known);
    for Differing { given, kept } in imported.differing.iter().take(SHOWN) {
        println!("{} of {} stays {kept}; the file says {}", given.currency, given.day, given.rate);
    }
    if imported.differing.len() > SHOWN {
        println!(
            "{} more rates stay as they were known; --json lists them",
            imported.differing.len() - SHOWN
        );
    }
    if imported.closing_days > 0 {
        println!("{} are of days on which TARGET is closed; they count for nothing", imported.closing_days);
    }
    if !imported.unknown.is_empty() {
        let codes: Vec<&str> = imported.unknown.iter().map(String::as_str).collect();
        println!("left out, no currencies any more: {}", codes.join(", "));
    }
    if imported.programs_waiting > 0 {
        let programs = imported.programs_waiting;
        println!(
            "amounts wait for rates in {programs} programs; the server converts those that have them now"
        );
    }
}

async fn list(options: List) -> Outcome {
    let house = House::open(&options.house, Manner::command()).await?;
    let rates = app::rates::newest(&house.app).await;
    house.close(false).await?;
    for row in rates? {
        let source = row.source.as_str();
        if options.json {
            let row = json!({ "currency": row.currency, "since": row.since, "day": row.day, "rate": row.rate,
                              "source": source });
            println!("{row}");
        } else {
            println!("{}  {}  {}  since {}  {source}", row.currency, row.day, row.rate, row.since);
        }
    }
    Ok(())
}
