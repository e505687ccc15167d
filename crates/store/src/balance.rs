//! Balances of many affiliates at once: as they stand now, from the account rows, or as they were at an instant, from
//! the transfers.

use domain::affiliate::Status;
use domain::currency::Currency;
use domain::ids::{AffiliateId, ProgramId};
use domain::time::{Timestamp, Zone};
use sqlx::{Postgres, QueryBuilder};

use crate::Connection;
use crate::account::AccountRow;
use crate::affiliate::{self, AffiliateRow};
use crate::error::Result;

/// An affiliate with its balances and figures in one currency.
#[derive(Clone, PartialEq, Debug)]
pub struct BalanceRow {
    /// The affiliate.
    pub affiliate: AffiliateRow,
    /// Its balances and figures; zero where it has none.
    pub account: AccountRow,
}

/// Which balances.
#[derive(Clone, PartialEq, Debug)]
pub struct Filter {
    /// In which currency: the program's.
    pub currency: Currency,
    /// The program's zone, for the days of an as-of date.
    pub zone: Zone,
    /// Only this affiliate's.
    pub affiliate: Option<AffiliateId>,
    /// Only of affiliates in one of these statuses; empty for all.
    pub statuses: Vec<Status>,
    /// Only where due + in payout, cut down to minor units, is above zero and above the affiliate's threshold or,
    /// where it has none, this one.
    pub above_threshold_micros: Option<i64>,
    /// Only affiliates after this one.
    pub after: Option<AffiliateId>,
    /// As they were at this instant.
    pub as_of: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Raw {
    #[sqlx(flatten)]
    affiliate: affiliate::Raw,
    #[sqlx(flatten)]
    account: crate::account::Raw,
}

/// A list of balances by affiliate id.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<BalanceRow>> {
    let mut query = QueryBuilder::<Postgres>::new("select ");
    query.push(affiliate::COLUMNS).push(", f.id as affiliate_id, ");
    query.push_bind(filter.currency.code()).push(" as currency, ").push(crate::account::COLUMNS_OR_ZERO);
    query.push(" from affiliate f ").push(crate::person::look_up("f")).push(" ");
    match filter.as_of {
        None => {
            // A look-up for each affiliate: without statistics a plain join reads the accounts of the whole program.
            query.push("left join lateral (select * from account x where x.program_id = f.program_id ");
            query.push("and x.affiliate_id = f.id and x.currency = ");
            query.push_bind(filter.currency.code()).push(" offset 0) a on true");
        }
        Some(at) => push_as_of(&mut query, program, filter, at),
    }
    query.push(" where f.program_id = ").push_bind(program.0);
    if let Some(affiliate) = filter.affiliate {
        query.push(" and f.id = ").push_bind(affiliate.0);
    }
    if !filter.statuses.is_empty() {
        let words: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
        query.push(" and f.status = any(").push_bind(words).push(")");
    }
    if let Some(threshold) = filter.above_threshold_micros {
        let unit = filter.currency.minor_unit_micros();
        query.push(" and trunc((a.due + a.in_payout) / ").push_bind(unit).push(") * ").push_bind(unit);
        query.push(" > greatest(0, coalesce(f.payout_threshold_micros, ").push_bind(threshold).push("))");
    }
    if let Some(after) = filter.after {
        query.push(" and f.id > ").push_bind(after.0);
    }
    query.push(" order by f.id offset ").push_bind(offset).push(" limit ").push_bind(limit);
    let raw: Vec<Raw> = query.build_query_as().fetch_all(connection).await?;
    raw.into_iter()
        .map(|raw| Ok(BalanceRow { affiliate: raw.affiliate.try_into()?, account: raw.account.try_into()? }))
        .collect()
}

