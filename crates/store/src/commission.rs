//! Commissions: headers that never change (but for the mark of their release); entries are transfers.

pub mod month;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::commission::{Booked, Header, Key, State};
use domain::ids::{AffiliateId, CommissionId, DealVersionId, FactId, ProgramId, ReferralId};
use domain::ledger;
use domain::time::Timestamp;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::error::{Result, corrupt, numeric};
use crate::{Connection, Step, Tx};

/// A new commission.
#[derive(Clone, PartialEq, Debug)]
pub struct CommissionRow {
    /// Its header.
    pub header: Header,
    /// The referral.
    pub referral: ReferralId,
    /// The currency of its entries.
    pub currency: String,
    /// When it was released; `None` while it is held.
    pub released_at: Option<Timestamp>,
    /// Its payment is disputed.
    pub disputed: bool,
}

/// Commissions as [`crate::write`] takes them, column by column.
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) facts: Vec<Uuid>,
    pub(crate) referrals: Vec<Uuid>,
    pub(crate) affiliates: Vec<i64>,
    pub(crate) rules: Vec<i16>,
    pub(crate) kinds: Vec<i16>,
    pub(crate) versions: Vec<Uuid>,
    pub(crate) currencies: Vec<&'a str>,
    pub(crate) occurred: Vec<Timestamp>,
    pub(crate) release: Vec<Timestamp>,
    pub(crate) released: Vec<Option<Timestamp>>,
    pub(crate) after_close: Vec<bool>,
    pub(crate) disputed: Vec<bool>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(commissions: &'a [CommissionRow]) -> Columns<'a> {
        Columns {
            ids: commissions.iter().map(|row| row.header.id.0).collect(),
            facts: commissions.iter().map(|row| row.header.key.fact.0).collect(),
            referrals: commissions.iter().map(|row| row.referral.0).collect(),
            affiliates: commissions.iter().map(|row| row.header.key.affiliate.0).collect(),
            rules: commissions.iter().map(|row| row.header.key.rule as i16).collect(),
            kinds: commissions.iter().map(|row| row.header.kind.code()).collect(),
            versions: commissions.iter().map(|row| row.header.version.0).collect(),
            currencies: commissions.iter().map(|row| row.currency.as_str()).collect(),
            occurred: commissions.iter().map(|row| row.header.occurred_at).collect(),
            release: commissions.iter().map(|row| row.header.release_at).collect(),
            released: commissions.iter().map(|row| row.released_at).collect(),
            after_close: commissions.iter().map(|row| row.header.after_close).collect(),
            disputed: commissions.iter().map(|row| row.disputed).collect(),
        }
    }
}

/// Every commission of referrals as it is booked. The transaction holds the referrals' locks, so nothing is released
/// or corrected in between.
pub async fn booked(
    connection: &mut Connection,
    program: ProgramId,
    referrals: &[ReferralId],
) -> Result<BTreeMap<ReferralId, BTreeMap<Key, Booked>>> {
    let referrals: Vec<Uuid> = referrals.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select c.id, c.fact_id, c.referral_id, c.affiliate_id, c.rule, c.kind, c.deal_version_id, c.occurred_at,
                  c.release_at, c.released_at, c.after_close, c.disputed,
                  (select coalesce(sum(case when t.debit < 4 then t.amount_micros else -t.amount_micros end), 0)
                   from transfer t
                   where t.program_id = c.program_id and t.commission_id = c.id and t.entry is not null
                  )::bigint as "standing!"
           from unnest($2::uuid[]) as w (referral_id)
                cross join lateral (select * from commission
                                    where program_id = $1 and referral_id = w.referral_id offset 0) c"#,
        program.0,
        &referrals
    )
    .fetch_all(connection)
    .await?;
    let mut booked: BTreeMap<ReferralId, BTreeMap<Key, Booked>> = BTreeMap::new();
    for row in rows {
        let id = CommissionId(row.id);
        let key = Key {
            fact: FactId(row.fact_id),
            rule: u16::try_from(row.rule).map_err(|_| corrupt("commission", "rule", id))?,
            affiliate: AffiliateId(row.affiliate_id),
        };
        let header = Header {
            id,
            key,
            kind: ledger::Kind::from_code(row.kind).ok_or_else(|| corrupt("commission", "kind", id))?,
            version: DealVersionId(row.deal_version_id),
            occurred_at: row.occurred_at,
            release_at: row.release_at,
            after_close: row.after_close,
        };
        let commission =
            Booked { header, standing: row.standing, released_at: row.released_at, disputed: row.disputed };
        booked.entry(ReferralId(row.referral_id)).or_default().insert(key, commission);
    }
    Ok(booked)
}

