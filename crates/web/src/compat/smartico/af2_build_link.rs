//! `POST af2_build_link`: the address by which an affiliate sends visitors where a link leads (contract §2.6). The answer's
//! shape is our guess (docs/SMARTICO.md). `afp` is no part of it: whoever uses the address adds it.

use app::App;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::ids::{AffiliateId, LinkId};
use domain::traffic;
use serde::{Deserialize, Serialize};

use super::caller::Anyone;
use super::input;
use super::refusal::Refusal;
use crate::api::links::requested_at;

#[derive(Deserialize)]
struct Wire {
    link_id: i64,
    affiliate_id: Option<i64>,
    source_id: Option<Source>,
}

/// A source: a number or a text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or a text such as \"newsletter\"")]
enum Source {
    Number(i64),
    Text(String),
}

/// A link that was built.
#[derive(Serialize)]
pub(super) struct Built {
    url: String,
    link_id: LinkId,
    affiliate_id: AffiliateId,
}

/// Builds a link; the same one when it is asked for again.
pub(super) async fn build(
    State(app): State<App>,
    Anyone(caller): Anyone,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Built>, Refusal> {
    let wire: Wire = input::object(body).await?;
    let affiliate = caller.visible_affiliate(wire.affiliate_id.map(AffiliateId))?;
    let missing = || Refusal::field("affiliate_id", "it is missing; expected one such as 35427");
    let affiliate = affiliate.ok_or_else(missing)?;
    // An affiliate that is not there is a refusal of its own here.
    app::affiliate::show(&app, &caller, affiliate).await?;
    let source = wire.source_id.map(|source| match source {
        Source::Number(number) => number.to_string(),
        Source::Text(text) => text,
    });
    let source = source.map(|source| read_source(&source)).transpose()?;
    let row = app::link::build(&app, &caller, LinkId(wire.link_id), Some(affiliate)).await?;
    let mut url = app::link::address(&app, &caller, &row.code, &requested_at(&headers)).await?;
    if let Some(source) = source {
        url.push_str("?source_id=");
        domain::link::encode(&source, &mut url);
    }
    Ok(Json(Built { url, link_id: row.id, affiliate_id: affiliate }))
}

/// A source as a click will keep it.
fn read_source(text: &str) -> Result<String, Refusal> {
    let kept = traffic::clean(text, traffic::LONGEST);
    if kept.is_empty() || kept != text {
        let shown: String = text.chars().take(40).collect();
        let message =
            format!("{shown:?} is no source; expected 1 to {} printable characters", traffic::LONGEST);
        return Err(Refusal::field("source_id", message));
    }
    Ok(kept)
}
