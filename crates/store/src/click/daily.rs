//! Daily figures of clicks, kept in the same transactions as the clicks, and the largest values of free text of days that
//! are over.
//!
//! The figures of a large batch wait beside `click_daily` until those of more batches can be added with them; whatever reads
//! figures reads both, most of it as `click_figure`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::ids::{AffiliateId, DealId, LinkId, ProgramId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Pool, Step, Tx};

/// A day of a link under a deal, in the program's zone. Free text is never part of the key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day {
    /// The local date.
    pub day: NaiveDate,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The link; 0 for none.
    pub link: LinkId,
    /// The link's brand; empty for none.
    pub brand: String,
    /// The deal that the affiliate had.
    pub deal: DealId,
    /// The link's campaign; empty for none.
    pub campaign: String,
}

/// Changes of figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Visits {
    /// Every click.
    pub visits: i64,
    /// Those that are neither a bot's nor repeated.
    pub unique_visits: i64,
    /// Those of bots.
    pub bots: i64,
    /// Those repeated within an hour.
    pub repeats: i64,
}

/// Figures of so many days at least wait until those of other batches are added to them: adding up is quick, and changing
/// `click_daily` is not.
pub const MANY: usize = 1_000;

/// Figures by column, in key order.
#[derive(Default)]
struct Columns<'a> {
    day: Vec<NaiveDate>,
    affiliate: Vec<i64>,
    link: Vec<i64>,
    brand: Vec<&'a str>,
    deal: Vec<i64>,
    campaign: Vec<&'a str>,
    visits: Vec<i64>,
    unique_visits: Vec<i64>,
    bots: Vec<i64>,
    repeats: Vec<i64>,
}

impl Columns<'_> {
    fn of(days: &BTreeMap<Day, Visits>) -> Columns<'_> {
        let mut columns = Columns::default();
        for (key, figures) in days {
            columns.day.push(key.day);
            columns.affiliate.push(key.affiliate.0);
            columns.link.push(key.link.0);
            columns.brand.push(&key.brand);
            columns.deal.push(key.deal.0);
            columns.campaign.push(&key.campaign);
            columns.visits.push(figures.visits);
            columns.unique_visits.push(figures.unique_visits);
            columns.bots.push(figures.bots);
            columns.repeats.push(figures.repeats);
        }
        columns
    }
}

/// Adds to the figures of days.
pub(super) async fn add(tx: &mut Tx, program: ProgramId, days: &BTreeMap<Day, Visits>) -> Result<()> {
    let columns = Columns::of(days);
    sqlx::query!(
        "insert into click_daily as d (program_id, day, affiliate_id, link_id, brand, deal_id, campaign, visits,
                                       unique_visits, bots, repeats)
         select $1, n.day, n.affiliate_id, n.link_id, n.brand, n.deal_id, n.campaign, n.visits, n.unique_visits, n.bots,
                n.repeats
         from unnest($2::date[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::bigint[],
                     $9::bigint[], $10::bigint[], $11::bigint[])
              as n (day, affiliate_id, link_id, brand, deal_id, campaign, visits, unique_visits, bots, repeats)
         on conflict (program_id, day, affiliate_id, link_id, brand, deal_id, campaign) do update
         set visits = d.visits + excluded.visits, unique_visits = d.unique_visits + excluded.unique_visits,
             bots = d.bots + excluded.bots, repeats = d.repeats + excluded.repeats",
        program.0,
        &columns.day,
        &columns.affiliate,
        &columns.link,
        &columns.brand as &[&str],
        &columns.deal,
        &columns.campaign as &[&str],
        &columns.visits,
        &columns.unique_visits,
        &columns.bots,
        &columns.repeats
    )
    .execute(tx.enter(Step::Accounts)?)
    .await?;
    Ok(())
}

