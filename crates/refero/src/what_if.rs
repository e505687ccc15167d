//! `refero what-if`: what history would have cost under the deal of a file, by affiliate and month, beside what was
//! booked. Nothing is booked.

use std::path::PathBuf;

use app::Caller;
use app::what_if::{Question, Row};
use clap::Args;
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::money::decimal;
use domain::time::Period;
use serde_json::json;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    house: house::Options,
    /// The program.
    #[arg(long, value_name = "ID")]
    program: ProgramId,
    /// The deal's file, as `refero deal check` reads it.
    #[arg(long, value_name = "FILE")]
    deal: PathBuf,
    /// Only this affiliate's history; may be said several times.
    #[arg(long, value_name = "ID")]
    affiliate: Vec<AffiliateId>,
    /// The first month to show.
    #[arg(long, value_name = "YYYY-MM")]
    from: Option<Period>,
    /// The last month to show.
    #[arg(long, value_name = "YYYY-MM")]
    to: Option<Period>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let file = crate::deal::read(&options.deal)?;
    let house = House::open(&options.house, Manner::command()).await?;
    let answered = answer(&house, &options, file).await;
    house.close(false).await?;
    let (rows, currency) = answered?;
    if options.json {
        let rows: Vec<_> = rows.iter().map(|row| shown(row, currency)).collect();
        println!("{}", json!({ "currency": currency, "months": rows }));
    } else {
        print(&rows, currency);
    }
    Ok(())
}

async fn answer(
    house: &House,
    options: &Options,
    file: domain::example::File,
) -> Outcome<(Vec<Row>, Currency)> {
    let caller = Caller::operator(options.program, house.app.now());
    let program = app::program::show(&house.app, &caller).await?;
    if program.currency != file.currency {
        return Err(Failure::new(format!(
            "{}: its sums are in {}, the books of the program in {}",
            options.deal.display(),
            file.currency,
            program.currency
        )));
    }
    let question = Question {
        terms: file.terms,
        affiliates: options.affiliate.iter().copied().collect(),
        from: options.from,
        to: options.to,
    };
    Ok((app::what_if::ask(&house.app, &caller, &question).await?, program.currency))
}

fn shown(row: &Row, currency: Currency) -> serde_json::Value {
    let print = |micros: i128| decimal(micros, currency.exponent());
    json!({
        "affiliate_id": row.affiliate,
        "month": row.month.to_string(),
        "booked": print(row.booked_micros),
        "would_be": print(row.would_be_micros),
        "difference": print(row.would_be_micros - row.booked_micros),
    })
}

fn print(rows: &[Row], currency: Currency) {
    let line = |whose: &str, month: &str, amounts: [String; 3]| {
        let [booked, would_be, difference] = amounts;
        println!("{whose:>9}  {month:<7}  {booked:>16}  {would_be:>16}  {difference:>16}");
    };
    let amounts = |booked: i128, would_be: i128| {
        [booked, would_be, would_be - booked].map(|micros| decimal(micros, currency.exponent()))
    };
    line("affiliate", "month", ["booked", "would be", "difference"].map(str::to_owned));
    for row in rows {
        let (whose, month) = (row.affiliate.to_string(), row.month.to_string());
        line(&whose, &month, amounts(row.booked_micros, row.would_be_micros));
    }
    let sum = |of: fn(&Row) -> i128| rows.iter().map(of).sum::<i128>();
    line("all", "", amounts(sum(|row| row.booked_micros), sum(|row| row.would_be_micros)));
    println!("in {currency}");
}
