//! `refero bench`: measures the product beside the physical limit, in one run.

use clap::Args;

use crate::failure::Outcome;

#[derive(Args)]
pub(crate) struct Options {}

pub(crate) async fn run(_options: Options) -> Outcome {
    Ok(())
}
