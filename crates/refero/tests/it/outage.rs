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

/// What kill -9 may take: clicks answered so shortly before. The product gathers for 6 ms; the rest is this machine's, where
/// other tests run as well.
const LAST_MOMENT: Duration = Duration::from_millis(250);

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
        load.pause();
        place.kill_server();
        let killed = Instant::now();
        place.start_database().await;
        place.start_server().await;
        load.resume();
        load.wait_for(CLICKS / 3).await;

        // The database dies, and is started again.
        place.kill_database().await;
        load.wait_for(CLICKS / 3).await;
        place.start_database().await;
        load.wait_for(CLICKS / 3).await;

        let answered = load.stop().await;
        assert_eq!(load.failures(), 0, "a redirect failed");
        let may_be_lost: BTreeSet<_> = answered
            .iter()
            .filter(|(_, at)| *at <= killed && killed.duration_since(*at) <= LAST_MOMENT)
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