/// A held commission whose hold is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Releasable {
    /// The commission.
    pub id: CommissionId,
    /// The referral, whose lock is needed.
    pub referral: ReferralId,
    /// When its hold ended.
    pub release_at: Timestamp,
}

/// Held commissions whose hold is over at an instant, that wait for no close, no dispute and no person's look at their
/// referral, in the order in which they became releasable.
pub async fn releasable(
    connection: &mut Connection,
    program: ProgramId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Releasable>> {
    let rows = sqlx::query!(
        "select id, referral_id, release_at from commission
         where program_id = $1 and released_at is null and not after_close and not disputed and release_at <= $2
               and (select v.id from review v where v.program_id = $1 and v.referral_id = commission.referral_id
                                                    and v.resolved_at is null limit 1) is null
         order by release_at, id limit $3",
        program.0,
        now,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Releasable {
            id: CommissionId(row.id),
            referral: ReferralId(row.referral_id),
            release_at: row.release_at,
        })
        .collect())
}

/// Marks commissions as released, each at the end of its hold.
pub async fn mark_released(tx: &mut Tx, program: ProgramId, ids: &[CommissionId]) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "update commission set released_at = release_at
         where program_id = $1 and id = any($2) and released_at is null and not after_close and not disputed",
        program.0,
        &ids
    )
    .execute(tx.enter(Step::Commissions)?)
    .await?;
    Ok(())
}

/// Marks commissions as disputed or not; what that moves is booked by the caller.
pub async fn mark_disputed(tx: &mut Tx, program: ProgramId, marks: &[(CommissionId, bool)]) -> Result<()> {
    if marks.is_empty() {
        return Ok(());
    }
    let marks: BTreeMap<CommissionId, bool> = marks.iter().copied().collect();
    let ids: Vec<Uuid> = marks.keys().map(|id| id.0).collect();
    let disputed: Vec<bool> = marks.into_values().collect();
    // The ids ascend, so a commission's place among them is a binary search; a join would compare each with each.
    sqlx::query!(
        "update commission set disputed = ($3::boolean[])[width_bucket(id, $2::uuid[])]
         where program_id = $1 and id = any($2)",
        program.0,
        &ids,
        &disputed
    )
    .execute(tx.enter(Step::Commissions)?)
    .await?;
    Ok(())
}

/// Ends the wait of an affiliate's commissions of a month, from its first instant to its last, for the close.
pub async fn end_wait(
    tx: &mut Tx,
    program: ProgramId,
    affiliate: AffiliateId,
    (from, to): (Timestamp, Timestamp),
    versions: &[DealVersionId],
) -> Result<Vec<CommissionId>> {
    let versions: Vec<Uuid> = versions.iter().map(|id| id.0).collect();
    let ids = sqlx::query_scalar!(
        "update commission set after_close = false
         where program_id = $1 and affiliate_id = $2 and occurred_at >= $3 and occurred_at <= $4
           and deal_version_id = any($5) and after_close
         returning id",
        program.0,
        affiliate.0,
        from,
        to,
        &versions
    )
    .fetch_all(tx.enter(Step::Commissions)?)
    .await?;
    Ok(ids.into_iter().map(CommissionId).collect())
}

/// A commission as lists show it.
#[derive(Clone, PartialEq, Debug, sqlx::FromRow)]
pub struct CommissionView {
    /// Its id.
    pub id: Uuid,
    /// The fact it is earned by.
    pub fact_id: Uuid,
    /// The referral.
    pub referral_id: Uuid,
    /// Who earns it.
    pub affiliate_id: i64,
    /// The rule's place in its deal version.
    pub rule: i16,
    /// Its kind's number.
    pub kind: i16,
    /// The deal version.
    pub deal_version_id: Uuid,
    /// The currency.
    pub currency: String,
    /// When its fact occurred.
    pub occurred_at: DateTime<Utc>,
    /// When its hold ends.
    pub release_at: DateTime<Utc>,
    /// When it was released.
    pub released_at: Option<DateTime<Utc>>,
    /// Whether its payment is disputed, by which it is held again.
    pub disputed: bool,
    /// The sum of its entries, in micros.
    pub standing_micros: i64,
    /// Whether every line of it is settled by a paid payout.
    pub settled: bool,
}

