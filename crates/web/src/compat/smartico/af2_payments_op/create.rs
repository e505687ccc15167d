//! `POST af2_payments_op`: makes a payment, once per `Idempotency-Key` header where there is one.

use app::App;
use app::payout::{NewPayout, Rail, create_with_receipt};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::ids::AffiliateId;
use domain::payout;
use domain::time::Timestamp;
use serde::Deserialize;

use super::{Row, row};
use crate::compat::smartico::caller::Operator;
use crate::compat::smartico::input::{self, Amount};
use crate::compat::smartico::refusal::Refusal;
use crate::key;

#[derive(Deserialize)]
struct Payment {
    affiliate_id: i64,
    #[serde(deserialize_with = "input::rounded")]
    amount: Amount,
    send_mail_to_aff: Option<bool>,
    operator_comments: Option<String>,
    payment_details: Option<String>,
    period_from: Option<i64>,
    period_to: Option<i64>,
}

/// Makes a payment and answers it as it was made, however often the same request comes.
pub(in crate::compat::smartico) async fn create(
    State(app): State<App>,
    Operator(caller): Operator,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Row>, Refusal> {
    let key = key::idempotency(&headers).map_err(|problem| Refusal::field("header", problem))?;
    let wire: Payment = input::object(body).await?;
    let new = NewPayout {
        rail: Rail::Smartico,
        affiliate: AffiliateId(wire.affiliate_id),
        amount_micros: Some(wire.amount.0),
        period: (unix("period_from", wire.period_from)?, unix("period_to", wire.period_to)?),
        operator_comments: wire.operator_comments,
        payment_details: wire.payment_details,
        send_mail: wire.send_mail_to_aff.unwrap_or(false),
    };
    let receipt = create_with_receipt(&app, &caller, key.as_ref(), new).await?;
    let first = receipt.payout.first_state;
    let paid_at = (first == payout::State::Paid).then_some(receipt.payout.requested_at);
    Ok(Json(row(receipt, first, paid_at)))
}

/// An instant of the wire: UNIX seconds.
fn unix(field: &str, seconds: Option<i64>) -> Result<Option<Timestamp>, Refusal> {
    let Some(seconds) = seconds else { return Ok(None) };
    let at = Timestamp::from_timestamp(seconds, 0);
    let at = at.filter(|at| domain::time::is_plausible(*at)).ok_or_else(|| {
        Refusal::field(
            field,
            format!("{seconds} is not a time in UNIX seconds such as 1669209428, of 1970 to 2199"),
        )
    })?;
    Ok(Some(at))
}
