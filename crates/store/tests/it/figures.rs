//! Figures of large batches: they count from the moment their batch is written, and what they add up to is the same before,
//! while and after they are added up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::ids::{AffiliateId, DealId, LinkId, ProgramId};
use domain::time::Timestamp;
use store::click::daily::{self, Day, DayRow, Filter, LinkDayRow, MANY, Visits};
use store::click::{Batch, begun, write};
use store::{Pool, Tx};
use uuid::Uuid;

const PROGRAM: ProgramId = ProgramId(1001);

/// Each affiliate has so many links.
const LINKS: i64 = 20;

fn day(number: i64) -> Day {
    Day {
        day: first() + chrono::Days::new(number.rem_euclid(2) as u64),
        affiliate: AffiliateId(number / LINKS),
        link: LinkId(number),
        brand: if number % 3 == 0 { "Lucky".to_owned() } else { String::new() },
        deal: DealId(1),
        campaign: "it's, {\"all\"}".to_owned(),
    }
}

fn first() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).expect("a date")
}

fn last() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 2).expect("a date")
}

/// What a batch of so many figures adds to them.
fn figures(numbers: std::ops::Range<i64>) -> BTreeMap<Day, Visits> {
    let visits = |number: i64| Visits {
        visits: number + 1,
        unique_visits: number,
        bots: number % 2,
        repeats: number % 5,
    };
    numbers.map(|number| (day(number), visits(number))).collect()
}

async fn written(pool: &Pool, program: ProgramId, number: u128, days: &BTreeMap<Day, Visits>) {
    let now: Timestamp = "2026-06-02T12:00:00Z".parse().expect("a time");
    let mut tx = Tx::begin_apart(pool).await.expect("a transaction");
    let batch = Batch { id: Uuid::from_u128(number), clicks: &[], days, visitors: &BTreeMap::new(), now };
    assert!(begun(&mut tx, program, batch.id, now).await.expect("an answer"), "the batch is new");
    write(&mut tx, program, batch).await.expect("room");
    tx.commit().await.expect("an end");
}

/// All that is read of figures.
#[derive(PartialEq, Eq, Debug)]
struct Told {
    all: Vec<DayRow>,
    of_one: Vec<DayRow>,
    /// In pages.
    by_link: Vec<LinkDayRow>,
    by_link_of_one: Vec<LinkDayRow>,
    any: bool,
    days: Vec<Option<NaiveDate>>,
}

async fn told(pool: &Pool, program: ProgramId) -> Told {
    let mut connection = pool.acquire().await.expect("a connection");
    let one = Some(AffiliateId(7));
    let mut filter = Filter { affiliate: None, link: None, from: first(), through: last(), after: None };
    let mut by_link: Vec<LinkDayRow> = Vec::new();
    loop {
        let page = daily::by_link(&mut connection, program, &filter, 300).await.expect("a page");
        let Some(end) = page.last() else { break };
        filter.after = Some((end.day, end.affiliate, end.link.expect("each has one")));
        by_link.extend(page);
    }
    let filter = Filter { affiliate: one, after: None, ..filter };
    let mut days = Vec::new();
    for after in [None, Some(first()), Some(last())] {
        let before = last().succ_opt().expect("a day");
        days.push(daily::next_day(&mut connection, program, after, before).await.expect("an answer"));
    }
    Told {
        all: daily::list(&mut connection, program, None, first(), last()).await.expect("a list"),
        of_one: daily::list(&mut connection, program, one, first(), last()).await.expect("a list"),
        by_link,
        by_link_of_one: daily::by_link(&mut connection, program, &filter, 300).await.expect("a page"),
        any: daily::any(&mut connection, program).await.expect("an answer"),
        days,
    }
}

async fn count(pool: &Pool, rows: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from {rows}"));
    sqlx::query_scalar(sql).fetch_one(pool).await.expect("an answer")
}

#[test]
fn figures_are_the_same_before_and_after_they_are_added_up() {
    testkit::run_on_database(async |database| {
        let pool = store::connect(&database.url, 4).await.expect("the test database answers");
        let many = MANY as i64;
        let batches = [0..many - 1, 0..many, 500..500 + many, 600..2 * many, 3..4];
        let mut expected: BTreeMap<Day, Visits> = BTreeMap::new();
        for (number, batch) in batches.into_iter().enumerate() {
            let days = figures(batch);
            written(&pool, PROGRAM, number as u128, &days).await;
            for (day, more) in days {
                let sum = expected.entry(day).or_default();
                sum.visits += more.visits;
                sum.unique_visits += more.unique_visits;
                sum.bots += more.bots;
                sum.repeats += more.repeats;
            }
        }
        let other = ProgramId(1002);
        written(&pool, other, 9, &figures(0..many)).await;
        assert_eq!(count(&pool, "click_batch_figures").await, 4, "small batches are added at once");
        let (before, of_other) = (told(&pool, PROGRAM).await, told(&pool, other).await);
        let rows: BTreeMap<Day, Visits> =
            before.all.iter().map(|row| (row.day.clone(), row.visits)).collect();
        assert_eq!(rows, expected);
        assert_eq!(before.all.len(), expected.len(), "each once");
        assert_eq!((before.of_one.len(), before.by_link_of_one.len()), (LINKS as usize, LINKS as usize));
        assert_eq!(before.by_link.len(), expected.len(), "a link has one day, brand and deal here");
        assert_eq!((before.any, &before.days), (true, &vec![Some(first()), Some(last()), None]));

        // Two at once: each batch is taken once.
        let (one, two) = tokio::join!(daily::add_up(&pool, PROGRAM), daily::add_up(&pool, PROGRAM));
        assert_eq!(one.expect("it is done") + two.expect("it is done"), 3);
        assert_eq!(count(&pool, "click_batch_figures where program_id = 1001").await, 0);
        assert_eq!(told(&pool, PROGRAM).await, before);
        assert_eq!(told(&pool, other).await, of_other, "a program's own only");
        assert_eq!(daily::add_up(&pool, PROGRAM).await.expect("it is done"), 0, "nothing is left");
        pool.close().await;
    });
}
