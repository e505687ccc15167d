//! The statements about clicks: those of the writer, of attribution, of postbacks, and what callers read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::click::ClickId;
use domain::ids::{AffiliateId, DealId, LinkId, ReferralId};
use domain::time::Timestamp;
use store::click::daily::{Day, Visits};
use store::click::{Batch, Filter};
use store::{Pool, Tx};
use uuid::Uuid;

use super::fill::{PAYMENTS, REFERRALS};
use super::hot::{PROGRAM, ROWS, id, now};

/// A statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clicked {
    ById,
    OfBrowsers,
    Listed,
    ListedOfAffiliate,
    ByLinkAndDay,
    ByLinkAndDayOfAffiliate,
    AttributionsOfReferrals,
    NamesOfLinks,
    VisitorsKnown,
    FiguresAndVisitorsWritten,
}

/// When the n-th click happened.
fn clicked_at(number: u128) -> Timestamp {
    let first: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    first + TimeDelta::seconds(30 * number as i64)
}

/// The id of the n-th click.
fn click(number: u128) -> ClickId {
    let seconds = clicked_at(number).timestamp() as u128;
    ClickId(Uuid::from_u128(seconds << 96 | number))
}

fn filter(affiliate: Option<AffiliateId>) -> Filter {
    let middle = PAYMENTS / 2;
    Filter {
        affiliate,
        link: None,
        is_flagged: Some(false),
        sub_id: None,
        since: clicked_at(0),
        until: clicked_at(PAYMENTS + 1),
        after: affiliate.is_none().then(|| (clicked_at(middle), click(middle))),
    }
}

impl Clicked {
    /// All of them.
    pub(crate) const ALL: [Clicked; 10] = [
        Clicked::ById,
        Clicked::OfBrowsers,
        Clicked::Listed,
        Clicked::ListedOfAffiliate,
        Clicked::ByLinkAndDay,
        Clicked::ByLinkAndDayOfAffiliate,
        Clicked::AttributionsOfReferrals,
        Clicked::NamesOfLinks,
        Clicked::VisitorsKnown,
        Clicked::FiguresAndVisitorsWritten,
    ];

    /// Runs it, undoes it, and says how many rows it was about.
    pub(crate) async fn run(self, pool: &Pool, round: u128) -> i64 {
        let mut tx = Tx::begin(pool, PROGRAM).await.expect("a transaction");
        let rows = self.rows(&mut tx, round).await.expect("an answer");
        tx.rollback().await.expect("an end");
        rows as i64
    }

    async fn rows(self, tx: &mut Tx, round: u128) -> store::Result<usize> {
        let spread = || (1..=ROWS).map(|number| number * (REFERRALS / ROWS));
        let affiliate = AffiliateId((REFERRALS / 2) as i64);
        let limit = ROWS as i64;
        Ok(match self {
            Clicked::ById => {
                // The customers of a page signed up within some weeks of their clicks.
                let ids: Vec<ClickId> = spread().map(click).collect();
                store::click::by_ids(tx.read(), PROGRAM, &ids).await?.len()
            }
            Clicked::OfBrowsers => {
                let clients: BTreeSet<Uuid> = spread().map(id).collect();
                let span = (clicked_at(0), clicked_at(PAYMENTS));
                store::attribution::evidence::visits(tx.read(), PROGRAM, &clients, span).await?.len()
            }
            Clicked::Listed => store::click::list(tx.read(), PROGRAM, &filter(None), limit).await?.len(),
            Clicked::ListedOfAffiliate => {
                store::click::list(tx.read(), PROGRAM, &filter(Some(affiliate)), limit).await?.len()
            }
            Clicked::ByLinkAndDay => by_link(tx, None, limit).await?,
            // A row of each of ten days, and five days without one.
            Clicked::ByLinkAndDayOfAffiliate => by_link(tx, Some(affiliate), limit).await?,
            // Three of each.
            Clicked::AttributionsOfReferrals => {
                let referrals: Vec<ReferralId> = spread().map(|number| ReferralId(id(number))).collect();
                store::attribution::of(tx.read(), PROGRAM, &referrals).await?.len()
            }
            Clicked::NamesOfLinks => {
                let links: Vec<i64> = spread().map(|number| number as i64).collect();
                store::link::names(tx.read(), PROGRAM, &links).await?.len()
            }
            Clicked::VisitorsKnown => {
                let visitors: Vec<Vec<u8>> = spread().map(|number| visitor(number).to_vec()).collect();
                store::click::visitors(tx.read(), PROGRAM, &visitors).await?.len()
            }
            Clicked::FiguresAndVisitorsWritten => {
                written(tx, round).await?;
                2 * ROWS as usize
            }
        })
    }
}

fn visitor(number: u128) -> [u8; 12] {
    let mut visitor = [0; 12];
    visitor.copy_from_slice(&number.to_be_bytes()[4..]);
    visitor
}

async fn by_link(tx: &mut Tx, affiliate: Option<AffiliateId>, limit: i64) -> store::Result<usize> {
    let day = |text: &str| text.parse().expect("a day");
    let middle = (day("2026-01-05"), AffiliateId(15_000), LinkId(15_000));
    let filter = store::click::daily::Filter {
        affiliate,
        link: None,
        from: day("2026-01-01"),
        through: day("2026-01-15"),
        after: affiliate.is_none().then_some(middle),
    };
    Ok(store::click::daily::by_link(tx.read(), PROGRAM, &filter, limit).await?.len())
}

/// Figures of days that are there, and visitors of whom half are.
async fn written(tx: &mut Tx, round: u128) -> store::Result<()> {
    let affiliates = (1..=ROWS).map(|number| number * (REFERRALS / ROWS));
    let day = |affiliate: u128| Day {
        day: "2026-01-05".parse().expect("a day"),
        affiliate: AffiliateId(affiliate as i64),
        link: LinkId(affiliate as i64),
        brand: String::new(),
        deal: DealId(1),
        campaign: String::new(),
    };
    let visits = Visits { visits: 1, unique_visits: 1, bots: 0, repeats: 0 };
    let days: BTreeMap<Day, Visits> = affiliates.clone().map(|affiliate| (day(affiliate), visits)).collect();
    let visitors = affiliates.map(|number| (visitor(number * 2), now())).collect();
    let batch =
        Batch { id: id(2_000_000 + round), clicks: &[], days: &days, visitors: &visitors, now: now() };
    assert!(store::click::begun(tx, PROGRAM, batch.id, now()).await?, "the batch is new");
    store::click::write(tx, PROGRAM, batch).await
}
