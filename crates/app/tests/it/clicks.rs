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
use testkit::{TestApp, run, run_with};

use crate::country_file;

const BROWSER: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0";

/// A program with links `l0`, `l1`, … that lead to `shop.example.com`.
async fn shop(test: &TestApp, links: usize, destination: &str) -> ProgramId {
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
async fn click(test: &TestApp, code: &str, query: &str, address: &str) -> String {
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

async fn settle(test: &TestApp) {
    assert!(app::click::settle(&test.app, Duration::from_secs(30)).await, "the clicks are not written");
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
fn spilled_clicks_of_a_process_that_is_gone_are_written_once_by_the_next() {
    let (folder, config) = spilling("left");
    run_with(config.clone(), async |test| {
        shop(&test, 1, "https://shop.example.com/").await;
        // What a process has left: a segment that was written, one that was not, and a lock that nobody holds.
        let kept = folder.join("kept");
        std::fs::create_dir_all(&kept).expect("a folder");
        for round in 0..2 {
            click(&test, "l0", "", &format!("10.0.0.{round}")).await;
            let own = wait_for_segment(&folder, &kept).await;
            let name = own.file_name().expect("a name");
            // The product may delete it at the same moment; then it is written.
            let _ = std::fs::copy(&own, kept.join(name));
        }
        settle(&test).await;
        assert_eq!(test.count_rows("click").await, 2);
        let next = test.beside_with(config.clone(), 2).await;
        until_taken(&folder, &kept).await;
        next.stop().await;
        assert_eq!(test.count_rows("click").await, 2, "none is there twice");
    });
    // Empty by now, but for the lock of all.
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn segments_that_were_left_are_written_once_whatever_their_names_without_what_is_refused() {
    let (folder, config) = spilling("culprit");
    run_with(config.clone(), async |test| {
        shop(&test, 1, "https://shop.example.com/").await;
        let kept = folder.join("kept");
        std::fs::create_dir_all(&kept).expect("a folder");
        for (query, address) in
            [("", "10.0.0.1"), ("", "10.0.0.2"), ("sid=culprit", "10.0.0.3"), ("", "10.0.0.2")]
        {
            let held = test.hold_clicks().await;
            click(&test, "l0", query, address).await;
            let own = wait_for_segment(&folder, &kept).await;
            std::fs::copy(&own, kept.join(own.file_name().expect("a name"))).expect("it is held");
            held.release().await;
            settle(&test).await;
        }
        // One of them is there under another name as well.
        let first = segments(&folder).into_iter().min().expect("a segment");
        let mut again = std::fs::read(first).expect("a segment");
        let name = uuid::Uuid::max();
        again[8..24].copy_from_slice(name.as_bytes());
        std::fs::write(kept.join(format!("{name}.segment")), again).expect("room");
        test.forget_clicks().await;
        test.refuse_culprit().await;
        let next = test.beside_with(config.clone(), 2).await;
        until_taken(&folder, &kept).await;
        assert_eq!(next.metrics().clicks_dropped.get(), 1, "the culprit alone");
        next.stop().await;
        assert_eq!(test.count_rows("click").await, 3);
        assert_eq!(
            test.count_rows("click_daily where visits = 3 and unique_visits = 2 and repeats = 1").await,
            1
        );
        test.accept_culprit().await;
    });
    let _ = std::fs::remove_dir_all(folder);
}

/// A folder to spill to, and the settings of a process that does.
fn spilling(name: &str) -> (std::path::PathBuf, Config) {
    let folder = std::env::temp_dir().join(format!("refero-spill-{name}-{}", std::process::id()));
    (folder.clone(), Config { spill: Some(folder), ..testkit::config() })
}

/// Waits until what a process has left is written.
async fn until_taken(folder: &std::path::Path, kept: &std::path::Path) {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while kept.exists() || has_segments(folder) {
        assert!(tokio::time::Instant::now() < until, "copies are not taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn segments(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let folders = std::fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path());
    let files =
        folders.filter(|path| path.is_dir()).flat_map(|path| std::fs::read_dir(path).into_iter().flatten());
    let paths = files.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "segment")).collect()
}

fn has_segments(folder: &std::path::Path) -> bool {
    !segments(folder).is_empty()
}

/// A segment of the product with a click in it, that is not among the copies yet.
async fn wait_for_segment(folder: &std::path::Path, kept: &std::path::Path) -> std::path::PathBuf {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let found = segments(folder);
        let has_click = |path: &std::path::PathBuf| path.metadata().is_ok_and(|file| file.len() > 32);
        if let Some(path) = found.into_iter().find(|path| !path.starts_with(kept) && has_click(path)) {
            return path;
        }
        assert!(tokio::time::Instant::now() < until, "no segment is made");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
