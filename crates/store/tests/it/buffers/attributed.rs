//! The statements by which registrations are attributed, as `hot.rs` has those of every batch.

use std::collections::BTreeSet;

use domain::attribution::{Basis, Grade};
use domain::ids::{AffiliateId, LogId, ReferralId};
use store::attribution::AttributionRow;
use store::review::ReviewRow;
use store::{Pool, Tx};

use super::fill::REFERRALS;
use super::hot::{PROGRAM, ROWS, id, now};

/// A statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attributed {
    CouponsNamed,
    Newest,
    RegistrationsCounted,
    PeopleOfAffiliates,
    OwnersOfLinks,
    AttributionsAppended,
    ReviewsAppended,
}

impl Attributed {
    /// All of them.
    pub(crate) const ALL: [Attributed; 7] = [
        Attributed::CouponsNamed,
        Attributed::Newest,
        Attributed::RegistrationsCounted,
        Attributed::PeopleOfAffiliates,
        Attributed::OwnersOfLinks,
        Attributed::AttributionsAppended,
        Attributed::ReviewsAppended,
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
        let affiliates: BTreeSet<AffiliateId> = spread().map(|number| AffiliateId(number as i64)).collect();
        let new = (1..=ROWS).map(|number| 1_000_000 + round * ROWS + number);
        Ok(match self {
            Attributed::CouponsNamed => {
                let codes: Vec<String> = spread().map(|number| format!("CODE-{number}")).collect();
                store::coupon::named(tx.read(), PROGRAM, &codes).await?.len()
            }
            Attributed::Newest => {
                let referrals = spread().map(|number| ReferralId(id(number))).collect();
                store::attribution::newest(tx.read(), PROGRAM, &referrals).await?.len()
            }
            Attributed::RegistrationsCounted => {
                let since = now() - chrono::Duration::days(3650);
                store::attribution::registrations_after(tx.read(), PROGRAM, &affiliates, since, 100)
                    .await?
                    .len()
            }
            Attributed::PeopleOfAffiliates => {
                store::affiliate::people(tx.read(), PROGRAM, &affiliates).await?.len()
            }
            Attributed::OwnersOfLinks => {
                let links = spread().map(|number| domain::ids::LinkId(number as i64)).collect();
                store::attribution::evidence::owners(tx.read(), PROGRAM, &links).await?.len()
            }
            Attributed::AttributionsAppended => {
                let rows: Vec<AttributionRow> = new.map(attribution).collect();
                store::attribution::append(tx, PROGRAM, &rows).await?;
                rows.len()
            }
            Attributed::ReviewsAppended => {
                let rows: Vec<ReviewRow> = new.map(review).collect();
                store::review::append(tx, PROGRAM, &rows).await?;
                rows.len()
            }
        })
    }
}

fn attribution(number: u128) -> AttributionRow {
    AttributionRow {
        referral: ReferralId(id(number)),
        number: 1,
        log: LogId(id(number)),
        affiliate: AffiliateId((number % REFERRALS) as i64),
        basis: Basis::Slug,
        grade: Grade::Key,
        is_provisional: false,
        link: None,
        occurred_at: now(),
        decided_at: now(),
        evidence: Vec::new(),
        reason: None,
    }
}

fn review(number: u128) -> ReviewRow {
    ReviewRow {
        id: id(number),
        referral_id: id(number),
        affiliate_id: 1,
        kind: "velocity".to_owned(),
        reason: "too many".to_owned(),
        raised_at: now(),
        resolved_at: None,
        resolution: None,
        note: None,
    }
}
