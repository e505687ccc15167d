//! `af2_payments_op`: payments to affiliates, which are our payouts (contract §2.2). Here is the row that both
//! methods answer with; it shows the payee as it was when the payment was asked for.

mod create;
mod list;

use app::payout::Receipt;
use domain::currency::Currency;
use domain::ids::{AffiliateId, PayoutId};
use domain::payout::State;
use domain::time::{Timestamp, iso_millis};
use serde::Serialize;
use serde_json::{Map, Value};

pub(super) use create::create;
pub(super) use list::list;

use super::{codes, payment_details};
use crate::decimal::Decimal;

/// A payment, in the order and spelling of the wire.
#[derive(Serialize)]
pub(super) struct Row {
    id: PayoutId,
    payment_id: PayoutId,
    amount: Decimal,
    affiliate_id: AffiliateId,
    payment_details: Option<String>,
    create_by: i64,
    create_date: String,
    period_from: String,
    period_to: String,
    operator_comments: Option<String>,
    payment_date: Option<String>,
    payment_status_id: i64,
    operator_currency: Currency,
    affiliate_name: String,
    payment_method_id: i16,
    payment_method_details: Map<String, Value>,
    username: String,
    payment_status_name: &'static str,
    manager_id: Option<i64>,
    payment_name: String,
}

/// The row of a payment in a state that it reached, if it was paid, at `paid_at`.
fn row(receipt: Receipt, state: State, paid_at: Option<Timestamp>) -> Row {
    let Receipt { payout, name, payment_details } = receipt;
    let amount = Decimal(payout.amount_micros.into());
    let (payment_status_id, payment_status_name) = codes::payment_status(state);
    Row {
        id: payout.id,
        payment_id: payout.id,
        amount,
        affiliate_id: payout.affiliate,
        payment_details: payout.details.payment_details,
        create_by: super::API_USER,
        create_date: iso_millis(payout.requested_at),
        period_from: iso_millis(payout.period.0),
        period_to: iso_millis(payout.period.1),
        operator_comments: payout.details.operator_comments,
        payment_date: paid_at.map(iso_millis),
        payment_status_id,
        operator_currency: payout.currency,
        payment_name: format!("{name} - {amount} {}", payout.currency),
        affiliate_name: name,
        payment_method_id: payout.payment_method,
        payment_method_details: payment_details::of_method(&payment_details, payout.payment_method),
        username: payout.details.payee_slug,
        payment_status_name,
        manager_id: payout.details.payee_manager,
    }
}
