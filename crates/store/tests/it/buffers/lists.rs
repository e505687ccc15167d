//! What callers ask for by id or page by page: one row, or fifty out of the middle; and what the close of a month and a
//! server's start read.

use domain::currency::Currency;
use domain::ids::{AffiliateId, CommissionId, FactId, LinkId, LogId, ReferralId};
use domain::time::{Timestamp, Zone};
use store::{Connection, Pool};

use super::fill::{PAYMENTS, REFERRALS};
use super::hot::{PROGRAM, ROWS, id, now};

const PAGE: i64 = ROWS as i64;

/// A list, or the one row that an id names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum List {
    BalanceOfOne,
    BalanceThen,
    Balances,
    AccountsOfOne,
    AffiliateShown,
    Affiliates,
    ReferralShown,
    Referrals,
    ReferralsOfAffiliate,
    CommissionShown,
    Commissions,
    CommissionsOfAffiliate,
    Facts,
    FactsOfReferral,
    FactsWaiting,
    FactsOfReferralWaiting,
    RatesNewest,
    TransfersOfAffiliate,
    Log,
    NameShown,
    AffiliatesOfDays,
    MonthsOfAffiliate,
    MovedByLogs,
    Routes,
}

impl List {
    /// All of them.
    pub(crate) const ALL: [List; 24] = [
        List::BalanceOfOne,
        List::BalanceThen,
        List::Balances,
        List::AccountsOfOne,
        List::AffiliateShown,
        List::Affiliates,
        List::ReferralShown,
        List::Referrals,
        List::ReferralsOfAffiliate,
        List::CommissionShown,
        List::Commissions,
        List::CommissionsOfAffiliate,
        List::Facts,
        List::FactsOfReferral,
        List::FactsWaiting,
        List::FactsOfReferralWaiting,
        List::RatesNewest,
        List::TransfersOfAffiliate,
        List::Log,
        List::NameShown,
        List::AffiliatesOfDays,
        List::MonthsOfAffiliate,
        List::MovedByLogs,
        List::Routes,
    ];

    /// Reads it and says how many rows it has.
    pub(crate) async fn run(self, pool: &Pool) -> i64 {
        let mut connection = pool.acquire().await.expect("a connection");
        self.read(&mut connection).await.expect("an answer") as i64
    }

    async fn read(self, connection: &mut Connection) -> store::Result<usize> {
        let affiliate = Some(AffiliateId((REFERRALS / 2) as i64));
        let referral = Some(ReferralId(id(REFERRALS / 2)));
        let middle = CommissionId(id(PAYMENTS / 2));
        Ok(match self {
            List::BalanceOfOne => balances(connection, affiliate, None, None).await?,
            // An affiliate, a person, a referral with ten payments, and as many transfers and days.
            List::BalanceThen => {
                let then = "2026-03-10T00:00:00Z".parse().expect("a time");
                30 * balances(connection, affiliate, None, Some(then)).await?
            }
            List::Balances => balances(connection, None, affiliate, None).await?,
            List::AccountsOfOne => {
                store::account::of_affiliate(connection, PROGRAM, AffiliateId(1)).await?.len()
            }
            List::AffiliateShown => {
                usize::from(store::affiliate::by_id(connection, PROGRAM, AffiliateId(1)).await?.is_some())
            }
            List::Affiliates => {
                let filter = store::affiliate::Filter { after: affiliate, ..Default::default() };
                store::affiliate::list(connection, PROGRAM, &filter, 0, PAGE).await?.len()
            }
            List::ReferralShown => {
                referrals(connection, store::referral::Filter { id: referral, ..Default::default() }).await?
            }
            List::Referrals => {
                let after =
                    referral.map(|referral| ("2026-01-01T00:00:00Z".parse().expect("a time"), referral));
                referrals(connection, store::referral::Filter { after, ..Default::default() }).await?
            }
            List::ReferralsOfAffiliate => {
                referrals(connection, store::referral::Filter { affiliate, ..Default::default() }).await?
            }
            // One commission, its entry and its claim.
            List::CommissionShown => {
                let filter = store::commission::Filter { id: Some(middle), ..Default::default() };
                3 * commissions(connection, filter).await?
            }
            List::Commissions => {
                commissions(
                    connection,
                    store::commission::Filter { below: Some(middle), ..Default::default() },
                )
                .await?
            }
            List::CommissionsOfAffiliate => {
                commissions(connection, store::commission::Filter { affiliate, ..Default::default() }).await?
            }
            List::Facts => facts(connection, None, Some(FactId(middle.0))).await?,
            List::FactsOfReferral => facts(connection, referral, None).await?,
            List::FactsWaiting => waiting(connection, None).await?,
            // Eleven facts, of which one waits.
            List::FactsOfReferralWaiting => 11 * waiting(connection, Some(ReferralId(id(2)))).await?,
            // Every currency is looked up, also those without a rate.
            List::RatesNewest => {
                store::exchange_rate::newest(connection).await?;
                Currency::all().count()
            }
            other => other.read_rest(connection).await?,
        })
    }

