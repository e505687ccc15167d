//! Affiliates: made, shown, changed. A change of status is a decision with a date, never filled in later.

use domain::affiliate::Status;
use domain::deal::Terms;
use domain::ids::{AffiliateId, DealId, KeyId, PersonId};
use domain::text::{Email, Name, Slug};
use serde_json::json;
pub use store::affiliate::{AffiliateRow, Filter, Profile};
use store::person::PersonRow;
use store::{Connection, Tx};

use crate::error::{Error, Result};
use crate::ingest::Visitor;
use crate::{App, Caller, random};

/// What a new affiliate is given.
#[derive(Clone, PartialEq, Debug)]
pub struct NewAffiliate {
    /// Display name.
    pub name: Name,
    /// E-mail address.
    pub email: Email,
    /// The word in its links; made from the name when it is not given.
    pub slug: Option<Slug>,
    /// Its status; approved unless said otherwise.
    pub status: Status,
    /// Its own deal.
    pub deal: Option<DealId>,
    /// Who brought it.
    pub parent: Option<AffiliateId>,
    /// Its id in the program's own systems.
    pub external_id: Option<String>,
    /// Its smallest payout, in micros.
    pub payout_threshold_micros: Option<i64>,
}

/// Makes an affiliate, with a link to share where the program says where such leads.
pub async fn create(app: &App, caller: &Caller, new: NewAffiliate) -> Result<AffiliateRow> {
    caller.require_operator()?;
    let id = AffiliateId(app.0.counters.next(app.pool(), caller.program, "affiliate").await?);
    let slug = match new.slug {
        Some(slug) => slug.to_string(),
        None => slug_from(&new.name, id),
    };
    let mut person = PersonRow::customer(PersonId(random::id()), Some(new.email.to_string()), None);
    person.name = Some(new.name.to_string());
    let row = AffiliateRow {
        id,
        person,
        slug,
        partner_key: random::hex(&random::bytes::<8>()),
        status: new.status,
        deal: new.deal,
        parent: new.parent,
        manager: None,
        external_id: new.external_id,
        payment_method: 0,
        payout_threshold_micros: new.payout_threshold_micros,
        no_carry_over: None,
        api_access_enabled: false,
        profile: Profile::default(),
        created_at: caller.now,
        updated_at: caller.now,
    };
    let link = crate::link::first_number(app, caller).await?;
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    check_references(tx.read(), caller, &row).await?;
    store::affiliate::append(&mut tx, caller.program, &row).await.map_err(|error| taken(error, &row))?;
    crate::key::log(app, &mut tx, caller, "affiliate.created", told(&row)).await?;
    let link = match link {
        Some(number) => Some(crate::link::append_first(app, caller, &mut tx, (id, &row.slug), number).await?),
        None => None,
    };
    tx.commit().await?;
    if let Some(link) = link {
        crate::link::made(app, caller, &link).await;
    }
    Ok(row)
}

/// What the log says of an affiliate: all that decides on money, as it is from the row's time on.
pub(crate) fn told(row: &AffiliateRow) -> serde_json::Value {
    json!({
        "affiliate": row.id, "status": row.status, "deal": row.deal, "parent": row.parent,
        "no_carry_over": row.no_carry_over, "payout_threshold_micros": row.payout_threshold_micros,
    })
}

/// A slug from a display name, made unique by the id.
fn slug_from(name: &Name, id: AffiliateId) -> String {
    let words: String = name
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(60)
        .collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    format!("{}{}{id}", words.join("-"), if words.is_empty() { "" } else { "-" })
}

async fn check_references(connection: &mut Connection, caller: &Caller, row: &AffiliateRow) -> Result<()> {
    if let Some(deal) = row.deal {
        let known = store::deal::newest(connection, caller.program, deal).await?;
        known.ok_or_else(|| Error::invalid("deal_id", format!("there is no deal {deal}")))?;
    }
    if let Some(parent) = row.parent {
        if parent == row.id {
            return Err(Error::invalid("parent_affiliate_id", "an affiliate cannot be its own parent"));
        }
        let known = store::affiliate::by_id(connection, caller.program, parent).await?;
        known.ok_or_else(|| {
            Error::invalid("parent_affiliate_id", format!("there is no affiliate {parent}"))
        })?;
        let above = store::affiliate::setting::ancestors(connection, caller.program, parent).await?;
        if above.contains(&row.id) {
            let message = format!("affiliate {parent} was itself brought by affiliate {}", row.id);
            return Err(Error::invalid("parent_affiliate_id", message));
        }
    }
    if row.payout_threshold_micros.is_some_and(|micros| !(0..=domain::money::MAX_MICROS).contains(&micros)) {
        return Err(Error::invalid("payout_threshold", "expected an amount from 0 to 1000000000000"));
    }
    Ok(())
}

/// A unique key that refused the row, as the caller should hear it.
fn taken(error: store::StoreError, row: &AffiliateRow) -> Error {
    let (field, value) = match error.constraint() {
        Some("affiliate_program_id_slug_key") => ("slug", row.slug.clone()),
        Some("affiliate_program_id_external_id_key") => {
            ("external_id", row.external_id.clone().unwrap_or_default())
        }
        _ => return error.into(),
    };
    Error::Conflict { code: "taken", message: format!("{field} {value:?} is taken by another affiliate") }
}