/// Keeps the figures of a batch until they are added up. They count from now on.
pub(super) async fn keep(
    tx: &mut Tx,
    program: ProgramId,
    batch: Uuid,
    days: &BTreeMap<Day, Visits>,
) -> Result<()> {
    let columns = Columns::of(days);
    sqlx::query!(
        "insert into click_batch_figures (program_id, id, day, affiliate_id, link_id, brand, deal_id, campaign, visits,
                                          unique_visits, bots, repeats)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        program.0,
        batch,
        &columns.day,
        &columns.affiliate,
        &columns.link,
        &columns.brand as &[&str],
        &columns.deal,
        &columns.campaign as &[&str],
        &columns.visits,
        &columns.unique_visits,
        &columns.bots,
        &columns.repeats
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Batches that are added up in one transaction.
const AT_ONCE: i64 = 64;

/// Adds up the figures of batches that wait, and adds the sums to those of their days. Batches that somebody else adds up
/// at the moment are left to them, and what is written meanwhile is left to the next time. Says how many batches it were.
pub async fn add_up(pool: &Pool, program: ProgramId) -> Result<i64> {
    let mut batches = 0;
    loop {
        let more = add_up_some(pool, program).await?;
        batches += more;
        if more < AT_ONCE {
            return Ok(batches);
        }
    }
}

/// Adds up the figures of some batches, and says of how many.
async fn add_up_some(pool: &Pool, program: ProgramId) -> Result<i64> {
    let mut tx = Tx::begin_apart(pool).await?;
    // A few hundred thousand figures are added up in memory.
    sqlx::query("set local work_mem = '64MB'").execute(tx.read()).await?;
    let batches = sqlx::query_scalar!(
        r#"with waiting as materialized (
             select id from click_batch_figures where program_id = $1 order by id limit $2 for update skip locked
         ),
         taken as (
             delete from click_batch_figures
             where program_id = $1 and id in (select id from waiting)
             returning day, affiliate_id, link_id, brand, deal_id, campaign, visits, unique_visits, bots, repeats
         ),
         sums as materialized (
             select n.day, n.affiliate_id, n.link_id, n.brand, n.deal_id, n.campaign, sum(n.visits) as visits,
                    sum(n.unique_visits) as unique_visits, sum(n.bots) as bots, sum(n.repeats) as repeats
             from taken t
                  cross join unnest(t.day, t.affiliate_id, t.link_id, t.brand, t.deal_id, t.campaign, t.visits,
                                    t.unique_visits, t.bots, t.repeats)
                             as n (day, affiliate_id, link_id, brand, deal_id, campaign, visits, unique_visits, bots, repeats)
             group by n.day, n.affiliate_id, n.link_id, n.brand, n.deal_id, n.campaign
         ),
         changed as (
             insert into click_daily as d (program_id, day, affiliate_id, link_id, brand, deal_id, campaign, visits,
                                           unique_visits, bots, repeats)
             select $1, day, affiliate_id, link_id, brand, deal_id, campaign, visits, unique_visits, bots, repeats
             from sums
             order by day, affiliate_id, link_id, brand, deal_id, campaign
             on conflict (program_id, day, affiliate_id, link_id, brand, deal_id, campaign) do update
             set visits = d.visits + excluded.visits, unique_visits = d.unique_visits + excluded.unique_visits,
                 bots = d.bots + excluded.bots, repeats = d.repeats + excluded.repeats
         )
         select count(*) as "batches!" from waiting"#,
        program.0,
        AT_ONCE
    )
    .fetch_one(tx.enter(Step::Accounts)?)
    .await?;
    tx.commit().await?;
    Ok(batches)
}

/// A day's figures, as they are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayRow {
    /// Whose they are.
    pub day: Day,
    /// The figures.
    pub visits: Visits,
}

