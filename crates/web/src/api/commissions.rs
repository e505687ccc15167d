//! `/v1/commissions`: what affiliates earned by events.

pub(super) mod explain;
pub(super) mod list;
pub(super) mod reject;
pub(super) mod show;

use app::commission::CommissionView;
use chrono::{DateTime, Utc};
use domain::commission::State;
use domain::currency::Currency;
use domain::ids;
use domain::ledger::Kind;
use domain::money::decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{Amount, CommissionId, CurrencyCode, DealVersionId, EventId, ReferralId, schema, words};

/// Every state of a commission.
const STATES: [State; 4] = [State::Pending, State::Due, State::Paid, State::Rejected];

schema! {
    CommissionState = words(
        "`pending`: held. `due`: payable, perhaps in part settled or in a payout. `paid`: settled. `rejected`: stands \
         at zero.",
        STATES.map(State::as_str),
    );
    CommissionKind = words(
        "`lead`: for a registration. `acquisition`: a flat sum. `share`: a percentage. `sub_affiliate`: part of what a \
         sub-affiliate earned.",
        Kind::ALL.map(Kind::as_str),
    );
}

/// What an affiliate earned by an event. Its amount is the sum of its entries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Commission {
    /// Its id.
    #[schema(value_type = CommissionId)]
    id: String,
    /// The event it is earned by.
    #[schema(value_type = EventId)]
    event_id: String,
    /// The referral.
    #[schema(value_type = ReferralId)]
    referral_id: String,
    /// Who earns it.
    affiliate_id: i64,
    /// What it is for.
    #[schema(value_type = Option<CommissionKind>)]
    kind: Option<&'static str>,
    /// The deal version whose rule gave it.
    #[schema(value_type = DealVersionId)]
    deal_version_id: String,
    /// The rule's place in the terms, from 0.
    rule: i16,
    /// What it stands at.
    #[schema(value_type = Amount)]
    amount: String,
    /// In the program's currency.
    #[schema(value_type = CurrencyCode)]
    currency: String,
    /// Where it stands.
    #[schema(value_type = CommissionState)]
    state: State,
    /// When its event occurred.
    occurred_at: DateTime<Utc>,
    /// When its hold ends.
    release_at: DateTime<Utc>,
    /// When it was released.
    released_at: Option<DateTime<Utc>>,
}

/// An amount in the currency of a commission.
fn amount_in(micros: i64, code: &str) -> String {
    let exponent = code.parse::<Currency>().map_or(2, |currency| currency.exponent());
    decimal(micros.into(), exponent)
}

impl From<CommissionView> for Commission {
    fn from(view: CommissionView) -> Commission {
        Commission {
            id: ids::CommissionId(view.id).to_string(),
            event_id: ids::FactId(view.fact_id).to_string(),
            referral_id: ids::ReferralId(view.referral_id).to_string(),
            affiliate_id: view.affiliate_id,
            kind: Kind::from_code(view.kind).map(Kind::as_str),
            deal_version_id: ids::DealVersionId(view.deal_version_id).to_string(),
            rule: view.rule,
            amount: amount_in(view.standing_micros, &view.currency),
            state: view.state(),
            currency: view.currency,
            occurred_at: view.occurred_at,
            release_at: view.release_at,
            released_at: view.released_at,
        }
    }
}
