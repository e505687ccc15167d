//! The hot statements, through the functions of the store that product code calls. Each works on fifty rows spread over
//! the whole of a table, or appends fifty, and is undone.

use std::collections::{BTreeMap, BTreeSet};

use domain::commission::{Header, Key};
use domain::currency::Currency;
use domain::fact::Kind;
use domain::ids::{
    AffiliateId, CommissionId, DealId, DealVersionId, FactId, LogId, PersonId, ProgramId, ReferralId,
    ReferralNumber, TransferId,
};
use domain::ledger::{self, Cause, Entry, Movement};
use domain::money::Money;
use domain::outcome::Outcome;
use domain::time::{Period, Timestamp};
use store::account::Delta;
use store::commission::CommissionRow;
use store::fact::{Attached, FactRow};
use store::log::LogRow;
use store::name::{Binding, Hash, Mention};
use store::referral::{AssignmentRow, ReferralRow};
use store::roll_up::{Day, Figures};
use store::transfer::TransferRow;
use store::{Pool, Rows, Tx};
use uuid::Uuid;

use super::fill::{PAYMENTS, REFERRALS};

pub(crate) const PROGRAM: ProgramId = ProgramId(1001);

/// Rows that a statement is about.
pub(crate) const ROWS: u128 = 50;

/// A statement, or the few of one step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hot {
    NamesKnown,
    NamesWaiting,
    NamesNew,
    NamesBound,
    Parked,
    NamesOfParked,
    Unparked,
    FactsById,
    FactsOfReferrals,
    FactsWaiting,
    ReferralsLocked,
    CustomersLocked,
    ReferralsChanged,
    CommissionsBooked,
    Releasable,
    CommissionsHeld,
    CommissionsReleased,
    LinesUnclaimed,
    LinesLocked,
    LinesTaken,
    AffiliatesFound,
    AffiliateHistories,
    ReferralsAppended,
    FactsAppended,
    FactsAttached,
    FactsConverted,
    CommissionsAppended,
    TransfersAppended,
    LogAppended,
    AccountsBooked,
    AccountCovers,
    KeyByHash,
    JobsClaimed,
    LogNumbered,
    RatesOfDays,
}

impl Hot {
    /// All of them; the one that numbers comes last, for it leaves less to do.
    pub(crate) const ALL: [Hot; 35] = [
        Hot::RatesOfDays,
        Hot::NamesKnown,
        Hot::NamesWaiting,
        Hot::NamesNew,
        Hot::NamesBound,
        Hot::Parked,
        Hot::NamesOfParked,
        Hot::Unparked,
        Hot::FactsById,
        Hot::FactsOfReferrals,
        Hot::FactsWaiting,
        Hot::ReferralsLocked,
        Hot::CustomersLocked,
        Hot::ReferralsChanged,
        Hot::CommissionsBooked,
        Hot::Releasable,
        Hot::CommissionsHeld,
        Hot::CommissionsReleased,
        Hot::LinesUnclaimed,
        Hot::LinesLocked,
        Hot::LinesTaken,
        Hot::AffiliatesFound,
        Hot::AffiliateHistories,
        Hot::ReferralsAppended,
        Hot::FactsAppended,
        Hot::FactsAttached,
        Hot::FactsConverted,
        Hot::CommissionsAppended,
        Hot::TransfersAppended,
        Hot::LogAppended,
        Hot::AccountsBooked,
        Hot::AccountCovers,
        Hot::KeyByHash,
        Hot::JobsClaimed,
        Hot::LogNumbered,
    ];

    /// Runs it and says how many rows it was about. What it appends in one round is new in another.
    pub(crate) async fn run(self, pool: &Pool, round: u128) -> i64 {
        let rows = match self {
            Hot::KeyByHash => usize::from(key_by_hash(pool).await),
            Hot::JobsClaimed => {
                let lease = Uuid::from_u128(round + 1);
                store::job::claim(pool, (PROGRAM, "payout_mail"), now(), lease, 0.0, ROWS as i64)
                    .await
                    .expect("jobs")
                    .len()
            }
            Hot::LogNumbered => store::log::number(pool, PROGRAM).await.expect("numbers") as usize,
            _ => {
                let mut tx = Tx::begin(pool, PROGRAM).await.expect("a transaction");
                let read = self.read(&mut tx).await.expect("an answer");
                let rows = match read {
                    Some(rows) => rows,
                    None => self.write(&mut tx, round).await.map(|()| self.written()).expect("an answer"),
                };
                tx.rollback().await.expect("an end");
                rows
            }
        };
        rows as i64
    }

