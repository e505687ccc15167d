//! The database stops under redirect load, with kill -9 of either process in between: no redirect fails while a server
//! runs, no click is lost after the drain, none is there twice.
//!
//! By itself the database stays away until enough clicks have met the outage. A longer one, on the clock:
//! `REFERO_OUTAGE_SECONDS=60 cargo test -p refero outage`.

mod load;
mod place;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use load::Load;
use place::Place;

/// Clicks that must meet an outage before it may end.
const CLICKS: usize = 1_500;

/// What kill -9 may take (engineering.md §4): clicks answered so shortly before, and what the machine, on which other tests
/// run as well, took off somebody who slept just then.
const LAST_MOMENT: Duration = Duration::from_millis(10);

#[test]
fn no_click_is_lost_or_doubled_while_the_database_is_away_or_either_process_is_killed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut place = Place::open().await;
        let load = Load::start(place.address, place.codes.clone());
        load.wait_for(CLICKS / 3).await;

        // The database is stopped, and comes back.
        place.stop_database().await;
        stay_away(&load).await;
        assert_eq!(load.failures(), 0, "a redirect failed while the database was away");
        place.start_database().await;
        load.wait_for(CLICKS / 3).await;

        // The database is stopped, and the server dies meanwhile; the next one finds what it has left.
        place.stop_database().await;
        load.wait_for(CLICKS / 2).await;
        assert_eq!(load.failures(), 0, "a redirect failed while the database was away");
        let sleeper = Sleeper::start();
        load.wait_for(CLICKS / 10).await;
        let killed = Instant::now();
        place.kill_server();
        load.pause();
        let last_moment = LAST_MOMENT + sleeper.overslept();
        place.start_database().await;
        place.start_server().await;
        let (resumed, failed) = (Instant::now(), load.failures());
        load.resume();
        load.wait_for(CLICKS / 3).await;

        // The database dies, and is started again.
        place.kill_database().await;
        load.wait_for(CLICKS / 3).await;
        place.start_database().await;
        load.wait_for(CLICKS / 3).await;

        let answered = load.stop().await;
        assert_eq!(load.failures(), failed, "a redirect failed while a server ran");
        let may_be_lost: BTreeSet<_> = answered
            .iter()
            .filter(|(_, at)| *at + last_moment >= killed && *at < resumed)
            .map(|(click, _)| *click)
            .collect();
        let expected: BTreeSet<_> = answered.iter().map(|(click, _)| *click).collect();
        assert_eq!(expected.len(), answered.len(), "two clicks have one id");
        let must: BTreeSet<_> = expected.difference(&may_be_lost).copied().collect();
        let written = place.written(&must).await;
        let rows: BTreeSet<_> = written.iter().copied().collect();
        assert_eq!(rows.len(), written.len(), "a click is there twice");
        let lost: Vec<_> = must.difference(&rows).collect();
        assert!(lost.is_empty(), "{} of {} clicks are lost", lost.len(), must.len());
        // An answer that was cut off by the kill may have left a click that nobody knows of.
        assert!(rows.difference(&expected).count() <= load::CONNECTIONS, "clicks that nobody made");
        assert_eq!(place.visits().await, written.len() as i64, "the figures of the day say something else");
        place.close().await;
    });
}

/// Lets clicks meet the outage: so many, or for as long as the environment says.
async fn stay_away(load: &Load) {
    match std::env::var("REFERO_OUTAGE_SECONDS") {
        Ok(seconds) => {
            let seconds = seconds.parse().expect("REFERO_OUTAGE_SECONDS is a number");
            let until = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < until {
                load.wait_for(100).await;
            }
        }
        Err(_) => load.wait_for(CLICKS).await,
    }
}

/// Somebody who sleeps for a millisecond again and again, as the thread does that makes clicks durable, and sees how much
/// later it wakes.
struct Sleeper(std::thread::JoinHandle<Duration>, std::sync::mpsc::Sender<()>);

impl Sleeper {
    fn start() -> Sleeper {
        let (end, ended) = std::sync::mpsc::channel();
        let sleep = move || {
            let mut worst = Duration::ZERO;
            while ended.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let begun = Instant::now();
                std::thread::sleep(Duration::from_millis(1));
                worst = worst.max(begun.elapsed().saturating_sub(Duration::from_millis(1)));
            }
            worst
        };
        Sleeper(std::thread::spawn(sleep), end)
    }

    /// By how much it overslept at most.
    fn overslept(self) -> Duration {
        drop(self.1);
        self.0.join().expect("it sleeps on until it is told to end")
    }
}

#[test]
fn a_full_disk_fails_no_redirect_and_loses_no_click() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut place = Place::open_with_small_disk().await;
        let load = Load::start(place.address, place.codes.clone());
        load.wait_for(CLICKS / 10).await;
        place.stop_database().await;
        load.wait_for(CLICKS).await;
        assert!(place.metric("refero_click_spill_failures_total") > 0, "the disk was not full");
        place.start_database().await;
        load.wait_for(CLICKS / 10).await;
        let answered = load.stop().await;
        assert_eq!(load.failures(), 0, "a redirect failed");
        let must: BTreeSet<_> = answered.iter().map(|(click, _)| *click).collect();
        let written = place.written(&must).await;
        let rows: BTreeSet<_> = written.iter().copied().collect();
        assert_eq!((written.len(), &rows), (must.len(), &must), "clicks are lost or doubled");
        assert_eq!(place.metric("refero_clicks_dropped_total"), 0);
        place.close().await;
    });
}
