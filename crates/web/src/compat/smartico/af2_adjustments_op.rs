//! `POST af2_adjustments_op`: adjusts a balance by hand. The vendor's page on it is not public; name and body are our
//! guess (docs/SMARTICO.md).

use app::App;
use app::adjustment::{NewAdjustment, create as adjust};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::currency::Currency;
use domain::ids::{AdjustmentId, AffiliateId};
use domain::time::iso_millis;
use serde::{Deserialize, Serialize};

use super::caller::Operator;
use super::input::{self, Amount};
use super::refusal::Refusal;
use crate::decimal::Decimal;
use crate::key;

#[derive(Deserialize)]
struct Adjustment {
    affiliate_id: i64,
    #[serde(deserialize_with = "input::rounded")]
    amount: Amount,
    comments: Option<String>,
}

/// An adjustment, as it was made.
#[derive(Serialize)]
pub(super) struct Row {
    id: AdjustmentId,
    adjustment_id: AdjustmentId,
    amount: Decimal,
    affiliate_id: AffiliateId,
    comments: String,
    create_by: i64,
    create_date: String,
    operator_currency: Currency,
}

/// Makes an adjustment, once per `Idempotency-Key` header where there is one.
pub(super) async fn create(
    State(app): State<App>,
    Operator(caller): Operator,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Row>, Refusal> {
    let key = key::idempotency(&headers).map_err(|problem| Refusal::field("header", problem))?;
    let wire: Adjustment = input::object(body).await?;
    let new = NewAdjustment {
        affiliate: AffiliateId(wire.affiliate_id),
        amount_micros: wire.amount.0,
        reason: wire.comments.unwrap_or_default(),
    };
    let made = adjust(&app, &caller, "smartico.adjustment", key.as_ref(), new)
        .await
        .map_err(|error| Refusal::from(error).renamed("reason", "comments"))?;
    Ok(Json(Row {
        id: made.id,
        adjustment_id: made.id,
        amount: Decimal(made.amount_micros.into()),
        affiliate_id: made.affiliate,
        comments: made.reason,
        create_by: super::API_USER,
        create_date: iso_millis(made.created_at),
        operator_currency: made.currency,
    }))
}
