//! `GET af2_aff_op`: the affiliates by id, with or without their money.

use app::App;
use app::overview::{self, Overviews, Wanted};
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
    aff_status_id: Option<OneOrMany>,
    without_money: Option<bool>,
    affiliate_id: Option<i64>,
}

/// Answers the affiliates that the query asks for.
pub(in crate::compat::smartico) async fn list(
    State(app): State<App>,
    Operator(caller): Operator,
    query: Query,
) -> Result<Response, Refusal> {
    let filter: Filter = query.filter()?;
    let plain_status = query.integer("aff_status_id")?.map(OneOrMany::One);
    let range = query.range()?;
    let numbers = filter.aff_status_id.or(plain_status).map(OneOrMany::into_vec).unwrap_or_default();
    let statuses = numbers.into_iter().map(|number| codes::status_of("aff_status_id", number));
    let wanted = Wanted {
        affiliate: filter.affiliate_id.or(query.integer("affiliate_id")?).map(AffiliateId),
        statuses: statuses.collect::<Result<_, _>>()?,
        without_money: filter.without_money.or(query.flag("without_money")?).unwrap_or(false),
        offset: range.first,
        limit: range.len(),
    };
    let overviews = overview::list(&app, &caller, wanted).await?;
    rows::answer("af2_aff_op", range, overviews).await
}

impl Pages for Overviews {
    type Row = Row;

    async fn next_page(&mut self) -> app::Result<Vec<Row>> {
        let page = Overviews::next_page(self).await?;
        Ok(page.into_iter().map(|overview| row(&self.program, overview)).collect())
    }
}
