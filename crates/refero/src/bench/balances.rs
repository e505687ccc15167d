//! `refero bench balances`: the balance of one affiliate among many, and the list of all of them.

use clap::Args;

use crate::failure::Outcome;

#[derive(Args)]
pub(super) struct Options {}

pub(super) async fn run(_options: Options) -> Outcome {
    Ok(())
}
