//! `/v1/balances`: what every affiliate has earned, is owed and was paid.

pub(super) mod list;

use app::balance::AccountRow;
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::ledger::Kind;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{Amount, CurrencyCode, amount};

/// What an affiliate has earned, is owed and was paid, in one currency.
/// `pending + due + in_payout + carried = earned - paid + adjustments`, always.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balance {
    /// Whose.
    affiliate_id: i64,
    /// In which currency.
    #[schema(value_type = CurrencyCode)]
    currency: Currency,
    /// What was earned, by kind of commission.
    earned: Earned,
    /// Corrections by hand.
    #[schema(value_type = Amount)]
    adjustments: String,
    /// What was paid out.
    #[schema(value_type = Amount)]
    paid: String,
    /// Earned and held.
    #[schema(value_type = Amount)]
    pending: String,
    /// Owed and not in a payout; may be negative.
    #[schema(value_type = Amount)]
    due: String,
    /// On its way to the affiliate.
    #[schema(value_type = Amount)]
    in_payout: String,
    /// Negative months that later results work off; never above zero.
    #[schema(value_type = Amount)]
    carried: String,
    /// `due + in_payout`.
    #[schema(value_type = Amount)]
    balance: String,
    /// What a payout may take now: `due` cut down to whole minor units, at least 0.
    #[schema(value_type = Amount)]
    payable: String,
    /// Lifetime figures of the affiliate's referrals.
    figures: Figures,
    /// When a payout last arrived.
    last_paid_at: Option<DateTime<Utc>>,
}

/// What was earned, by kind of commission.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Earned {
    /// For registrations.
    #[schema(value_type = Amount)]
    lead: String,
    /// Flat sums for payments.
    #[schema(value_type = Amount)]
    acquisition: String,
    /// Percentages of payments.
    #[schema(value_type = Amount)]
    share: String,
    /// Parts of what sub-affiliates earned.
    #[schema(value_type = Amount)]
    sub_affiliate: String,
}

/// Lifetime figures. Amounts are gross: refunds are not taken off.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Figures {
    /// Registrations.
    registrations: i64,
    /// First payments.
    first_payments: i64,
    /// Their amount.
    #[schema(value_type = Amount)]
    first_payments_amount: String,
    /// Payments, first ones included.
    payments: i64,
    /// Their amount.
    #[schema(value_type = Amount)]
    payments_amount: String,
}

impl From<&AccountRow> for Balance {
    fn from(row: &AccountRow) -> Balance {
        let (balances, figures, currency) = (&row.balances, &row.figures, row.currency);
        let show = |micros: i128| amount(micros, currency);
        let earned = |kind| show(balances.earned(kind));
        Balance {
            affiliate_id: row.affiliate.0,
            currency,
            earned: Earned {
                lead: earned(Kind::Lead),
                acquisition: earned(Kind::Acquisition),
                share: earned(Kind::Share),
                sub_affiliate: earned(Kind::SubAffiliate),
            },
            adjustments: show(balances.adjustments()),
            paid: show(balances.paid()),
            pending: show(balances.pending()),
            due: show(balances.due()),
            in_payout: show(balances.in_payout()),
            carried: show(balances.carried()),
            balance: show(balances.balance()),
            payable: show(balances.payable(currency.minor_unit_micros())),
            figures: Figures {
                registrations: figures.registrations,
                first_payments: figures.first_payments,
                first_payments_amount: show(figures.first_payments_micros),
                payments: figures.payments,
                payments_amount: show(figures.payments_micros),
            },
            last_paid_at: row.last_paid_at,
        }
    }
}