    async fn read_rest(self, connection: &mut Connection) -> store::Result<usize> {
        let middle = LinkId((REFERRALS / 2) as i64);
        Ok(match self {
            List::TransfersOfAffiliate => {
                store::transfer::of_affiliate(connection, PROGRAM, AffiliateId(1)).await?.len()
            }
            List::Log => store::log::after(connection, PROGRAM, (PAYMENTS / 2) as i64, PAGE).await?.len(),
            List::NameShown => {
                let name = (PAYMENTS / 2).to_be_bytes();
                usize::from(store::name::subject(connection, PROGRAM, name).await?.is_some())
            }
            // Facts of three days, one a minute, each of another affiliate.
            List::AffiliatesOfDays => {
                let day = |day: &str| day.parse().expect("a time");
                let span = (day("2026-01-05T00:00:00Z"), day("2026-01-08T00:00:00Z"));
                store::period::affiliates_in(connection, PROGRAM, span.0, span.1).await?.len()
            }
            // Ten commissions in one month, and an entry of each.
            List::MonthsOfAffiliate => {
                20 * store::commission::month::sums(connection, PROGRAM, AffiliateId(1), "UTC").await?.len()
            }
            // Of each customer ten commissions are looked up.
            List::MovedByLogs => {
                let customers: Vec<_> = (1..=ROWS).map(|number| ReferralId(id(number + 1))).collect();
                let logs: Vec<_> = (1..=ROWS).map(|number| LogId(id(number))).collect();
                10 * store::postback::moved(connection, PROGRAM, &customers, &logs).await?.len()
            }
            List::Routes => store::link::routes(connection, PROGRAM, None, middle, PAGE).await?.len(),
            _ => unreachable!("{self:?} is read above"),
        })
    }
}

async fn balances(
    connection: &mut Connection,
    affiliate: Option<AffiliateId>,
    after: Option<AffiliateId>,
    as_of: Option<Timestamp>,
) -> store::Result<usize> {
    let filter = store::balance::Filter {
        currency: Currency::EUR,
        zone: Zone::UTC,
        affiliate,
        statuses: Vec::new(),
        above_threshold_micros: None,
        after,
        as_of,
    };
    Ok(store::balance::list(connection, PROGRAM, &filter, 0, PAGE).await?.len())
}

async fn facts(
    connection: &mut Connection,
    referral: Option<ReferralId>,
    below: Option<FactId>,
) -> store::Result<usize> {
    Ok(store::fact::page(connection, PROGRAM, referral, below, PAGE).await?.len())
}

async fn waiting(connection: &mut Connection, referral: Option<ReferralId>) -> store::Result<usize> {
    let below = Some(FactId(id(PAYMENTS + 3_000)));
    Ok(store::fact::waiting::page(connection, PROGRAM, referral, below, PAGE).await?.len())
}

async fn referrals(connection: &mut Connection, filter: store::referral::Filter) -> store::Result<usize> {
    Ok(store::referral::list(connection, PROGRAM, &filter, now(), 0, PAGE).await?.len())
}

async fn commissions(connection: &mut Connection, filter: store::commission::Filter) -> store::Result<usize> {
    Ok(store::commission::list(connection, PROGRAM, &filter, PAGE).await?.len())
}
