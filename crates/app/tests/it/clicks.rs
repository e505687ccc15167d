//! Clicks from the redirect to the database, through faults: what is kept, what is told, what is forgotten in time.

use std::net::IpAddr;
use std::time::Duration;

use app::click::redirect::{Answer, Visit, from_memory, look_up};
use app::config::Config;
use app::link::{Fields, NewLink};
use app::program::{Changes, TrackingChanges};
use domain::click::{TOKEN_LENGTH, TokenError};
use domain::ids::ProgramId;
use domain::link::Code;
use serde_json::json;
use store::click::daily::MANY;
use testkit::{TestApp, run, run_with};

use crate::country_file;

const BROWSER: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

/// A program with links `l0`, `l1`, … that lead to `shop.example.com`.
pub(crate) async fn shop(test: &TestApp, links: usize, destination: &str) -> ProgramId {
    let program =
        test.program(json!({ "rules": [{ "on": "payment", "reward": { "percent": "20" } }] })).await;
    let jane = test.affiliate(program, "jane").await;
    let tracking = TrackingChanges {
        allowed_hosts: Some(vec!["shop.example.com".to_owned()]),
        ..TrackingChanges::default()
    };
    let changes = Changes { tracking, ..Changes::default() };
    app::program::update(&test.app, &test.operator(program), changes).await.expect("settings");
    for number in 0..links {
        let fields = Fields { destination_url: Some(Some(destination.to_owned())), ..Fields::default() };
        let code = Code::parse(&format!("l{number}")).expect("a code");
        let new = NewLink { affiliate: Some(jane), code: Some(code), fields, is_default: false };
        app::link::create(&test.app, &test.operator(program), new).await.expect("a link");
    }
    program
}

/// Clicks a link from an address, and returns where it leads.
pub(crate) async fn click(test: &TestApp, code: &str, query: &str, address: &str) -> String {
    let address: IpAddr = address.parse().expect("an address");
    let visit = Visit {
        code,
        host: None,
        query,
        agent: BROWSER,
        referrer: b"",
        address: Some(address),
        counts: true,
        now: test.app.now(),
    };
    let answer = match from_memory(&test.app, &visit) {
        Some(answer) => answer,
        None => look_up(&test.app, &visit).await,
    };
    match answer {
        Answer::Redirect { location, .. } => location,
        Answer::NotFound => "not found".to_owned(),
    }
}

pub(crate) async fn settle(test: &TestApp) {
    assert!(app::click::settle(&test.app, Duration::from_secs(30)).await, "the clicks are not written");
}

