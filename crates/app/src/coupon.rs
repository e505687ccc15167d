//! Coupons: a code brings its affiliate the customers who use it. Unique in a program, dated, with a deal of its own where
//! it has one; whom a code belongs to never changes.

use domain::attribution::{Code, Validity};
use domain::ids::{AffiliateId, DealId};
use serde_json::json;
use store::Tx;
pub use store::coupon::{CouponRow, Filter};

use crate::error::{Error, Result};
use crate::{App, Caller};

/// A new coupon.
#[derive(Clone, PartialEq, Debug)]
pub struct NewCoupon {
    /// What a customer types.
    pub code: Code,
    /// What a payment provider calls it (Stripe: the coupon's id), where that is something else.
    pub provider_code: Option<Code>,
    /// Whose it is.
    pub affiliate: AffiliateId,
    /// The deal that its customers get; without one they get what any customer of the affiliate does.
    pub deal: Option<DealId>,
    /// When it is valid.
    pub validity: Validity,
}

/// What of a coupon is to change; `None` leaves it as it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// What a payment provider calls it.
    pub provider_code: Option<Option<Code>>,
    /// The deal that its customers get.
    pub deal: Option<Option<DealId>>,
    /// From when on it is valid.
    pub valid_from: Option<Option<domain::time::Timestamp>>,
    /// Until when it is valid.
    pub valid_until: Option<Option<domain::time::Timestamp>>,
}

/// Makes a coupon.
pub async fn create(app: &App, caller: &Caller, new: NewCoupon) -> Result<CouponRow> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let caller = &caller.decides(app);
    let row = CouponRow {
        code: new.code,
        provider_code: new.provider_code,
        affiliate: new.affiliate,
        deal: new.deal,
        validity: new.validity,
        created_at: caller.now,
        updated_at: caller.now,
    };
    let known = store::affiliate::by_id(tx.read(), caller.program, row.affiliate).await?;
    known
        .ok_or_else(|| Error::invalid("affiliate_id", format!("there is no affiliate {}", row.affiliate)))?;
    check(&mut tx, caller, &row, None).await?;
    store::coupon::append(&mut tx, caller.program, &row).await?;
    crate::key::log(app, &mut tx, caller, "coupon.created", told(&row)).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok(row)
}

/// Changes a coupon. What registrations were put down to by it stays.
pub async fn update(app: &App, caller: &Caller, code: &Code, changes: Changes) -> Result<CouponRow> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let caller = &caller.decides(app);
    let filter = Filter { code: Some(code.clone()), ..Filter::default() };
    let known = store::coupon::list(tx.read(), caller.program, &filter, 1).await?.pop();
    let mut row = known.ok_or_else(|| unknown(code))?;
    row.provider_code = changes.provider_code.unwrap_or(row.provider_code);
    row.deal = changes.deal.unwrap_or(row.deal);
    row.validity.from = changes.valid_from.unwrap_or(row.validity.from);
    row.validity.until = changes.valid_until.unwrap_or(row.validity.until);
    row.updated_at = caller.now;
    check(&mut tx, caller, &row, Some(code)).await?;
    store::coupon::update(&mut tx, caller.program, &row).await?;
    crate::key::log(app, &mut tx, caller, "coupon.changed", told(&row)).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok(row)
}

fn unknown(code: &Code) -> Error {
    Error::NotFound(format!("there is no coupon {code}"))
}

fn told(row: &CouponRow) -> serde_json::Value {
    json!({
        "code": row.code, "provider_code": row.provider_code, "affiliate": row.affiliate, "deal": row.deal,
        "valid_from": row.validity.from, "valid_until": row.validity.until,
    })
}

/// Checks what a coupon refers to and that nothing else has its codes; `own` is the code of a coupon that is there.
async fn check(tx: &mut Tx, caller: &Caller, row: &CouponRow, own: Option<&Code>) -> Result<()> {
    if let (Some(from), Some(until)) = (row.validity.from, row.validity.until)
        && from >= until
    {
        return Err(Error::invalid("valid_until", "expected a time after valid_from"));
    }
    if let Some(deal) = row.deal {
        let known = store::deal::newest(tx.read(), caller.program, deal).await?;
        known.ok_or_else(|| Error::invalid("deal_id", format!("there is no deal {deal}")))?;
    }
    let provider_code = row.provider_code.as_ref().filter(|code| **code != row.code);
    for (field, code) in [("code", Some(&row.code)), ("provider_code", provider_code)] {
        let Some(code) = code else { continue };
        let taken = store::coupon::named(tx.read(), caller.program, &[code.to_string()]).await?;
        if taken.iter().any(|known| Some(&known.code) != own) {
            let message = format!("{field} {code:?} is taken by another coupon", code = code.as_str());
            return Err(Error::Conflict { code: "taken", message });
        }
    }
    Ok(())
}

/// A coupon by its code.
pub async fn show(app: &App, caller: &Caller, code: &Code) -> Result<CouponRow> {
    let filter = Filter { code: Some(code.clone()), ..Filter::default() };
    list(app, caller, &filter, 1).await?.pop().ok_or_else(|| unknown(code))
}

/// A list of coupons in the order of their codes. An affiliate's key sees its own.
pub async fn list(app: &App, caller: &Caller, filter: &Filter, limit: i64) -> Result<Vec<CouponRow>> {
    let affiliate = caller.visible_affiliate(filter.affiliate)?;
    let filter = Filter { affiliate, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::coupon::list(&mut connection, caller.program, &filter, limit).await?)
}