    /// Rows that a change is about: what changes a column of an index finds a row and writes it, and all its index
    /// entries, anew. A booking is about a day, an account and a month.
    fn written(self) -> usize {
        let each = match self {
            Hot::FactsAttached | Hot::LinesTaken => 2,
            Hot::AccountsBooked => 3,
            _ => 1,
        };
        each * ROWS as usize
    }

    /// Reads and locks; `None` for what writes.
    async fn read(self, tx: &mut Tx) -> store::Result<Option<usize>> {
        let facts = spread(PAYMENTS).map(|number| FactId(id(number)));
        let referrals = spread(REFERRALS).map(|number| ReferralId(id(number)));
        let affiliates = spread(REFERRALS).map(|number| AffiliateId(number as i64));
        let commissions: Vec<_> = (1..=ROWS).map(|number| CommissionId(id(number * 60))).collect();
        Ok(Some(match self {
            Hot::NamesKnown => {
                let mentions: Vec<_> = spread(PAYMENTS).map(|number| mention(number, None)).collect();
                store::name::claim(tx, PROGRAM, &mentions).await?.len()
            }
            Hot::NamesWaiting => {
                let mut names = spread(PAYMENTS).map(|number| (hash(number), Binding::Waiting)).collect();
                store::name::lock_waiting(tx, PROGRAM, &mut names).await?;
                names.len()
            }
            Hot::NamesOfParked => store::parked::names_of(
                tx,
                PROGRAM,
                &spread(REFERRALS).map(|number| FactId(id(number))).collect::<Vec<_>>(),
            )
            .await?
            .len(),
            Hot::Parked => {
                let names: Vec<Hash> = spread(REFERRALS).map(hash).collect();
                store::parked::under(tx, PROGRAM, &names, now()).await?.len()
            }
            Hot::FactsById => {
                store::fact::by_ids(tx.read(), PROGRAM, &facts.collect::<Vec<_>>()).await?.len()
            }
            Hot::FactsOfReferrals => {
                store::fact::of_referrals(tx.read(), PROGRAM, &referrals.collect::<Vec<_>>()).await?.len()
            }
            Hot::FactsWaiting => {
                let after = Some(FactId(id(PAYMENTS + 3_000)));
                store::fact::waiting::after(tx.read(), PROGRAM, after, ROWS as i64).await?.len()
            }
            Hot::RatesOfDays => rates_of_days(tx).await?,
            Hot::ReferralsLocked => store::referral::lock(tx, PROGRAM, &referrals.collect()).await?.len(),
            Hot::CustomersLocked => {
                let customers: Vec<_> = referrals.collect();
                store::claim(tx, PROGRAM, &[], Some(&customers)).await?.referrals.map_or(0, |rows| rows.len())
            }
            Hot::CommissionsBooked => {
                let booked =
                    store::commission::booked(tx.read(), PROGRAM, &referrals.collect::<Vec<_>>()).await?;
                booked.values().map(BTreeMap::len).sum()
            }
            Hot::Releasable => {
                store::commission::releasable(tx.read(), PROGRAM, now(), ROWS as i64).await?.len()
            }
            Hot::CommissionsHeld => store::commission::held(tx, PROGRAM, &commissions).await?.len(),
            Hot::LinesUnclaimed => {
                store::transfer::unclaimed(tx.read(), PROGRAM, AffiliateId(15_000), "EUR").await?.len()
            }
            Hot::AffiliatesFound => {
                let slugs: Vec<_> = spread(REFERRALS).map(|number| format!("slug-{number}")).collect();
                let keys: Vec<_> = spread(REFERRALS).map(|number| format!("key-{number}")).collect();
                store::affiliate::find(tx.read(), PROGRAM, &[1, 2, 3], &slugs, &keys).await?.len()
            }
            Hot::AffiliateHistories => {
                store::affiliate::histories(tx.read(), PROGRAM, &affiliates.collect()).await?.len()
            }
            Hot::AccountCovers => {
                let owner = (AffiliateId(15_000), Currency::EUR);
                usize::from(store::account::covers(tx, PROGRAM, owner, 1, false).await?)
            }
            _ => return Ok(None),
        }))
    }

