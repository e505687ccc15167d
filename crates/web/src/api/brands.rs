//! `/v1/brands`: what counts the deposits and withdrawals of each brand.

pub(super) mod list;
pub(super) mod put;

use domain::fold::{Source, Truth};
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{schema, words};

schema! {
    CountedFrom = words(
        "`events`: payments and withdrawals, one by one. `rows`: the daily figures of players. The other one may \
         qualify customers, but is not added up.",
        [Source::Events, Source::Rows].map(word),
    );
}

/// The word of a source.
fn word(source: Source) -> &'static str {
    match source {
        Source::Events => "events",
        Source::Rows => "rows",
    }
}

/// A brand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Brand {
    /// Its name.
    name: String,
    /// What counts its deposits.
    #[schema(value_type = CountedFrom)]
    deposits: &'static str,
    /// What counts its withdrawals.
    #[schema(value_type = CountedFrom)]
    withdrawals: &'static str,
}

impl Brand {
    fn new(name: String, truth: Truth) -> Brand {
        Brand { name, deposits: word(truth.deposits), withdrawals: word(truth.withdrawals) }
    }
}
