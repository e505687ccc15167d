//! `refero period`: closes months of a program, or shows what closing one would book.

use app::Caller;
use app::period::{Booking, Month};
use clap::{Args, Subcommand};
use domain::ids::ProgramId;
use domain::money::decimal;
use domain::time::Period;
use serde_json::json;

use crate::failure::Outcome;
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Close a month that has ended, with all open months before it.
    Close(Close),
}

#[derive(Args)]
struct Close {
    #[command(flatten)]
    house: house::Options,
    /// The program.
    #[arg(long, value_name = "ID")]
    program: ProgramId,
    /// The month.
    #[arg(long, value_name = "YYYY-MM")]
    month: Period,
    /// Only show what would be booked.
    #[arg(long)]
    dry_run: bool,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let Command::Close(options) = options.command;
    let house = House::open(&options.house, Manner::command()).await?;
    let closed =
        if options.dry_run { preview(&house, &options).await } else { close(&house, &options).await };
    house.close(false).await?;
    closed
}

async fn close(house: &House, options: &Close) -> Outcome {
    let caller = Caller::operator(options.program, house.app.now());
    let done = app::period::close(&house.app, &caller, options.month).await?;
    if options.json {
        let through = done.closed_through.to_string();
        let month = options.month.to_string();
        println!("{}", json!({ "month": month, "closed_through": through, "affiliates": done.affiliates }));
    } else {
        println!(
            "closed through {}; something was due of {} affiliates",
            done.closed_through, done.affiliates
        );
    }
    Ok(())
}

async fn preview(house: &House, options: &Close) -> Outcome {
    let caller = Caller::operator(options.program, house.app.now());
    let program = app::program::show(&house.app, &caller).await?;
    let months = app::period::preview(&house.app, &caller, options.month).await?;
    let bookings: Vec<Booking> = months.iter().flat_map(Month::bookings).collect();
    if options.json {
        println!(
            "{}",
            json!({ "month": options.month.to_string(), "bookings": bookings.iter().map(shown).collect::<Vec<_>>() })
        );
        return Ok(());
    }
    for booking in &bookings {
        let place = booking.place.map_or_else(String::new, |place| format!(" {place}"));
        let brand = booking.scope.as_ref().and_then(|scope| scope.brand.as_ref());
        let brand = brand.map_or_else(String::new, |brand| format!(" of {brand}"));
        println!(
            "affiliate {}  deal {}  {}  {}{place}{brand}  {} {}",
            booking.affiliate,
            booking.deal,
            booking.month,
            booking.reason,
            decimal(booking.due_micros.into(), program.currency.exponent()),
            program.currency,
        );
    }
    println!("{} would be booked", bookings.len());
    Ok(())
}

fn shown(booking: &Booking) -> serde_json::Value {
    json!({
        "affiliate_id": booking.affiliate,
        "deal_id": booking.deal,
        "month": booking.month.to_string(),
        "reason": booking.reason,
        "place": booking.place,
        "kind": booking.scope.as_ref().map(|scope| scope.kind),
        "brand": booking.scope.as_ref().and_then(|scope| scope.brand.clone()),
        "amount": decimal(booking.due_micros.into(), 2),
        "effective_at": booking.effective_at,
    })
}