    /// Changes and appends.
    async fn write(self, tx: &mut Tx, round: u128) -> store::Result<()> {
        let new = (1..=ROWS).map(|number| 1_000_000 + round * ROWS + number);
        let facts = spread(PAYMENTS).map(|number| FactId(id(number)));
        let referrals: BTreeSet<_> = spread(REFERRALS).map(|number| ReferralId(id(number))).collect();
        let commissions: Vec<_> = (1..=ROWS).map(|number| CommissionId(id(number * 60))).collect();
        match self {
            Hot::NamesNew => {
                let mentions: Vec<_> = new.map(|number| mention(number, Some(id(number)))).collect();
                store::name::claim(tx, PROGRAM, &mentions).await.map(|_| ())
            }
            Hot::NamesBound => {
                let bindings: Vec<_> = spread(PAYMENTS).map(|number| (hash(number), id(number))).collect();
                store::name::bind(tx, PROGRAM, &bindings).await
            }
            Hot::Unparked => {
                let parked: Vec<_> = spread(REFERRALS).map(|number| FactId(id(number))).collect();
                store::parked::release(tx, PROGRAM, &parked).await
            }
            Hot::ReferralsChanged => {
                let rows = store::referral::lock(tx, PROGRAM, &referrals).await?;
                store::referral::update(tx, PROGRAM, &rows.iter().collect::<Vec<_>>()).await
            }
            Hot::CommissionsReleased => store::commission::mark_released(tx, PROGRAM, &commissions).await,
            Hot::LinesLocked => {
                let ids: Vec<_> = spread(PAYMENTS).map(|number| TransferId(id(number))).collect();
                store::transfer::lock_lines(tx, PROGRAM, &ids).await
            }
            Hot::LinesTaken => {
                let lines: Vec<_> = spread(PAYMENTS).map(|number| (TransferId(id(number)), 1)).collect();
                store::transfer::take(tx, PROGRAM, &lines).await
            }
            Hot::ReferralsAppended => {
                let rows: Vec<_> = new.map(referral).collect();
                store::referral::append(tx, PROGRAM, &rows.iter().collect::<Vec<_>>()).await
            }
            Hot::FactsAppended => {
                let facts: Vec<_> = new.map(fact).collect();
                store::write(tx, PROGRAM, Rows { facts: &facts, ..Rows::default() }).await
            }
            Hot::FactsAttached => {
                let attach = |fact| Attached { fact, referral: ReferralId(id(1)), payment: None };
                store::fact::attach(tx, PROGRAM, &facts.map(attach).collect::<Vec<_>>()).await
            }
            Hot::FactsConverted => {
                // Others in every round: what was undone leaves its versions behind.
                let facts: Vec<_> = spread(PAYMENTS).map(|number| fact(number - 1 - round)).collect();
                store::fact::waiting::convert(tx, PROGRAM, &facts).await
            }
            Hot::CommissionsAppended => {
                let commissions: Vec<_> = new.map(commission).collect();
                store::write(tx, PROGRAM, Rows { commissions: &commissions, ..Rows::default() }).await
            }
            Hot::TransfersAppended => {
                let transfers: Vec<_> = new.map(transfer).collect();
                store::write(tx, PROGRAM, Rows { transfers: &transfers, ..Rows::default() }).await
            }
            Hot::LogAppended => store::log::append(tx, PROGRAM, &new.map(log).collect::<Vec<_>>()).await,
            Hot::AccountsBooked => {
                let (days, accounts) = (days(), deltas());
                let rows = Rows { days: Some(&days), accounts: Some(&accounts), ..Rows::default() };
                store::write(tx, PROGRAM, rows).await
            }
            read => unreachable!("{read:?} only reads"),
        }
    }
}

/// Five currencies on ten days.
async fn rates_of_days(tx: &mut Tx) -> store::Result<usize> {
    let currencies: Vec<Currency> =
        ["CHF", "GBP", "JPY", "SEK", "USD"].iter().map(|code| code.parse().expect(code)).collect();
    let first: chrono::NaiveDate = "1999-01-01".parse().expect("a date");
    let days: Vec<_> = (0..10).map(|number| first + chrono::Days::new(number * 900)).collect();
    Ok(store::exchange_rate::by_day(tx.read(), &currencies, &days).await?.len())
}

