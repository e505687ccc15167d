//! Clicks: their rows, written in batches by `copy`, and what attribution reads of them.
//!
//! Partitions are in `click/partition.rs`, daily figures in `click/daily.rs`, the form of `copy` in `click/copy.rs`.

mod copy;
pub mod daily;
pub mod partition;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use domain::click::ClickId;
use domain::ids::{AffiliateId, LinkId, ProgramId};
use domain::time::Timestamp;
use domain::traffic::Traffic;
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Pool, Step, Tx};
use daily::{Day, Visits};

/// How sure it is that a click happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Grade {
    /// A redirect of ours has signed it.
    Signed,
    /// A browser has declared it.
    Declared,
}

impl Grade {
    /// The number under which it is kept.
    pub fn code(self) -> i16 {
        match self {
            Grade::Signed => 0,
            Grade::Declared => 1,
        }
    }

    /// The grade of a number.
    pub fn from_code(code: i16) -> Option<Grade> {
        [Grade::Signed, Grade::Declared].into_iter().find(|grade| grade.code() == code)
    }
}

/// A click that a program made by itself.
pub const BOT: i16 = 1;

/// A click that the same visitor made again within an hour.
pub const REPEAT: i16 = 2;

/// A row of `click`.
#[derive(Clone, PartialEq, Debug)]
pub struct ClickRow {
    /// Its id, the one in its token.
    pub id: ClickId,
    /// When it happened.
    pub clicked_at: Timestamp,
    /// Whose link it was.
    pub affiliate: AffiliateId,
    /// The link; absent where only the affiliate was declared.
    pub link: Option<LinkId>,
    /// How sure it is.
    pub grade: Grade,
    /// [`BOT`], [`REPEAT`], or both.
    pub flags: i16,
    /// What a browser that declared it calls itself.
    pub client_id: Option<Uuid>,
    /// The keyed hash of the visitor's address.
    pub address_hash: Option<Vec<u8>>,
    /// The address itself, where the program keeps it.
    pub address: Option<IpAddr>,
    /// Where the address is from, two letters.
    pub country: Option<String>,
    /// What the visitor's program calls itself.
    pub agent: Option<String>,
    /// The page the click came from.
    pub referrer: Option<String>,
    /// The page that was declared.
    pub page: Option<String>,
    /// What the address of the visit said.
    pub traffic: Traffic,
}

/// Clicks of a program to write at once.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Names the batch, so that it is written once.
    pub id: Uuid,
    /// The clicks, each with its flags, which count instead of those of the row.
    pub clicks: &'a [(&'a ClickRow, i16)],
    /// What they add to the figures of their days, in key order.
    pub days: &'a BTreeMap<Day, Visits>,
    /// Visitors that counted, and when, in order.
    pub visitors: &'a BTreeMap<[u8; 12], Timestamp>,
    /// The time of writing.
    pub now: Timestamp,
}

/// Writes a batch in the transaction that has [`begun`] it.
pub async fn write(tx: &mut Tx, program: ProgramId, batch: Batch<'_>) -> Result<()> {
    copy::send(tx.enter(Step::Appends)?, program, batch.clicks).await?;
    if batch.days.len() < daily::MANY {
        daily::add(tx, program, batch.days).await?;
    } else {
        daily::keep(tx, program, batch.id, batch.days).await?;
    }
    let (visitors, counted): (Vec<Vec<u8>>, Vec<Timestamp>) =
        batch.visitors.iter().map(|(visitor, at)| (visitor.to_vec(), *at)).unzip();
    sqlx::query!(
        "insert into click_visitor as v (program_id, visitor, counted_at)
         select $1, n.visitor, n.counted_at from unnest($2::bytea[], $3::timestamptz[]) as n (visitor, counted_at)
         order by n.visitor
         on conflict (program_id, visitor) do update set counted_at = greatest(v.counted_at, excluded.counted_at)",
        program.0,
        &visitors,
        &counted
    )
    .execute(tx.enter(Step::Accounts)?)
    .await?;
    Ok(())
}

/// Claims the name of a batch. False means that it was written before, and must not be again.
pub async fn begun(tx: &mut Tx, program: ProgramId, batch: Uuid, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "insert into click_batch (program_id, id, recorded_at) values ($1, $2, $3) on conflict do nothing",
        program.0,
        batch,
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// When visitors last counted, of those that are remembered. The rest of the transaction is planned anew for its values: the
/// table is emptied again and again, and a plan kept from then would compare each of its rows with each of many visitors.
pub async fn visitors(
    connection: &mut Connection,
    program: ProgramId,
    visitors: &[Vec<u8>],
) -> Result<BTreeMap<[u8; 12], Timestamp>> {
    sqlx::query("set local plan_cache_mode = force_custom_plan").execute(&mut *connection).await?;
    let rows = sqlx::query!(
        "select visitor, counted_at from click_visitor where program_id = $1 and visitor = any($2)",
        program.0,
        visitors
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let visitor = row.visitor.try_into().map_err(|_| corrupt("click_visitor", "visitor", program))?;
            Ok((visitor, row.counted_at))
        })
        .collect()
}

