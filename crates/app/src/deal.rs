//! Deals: made with their first version; a change makes a new one, which meets registrations from a set time on.

mod accept;

use std::collections::BTreeSet;

pub(crate) use accept::ACCEPTED;
pub use accept::{Acceptance, Accepted, accept};
use domain::currency::Currency;
use domain::deal::{Criteria, Terms};
use domain::ids::{AffiliateId, DealId, DealVersionId};
use domain::text::Name;
use domain::time::Timestamp;
use serde_json::json;
use store::Tx;
pub use store::deal::DealRow;

use crate::error::{Error, Result};
use crate::{App, Caller, random};

/// What a new deal is given.
#[derive(Clone, PartialEq, Debug)]
pub struct NewDeal {
    /// Its name.
    pub name: Name,
    /// Its terms.
    pub terms: Terms,
    /// The affiliate it is for. Without criteria it becomes the one that the affiliate is set to, with criteria it is
    /// chosen where they fit. `None` for a deal that any affiliate may be given, or for coupons alone.
    pub affiliate: Option<AffiliateId>,
}

/// Checks terms.
pub(crate) fn check(terms: &Terms, currency: Currency) -> Result<()> {
    terms.check(currency).map_err(|error| Error::invalid("terms", error))
}

/// Makes a deal.
pub async fn create(app: &App, caller: &Caller, new: NewDeal) -> Result<DealRow> {
    caller.require_operator()?;
    let id = DealId(app.0.counters.next(app.pool(), caller.program, "deal").await?);
    let version = DealVersionId(random::id());
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let caller = &caller.decides(app);
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    check(&new.terms, program.currency)?;
    let is_set = new.terms.criteria == Criteria::default();
    let owner = match new.affiliate {
        None => None,
        Some(affiliate) => {
            let row = store::affiliate::lock(&mut tx, caller.program, affiliate).await?;
            Some(row.ok_or_else(|| {
                Error::invalid("affiliate_id", format!("there is no affiliate {affiliate}"))
            })?)
        }
    };
    store::deal::append(&mut tx, caller.program, id, new.name.as_str(), new.affiliate, caller.now).await?;
    store::deal::append_version(&mut tx, caller.program, id, version, &new.terms, caller.now, caller.now)
        .await?;
    if let Some(mut owner) = owner.filter(|_| is_set) {
        owner.deal = Some(id);
        owner.updated_at = caller.now;
        store::affiliate::update(&mut tx, caller.program, &owner).await?;
        crate::key::log(app, &mut tx, caller, "affiliate.changed", crate::affiliate::told(&owner)).await?;
    }
    let body = json!({ "deal": id, "version": version, "affiliate": new.affiliate });
    crate::key::log(app, &mut tx, caller, "deal.created", body).await?;
    store::program::bump_version(&mut tx, caller.program).await?;
    let row = newest(&mut tx, caller, id).await?;
    tx.commit().await?;
    Ok(row)
}

async fn newest(tx: &mut Tx, caller: &Caller, id: DealId) -> Result<DealRow> {
    store::deal::newest(tx.read(), caller.program, id)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no deal {id}")))
}

/// New terms of a deal.
#[derive(Clone, PartialEq, Debug)]
pub struct NewTerms {
    /// The terms.
    pub terms: Terms,
    /// From when on registrations get them; `None` for now.
    pub effective_at: Option<Timestamp>,
}

impl From<Terms> for NewTerms {
    /// Terms that take effect now.
    fn from(terms: Terms) -> NewTerms {
        NewTerms { terms, effective_at: None }
    }
}

/// Changes a deal: a name changes the deal, terms make a new version of it.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: DealId,
    name: Option<Name>,
    terms: Option<NewTerms>,
) -> Result<DealRow> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let row = update_in(app, &mut tx, caller, id, name, terms).await?;
    tx.commit().await?;
    Ok(row)
}

