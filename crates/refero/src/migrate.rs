//! `refero migrate`: brings the database to this binary's schema.

use clap::Args;

use crate::failure::Outcome;
use crate::house::{self, House, Manner};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    house: house::Options,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let house = House::open(&options.house, Manner::command()).await?;
    println!("the database is at this binary's schema");
    house.close(false).await
}
