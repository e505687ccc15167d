//! `GET /v1/referrals`.

use app::App;
use app::referral::{Filter, ReferralView};
use axum::Json;
use axum::extract::State;
use domain::ids::ReferralId;
use domain::referral;
use domain::text::Email;
use domain::time::{Timestamp, is_plausible};

use super::{Referral, ReferralState, shown};
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List referrals
///
/// In the order in which they were recorded. An affiliate's key sees its own, without addresses and uids.
#[utoipa::path(get, path = "/v1/referrals", tag = "Referrals", operation_id = "list_referrals",
    params(
        Page,
        ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only this affiliate's."),
        ("state" = Option<ReferralState>, Query, description = "Only in this state."),
        ("email" = Option<String>, Query, max_length = 254, description =
            "Only with this e-mail address; not for an affiliate's key."),
        ("created_after" = Option<String>, Query, format = DateTime, description = "Only recorded after."),
        ("created_before" = Option<String>, Query, format = DateTime, description = "Only recorded before."),
    ),
    responses((status = 200, description = "A page of referrals.", body = Paged<Referral>)))]
pub(crate) async fn list_referrals(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Referral>>, Problem> {
    let page = params.page()?;
    let filter = Filter {
        affiliate: params.parse("affiliate_id")?,
        state: params.word("state", referral::State::ALL, referral::State::as_str)?,
        email: params.read("email", Email::parse)?.map(String::from),
        created_after: params.instant("created_after")?,
        created_before: params.instant("created_before")?,
        after: page.after(read_place)?,
        ..Filter::default()
    };
    params.finish()?;
    let rows = app::referral::list(&app, &caller, &filter, 0, page.reads()).await?;
    Ok(page.answer(rows, place, |view| shown(view, caller.now)))
}

/// A referral's place in the list: when it was made, and its id.
fn place(view: &ReferralView) -> String {
    format!("{}:{}", view.referral.created_at.timestamp_micros(), view.referral.id)
}

fn read_place(place: &str) -> Option<(Timestamp, ReferralId)> {
    let (micros, id) = place.split_once(':')?;
    let at = Timestamp::from_timestamp_micros(micros.parse().ok()?).filter(|at| is_plausible(*at))?;
    Some((at, id.parse().ok()?))
}
