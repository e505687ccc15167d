//! Account rows: one wide row per affiliate and currency. [`apply`] is the only function that changes balances.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::ledger::{ACCOUNTS, Balances, Movement};
use domain::time::{Period, Timestamp};

use crate::error::{Result, corrupt, numeric};
use crate::roll_up::Figures;
use crate::{Connection, Rows, Step, Tx};

/// Changes to one account row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delta {
    /// Credits minus debits by account.
    balances: Balances,
    /// The same by the month in which they take effect.
    months: BTreeMap<Period, Balances>,
    /// Lifetime figures; refunds and churns are not kept here.
    pub figures: Figures,
    /// A payout that arrived, or books of an old system that name one.
    pub last_paid_at: Option<Timestamp>,
}

impl Delta {
    /// Books a movement that takes effect in a month of the program's zone.
    pub fn book(&mut self, movement: &Movement, month: Period) {
        self.balances.apply(movement);
        self.months.entry(month).or_default().apply(movement);
    }
}

/// Whose row, in which currency.
pub type Owner = (AffiliateId, Currency);

/// Whether anything stands in a program's books.
pub async fn any(connection: &mut Connection, program: ProgramId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from account where program_id = $1) as "any!""#,
        program.0
    )
    .fetch_one(connection)
    .await?)
}

/// Books changes, in key order; the last thing a transaction locks. With each account row goes what moved in each month,
/// by which a balance of an old date is known without the transfers of all months.
pub async fn apply(tx: &mut Tx, program: ProgramId, accounts: &BTreeMap<Owner, Delta>) -> Result<()> {
    crate::write(tx, program, Rows { accounts: Some(accounts), ..Rows::default() }).await
}

/// Changes of account rows as [`crate::write`] takes them, in key order.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    pub(crate) affiliates: Vec<i64>,
    pub(crate) currencies: Vec<&'a str>,
    pub(crate) moved: Vec<String>,
    pub(crate) registrations: Vec<i64>,
    pub(crate) first_payments: Vec<i64>,
    pub(crate) first_payments_micros: Vec<String>,
    pub(crate) payments: Vec<i64>,
    pub(crate) payments_micros: Vec<String>,
    pub(crate) last_paid: Vec<Option<Timestamp>>,
}

/// What moved in months, as [`crate::write`] takes it, in key order.
#[derive(Default)]
pub(crate) struct MonthColumns<'a> {
    pub(crate) affiliates: Vec<i64>,
    pub(crate) currencies: Vec<&'a str>,
    pub(crate) months: Vec<i32>,
    pub(crate) moved: Vec<String>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(deltas: &'a BTreeMap<Owner, Delta>) -> (Columns<'a>, MonthColumns<'a>) {
        let amount = |of: fn(&Figures) -> i128| -> Vec<String> {
            deltas.values().map(|delta| of(&delta.figures).to_string()).collect()
        };
        let columns = Columns {
            affiliates: deltas.keys().map(|(affiliate, _)| affiliate.0).collect(),
            currencies: deltas.keys().map(|(_, currency)| currency.code()).collect(),
            moved: deltas.values().map(|delta| array(&delta.balances)).collect(),
            registrations: deltas.values().map(|delta| delta.figures.registrations).collect(),
            first_payments: deltas.values().map(|delta| delta.figures.first_payments).collect(),
            first_payments_micros: amount(|row| row.first_payments_micros),
            payments: deltas.values().map(|delta| delta.figures.payments).collect(),
            payments_micros: amount(|row| row.payments_micros),
            last_paid: deltas.values().map(|delta| delta.last_paid_at).collect(),
        };
        let mut months = MonthColumns::default();
        for ((affiliate, currency), delta) in deltas {
            for (month, moved) in &delta.months {
                months.affiliates.push(affiliate.0);
                months.currencies.push(currency.code());
                months.months.push(month.number());
                months.moved.push(array(moved));
            }
        }
        (columns, months)
    }
}

/// Balances as the text of an array, in the order of `Account::ALL`.
fn array(balances: &Balances) -> String {
    format!("{{{}}}", balances.columns().map(|micros| micros.to_string()).join(","))
}

