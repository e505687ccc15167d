//! What evidence of a registration leads to: the owners of links, and the visits of a browser.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::ids::{AffiliateId, LinkId, ProgramId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::Connection;
use crate::error::Result;

/// Visits of one browser that are looked at, the newest ones.
const VISITS: i64 = 20;

/// A visit that a browser told of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VisitRow {
    /// Its id.
    pub id: Uuid,
    /// The affiliate whose link it was.
    pub affiliate: AffiliateId,
    /// The link, where it is known.
    pub link: Option<LinkId>,
    /// When.
    pub clicked_at: Timestamp,
}

/// Whose links these are.
pub async fn owners(
    connection: &mut Connection,
    program: ProgramId,
    links: &BTreeSet<LinkId>,
) -> Result<BTreeMap<LinkId, AffiliateId>> {
    let links: Vec<i64> = links.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select id, affiliate_id from link where program_id = $1 and id = any($2)",
        program.0,
        &links
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (LinkId(row.id), AffiliateId(row.affiliate_id))).collect())
}

/// The visits of browsers between two instants, by the ids that the script gave them.
pub async fn visits(
    connection: &mut Connection,
    program: ProgramId,
    clients: &BTreeSet<Uuid>,
    (from, to): (Timestamp, Timestamp),
) -> Result<HashMap<Uuid, Vec<VisitRow>>> {
    let clients: Vec<Uuid> = clients.iter().copied().collect();
    let rows = sqlx::query!(
        r#"select w.id as "client!", c.id, c.affiliate_id, c.link_id, c.clicked_at
           from unnest($2::uuid[]) as w (id)
                cross join lateral (select id, affiliate_id, link_id, clicked_at from click
                                    where program_id = $1 and client_id = w.id and clicked_at between $3 and $4
                                    order by clicked_at desc limit $5) c"#,
        program.0,
        &clients,
        from,
        to,
        VISITS
    )
    .fetch_all(connection)
    .await?;
    let mut visits: HashMap<Uuid, Vec<VisitRow>> = HashMap::new();
    for row in rows {
        visits.entry(row.client).or_default().push(VisitRow {
            id: row.id,
            affiliate: AffiliateId(row.affiliate_id),
            link: row.link_id.map(LinkId),
            clicked_at: row.clicked_at,
        });
    }
    Ok(visits)
}
