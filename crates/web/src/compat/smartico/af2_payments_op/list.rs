//! `GET af2_payments_op`: the payments, newest first.

use app::App;
use app::payout::{Filter as Wanted, Receipts, receipts};
use axum::extract::State;
use axum::response::Response;
use domain::ids::AffiliateId;
use serde::Deserialize;

use super::{Row, row};
use crate::compat::smartico::caller::Operator;
use crate::compat::smartico::codes;
use crate::compat::smartico::input::OneOrMany;
use crate::compat::smartico::query::Query;
use crate::compat::smartico::refusal::Refusal;
use crate::compat::smartico::rows::{self, Pages};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Filter {
    affiliate_id: Option<i64>,
    payment_status_id: Option<OneOrMany>,
}

/// Answers the payments that the query asks for.
pub(in crate::compat::smartico) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response, Refusal> {
    let filter: Filter = query.filter()?;
    let plain_status = query.integer("payment_status_id")?.map(OneOrMany::One);
    let range = query.range()?;
    let numbers = filter.payment_status_id.or(plain_status).map(OneOrMany::into_vec).unwrap_or_default();
    let states = numbers.into_iter().map(|number| codes::payment_status_of("payment_status_id", number));
    let wanted = Wanted {
        affiliate: filter.affiliate_id.or(query.integer("affiliate_id")?).map(AffiliateId),
        states: states.collect::<Result<_, _>>()?,
        ..Wanted::default()
    };
    let payments = receipts(&app, &caller, wanted, range.first, range.len()).await?;
    rows::answer("af2_payments_op", range, payments).await
}

impl Pages for Receipts {
    type Row = Row;

    async fn next_page(&mut self) -> app::Result<Vec<Row>> {
        let page = Receipts::next_page(self).await?;
        Ok(page
            .into_iter()
            .map(|receipt| {
                let (state, paid_at) = (receipt.payout.state, receipt.payout.paid_at);
                row(receipt, state, paid_at)
            })
            .collect())
    }
}