/// Forgets visitors that counted before an instant, and batches written before another. Says how many visitors.
pub async fn forget(
    pool: &Pool,
    program: ProgramId,
    visitors_before: Timestamp,
    batches_before: Timestamp,
) -> Result<u64> {
    let done = sqlx::query!(
        "delete from click_visitor where program_id = $1 and counted_at < $2",
        program.0,
        visitors_before
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "delete from click_batch where program_id = $1 and recorded_at < $2",
        program.0,
        batches_before
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

macro_rules! click {
    ($row:expr) => {{
        let row = $row;
        let id = ClickId(row.id);
        Ok(ClickRow {
            id,
            clicked_at: row.clicked_at,
            affiliate: AffiliateId(row.affiliate_id),
            link: row.link_id.map(LinkId),
            grade: Grade::from_code(row.grade).ok_or_else(|| corrupt("click", "grade", id))?,
            flags: row.flags,
            client_id: row.client_id,
            address_hash: row.address_hash,
            address: match row.address {
                None => None,
                Some(text) => Some(text.parse().map_err(|_| corrupt("click", "address", id))?),
            },
            country: row.country,
            agent: row.agent,
            referrer: row.referrer,
            page: row.page,
            traffic: match row.traffic {
                None => Traffic::default(),
                Some(value) => serde_json::from_value(value).map_err(|_| corrupt("click", "traffic", id))?,
            },
        })
    }};
}

/// Clicks by id. Each is looked for in the partition of its second only.
pub async fn by_ids(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[ClickId],
) -> Result<Vec<ClickRow>> {
    let seconds = || ids.iter().map(|id| id.second());
    let (Some(first), Some(last)) = (seconds().min(), seconds().max()) else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select id, clicked_at, affiliate_id, link_id, grade, flags, client_id, address_hash,
                  host(address) as "address?", country, agent, referrer, page, traffic
           from click
           where program_id = $1 and id = any($2) and clicked_at >= $3 and clicked_at < $4::timestamptz + interval '1 second'
           order by clicked_at, id"#,
        program.0,
        &ids,
        first,
        last
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| click!(row)).collect()
}

/// Those of some clicks that are written.
pub async fn written(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[ClickId],
) -> Result<BTreeSet<ClickId>> {
    let seconds = || ids.iter().map(|id| id.second());
    let (Some(first), Some(last)) = (seconds().min(), seconds().max()) else { return Ok(BTreeSet::new()) };
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let found = sqlx::query_scalar!(
        "select id from click
         where program_id = $1 and id = any($2) and clicked_at >= $3 and clicked_at < $4::timestamptz + interval '1 second'",
        program.0,
        &ids,
        first,
        last
    );
    Ok(found.fetch_all(connection).await?.into_iter().map(ClickId).collect())
}

/// The clicks that a browser declared under a name of its own from an instant on, the oldest first.
pub async fn by_client(
    connection: &mut Connection,
    program: ProgramId,
    client_id: Uuid,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<ClickRow>> {
    let rows = sqlx::query!(
        r#"select id, clicked_at, affiliate_id, link_id, grade, flags, client_id, address_hash,
                  host(address) as "address?", country, agent, referrer, page, traffic
           from click where program_id = $1 and client_id = $2 and clicked_at >= $3
           order by clicked_at, id limit $4"#,
        program.0,
        client_id,
        since,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| click!(row)).collect()
}

/// What a list of clicks may be narrowed by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filter {
    /// Only of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// With its affiliate: only of this link.
    pub link: Option<LinkId>,
    /// Only flagged ones, or only others.
    pub is_flagged: Option<bool>,
    /// With its affiliate: only with this sub id.
    pub sub_id: Option<String>,
    /// Only from this instant on.
    pub since: Timestamp,
    /// Only before this instant.
    pub until: Timestamp,
    /// Only older than this click.
    pub after: Option<(Timestamp, ClickId)>,
}

/// A page of clicks, the newest first; those of one second by their ids. Without an affiliate the ids are walked, which
/// begin with the second; an affiliate has an index of its own.
pub async fn list(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<ClickRow>> {
    match filter.affiliate {
        Some(affiliate) => of_affiliate(connection, program, affiliate, filter, limit).await,
        None => of_program(connection, program, filter, limit).await,
    }
}

async fn of_affiliate(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<ClickRow>> {
    let (last_at, last_id) = filter.after.unwrap_or((filter.until, ClickId(Uuid::nil())));
    let rows = sqlx::query!(
        r#"select id, clicked_at, affiliate_id, link_id, grade, flags, client_id, address_hash,
                  host(address) as "address?", country, agent, referrer, page, traffic
           from click
           where program_id = $1 and affiliate_id = $2 and clicked_at >= $3 and (clicked_at, id) < ($4, $5::uuid)
             and ($6::bigint is null or link_id = $6) and ($7::boolean is null or (flags <> 0) = $7)
             and ($8::text is null or traffic ->> 'sub_id' = $8)
           order by clicked_at desc, id desc limit $9"#,
        program.0,
        affiliate.0,
        filter.since,
        last_at,
        last_id.0,
        filter.link.map(|id| id.0),
        filter.is_flagged,
        filter.sub_id,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| click!(row)).collect()
}

async fn of_program(
    connection: &mut Connection,
    program: ProgramId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<ClickRow>> {
    // Every click before an instant has an id below the first one of the next second.
    let first_after = || ClickId::declared(filter.until + chrono::TimeDelta::seconds(1), [0; 12]);
    let below = filter.after.map_or_else(first_after, |(_, id)| id);
    let rows = sqlx::query!(
        r#"select id, clicked_at, affiliate_id, link_id, grade, flags, client_id, address_hash,
                  host(address) as "address?", country, agent, referrer, page, traffic
           from click
           where program_id = $1 and id < $2 and id >= $3 and clicked_at >= $4 and clicked_at < $5
             and ($6::boolean is null or (flags <> 0) = $6)
           order by id desc limit $7"#,
        program.0,
        below.0,
        ClickId::declared(filter.since, [0; 12]).0,
        filter.since,
        filter.until,
        filter.is_flagged,
        limit
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| click!(row)).collect()
}