/// An affiliate by id.
pub async fn show(app: &App, caller: &Caller, id: AffiliateId) -> Result<AffiliateRow> {
    caller.visible_affiliate(Some(id))?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    by_id(&mut connection, caller, id).await
}

/// Remembers what an affiliate comes with when it does something itself: its own registrations are told by that (money.md §10).
/// What others come with, or nobody, is not remembered. What was done stands, also where this fails.
pub async fn came_with(app: &App, caller: &Caller, visitor: Option<Visitor>) {
    let (Some(visitor), store::key::Scope::Affiliate(own)) = (visitor, caller.scope) else { return };
    let remember = async {
        let mut tx = Tx::begin(app.pool(), caller.program).await?;
        let affiliate = by_id(tx.read(), caller, own).await?;
        store::person::seen_with(&mut tx, caller.program, affiliate.person.id, &visitor).await?;
        Ok(tx.commit().await?)
    };
    let remembered: Result<()> = remember.await;
    if let Err(error) = remembered {
        tracing::warn!(%error, affiliate = own.0, "what an affiliate came with is not remembered");
    }
}

/// An affiliate of the caller's program.
pub(crate) async fn by_id(
    connection: &mut Connection,
    caller: &Caller,
    id: AffiliateId,
) -> Result<AffiliateRow> {
    store::affiliate::by_id(connection, caller.program, id)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no affiliate {id}")))
}

/// A list of affiliates by id.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<AffiliateRow>> {
    let id = caller.visible_affiliate(filter.id)?;
    let filter = Filter { id, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::affiliate::list(&mut connection, caller.program, &filter, offset, limit).await?)
}

/// Changes an affiliate by a function on its row; a changed status is dated now. One without API access has no key that
/// works from then on.
///
/// The row is locked and read first, so that `change` sees what is there. It may change anything but the id.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: AffiliateId,
    change: impl FnOnce(&mut AffiliateRow) -> Result<()>,
) -> Result<AffiliateRow> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let (row, revoked) = update_in(app, &mut tx, &caller.decides(app), id, change).await?;
    tx.commit().await?;
    revoked.into_iter().for_each(|key| crate::key::forget(app, key));
    Ok(row)
}

/// [`update`] that also changes the terms of the affiliate's own deal, as its next version: both or neither. For terms
/// that stay as they are no deal of its own is needed.
pub async fn update_with_terms(
    app: &App,
    caller: &Caller,
    id: AffiliateId,
    change: impl FnOnce(&mut AffiliateRow) -> Result<()>,
    change_terms: impl FnOnce(&mut Terms) -> Result<()>,
) -> Result<()> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let caller = &caller.decides(app);
    let (row, revoked) = update_in(app, &mut tx, caller, id, change).await?;
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    let deal = match crate::overview::deal_of(&program, &row) {
        Some(deal) => store::deal::newest(tx.read(), caller.program, deal).await?,
        None => None,
    };
    let before = deal.as_ref().map(|deal| deal.terms.clone()).unwrap_or_default();
    let mut terms = before.clone();
    change_terms(&mut terms)?;
    match deal {
        _ if terms == before => {}
        Some(deal) if deal.affiliate == Some(id) => {
            crate::deal::update_in(app, &mut tx, caller, deal.id, None, Some(terms.into())).await?;
        }
        _ => {
            let message = format!("affiliate {id} has no deal of its own to change");
            return Err(Error::Conflict { code: "no_own_deal", message });
        }
    }
    tx.commit().await?;
    revoked.into_iter().for_each(|key| crate::key::forget(app, key));
    Ok(())
}

/// Changes an affiliate in a transaction of decisions, after whose commit the keys that are returned are forgotten.
async fn update_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    id: AffiliateId,
    change: impl FnOnce(&mut AffiliateRow) -> Result<()>,
) -> Result<(AffiliateRow, Vec<KeyId>)> {
    let before = store::affiliate::lock(tx, caller.program, id)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no affiliate {id}")))?;
    let mut row = before.clone();
    change(&mut row)?;
    before
        .status
        .transition(row.status)
        .map_err(|error| Error::Conflict { code: "status_refused", message: error.to_string() })?;
    check_references(tx.read(), caller, &row).await?;
    row.updated_at = caller.now;
    store::affiliate::update(tx, caller.program, &row).await.map_err(|error| taken(error, &row))?;
    if row.person != before.person {
        store::person::update(tx, caller.program, &row.person).await?;
    }
    if row.status != before.status {
        store::affiliate::append_status(tx, caller.program, id, caller.now, row.status).await?;
    }
    if (row.status, row.deal, row.parent) != (before.status, before.deal, before.parent) {
        store::program::bump_version(tx, caller.program).await?;
    }
    crate::key::log(app, tx, caller, "affiliate.changed", told(&row)).await?;
    if (&row.slug, row.deal) != (&before.slug, before.deal) {
        store::change::announce(tx, caller.program, "affiliate", &id.to_string()).await?;
    }
    if row.api_access_enabled {
        return Ok((row, Vec::new()));
    }
    let revoked = crate::key::revoke_of_affiliate(app, tx, caller, id).await?;
    Ok((row, revoked))
}