async fn until_added_up(test: &TestApp) {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while test.count_rows("click_batch_figures").await > 0 {
        assert!(tokio::time::Instant::now() < until, "they are not added up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn clicks_survive_the_loss_of_every_connection() {
    run(async |test| {
        let program = shop(&test, 1, "https://shop.example.com/").await;
        for round in 0..5 {
            for number in 0..200 {
                let location = click(&test, "l0", "", &format!("10.0.{round}.{number}")).await;
                assert!(location.starts_with("https://shop.example.com/?rfr="), "{location}");
                if number % 50 == 25 {
                    test.terminate_sessions().await;
                }
            }
        }
        settle(&test).await;
        assert_eq!(test.count_rows("click").await, 1_000, "none is lost, none is there twice");
        assert_eq!(test.count_rows("click_daily where visits = 1000 and unique_visits = 1000").await, 1);
        test.at("2026-06-02T12:00:00Z");
        click(&test, "l0", "", "10.0.0.1").await;
        settle(&test).await;
        test.tamper("click_daily", "bots = bots + 1", "day = '2026-06-02'").await;
        let findings = app::verify::program(&test.app, program).await.expect("a verification");
        assert_eq!(
            findings[0].rows,
            [
                "2026-06-02, affiliate 2, link 1: visits, unique ones, bots, repeats are 1 1 1 0; the clicks say 1 1 0 0"
            ]
        );
        test.tamper("click_daily", "bots = bots - 1", "day = '2026-06-02'").await;
    });
}

/// A program with as many links as make a batch large, which were clicked once in one batch; the first of them before, too.
async fn large_batch(test: &TestApp) -> ProgramId {
    let program = shop(test, MANY, "https://shop.example.com/").await;
    let mut held = test.hold_clicks().await;
    click(test, "l0", "", "10.0.0.1").await;
    held.until_met(1).await;
    // They gather in one segment behind the first.
    for number in 0..MANY {
        click(test, &format!("l{number}"), "", "10.0.0.2").await;
    }
    held.release().await;
    settle(test).await;
    program
}

#[test]
fn the_figures_of_a_large_batch_count_at_once_and_are_added_up_by_the_jobs() {
    run(async |test| {
        let program = large_batch(&test).await;
        let today = test.app.now().date_naive();
        for _ in 0..2 {
            let days = app::click::daily(&test.app, program, None, today, today).await.expect("figures");
            assert_eq!(days.len(), MANY);
            let visits: i64 = days.iter().map(|row| row.visits.visits).sum();
            assert_eq!((visits, days[0].visits.visits), (MANY as i64 + 1, 2));
            let findings = app::verify::program(&test.app, program).await.expect("a verification");
            assert!(findings.is_empty(), "{findings:?}");
            // Those that the writer adds up at the moment are left to it.
            app::jobs::run_once(&test.app, test.app.now()).await.expect("the jobs run");
            until_added_up(&test).await;
            assert_eq!(test.count_rows("click_daily").await, MANY as i64);
        }
    });
}

#[test]
fn clicks_wait_for_no_decision_and_hold_none_up() {
    run(async |test| {
        let program = shop(&test, 1, "https://shop.example.com/").await;
        let decision = store::Tx::begin_decision(test.app.pool(), program).await.expect("a transaction");
        click(&test, "l0", "", "10.0.0.1").await;
        settle(&test).await;
        assert_eq!(test.count_rows("click").await, 1);
        decision.rollback().await.expect("an end");
    });
}

#[test]
fn without_room_rows_are_dropped_and_counted_and_every_click_is_led_on() {
    run_with(Config { click_memory: 4_000, ..testkit::config() }, async |test| {
        shop(&test, 1, "https://shop.example.com/").await;
        for number in 0..500 {
            let location = click(&test, "l0", "", &format!("10.0.{}.{}", number / 250, number % 250)).await;
            assert!(location.starts_with("https://shop.example.com/?rfr="), "{location}");
        }
        settle(&test).await;
        let metrics = test.app.metrics();
        let (kept, dropped) = (metrics.clicks_recorded.get(), metrics.clicks_dropped.get());
        assert!(dropped > 0 && kept > 0 && kept + dropped == 500, "{kept} kept, {dropped} dropped");
        assert_eq!(test.count_rows("click").await, kept as i64);
    });
}

#[test]
fn a_link_is_in_memory_once_it_is_made_and_all_are_once_a_server_answers() {
    run(async |test| {
        shop(&test, 3, "https://shop.example.com/").await;
        assert_eq!(links_in_memory(&test.app), 3, "none of them needs a look-up");
        let next = test.beside(2).await;
        assert_eq!(links_in_memory(&next), 0);
        next.read_links().await;
        assert_eq!(links_in_memory(&next), 3);
        next.stop().await;
    });
}

fn links_in_memory(app: &app::App) -> u64 {
    let page = app.render_metrics();
    let line = page.lines().find_map(|line| line.strip_prefix("refero_links_in_memory "));
    line.and_then(|number| number.parse().ok()).expect("a number of links")
}

#[test]
fn the_least_used_links_go_from_memory_and_work_all_the_same() {
    run_with(Config { links_in_memory: 64, ..testkit::config() }, async |test| {
        shop(&test, 150, "https://shop.example.com/").await;
        for _ in 0..2 {
            for number in 0..150 {
                let location = click(&test, &format!("l{number}"), "", "10.0.0.1").await;
                assert!(location.starts_with("https://shop.example.com/?rfr="), "{number}: {location}");
            }
        }
        let metrics = test.app.render_metrics();
        let line =
            metrics.lines().find_map(|line| line.strip_prefix("refero_links_in_memory ")).expect("a gauge");
        let count: usize = line.parse().expect("a number");
        assert!((1..=64).contains(&count), "{count}");
        settle(&test).await;
    });
}

#[test]
fn a_click_waits_for_no_link_that_the_database_does_not_tell_in_time() {
    run(async |test| {
        shop(&test, 1, "https://shop.example.com/").await;
        let hasty = Config { look_up: Duration::from_millis(1), ..testkit::config() };
        let next = TestApp { app: test.beside_with(hasty, 2).await, ..test.clone() };
        let held = test.hold_links().await;
        assert_eq!(click(&next, "l0", "", "10.0.0.1").await, "not found");
        assert_eq!(links_in_memory(&next.app), 0);
        assert!(click(&test, "l0", "", "10.0.0.1").await.starts_with("https://shop.example.com/?rfr="));
        held.release().await;
        next.app.read_links().await;
        assert!(click(&next, "l0", "", "10.0.0.1").await.starts_with("https://shop.example.com/?rfr="));
        settle(&test).await;
        settle(&next).await;
        next.app.stop().await;
    });
}

#[test]
fn partitions_are_made_ahead_and_dropped_when_retention_is_over() {
    run(async |test| {
        shop(&test, 1, "https://shop.example.com/").await;
        let partitions = "pg_inherits where inhparent = 'click'::regclass";
        app::jobs::run_once(&test.app, test.app.now()).await.expect("the jobs run");
        assert_eq!(test.count_rows(partitions).await, 4, "June and three months ahead");
        click(&test, "l0", "", "10.0.0.1").await;
        // A month that nobody has prepared is made by whoever needs it.
        test.at("2027-03-15T12:00:00Z");
        click(&test, "l0", "", "10.0.0.1").await;
        settle(&test).await;
        assert_eq!(test.count_rows(partitions).await, 5);
        let now = test.at("2028-06-30T12:00:00Z");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        assert_eq!(test.count_rows("click").await, 2, "25 months are kept");
        let now = test.at("2028-08-01T00:00:00Z");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        assert_eq!(test.count_rows("click").await, 1, "June 2026 is over");
        assert_eq!(test.count_rows("click_daily").await, 2, "figures stay");
    });
}

#[test]
fn the_free_text_of_a_day_that_is_over_is_summed_up() {
    run(async |test| {
        shop(&test, 1, "https://shop.example.com/").await;
        for number in 0..1_003 {
            let query = format!("sid=value-{}&afp=same", number.max(1));
            click(&test, "l0", &query, &format!("10.0.{}.{}", number / 250, number % 250)).await;
        }
        settle(&test).await;
        app::jobs::run_once(&test.app, test.app.now()).await.expect("the jobs run");
        assert_eq!(test.count_rows("traffic_daily").await, 0, "the day is not over");
        let now = test.at("2026-06-02T02:00:00Z");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        let rows = async |condition: &str| test.count_rows(&format!("traffic_daily where {condition}")).await;
        assert_eq!(rows("dimension = 'sub_id'").await, 1_001);
        assert_eq!(rows("value = 'value-1' and visits = 2 and unique_visits = 2").await, 1, "the largest");
        assert_eq!(rows("value = '(other)' and visits = 2").await, 1, "1,002 values, 1,000 of them by name");
        assert_eq!(rows("dimension = 'afp' and value = 'same' and visits = 1003").await, 1);
    });
}

#[test]
fn a_new_key_signs_an_hour_later_and_an_old_one_is_believed_while_it_can_matter() {
    run(async |test| {
        let program = shop(&test, 1, "https://shop.example.com/").await;
        let token = async |time: &str| {
            test.at(time);
            let location = click(&test, "l0", "", "10.0.0.1").await;
            location[location.len() - TOKEN_LENGTH..].to_owned()
        };
        let read = async |text: &str, time: &str| {
            let at = time.parse().expect("an instant");
            app::click::verify(&test.app, program, text, at, 120).await.expect("the keys")
        };
        let first = token("2026-06-30T23:00:00Z").await;
        assert_eq!(read(&first, "2026-06-30T23:00:00Z").await.map(|token| token.key), Ok(1));
        let now = test.at("2026-07-01T12:00:00Z");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        assert_eq!(test.count_rows("click_key").await, 2);
        let before = token("2026-07-01T12:59:59Z").await;
        let after = token("2026-07-01T13:00:00Z").await;
        assert_eq!(read(&before, "2026-07-01T13:00:00Z").await.map(|token| token.key), Ok(1));
        assert_eq!(read(&after, "2026-07-01T13:00:00Z").await.map(|token| token.key), Ok(2));
        let now = test.at("2026-11-28T12:00:00Z");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        assert!(read(&first, "2026-10-01T00:00:00Z").await.is_ok(), "150 days after the next key took over");
        let now = test.at("2026-11-28T13:00:01Z");
        app::jobs::run_once(&test.app, now).await.expect("the jobs run");
        assert_eq!(read(&first, "2026-10-01T00:00:00Z").await, Err(TokenError::UnknownKey(1)));
        settle(&test).await;
    });
}

#[test]
fn the_country_of_an_address_comes_from_the_operators_file() {
    let file = std::env::temp_dir().join(format!("refero-country-{}.mmdb", std::process::id()));
    std::fs::write(&file, country_file::of_one_network([203, 0, 113], "DE")).expect("a file");
    run_with(Config { country_file: Some(file.clone()), ..testkit::config() }, async |test| {
        shop(&test, 1, "https://shop.example.com/{{country_code}}").await;
        let there = click(&test, "l0", "", "203.0.113.9").await;
        assert!(there.starts_with("https://shop.example.com/DE?rfr="), "{there}");
        let elsewhere = click(&test, "l0", "", "203.0.114.9").await;
        assert!(elsewhere.starts_with("https://shop.example.com/?rfr="), "{elsewhere}");
        settle(&test).await;
        assert_eq!(test.count_rows("click where country = 'DE'").await, 1);
        assert_eq!(test.count_rows("click where country is null").await, 1);
    });
    std::fs::remove_file(file).expect("our own file");
}

#[test]
fn what_waits_is_added_up_by_the_writer_when_it_is_quiet() {
    run(async |test| {
        let program = large_batch(&test).await;
        let verified = async || {
            let findings = app::verify::program(&test.app, program).await.expect("a verification");
            assert!(findings.is_empty(), "{findings:?}");
        };
        verified().await;
        until_added_up(&test).await;
        assert_eq!(test.count_rows("click_daily").await, MANY as i64);
        verified().await;
    });
}
