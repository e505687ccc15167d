//! `GET /v1/rates`: which exchange rates the installation knows.

use app::App;
use app::rates::{NewestRow, RateSource};
use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use domain::currency::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::extract::{Operator, Params};
use super::fields::{CurrencyCode, ExchangeRate, schema, words};
use super::page::{Paged, whole};
use super::problem::Problem;

schema! {
    RateOrigin = words(
        "`ecb`: a file of the European Central Bank. `import`: a list of the operator's own.",
        [RateSource::Reference, RateSource::Import].map(RateSource::as_str),
    );
}

/// The rates of a currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KnownRate {
    /// The currency.
    #[schema(value_type = CurrencyCode)]
    currency: Currency,
    /// The first day that has a rate.
    since: NaiveDate,
    /// The newest day that has a rate.
    day: NaiveDate,
    /// One euro in the currency on that day.
    #[schema(value_type = ExchangeRate)]
    rate: String,
    /// Where that rate comes from.
    #[schema(value_type = RateOrigin)]
    source: &'static str,
}

impl From<NewestRow> for KnownRate {
    fn from(row: NewestRow) -> KnownRate {
        let NewestRow { currency, since, day, rate, source } = row;
        KnownRate { currency, since, day, rate: rate.to_string(), source: source.as_str() }
    }
}

/// List exchange rates
///
/// The newest known rate of every currency, by currency. An amount in another currency than the program's is converted
/// at the rates of the last business day of TARGET before its date in UTC; until they are known it waits
/// (`GET /v1/events?waiting=rate`).
#[utoipa::path(get, path = "/v1/rates", tag = "Rates", operation_id = "list_rates",
    responses((status = 200, description = "The rates, all on one page.", body = Paged<KnownRate>)))]
pub(crate) async fn list_rates(
    State(app): State<App>,
    Operator(_caller): Operator,
    params: Params,
) -> Result<Json<Paged<KnownRate>>, Problem> {
    params.finish()?;
    Ok(whole(app::rates::newest(&app).await?.into_iter().map(KnownRate::from).collect()))
}