impl CommissionView {
    /// Its state, derived.
    pub fn state(&self) -> State {
        State::derive(self.standing_micros, self.released_at.is_some() && !self.disputed, self.settled)
    }
}

/// What a list of commissions may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only this commission.
    pub id: Option<CommissionId>,
    /// Only this affiliate's.
    pub affiliate: Option<AffiliateId>,
    /// Only this referral's.
    pub referral: Option<ReferralId>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only below this id.
    pub below: Option<CommissionId>,
}

/// The rows that [`CommissionView`] reads; a program's id follows.
const VIEW: &str = "select c.id, c.fact_id, c.referral_id, c.affiliate_id, c.rule, c.kind, c.deal_version_id, \
    c.currency, c.occurred_at, c.release_at, c.released_at, c.disputed, \
    (select coalesce(sum(case when t.debit < 4 then t.amount_micros else -t.amount_micros end), 0) \
     from transfer t where t.program_id = c.program_id and t.commission_id = c.id \
       and t.entry is not null)::bigint as standing_micros, \
    not exists ( \
      select 1 from transfer t where t.program_id = c.program_id and t.commission_id = c.id \
        and (t.debit = 10 or t.credit = 10) \
        and (t.unclaimed_micros <> 0 or exists ( \
          select 1 from claim l where l.program_id = t.program_id and l.transfer_id = t.id \
            and l.state = 'held'))) as settled \
    from commission c where c.program_id = ";

/// A list of commissions, newest first.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<CommissionView>> {
    let mut query = QueryBuilder::<Postgres>::new("select * from (");
    query.push(VIEW);
    query.push_bind(program.0);
    if let Some(id) = filter.id {
        query.push(" and c.id = ").push_bind(id.0);
    }
    if let Some(affiliate) = filter.affiliate {
        query.push(" and c.affiliate_id = ").push_bind(affiliate.0);
    }
    if let Some(referral) = filter.referral {
        query.push(" and c.referral_id = ").push_bind(referral.0);
    }
    if let Some(below) = filter.below {
        query.push(" and c.id < ").push_bind(below.0);
    }
    query.push(" order by c.id desc) c");
    if let Some(state) = filter.state {
        query.push(" where ").push(condition(state));
    }
    query.push(" limit ").push_bind(limit);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// What is true of the rows in a state, as [`CommissionView::state`] derives it.
fn condition(state: State) -> &'static str {
    match state {
        State::Rejected => "standing_micros = 0",
        State::Pending => "standing_micros <> 0 and (released_at is null or disputed)",
        State::Due => {
            "standing_micros <> 0 and released_at is not null and not disputed \
             and not (standing_micros > 0 and settled)"
        }
        State::Paid => "standing_micros > 0 and released_at is not null and not disputed and settled",
    }
}

/// A commission with the time since when it is where it is.
#[derive(Clone, PartialEq, Debug, sqlx::FromRow)]
pub struct EarnedView {
    /// The commission.
    #[sqlx(flatten)]
    pub commission: CommissionView,
    /// Rejected since its last entry, paid since its last payout, otherwise since its fact.
    pub state_set_at: DateTime<Utc>,
}

/// What a list of what an affiliate earned may be narrowed by.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EarnedFilter {
    /// Only in one of these states; empty for all.
    pub states: Vec<State>,
    /// Only where the fact occurred before.
    pub occurred_before: Option<Timestamp>,
    /// Only where the fact occurred after.
    pub occurred_after: Option<Timestamp>,
    /// Only in a state since before.
    pub state_set_before: Option<Timestamp>,
    /// Only in a state since after.
    pub state_set_after: Option<Timestamp>,
}