/// Takes money for a payout if `due` covers it or an advance is allowed; says whether it did. The caller books the
/// movement with [`apply`] after this has locked the row.
pub async fn covers(
    tx: &mut Tx,
    program: ProgramId,
    (affiliate, currency): Owner,
    amount_micros: i64,
    advance_allowed: bool,
) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"update account set due = due
           where program_id = $1 and affiliate_id = $2 and currency = $3 and (due >= $4::bigint or $5)
           returning 1 as "one!""#,
        program.0,
        affiliate.0,
        currency.code(),
        amount_micros,
        advance_allowed
    )
    .fetch_optional(tx.enter(Step::Accounts)?)
    .await?;
    Ok(found.is_some() || advance_allowed)
}

/// A row of `account`.
#[derive(Clone, PartialEq, Debug)]
pub struct AccountRow {
    /// Whose.
    pub affiliate: AffiliateId,
    /// In which currency.
    pub currency: Currency,
    /// Its balances.
    pub balances: Balances,
    /// Its lifetime figures.
    pub figures: Figures,
    /// When a payout last arrived.
    pub last_paid_at: Option<Timestamp>,
}

/// The balance columns, in the order of `Account::ALL`.
pub(crate) const BALANCE_COLUMNS: [&str; ACCOUNTS] = [
    "earned_lead",
    "earned_acquisition",
    "earned_share",
    "earned_sub_affiliate",
    "adjustments",
    "paid",
    "pending_lead",
    "pending_acquisition",
    "pending_share",
    "pending_sub_affiliate",
    "due",
    "in_payout",
    "carried_lead",
    "carried_acquisition",
    "carried_share",
    "carried_sub_affiliate",
];

/// What [`Raw`] reads beside the owner, of `account a` that may be missing.
pub(crate) const COLUMNS_OR_ZERO: &str = "array[coalesce(a.earned_lead, 0), \
    coalesce(a.earned_acquisition, 0), \
    coalesce(a.earned_share, 0), \
    coalesce(a.earned_sub_affiliate, 0), \
    coalesce(a.adjustments, 0), \
    coalesce(a.paid, 0), \
    coalesce(a.pending_lead, 0), \
    coalesce(a.pending_acquisition, 0), \
    coalesce(a.pending_share, 0), \
    coalesce(a.pending_sub_affiliate, 0), \
    coalesce(a.due, 0), \
    coalesce(a.in_payout, 0), \
    coalesce(a.carried_lead, 0), \
    coalesce(a.carried_acquisition, 0), \
    coalesce(a.carried_share, 0), \
    coalesce(a.carried_sub_affiliate, 0)]::text[] \
    as balances, coalesce(a.registrations, 0) as registrations, coalesce(a.first_payments, 0) as first_payments, \
    coalesce(a.first_payments_micros, 0)::text as first_payments_micros, coalesce(a.payments, 0) as payments, \
    coalesce(a.payments_micros, 0)::text as payments_micros, a.last_paid_at";

#[derive(sqlx::FromRow)]
pub(crate) struct Raw {
    affiliate_id: i64,
    currency: String,
    balances: Vec<String>,
    registrations: i64,
    first_payments: i64,
    first_payments_micros: String,
    payments: i64,
    payments_micros: String,
    last_paid_at: Option<DateTime<Utc>>,
}

impl TryFrom<Raw> for AccountRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<AccountRow> {
        let id = raw.affiliate_id;
        let mut columns = [0; ACCOUNTS];
        for (column, text) in columns.iter_mut().zip(&raw.balances) {
            *column = numeric(text, "account", "balances", id)?;
        }
        Ok(AccountRow {
            affiliate: AffiliateId(id),
            currency: raw.currency.parse().map_err(|_| corrupt("account", "currency", id))?,
            balances: Balances::from_columns(columns),
            figures: Figures {
                registrations: raw.registrations,
                first_payments: raw.first_payments,
                first_payments_micros: numeric(
                    &raw.first_payments_micros,
                    "account",
                    "first_payments_micros",
                    id,
                )?,
                payments: raw.payments,
                payments_micros: numeric(&raw.payments_micros, "account", "payments_micros", id)?,
                ..Figures::default()
            },
            last_paid_at: raw.last_paid_at,
        })
    }
}

/// The account rows of an affiliate, by currency.
pub async fn of_affiliate(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
) -> Result<Vec<AccountRow>> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new("select a.affiliate_id, a.currency, ");
    query.push(COLUMNS_OR_ZERO).push(" from account a where a.program_id = ").push_bind(program.0);
    query.push(" and a.affiliate_id = ").push_bind(affiliate.0).push(" order by a.currency");
    let raw: Vec<Raw> = query.build_query_as().fetch_all(connection).await?;
    raw.into_iter().map(AccountRow::try_from).collect()
}
