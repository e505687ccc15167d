//! `POST /v1/periods/{month}/close`.

use app::App;
use app::period::Booking;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BookingReason;
use crate::api::commissions::CommissionKind;
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields::{Amount, Month, amount};
use crate::api::problem::Problem;

/// How to close a month.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct CloseMonth {
    /// Only say what would be booked.
    #[serde(default)]
    dry_run: bool,
}

/// What a close did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedMonth {
    /// The month.
    #[schema(value_type = Month)]
    month: String,
    /// Whether nothing was closed or booked.
    dry_run: bool,
    /// The last closed month; null where none is.
    #[schema(value_type = Option<Month>)]
    closed_through: Option<String>,
    /// For how many affiliates something was due.
    affiliates: usize,
    /// What would be booked; null where it was done, which `GET /v1/periods` shows.
    bookings: Option<Vec<MonthBooking>>,
}

/// Something that the close of a month would book.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MonthBooking {
    /// The affiliate.
    affiliate_id: i64,
    /// The deal.
    deal_id: i64,
    /// The month it is for.
    #[schema(value_type = Month)]
    month: String,
    /// What it is.
    #[schema(value_type = BookingReason)]
    reason: &'static str,
    /// The place of the rule, fee or milestone in the terms, from 0.
    place: Option<u16>,
    /// Of what is reset, carried or worked off: the kind of commission.
    #[schema(value_type = Option<CommissionKind>)]
    kind: Option<&'static str>,
    /// Of what is reset, carried or worked off: the brand, where the deal is judged brand by brand.
    brand: Option<String>,
    /// What it does to the amount due, signed.
    #[schema(value_type = Amount)]
    amount: String,
    /// When it takes effect.
    effective_at: DateTime<Utc>,
}

impl MonthBooking {
    fn new(booking: Booking, currency: Currency) -> MonthBooking {
        MonthBooking {
            affiliate_id: booking.affiliate.0,
            deal_id: booking.deal.0,
            month: booking.month.to_string(),
            reason: booking.reason,
            place: booking.place,
            kind: booking.scope.as_ref().map(|scope| scope.kind.as_str()),
            brand: booking.scope.and_then(|scope| scope.brand),
            amount: amount(booking.due_micros, currency),
            effective_at: booking.effective_at,
        }
    }
}

/// Close a month
///
/// With all open months before it. A job does the same some days after the end of each month. What is settled by month
/// is booked: tiers, caps, milestones, fees, months below zero; and what waited for the close is released. Closed
/// again, a month books nothing. With `dry_run` nothing is closed, and the answer says what would be booked.
#[utoipa::path(post, path = "/v1/periods/{month}/close", tag = "Periods", operation_id = "close_period",
    params(("month" = Month, Path, description = "The month, which has ended.")),
    request_body = CloseMonth,
    responses((status = 200, description = "What was done.", body = ClosedMonth)))]
pub(crate) async fn close_period(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(month): Id<time::Period>,
    params: Params,
    Body(body): Body<CloseMonth>,
) -> Result<Json<ClosedMonth>, Problem> {
    params.finish()?;
    if !body.dry_run {
        let done = app::period::close(&app, &caller, month).await?;
        return Ok(Json(ClosedMonth {
            month: month.to_string(),
            dry_run: false,
            closed_through: Some(done.closed_through.to_string()),
            affiliates: done.affiliates,
            bookings: None,
        }));
    }
    let months = app::period::preview(&app, &caller, month).await?;
    let program = app::program::show(&app, &caller).await?;
    let affiliates: std::collections::BTreeSet<i64> = months.iter().map(|month| month.affiliate.0).collect();
    let bookings = months.iter().flat_map(app::period::Month::bookings);
    Ok(Json(ClosedMonth {
        month: month.to_string(),
        dry_run: true,
        closed_through: program.closed_through.map(|month| month.to_string()),
        affiliates: affiliates.len(),
        bookings: Some(bookings.map(|booking| MonthBooking::new(booking, program.currency)).collect()),
    }))
}