/// Numbers spread over the whole of a table.
fn spread(of: u128) -> impl Iterator<Item = u128> {
    (1..=ROWS).map(move |number| number * (of / ROWS))
}

pub(crate) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | number)
}

fn hash(number: u128) -> Hash {
    number.to_be_bytes()
}

fn mention(number: u128, subject: Option<Uuid>) -> Mention {
    Mention { hash: hash(number), kind: store::name::Kind::Source, subject }
}

pub(crate) fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("a time")
}

async fn key_by_hash(pool: &Pool) -> bool {
    let mut hash = [0; 32];
    hash[16..].copy_from_slice(&15_000_u128.to_be_bytes());
    store::key::by_hash(pool, &hash).await.expect("an answer").is_some()
}

fn referral(number: u128) -> ReferralRow {
    ReferralRow {
        attributes: domain::fact::Attributes::default(),
        rejected: std::collections::BTreeSet::new(),
        id: ReferralId(id(number)),
        number: ReferralNumber(number as i64),
        person: PersonId(id(number)),
        affiliate: AffiliateId(1),
        state: domain::referral::State::Converted,
        state_set_at: now(),
        occurred_at: now(),
        rejected_at: None,
        expires_at: None,
        assignments: vec![AssignmentRow { from: now(), affiliate: AffiliateId(1), version: None }],
        fold: domain::fold::State::default(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn fact(number: u128) -> FactRow {
    FactRow {
        id: FactId(id(number)),
        kind: Kind::Payment,
        operation: 0,
        referral: Some(ReferralId(id(1 + number % REFERRALS))),
        payment: None,
        amount: Some(Money::from_micros(10_000_000, Currency::EUR)),
        value_micros: Some(10_000_000),
        exchange: None,
        valued_at: None,
        source: format!("ch_{number}"),
        occurred_at: now(),
        recorded_at: now(),
        input_hash: vec![0; 16],
        engine: 1,
        detail: None,
        outcome: Outcome::default(),
    }
}

fn commission(number: u128) -> CommissionRow {
    let affiliate = AffiliateId((1 + number % REFERRALS) as i64);
    CommissionRow {
        header: Header {
            id: CommissionId(id(number)),
            key: Key { fact: FactId(id(number)), rule: 0, affiliate },
            kind: ledger::Kind::Share,
            version: DealVersionId(id(1)),
            occurred_at: now(),
            release_at: now(),
            after_close: false,
        },
        referral: ReferralId(id(1 + number % REFERRALS)),
        currency: "EUR".to_owned(),
        released_at: None,
        disputed: false,
    }
}

fn transfer(number: u128) -> TransferRow {
    TransferRow {
        id: TransferId(id(number)),
        affiliate: AffiliateId((1 + number % REFERRALS) as i64),
        currency: "EUR".to_owned(),
        movement: Movement::earned_due(ledger::Kind::Share, 2_000_000).expect("a movement"),
        cause: Cause::Fact,
        cause_id: id(number),
        revision: 0,
        commission: Some(CommissionId(id(number))),
        leg: 0,
        entry: Some(Entry::Earned),
        effective_at: now(),
        period: Period::from_number(202_606).expect("a month"),
        log: LogId(id(number)),
    }
}

fn log(number: u128) -> LogRow {
    LogRow { id: LogId(id(number)), kind: "payment.recorded", scope: None, recorded_at: now(), body: None }
}

/// Days that are there and days that are not.
fn days() -> BTreeMap<Day, Figures> {
    let of = |number: u128| {
        let day = if number.is_multiple_of(2) { "2026-01-05" } else { "2026-06-01" };
        let day = day.parse().expect("a day");
        Day { affiliate: AffiliateId(number as i64), day, deal: DealId(0) }
    };
    spread(REFERRALS).map(|number| (of(number), Figures { payments: 1, ..Figures::default() })).collect()
}

fn deltas() -> BTreeMap<store::account::Owner, Delta> {
    let delta = || {
        let mut delta = Delta::default();
        let month = Period::from_number(202_606).expect("a month");
        delta.book(&Movement::earned_due(ledger::Kind::Share, 2_000_000).expect("a movement"), month);
        delta
    };
    spread(REFERRALS).map(|number| ((AffiliateId(number as i64), Currency::EUR), delta())).collect()
}