/// Changes a deal in a transaction of decisions.
pub(crate) async fn update_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    id: DealId,
    name: Option<Name>,
    terms: Option<NewTerms>,
) -> Result<DealRow> {
    let asked_at = caller.now;
    let caller = &caller.decides(app);
    let before = newest(tx, caller, id).await?;
    if let Some(name) = name.filter(|name| name.as_str() != before.name) {
        store::deal::rename(tx, caller.program, id, name.as_str(), caller.now).await?;
    }
    if let Some(NewTerms { terms, effective_at }) = terms.filter(|new| new.terms != before.terms) {
        let program = crate::program::by_id(tx.read(), caller.program).await?;
        check(&terms, program.currency)?;
        check_later(effective_at, &before, asked_at)?;
        let effective_at = effective_at.unwrap_or_else(|| caller.now.max(before.effective_at));
        let version = DealVersionId(random::id());
        store::deal::append_version(tx, caller.program, id, version, &terms, effective_at, caller.now)
            .await?;
        let body = json!({ "deal": id, "version": version, "effective_at": effective_at });
        crate::key::log(app, tx, caller, "deal.changed", body).await?;
        store::program::bump_version(tx, caller.program).await?;
    }
    newest(tx, caller, id).await
}

/// Checks when a new version shall take effect: not in the past, and not before the version that it follows.
fn check_later(asked: Option<Timestamp>, before: &DealRow, now: Timestamp) -> Result<()> {
    let Some(at) = asked else { return Ok(()) };
    let refused = |message| Err(Error::invalid("effective_at", message));
    if at < now {
        return refused(format!(
            "{} is past; customers who registered since have their terms",
            at.to_rfc3339()
        ));
    }
    if at < before.effective_at {
        let (number, planned) = (before.number, before.effective_at.to_rfc3339());
        return refused(format!(
            "version {number} takes effect at {planned}; a newer one cannot do so before"
        ));
    }
    Ok(())
}

/// A deal in its newest version.
pub async fn show(app: &App, caller: &Caller, id: DealId) -> Result<DealRow> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    store::deal::newest(&mut connection, caller.program, id)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no deal {id}")))
}

/// Every version of a deal, newest first.
pub async fn versions(app: &App, caller: &Caller, id: DealId) -> Result<Vec<DealRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let rows = store::deal::versions(&mut connection, caller.program, id).await?;
    if rows.is_empty() { Err(Error::NotFound(format!("there is no deal {id}"))) } else { Ok(rows) }
}

/// A page of deals in their newest versions, after an id.
pub async fn page(app: &App, caller: &Caller, after: Option<DealId>, limit: i64) -> Result<Vec<DealRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::deal::page(&mut connection, caller.program, after, limit).await?)
}

/// The deals of an affiliate.
#[derive(Clone, PartialEq, Debug)]
pub struct OfAffiliate {
    /// Those that were made for it, and the one that its customers get where no criteria fit, oldest first.
    pub deals: Vec<DealRow>,
    /// The last: the one it is set to, else the program's default.
    pub home: DealId,
    /// The currency of their amounts.
    pub currency: Currency,
}

/// The deals of an affiliate in their newest versions.
pub async fn of_affiliate(app: &App, caller: &Caller, affiliate: AffiliateId) -> Result<OfAffiliate> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let program = crate::program::by_id(&mut connection, caller.program).await?;
    let row = crate::affiliate::by_id(&mut connection, caller, affiliate).await?;
    let home = row.deal.unwrap_or(program.default_deal);
    let of = BTreeSet::from([affiliate]);
    let made = store::deal::made_for(&mut connection, caller.program, &of).await?;
    let ids: BTreeSet<DealId> = made.into_values().flatten().chain([home]).collect();
    let ids: Vec<DealId> = ids.into_iter().collect();
    let mut deals = store::deal::newest_of(&mut connection, caller.program, &ids).await?;
    deals.sort_by_key(|deal| deal.id);
    Ok(OfAffiliate { deals, home, currency: program.currency })
}