/// What an affiliate earned, newest first.
pub async fn earned(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
    filter: &EarnedFilter,
    offset: i64,
    limit: i64,
) -> Result<Vec<EarnedView>> {
    let mut query = QueryBuilder::<Postgres>::new("select * from (");
    query.push(VIEW).push_bind(program.0).push(" and c.affiliate_id = ").push_bind(affiliate.0);
    query.push(
        ") c cross join lateral (select coalesce(case
           when standing_micros = 0 then (
             select max(t.effective_at) from transfer t
             where t.commission_id = c.id and t.entry is not null and t.program_id = ",
    );
    query.push_bind(program.0);
    query.push(
        ") when standing_micros > 0 and released_at is not null and not disputed and settled then (
             select max(p.paid_at)
             from transfer t
             join claim l on l.program_id = t.program_id and l.transfer_id = t.id and l.state = 'settled'
             join payout p on p.program_id = l.program_id and p.id = l.payout_id
             where t.commission_id = c.id and t.program_id = ",
    );
    query.push_bind(program.0).push(") end, occurred_at) as state_set_at) s where true");
    if !filter.states.is_empty() {
        let conditions: Vec<String> =
            filter.states.iter().map(|state| format!("({})", condition(*state))).collect();
        query.push(" and (").push(conditions.join(" or ")).push(")");
    }
    let bounds = [
        (" and occurred_at < ", filter.occurred_before),
        (" and occurred_at > ", filter.occurred_after),
        (" and state_set_at < ", filter.state_set_before),
        (" and state_set_at > ", filter.state_set_after),
    ];
    for (bounded, bound) in bounds {
        if let Some(bound) = bound {
            query.push(bounded).push_bind(bound);
        }
    }
    query.push(" order by id desc limit ").push_bind(limit).push(" offset ").push_bind(offset);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// One entry of a commission.
#[derive(Clone, PartialEq, Debug)]
pub struct EntryView {
    /// The sort of entry.
    pub entry: ledger::Entry,
    /// The signed amount, in micros.
    pub amount_micros: i64,
    /// When it takes effect.
    pub effective_at: Timestamp,
    /// The cause's number.
    pub cause: i16,
    /// The cause.
    pub cause_id: Uuid,
}

/// The entries of a commission, in the order in which they were booked.
pub async fn entries(
    connection: &mut Connection,
    program: ProgramId,
    commission: CommissionId,
) -> Result<Vec<EntryView>> {
    let rows = sqlx::query!(
        r#"select entry as "entry!", (case when debit < 4 then amount_micros else -amount_micros end) as "amount!",
                  effective_at, cause, cause_id
           from transfer where program_id = $1 and commission_id = $2 and entry is not null order by id"#,
        program.0,
        commission.0
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(EntryView {
                entry: ledger::Entry::from_code(row.entry)
                    .ok_or_else(|| corrupt("transfer", "entry", commission))?,
                amount_micros: row.amount,
                effective_at: row.effective_at,
                cause: row.cause,
                cause_id: row.cause_id,
            })
        })
        .collect()
}

/// How much the releasable commissions hold, those left out whose referral a person is to look at: the sum of what was
/// booked on the held side, per commission. The transaction holds the referrals' locks.
pub async fn held(tx: &mut Tx, program: ProgramId, ids: &[CommissionId]) -> Result<Vec<HeldRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select c.id, c.affiliate_id, c.currency, c.kind, c.release_at,
                  (select coalesce(sum(case when t.debit < 4 then t.amount_micros else -t.amount_micros end), 0)
                   from transfer t where t.program_id = c.program_id and t.commission_id = c.id
                     and t.entry is not null)::text as "standing!"
           from commission c
           where c.program_id = $1 and c.id = any($2) and c.released_at is null and not c.after_close and not c.disputed
                 and (select v.id from review v where v.program_id = $1 and v.referral_id = c.referral_id
                                                      and v.resolved_at is null limit 1) is null
           order by c.id"#,
        program.0,
        &ids
    )
    .fetch_all(tx.enter(Step::Commissions)?)
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = CommissionId(row.id);
            let standing = numeric(&row.standing, "transfer", "amount_micros", id)?;
            Ok(HeldRow {
                id,
                affiliate: AffiliateId(row.affiliate_id),
                currency: row.currency,
                kind: ledger::Kind::from_code(row.kind).ok_or_else(|| corrupt("commission", "kind", id))?,
                release_at: row.release_at,
                standing_micros: i64::try_from(standing)
                    .map_err(|_| corrupt("transfer", "amount_micros", id))?,
            })
        })
        .collect()
}

/// A held commission with what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldRow {
    /// The commission.
    pub id: CommissionId,
    /// Who earns it.
    pub affiliate: AffiliateId,
    /// The currency.
    pub currency: String,
    /// Its kind.
    pub kind: ledger::Kind,
    /// When its hold ends.
    pub release_at: Timestamp,
    /// What it stands at.
    pub standing_micros: i64,
}
