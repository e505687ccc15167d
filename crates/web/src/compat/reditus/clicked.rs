//! What `state_eq=clicked` lists: clicks, newest first, without those of bots and repeated ones (contract §3; money.md §9).

use app::click::{ClickRow, Filter, list};
use app::{App, Caller};
use chrono::TimeDelta;
use domain::time::Timestamp;

use super::failure::{Failure, Result};
use super::query::{Page, Query};

/// Clicks that a list goes through, and reads at once.
const DEEPEST: i64 = 100_000;
const AT_ONCE: i64 = 1000;

/// The clicks of a page that the caller may see; both pairs of dates are the click's.
pub(super) async fn clicks(app: &App, caller: &Caller, query: &Query, page: Page) -> Result<Vec<ClickRow>> {
    let later = [query.instant("created_at_gt")?, query.instant("state_set_at_gt")?];
    let earlier = [query.instant("created_at_lt")?, query.instant("state_set_at_lt")?];
    let since = later.into_iter().flatten().max().map_or(Timestamp::UNIX_EPOCH, |after| {
        (after + TimeDelta::microseconds(1)).max(Timestamp::UNIX_EPOCH)
    });
    let until = earlier.into_iter().flatten().min().unwrap_or(caller.now + TimeDelta::minutes(5));
    let sub_id = query.text("sub_id_eq")?.map(str::to_owned);
    let mut filter =
        Filter { affiliate: None, link: None, is_flagged: Some(false), sub_id, since, until, after: None };
    let mut before = page.offset();
    if before > DEEPEST {
        let message = format!("clicks are listed up to the first {DEEPEST}; narrow them by created_at_lt");
        return Err(Failure::invalid("page", message));
    }
    if until <= since {
        return Ok(Vec::new());
    }
    while before > 0 {
        let rows = list(app, caller, filter.clone(), before.min(AT_ONCE)).await?;
        let Some(last) = rows.last() else { return Ok(rows) };
        before -= rows.len() as i64;
        filter.after = Some((last.clicked_at, last.id));
    }
    Ok(list(app, caller, filter, page.reads()).await?)
}