/// Joins, in place of the account row, the same columns as they were at an instant: balances from the transfers that
/// had taken effect; figures from the days before, the facts of that day, and the opening figures.
fn push_as_of(query: &mut QueryBuilder<Postgres>, program: ProgramId, filter: &Filter, at: Timestamp) {
    let day = filter.zone.date_of(at);
    let day_start = filter.zone.start_of(day);
    let month = filter.zone.period_of(at);
    let month_start = filter.zone.start_of(month.first_date());
    query.push("left join lateral (select ");
    for (index, column) in crate::account::BALANCE_COLUMNS.into_iter().enumerate() {
        query.push(format!("coalesce(sum(v.micros) filter (where v.account = {index}), 0) as {column}, "));
    }
    query.push("(select max(p.paid_at) from (select paid_at from payout where program_id = ");
    query.push_bind(program.0).push(" and affiliate_id = f.id and currency = ");
    query.push_bind(filter.currency.code()).push(" and paid_at <= ").push_bind(at);
    query.push(" union all select last_paid_at from opening where program_id = ").push_bind(program.0);
    query.push(" and affiliate_id = f.id and effective_at <= ").push_bind(at);
    query.push(
        ") as p (paid_at)) as last_paid_at from (select x.account - 1, x.micros from account_month m cross join lateral ",
    );
    query.push("unnest(m.moved) with ordinality as x (micros, account) where m.program_id = ");
    query.push_bind(program.0).push(" and m.affiliate_id = f.id and m.currency = ");
    query.push_bind(filter.currency.code()).push(" and m.month < ").push_bind(month.number());
    for side in ["t.credit, t.amount_micros", "t.debit, -t.amount_micros"] {
        query.push(format!(" union all select {side} from transfer t where t.program_id = "));
        query.push_bind(program.0).push(" and t.affiliate_id = f.id and t.currency = ");
        query.push_bind(filter.currency.code()).push(" and t.effective_at >= ").push_bind(month_start);
        query.push(" and t.effective_at <= ").push_bind(at);
    }
    query.push(") as v (account, micros)");
    query.push(
        ") b on true left join lateral (select sum(x.registrations)::bigint as registrations, \
         sum(x.first_payments)::bigint as first_payments, sum(x.first_payments_micros) as first_payments_micros, \
         sum(x.payments)::bigint as payments, sum(x.payments_micros) as payments_micros from (\
         select registrations, first_payments, first_payments_micros, payments, payments_micros from fact_daily d \
         where d.program_id = ",
    );
    query.push_bind(program.0).push(" and d.affiliate_id = f.id and d.day < ").push_bind(day);
    query.push(
        " union all select registrations, first_payments, first_payments_micros::numeric, payments, \
         payments_micros::numeric from opening o where o.program_id = ",
    );
    query.push_bind(program.0).push(" and o.affiliate_id = f.id and o.effective_at <= ").push_bind(at);
    push_last_day(query, program, (day_start, at));
    query.push(") x) g on true cross join lateral (select b.*, g.*) a");
}

/// Adds, to the figures of the days before, those of an instant's own day: registrations, payments, and the deposits
/// of the newest report of each player's day. What counts the deposits of a brand is told as in verify/daily.sql.
fn push_last_day(
    query: &mut QueryBuilder<Postgres>,
    program: ProgramId,
    (day_start, at): (Timestamp, Timestamp),
) {
    query.push(
        " union all select (c.kind = 0 and c.detail -> 'replaces' is null)::int, \
         (r.fold -> 'f' ->> 'i' = c.folded)::int, case when r.fold -> 'f' ->> 'i' = c.folded \
         then ((r.fold -> 'f' ->> 'v')::numeric * 1000000)::bigint end, \
         case when t.pays then 1 when t.reports then (c.detail #>> '{figures,deposit_count}')::bigint \
         else 0 end, case when t.pays then coalesce(c.value_micros, 0) \
         when t.reports then (c.detail #>> '{figures,deposits}')::bigint else 0 end \
         from (select id, fold, attributes from referral where program_id = ",
    );
    query.push_bind(program.0).push(
        " and affiliate_id = f.id order by created_at, id offset 0) r cross join lateral (select c.*, \
         coalesce(c.payment_id, c.id)::text as folded, lead(c.id) over (partition by c.kind, \
         coalesce(c.payment_id, c.id) order by (c.detail ->> 'revision')::numeric) is null as newest, \
         coalesce(coalesce(c.detail ->> 'brand', r.attributes ->> 'brand') = any (array(\
         select name from brand where deposits = 1 and program_id = ",
    );
    query.push_bind(program.0).push(
        ")), false) as of_rows from (select * from fact where referral_id = r.id offset 0) c \
         where c.program_id = ",
    );
    query.push_bind(program.0).push(" and c.kind in (0, 1, 6) and c.occurred_at >= ");
    query.push_bind(day_start).push(" and c.occurred_at <= ").push_bind(at);
    query.push(
        ") c cross join lateral (select c.kind = 6 and c.of_rows as reports, \
         c.kind = 1 and c.amount_micros > 0 and not (case when c.outcome -> 'a' is null then c.of_rows \
         else coalesce(c.outcome ->> 'note' = 'counted_from_rows', false) end) as pays) t where c.newest",
    );
}
