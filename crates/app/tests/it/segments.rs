//! Segments of clicks that processes have left: what is in them is written once, whatever was written of it before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use app::config::Config;
use app::link::{Fields, NewLink};
use domain::link::Code;
use testkit::run_with;

use crate::clicks::{click, settle, shop};

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
            let own = until_more(&folder, std::slice::from_ref(&kept)).await;
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
            let own = until_more(&folder, std::slice::from_ref(&kept)).await;
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

#[test]
fn a_segment_that_was_written_in_part_is_written_to_its_end_without_what_is_refused() {
    let (folder, config) = spilling("part");
    run_with(config.clone(), async |test| {
        let program = shop(&test, 1, "https://shop.example.com/").await;
        let kept = folder.join("left");
        // A segment of one click that is held up, and behind it one of two frames at least.
        let mut held = test.hold_clicks().await;
        click(&test, "l0", "", "10.0.0.1").await;
        held.until_met(1).await;
        let others = segments(&folder);
        for number in 0..4 {
            click(&test, "l0", "", &format!("10.0.1.{number}")).await;
        }
        let own = until_more(&folder, &others).await;
        for number in 0..4 {
            let query = if number == 1 { "sid=culprit" } else { "" };
            click(&test, "l0", query, &format!("10.0.2.{number}")).await;
        }
        let link = folder.join("whole");
        std::fs::hard_link(own, &link).expect("one disk");
        held.release().await;
        settle(&test).await;
        let whole = std::fs::read(&link).expect("a segment");
        std::fs::remove_file(link).expect("our own file");
        test.forget_clicks().await;
        test.refuse_culprit().await;
        // Under names by which the torn one is written first; the whole one comes again, as if the process had been killed
        // just before it deleted it.
        let leave = |number: u128, bytes: &[u8]| {
            let name = uuid::Uuid::from_u128(u128::MAX - number);
            let mut again = bytes.to_vec();
            again[8..24].copy_from_slice(name.as_bytes());
            std::fs::create_dir_all(&kept).expect("a folder");
            std::fs::write(kept.join(format!("{name}.segment")), again).expect("room");
        };
        leave(2, &whole[..whole.len() / 4 * 3]);
        for _ in 0..2 {
            leave(1, &whole);
            let next = test.beside_with(config.clone(), 2).await;
            until_taken(&folder, &kept).await;
            assert_eq!(next.metrics().clicks_dropped.get(), 1, "the culprit alone");
            next.stop().await;
            assert_eq!(test.count_rows("click").await, 7);
            assert_eq!(test.count_rows("click_daily where visits = 7 and unique_visits = 7").await, 1);
        }
        let findings = app::verify::program(&test.app, program).await.expect("a verification");
        assert!(findings.is_empty(), "{findings:?}");
        test.accept_culprit().await;
    });
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn what_many_segments_wait_behind_is_written_in_parts_at_the_same_time() {
    const MANY: usize = 10_000;
    let (folder, config) = spilling("parts");
    run_with(config.clone(), async |test| {
        let program = shop(&test, 1, "https://shop.example.com/").await;
        for name in ["a1", "a2", "a3"] {
            let affiliate = test.affiliate(program, name).await;
            let fields = Fields {
                destination_url: Some(Some("https://shop.example.com/".to_owned())),
                ..Fields::default()
            };
            let code = Some(Code::parse(name).expect("a code"));
            let new = NewLink { affiliate: Some(affiliate), code, fields, is_default: false };
            app::link::create(&test.app, &test.operator(program), new).await.expect("a link");
        }
        let kept = folder.join("left");
        std::fs::create_dir_all(&kept).expect("a folder");
        // A segment of one click, and behind it one of many.
        let mut held = test.hold_clicks().await;
        click(&test, "l0", "", "10.0.0.1").await;
        held.until_met(1).await;
        let small = segments(&folder);
        let small = std::fs::read(&small[0]).expect("a segment");
        for number in 0..MANY {
            let address = format!("10.1.{}.{}", number / 250, number % 250);
            click(&test, ["a1", "a2", "a3"][number % 3], "", &address).await;
        }
        let many = segments(&folder).into_iter().max().expect("a segment");
        // What is still written to it is under this name as well.
        std::fs::hard_link(&many, kept.join(many.file_name().expect("a name"))).expect("one disk");
        held.release().await;
        settle(&test).await;
        test.forget_clicks().await;
        let whole = std::fs::read(kept.join(many.file_name().expect("a name"))).expect("a segment");
        for number in 0..40 {
            let name = uuid::Uuid::from_u128(u128::MAX - number);
            let mut again = small.clone();
            again[8..24].copy_from_slice(name.as_bytes());
            std::fs::write(kept.join(format!("{name}.segment")), again).expect("room");
        }
        let mut held = test.hold_clicks().await;
        let next = test.beside_with(config.clone(), 4).await;
        held.until_met(3).await;
        held.release().await;
        until_taken(&folder, &kept).await;
        assert_eq!((next.metrics().clicks_written.get(), next.metrics().clicks_dropped.get()), (10_001, 0));
        next.stop().await;
        assert_eq!(test.count_rows("click").await, MANY as i64 + 1, "one of the forty, and all of the many");
        assert_eq!(test.count_rows("click where flags = 0").await, MANY as i64 + 1);
        assert_eq!(test.count_rows("click_batch").await, 1 + 3, "three parts");
        // Once more after a power cut: what is left of the segment is cut in another way, and was written before.
        std::fs::create_dir_all(&kept).expect("a folder");
        std::fs::write(kept.join(many.file_name().expect("a name")), &whole[..whole.len() / 2])
            .expect("room");
        let last = test.beside_with(config.clone(), 4).await;
        until_taken(&folder, &kept).await;
        last.stop().await;
        assert_eq!(test.count_rows("click").await, MANY as i64 + 1, "none is there twice");
        let findings = app::verify::program(&test.app, program).await.expect("a verification");
        assert!(findings.is_empty(), "{findings:?}");
    });
    let _ = std::fs::remove_dir_all(folder);
}

/// A folder to spill to, and the settings of a process that does.
fn spilling(name: &str) -> (PathBuf, Config) {
    let folder = std::env::temp_dir().join(format!("refero-spill-{name}-{}", std::process::id()));
    (folder.clone(), Config { spill: Some(folder), ..testkit::config() })
}

/// Waits until what a process has left is written.
async fn until_taken(folder: &Path, kept: &Path) {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while kept.exists() || has_segments(folder) {
        assert!(tokio::time::Instant::now() < until, "copies are not taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(folder).expect("the folder").flatten().map(|entry| entry.path());
    let files =
        folders.filter(|path| path.is_dir()).flat_map(|path| std::fs::read_dir(path).into_iter().flatten());
    let paths = files.flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "segment")).collect()
}

fn has_segments(folder: &Path) -> bool {
    !segments(folder).is_empty()
}

/// A segment that is not among others, or in their folders, once there is a click in it.
async fn until_more(folder: &Path, others: &[PathBuf]) -> PathBuf {
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    let has_click = |path: &PathBuf| path.metadata().is_ok_and(|file| file.len() > 32);
    let is_other = |path: &PathBuf| others.iter().any(|other| path.starts_with(other));
    loop {
        if let Some(own) = segments(folder).into_iter().find(|path| !is_other(path) && has_click(path)) {
            return own;
        }
        assert!(tokio::time::Instant::now() < until, "no segment is made");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