/// The figures of a program's days from one to another, of one affiliate or of all, in key order.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: Option<AffiliateId>,
    from: NaiveDate,
    through: NaiveDate,
) -> Result<Vec<DayRow>> {
    let rows = sqlx::query!(
        r#"select day as "day!", affiliate_id as "affiliate_id!", link_id as "link_id!", brand as "brand!",
                  deal_id as "deal_id!", campaign as "campaign!", sum(visits)::bigint as "visits!",
                  sum(unique_visits)::bigint as "unique_visits!", sum(bots)::bigint as "bots!",
                  sum(repeats)::bigint as "repeats!"
           from click_figure
           where program_id = $1 and ($2::bigint is null or affiliate_id = $2) and day between $3 and $4
           group by day, affiliate_id, link_id, brand, deal_id, campaign
           order by day, affiliate_id, link_id, brand, deal_id, campaign"#,
        program.0,
        affiliate.map(|id| id.0),
        from,
        through
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DayRow {
            day: Day {
                day: row.day,
                affiliate: AffiliateId(row.affiliate_id),
                link: LinkId(row.link_id),
                brand: row.brand,
                deal: DealId(row.deal_id),
                campaign: row.campaign,
            },
            visits: Visits {
                visits: row.visits,
                unique_visits: row.unique_visits,
                bots: row.bots,
                repeats: row.repeats,
            },
        })
        .collect())
}

/// The figures of a link on a day, whatever deal, brand and campaign it had.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkDayRow {
    /// The local date.
    pub day: NaiveDate,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The link; absent where only the affiliate was declared.
    pub link: Option<LinkId>,
    /// The figures.
    pub visits: Visits,
}

/// What figures of links may be narrowed by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// Only of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// With its affiliate: only of this link.
    pub link: Option<LinkId>,
    /// From this day on.
    pub from: NaiveDate,
    /// Up to this day.
    pub through: NaiveDate,
    /// Only after this day, affiliate and link (0 for none).
    pub after: Option<(NaiveDate, AffiliateId, LinkId)>,
}

/// A page of the figures of links by day, affiliate and link.
pub async fn by_link(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<LinkDayRow>> {
    match filter.affiliate {
        Some(affiliate) => of_affiliate(connection, program, affiliate, filter, limit).await,
        None => of_program(connection, program, filter, limit).await,
    }
}

macro_rules! link_day {
    ($row:expr) => {
        LinkDayRow {
            day: $row.day,
            affiliate: AffiliateId($row.affiliate_id),
            link: Some(LinkId($row.link_id)).filter(|link| link.0 != 0),
            visits: Visits {
                visits: $row.visits,
                unique_visits: $row.unique_visits,
                bots: $row.bots,
                repeats: $row.repeats,
            },
        }
    };
}

/// Walks the key, which begins with the day.
async fn of_program(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<LinkDayRow>> {
    let (day, affiliate, link) = filter.after.unwrap_or((filter.from, AffiliateId(-1), LinkId(-1)));
    let rows = sqlx::query!(
        r#"select day as "day!", affiliate_id as "affiliate_id!", link_id as "link_id!", sum(visits)::bigint as "visits!",
                  sum(unique_visits)::bigint as "unique_visits!", sum(bots)::bigint as "bots!",
                  sum(repeats)::bigint as "repeats!"
           from click_figure
           where program_id = $1 and day between $2 and $3 and (day, affiliate_id, link_id) > ($2, $4, $5)
           group by day, affiliate_id, link_id
           order by day, affiliate_id, link_id limit $6"#,
        program.0,
        day,
        filter.through,
        affiliate.0,
        link.0,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| link_day!(row)).collect())
}

/// Looks each day up, since the key begins with it: others have many more rows. What waits is read once for all days.
async fn of_affiliate(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<LinkDayRow>> {
    let (day, _, link) = filter.after.unwrap_or((filter.from, affiliate, LinkId(-1)));
    let rows = sqlx::query!(
        r#"with waiting as materialized (
               select n.day, n.affiliate_id, n.link_id, n.visits, n.unique_visits, n.bots, n.repeats
               from click_batch_figures b
                    cross join unnest(b.day, b.affiliate_id, b.link_id, b.visits, b.unique_visits, b.bots, b.repeats)
                               as n (day, affiliate_id, link_id, visits, unique_visits, bots, repeats)
               where b.program_id = $1 and $4 = any(b.affiliate_id) and n.affiliate_id = $4 and n.day between $2 and $3
           )
           select c.day as "day!", c.affiliate_id as "affiliate_id!", c.link_id as "link_id!",
                  sum(c.visits)::bigint as "visits!", sum(c.unique_visits)::bigint as "unique_visits!",
                  sum(c.bots)::bigint as "bots!", sum(c.repeats)::bigint as "repeats!"
           from (
               select d.day, d.affiliate_id, d.link_id, d.visits, d.unique_visits, d.bots, d.repeats
               from generate_series(0, $3::date - $2::date) as n
                    cross join lateral (
                        select day, affiliate_id, link_id, visits, unique_visits, bots, repeats from click_daily
                        where program_id = $1 and day = $2::date + n and affiliate_id = $4 offset 0) d
               union all
               select day, affiliate_id, link_id, visits, unique_visits, bots, repeats from waiting
           ) c
           where ($5::bigint is null or c.link_id = $5) and (c.day > $2 or c.link_id > $6)
           group by c.day, c.affiliate_id, c.link_id
           order by c.day, c.link_id limit $7"#,
        program.0,
        day,
        filter.through,
        affiliate.0,
        filter.link.map(|id| id.0),
        link.0,
        limit
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| link_day!(row)).collect())
}

