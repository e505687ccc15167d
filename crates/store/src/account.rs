//! Account rows: one wide row per affiliate and currency. [`apply`] is the only function that changes balances.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::ledger::{ACCOUNTS, Balances, Movement};
use domain::time::{Period, Timestamp};

use crate::error::{Result, corrupt, numeric};
use crate::roll_up::Figures;
use crate::{Connection, Step, Tx};

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

/// Books changes, in key order; the last thing a transaction locks.
pub async fn apply(tx: &mut Tx, program: ProgramId, deltas: &BTreeMap<Owner, Delta>) -> Result<()> {
    apply_to_accounts(tx, program, deltas).await?;
    apply_to_months(tx, program, deltas).await
}

/// Books what moved in each month, by which a balance of an old date is known without the transfers of all months.
async fn apply_to_months(tx: &mut Tx, program: ProgramId, deltas: &BTreeMap<Owner, Delta>) -> Result<()> {
    let rows: Vec<(&Owner, Period, &Balances)> = deltas
        .iter()
        .flat_map(|(owner, delta)| delta.months.iter().map(move |(month, moved)| (owner, *month, moved)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let affiliates: Vec<i64> = rows.iter().map(|(owner, ..)| owner.0.0).collect();
    let currencies: Vec<&str> = rows.iter().map(|(owner, ..)| owner.1.code()).collect();
    let months: Vec<i32> = rows.iter().map(|(_, month, _)| month.number()).collect();
    let moved: Vec<String> = rows
        .iter()
        .map(|(.., moved)| format!("{{{}}}", moved.columns().map(|micros| micros.to_string()).join(",")))
        .collect();
    sqlx::query!(
        "insert into account_month as a (program_id, affiliate_id, currency, month, moved)
         select $1, t.affiliate_id, t.currency, t.month, t.moved::numeric[]
         from unnest($2::bigint[], $3::text[], $4::integer[], $5::text[]) with ordinality
              as t (affiliate_id, currency, month, moved, position)
         order by t.position
         on conflict (program_id, affiliate_id, currency, month) do update
         set moved = array(select x.before + x.more from unnest(a.moved, excluded.moved) as x (before, more))",
        program.0,
        &affiliates,
        &currencies as _,
        &months,
        &moved
    )
    .execute(tx.enter(Step::Accounts)?)
    .await?;
    Ok(())
}

async fn apply_to_accounts(tx: &mut Tx, program: ProgramId, deltas: &BTreeMap<Owner, Delta>) -> Result<()> {
    if deltas.is_empty() {
        return Ok(());
    }
    let affiliates: Vec<i64> = deltas.keys().map(|(affiliate, _)| affiliate.0).collect();
    let currencies: Vec<&str> = deltas.keys().map(|(_, currency)| currency.code()).collect();
    let column = |index: usize| -> Vec<String> {
        deltas.values().map(|delta| delta.balances.columns()[index].to_string()).collect()
    };
    let count = |of: fn(&Figures) -> i64| deltas.values().map(|delta| of(&delta.figures)).collect::<Vec<i64>>();
    let amount = |of: fn(&Figures) -> i128| -> Vec<String> {
        deltas.values().map(|delta| of(&delta.figures).to_string()).collect()
    };
    let last_paid: Vec<Option<Timestamp>> = deltas.values().map(|delta| delta.last_paid_at).collect();
    sqlx::query!(
        "insert into account as a (program_id, affiliate_id, currency, earned_lead, earned_acquisition, earned_share, earned_sub_affiliate,
                                   adjustments, paid, pending_lead, pending_acquisition, pending_share,
                                   pending_sub_affiliate, due, in_payout, carried_lead,
                                   carried_acquisition, carried_share, carried_sub_affiliate,
                                   registrations, first_payments, first_payments_micros, payments,
                                   payments_micros,
                                   last_paid_at)
         select $1, t.affiliate_id, t.currency, t.earned_lead::numeric, t.earned_acquisition::numeric, t.earned_share::numeric,
                t.earned_sub_affiliate::numeric, t.adjustments::numeric, t.paid::numeric,
                t.pending_lead::numeric, t.pending_acquisition::numeric, t.pending_share::numeric,
                t.pending_sub_affiliate::numeric, t.due::numeric, t.in_payout::numeric,
                t.carried_lead::numeric, t.carried_acquisition::numeric, t.carried_share::numeric,
                t.carried_sub_affiliate::numeric, t.registrations, t.first_payments,
                t.first_payments_micros::numeric, t.payments, t.payments_micros::numeric, t.last_paid_at
         from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                     $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
                     $16::text[], $17::text[], $18::text[], $19::text[],
                     $20::bigint[], $21::bigint[], $22::text[], $23::bigint[], $24::text[], $25::timestamptz[])
              with ordinality
              as t (affiliate_id, currency, earned_lead, earned_acquisition, earned_share, earned_sub_affiliate, adjustments,
                    paid, pending_lead, pending_acquisition, pending_share, pending_sub_affiliate, due,
                    in_payout, carried_lead, carried_acquisition, carried_share, carried_sub_affiliate,
                    registrations, first_payments, first_payments_micros, payments, payments_micros,
                    last_paid_at, position)
         order by t.position
         on conflict (program_id, affiliate_id, currency) do update set
             earned_lead = a.earned_lead + excluded.earned_lead,
             earned_acquisition = a.earned_acquisition + excluded.earned_acquisition,
             earned_share = a.earned_share + excluded.earned_share,
             earned_sub_affiliate = a.earned_sub_affiliate + excluded.earned_sub_affiliate,
             adjustments = a.adjustments + excluded.adjustments,
             paid = a.paid + excluded.paid,
             pending_lead = a.pending_lead + excluded.pending_lead,
             pending_acquisition = a.pending_acquisition + excluded.pending_acquisition,
             pending_share = a.pending_share + excluded.pending_share,
             pending_sub_affiliate = a.pending_sub_affiliate + excluded.pending_sub_affiliate,
             due = a.due + excluded.due,
             in_payout = a.in_payout + excluded.in_payout,
             carried_lead = a.carried_lead + excluded.carried_lead,
             carried_acquisition = a.carried_acquisition + excluded.carried_acquisition,
             carried_share = a.carried_share + excluded.carried_share,
             carried_sub_affiliate = a.carried_sub_affiliate + excluded.carried_sub_affiliate,
             registrations = a.registrations + excluded.registrations,
             first_payments = a.first_payments + excluded.first_payments,
             first_payments_micros = a.first_payments_micros + excluded.first_payments_micros,
             payments = a.payments + excluded.payments,
             payments_micros = a.payments_micros + excluded.payments_micros,
             last_paid_at = greatest(a.last_paid_at, excluded.last_paid_at)",
        program.0,
        &affiliates,
        &currencies as _,
        &column(0),
        &column(1),
        &column(2),
        &column(3),
        &column(4),
        &column(5),
        &column(6),
        &column(7),
        &column(8),
        &column(9),
        &column(10),
        &column(11),
        &column(12),
        &column(13),
        &column(14),
        &column(15),
        &count(|row| row.registrations),
        &count(|row| row.first_payments),
        &amount(|row| row.first_payments_micros),
        &count(|row| row.payments),
        &amount(|row| row.payments_micros),
        &last_paid as _
    )
    .execute(tx.enter(Step::Accounts)?)
    .await?;
    Ok(())
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

