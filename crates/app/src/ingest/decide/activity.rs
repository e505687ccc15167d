//! Reports of players' days: the highest revision counts (money.md §6). Every report is a fact row of its own; all of one
//! day are folded as one fact, under the id of the first.

use domain::command::{Activity, Refused};
use store::fact::ActivityDetail;

use super::book::Effects;
use super::{fact, new_fact, recorded};
use crate::ingest::Answer;
use crate::ingest::prepare::Prepared;
use crate::ingest::world::World;

pub(super) fn row(
    world: &mut World,
    effects: &mut Effects,
    prepared: &Prepared,
    activity: &Activity,
) -> Answer {
    if !world.truths.contains_key(&activity.brand) {
        return Err(Refused::UnknownBrand(activity.brand.clone()));
    }
    let first = prepared.sources.first().and_then(|source| world.fact_named(source)).map(|fact| fact.id);
    let mut revision = activity.revision.unwrap_or(1);
    let newest = first.and_then(|first| world.revisions.get(&first).copied());
    if let Some((known, id)) = newest {
        let newest = world.facts.get(&id).ok_or(Refused::Unavailable)?;
        let detail = newest.activity().map_err(|error| Refused::Internal(crate::error::logged(&error)))?;
        let is_same = detail.figures == activity.figures;
        match activity.revision {
            None if is_same => return Ok(recorded(world, newest, true)),
            None => revision = known.saturating_add(1),
            Some(given) if given < known => return Err(Refused::Stale { given, known }),
            Some(given) if given == known && is_same => return Ok(recorded(world, newest, true)),
            Some(given) if given == known => return Err(Refused::OtherFigures(given)),
            Some(_) => {}
        }
    }
    let detail = ActivityDetail {
        brand: activity.brand.clone(),
        day: activity.day,
        revision,
        figures: activity.figures.clone(),
    };
    let mut row = new_fact(prepared);
    row.payment = first;
    row.detail = serde_json::to_value(detail).ok();
    let id = row.id;
    let answer = match world.referral_of(prepared) {
        Some(referral) => {
            fact::record(world, effects, prepared, row, referral)?;
            fact::answer(world, prepared)
        }
        None => fact::park_or_refuse(world, effects, prepared, row),
    }?;
    world.revisions.insert(first.unwrap_or(id), (revision, id));
    Ok(answer)
}
