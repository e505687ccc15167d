//! `GET /v1/affiliate/commissions`: what an affiliate earned, newest first (contract §3). Three states are shown:
//! pending until it is paid in full, paid, rejected; the amount is what the commission stands at.

use app::App;
use app::commission::{EarnedFilter, EarnedView};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::commission::State as Stands;
use domain::currency::Currency;
use domain::money::divide_half_away;
use serde::Serialize;
use uuid::Uuid;

use super::affiliate_referrals::refuse_sub_id;
use super::caller::Affiliate;
use super::failure::Result;
use super::query::Query;
use super::resource::Resource;

/// A commission as its affiliate sees it.
#[derive(Serialize)]
struct OwnCommission {
    /// In minor units of the currency, as payments are.
    amount: i64,
    currency: String,
    state: &'static str,
    referral_id: Uuid,
    state_set_at: i64,
    created_at: i64,
}

/// What `state_eq` may say.
const STATES: [(&str, &[Stands]); 3] = [
    ("pending", &[Stands::Pending, Stands::Due]),
    ("paid", &[Stands::Paid]),
    ("rejected", &[Stands::Rejected]),
];

pub(super) async fn list(State(app): State<App>, affiliate: Affiliate, query: Query) -> Result<Response> {
    let page = query.page()?;
    let filter = EarnedFilter {
        states: query.word("state_eq", &STATES)?.unwrap_or_default().to_vec(),
        occurred_before: query.instant("created_at_lt")?,
        occurred_after: query.instant("created_at_gt")?,
        state_set_before: query.instant("state_set_at_lt")?,
        state_set_after: query.instant("state_set_at_gt")?,
    };
    let Affiliate { caller, id } = affiliate;
    refuse_sub_id(&query, "list commissions without it")?;
    let rows = app::commission::earned(&app, &caller, id, &filter, page.offset(), page.reads()).await?;
    Ok(Json(page.answer(rows.iter().map(own))).into_response())
}

fn own(earned: &EarnedView) -> Resource<Uuid, OwnCommission> {
    let commission = &earned.commission;
    let state = commission.state();
    let shown = STATES.iter().find(|(_, states)| states.contains(&state)).map_or("pending", |(word, _)| word);
    let attributes = OwnCommission {
        amount: minor_units(commission.standing_micros, &commission.currency),
        currency: commission.currency.to_ascii_lowercase(),
        state: shown,
        referral_id: commission.referral_id,
        state_set_at: earned.state_set_at.timestamp(),
        created_at: commission.occurred_at.timestamp(),
    };
    Resource { id: commission.id, kind: "commission", attributes }
}

/// Micros in the minor units that payments of the currency are sent in.
fn minor_units(micros: i64, currency: &str) -> i64 {
    let exponent = currency.parse::<Currency>().map_or(2, |currency| currency.stripe_exponent());
    let unit = 10_i128.pow(6 - exponent.min(6));
    let units = divide_half_away(micros.into(), unit).and_then(|units| i64::try_from(units).ok());
    units.expect("a unit is at least one micro, so that there are no more units than micros")
}