/// Whether a program has any figures yet. From then on its days are fixed.
pub async fn any(connection: &mut Connection, program: ProgramId) -> Result<bool> {
    let any = sqlx::query_scalar!(
        r#"select exists (select from click_figure where program_id = $1) as "any!""#,
        program.0
    );
    Ok(any.fetch_one(connection).await?)
}

/// The last day whose free text is summed up; `None` before the first.
pub async fn summed_through(connection: &mut Connection, program: ProgramId) -> Result<Option<NaiveDate>> {
    let day = sqlx::query_scalar!(
        r#"select max(day) as "day?" from traffic_daily where program_id = $1"#,
        program.0
    );
    Ok(day.fetch_one(connection).await?)
}

/// The first day on which a program has figures after a day, of those before another.
pub async fn next_day(
    connection: &mut Connection,
    program: ProgramId,
    after: Option<NaiveDate>,
    before: NaiveDate,
) -> Result<Option<NaiveDate>> {
    let day = sqlx::query_scalar!(
        r#"select day as "day!" from click_figure
           where program_id = $1 and ($2::date is null or day > $2) and day < $3
           order by day limit 1"#,
        program.0,
        after,
        before
    );
    Ok(day.fetch_optional(connection).await?)
}

/// Sums up the free text of a day that is over, between its two instants: the 1,000 largest values of each affiliate and
/// dimension, the rest as `(other)`, and clicks without any value as the empty one of `sub_id`, so that a day with clicks
/// leaves a row. A day that was summed up before is done again.
pub async fn sum_up(
    pool: &Pool,
    program: ProgramId,
    day: NaiveDate,
    (from, until): (Timestamp, Timestamp),
) -> Result<u64> {
    let mut tx = Tx::begin(pool, program).await?;
    let connection = tx.enter(Step::Accounts)?;
    sqlx::query!("delete from traffic_daily where program_id = $1 and day = $2", program.0, day)
        .execute(&mut *connection)
        .await?;
    let done = sqlx::query!(
        "insert into traffic_daily (program_id, day, affiliate_id, dimension, value, visits, unique_visits)
         select $1, $2, r.affiliate_id, r.dimension, case when r.place <= 1000 then r.value else '(other)' end,
                sum(r.visits)::bigint, sum(r.unique_visits)::bigint
         from (
             select s.affiliate_id, s.dimension, s.value, s.visits, s.unique_visits,
                    row_number() over (partition by s.affiliate_id, s.dimension order by s.visits desc, s.value) as place
             from (
                 select c.affiliate_id, coalesce(t.key, 'sub_id') collate \"C\" as dimension,
                        coalesce(t.value, '') collate \"C\" as value, count(*) as visits,
                        count(*) filter (where c.flags = 0) as unique_visits
                 from click c left join lateral jsonb_each_text(c.traffic) t on true
                 where c.program_id = $1 and c.clicked_at >= $3 and c.clicked_at < $4
                 group by 1, 2, 3
             ) s
         ) r
         group by 3, 4, 5",
        program.0,
        day,
        from,
        until
    )
    .execute(connection)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected())
}
