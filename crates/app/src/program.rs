//! Programs: made with a default affiliate for organic traffic and a default deal, and their settings. Those of tracking
//! are in `program/tracking.rs`.

pub(crate) mod tracking;

pub use self::tracking::TrackingChanges;
use domain::affiliate::Status;
use domain::currency::Currency;
use domain::deal::Terms;
use domain::ids::{AffiliateId, DealId, DealVersionId, LogId, PersonId, ProgramId};
use domain::text::Name;
use domain::time::{Timestamp, Zone};
use serde_json::json;
use store::affiliate::{AffiliateRow, Profile};
use store::log::LogRow;
use store::person::PersonRow;
pub use store::program::{AttributionModel, Mode, PayoutMode, ProgramRow, Tracking};
use store::{Tx, change};

use crate::error::{Error, Result};
use crate::{App, Caller, random};

/// Registrations of one affiliate within an hour above which a new program flags them.
const REGISTRATIONS_PER_HOUR: i32 = 100;

/// What a new program is given.
#[derive(Clone, PartialEq, Debug)]
pub struct NewProgram {
    /// Its name.
    pub name: Name,
    /// The currency of its books.
    pub currency: Currency,
    /// The time zone of its days and months.
    pub zone: Zone,
    /// Live or test.
    pub mode: Mode,
    /// The terms of the default deal.
    pub terms: Terms,
    /// The smallest payout, in micros.
    pub payout_threshold_micros: i64,
}

/// Makes a program.
pub async fn create(app: &App, now: Timestamp, new: NewProgram) -> Result<ProgramRow> {
    crate::deal::check(&new.terms, new.currency)?;
    let id = store::program::next_id(app.pool()).await?;
    let affiliate = AffiliateId(app.0.counters.next(app.pool(), id, "affiliate").await?);
    let deal = DealId(app.0.counters.next(app.pool(), id, "deal").await?);
    let program = ProgramRow {
        id,
        name: new.name.to_string(),
        currency: new.currency,
        zone: new.zone,
        mode: new.mode,
        payout_mode: PayoutMode::Direct,
        payout_threshold_micros: new.payout_threshold_micros,
        smartico_advance: true,
        refuse_identical_payment: false,
        referral_expires_after_days: None,
        close_after_days: 1,
        closed_through: None,
        default_affiliate: affiliate,
        default_deal: deal,
        tracking: Tracking::new(random::id()),
        review_registrations_per_hour: Some(REGISTRATIONS_PER_HOUR),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let mut tx = Tx::begin_decision(app.pool(), id).await?;
    store::deal::append(&mut tx, id, deal, "Default", None, now).await?;
    let version = DealVersionId(random::id());
    store::deal::append_version(&mut tx, id, deal, version, &new.terms, now, now).await?;
    store::program::append(&mut tx, &program).await?;
    let organic = organic(affiliate, now);
    store::affiliate::append(&mut tx, id, &organic).await?;
    let body = json!({
        "currency": new.currency, "zone": new.zone, "mode": new.mode.as_str(), "default_deal": deal,
        "default_affiliate": affiliate,
    });
    let row = |kind, body| LogRow {
        id: LogId(random::id()),
        kind,
        scope: None,
        recorded_at: now,
        body: Some(body),
    };
    let logs = [row("program.created", body), row("affiliate.created", crate::affiliate::told(&organic))];
    store::log::append(&mut tx, id, &logs).await?;
    tx.commit().await?;
    app.0.sequencer.notify(id);
    Ok(program)
}

/// The default affiliate: it owns organic traffic and earns nothing.
fn organic(id: AffiliateId, now: Timestamp) -> AffiliateRow {
    let mut person = PersonRow::customer(PersonId(random::id()), None, None);
    person.name = Some("Organic".to_owned());
    AffiliateRow {
        id,
        person,
        slug: "organic".to_owned(),
        partner_key: random::hex(&random::bytes::<8>()),
        status: Status::Approved,
        deal: None,
        parent: None,
        manager: None,
        external_id: None,
        payment_method: 0,
        payout_threshold_micros: None,
        no_carry_over: None,
        api_access_enabled: false,
        profile: Profile::default(),
        created_at: now,
        updated_at: now,
    }
}

/// The caller's program.
pub async fn show(app: &App, caller: &Caller) -> Result<ProgramRow> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    by_id(&mut connection, caller.program).await
}

pub(crate) async fn by_id(connection: &mut store::Connection, id: ProgramId) -> Result<ProgramRow> {
    store::program::by_id(connection, id)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no program {id}")))
}

/// All programs.
pub async fn ids(app: &App) -> Result<Vec<ProgramId>> {
    Ok(store::program::ids(app.pool()).await?)
}

/// Settings to change; what is `None` stays.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// Its name.
    pub name: Option<Name>,
    /// The currency of its books; fixed by the first fact.
    pub currency: Option<Currency>,
    /// The time zone of its days and months; fixed by the first fact.
    pub zone: Option<Zone>,
    /// How payouts are made.
    pub payout_mode: Option<PayoutMode>,
    /// The smallest payout, in micros.
    pub payout_threshold_micros: Option<i64>,
    /// Whether Smartico payments may exceed what is payable.
    pub smartico_advance: Option<bool>,
    /// Whether an identical Smartico payment within ten minutes is refused.
    pub refuse_identical_payment: Option<bool>,
    /// After so many days without a payment a referral expires; `Some(None)` for never.
    pub referral_expires_after_days: Option<Option<i32>>,
    /// A month is closed so many days after its end.
    pub close_after_days: Option<i32>,
    /// The deal of whoever has no own.
    pub default_deal: Option<DealId>,
    /// How clicks are led on and conversions attributed.
    pub tracking: TrackingChanges,
    /// Registrations of one affiliate within an hour above which they are flagged; `Some(None)` for any number.
    pub review_registrations_per_hour: Option<Option<i32>>,
}

/// Changes settings. No setting changes an existing commission.
pub async fn update(app: &App, caller: &Caller, changes: Changes) -> Result<ProgramRow> {
    caller.require_operator()?;
    let id = caller.program;
    let mut tx = Tx::begin_decision(app.pool(), id).await?;
    let caller = &caller.decides(app);
    let mut program = by_id(tx.read(), id).await?;
    let fixed = [
        ("currency", changes.currency.is_some_and(|currency| currency != program.currency)),
        ("zone", changes.zone.is_some_and(|zone| zone != program.zone)),
    ];
    if let Some((field, _)) = fixed.into_iter().find(|(_, changed)| *changed)
        && let Some((code, first)) = fixed_by(&mut tx, id).await?
    {
        return Err(Error::Conflict {
            code,
            message: format!("{field} was fixed by the program's first {first}"),
        });
    }
    let is_other_zone = changes.zone.is_some_and(|zone| zone != program.zone);
    if is_other_zone && store::click::daily::any(tx.read(), id).await? {
        return Err(Error::Conflict {
            code: "fixed_by_first_click",
            message: "zone was fixed by the program's first click, whose figures are kept by day".to_owned(),
        });
    }
    if let Some(currency) = changes.currency.filter(|currency| *currency != program.currency) {
        check_deals(&mut tx, id, currency, caller.now).await?;
    }
    if let Some(deal) = changes.default_deal {
        let known = store::deal::newest(tx.read(), id, deal).await?;
        known.ok_or_else(|| Error::invalid("default_deal_id", format!("there is no deal {deal}")))?;
    }
    tracking::apply(app, &mut program.tracking, &changes.tracking)?;
    apply(&mut program, changes);
    check(&program)?;
    program.updated_at = caller.now;
    program.version += 1;
    store::program::update(&mut tx, &program).await.map_err(tracking::taken)?;
    crate::key::log(app, &mut tx, caller, "program.changed", settings(&program)).await?;
    change::announce(&mut tx, id, "program", &id.to_string()).await?;
    tx.commit().await?;
    crate::click::program_changed(app, id).await;
    Ok(program)
}

/// What has fixed the currency and the zone of a program's books: a fact, or an entry, which stands in a month of the zone.
async fn fixed_by(tx: &mut Tx, program: ProgramId) -> Result<Option<(&'static str, &'static str)>> {
    if store::fact::any(tx.read(), program).await? {
        return Ok(Some(("fixed_by_first_fact", "fact")));
    }
    let is_booked = store::account::any(tx.read(), program).await?;
    Ok(is_booked.then_some(("fixed_by_first_entry", "entry in its books")))
}

/// Checks the versions of every deal that are or come into force in another currency, which may have fewer decimals.
async fn check_deals(tx: &mut Tx, program: ProgramId, currency: Currency, now: Timestamp) -> Result<()> {
    let mut after = None;
    loop {
        let deals = store::deal::page(tx.read(), program, after, 200).await?;
        let Some(last) = deals.last() else { return Ok(()) };
        after = Some(last.id);
        for deal in &deals {
            for version in store::deal::versions(tx.read(), program, deal.id).await? {
                version.terms.check(currency).map_err(|error| {
                    let message = format!("the terms of deal {} do not fit {currency}: {error}", deal.id);
                    Error::invalid("currency", message)
                })?;
                if version.effective_at <= now {
                    break;
                }
            }
        }
    }
}

fn apply(program: &mut ProgramRow, changes: Changes) {
    let Changes { name, currency, zone, payout_mode, payout_threshold_micros, .. } = changes;
    if let Some(name) = name {
        program.name = name.to_string();
    }
    program.currency = currency.unwrap_or(program.currency);
    program.zone = zone.unwrap_or(program.zone);
    program.payout_mode = payout_mode.unwrap_or(program.payout_mode);
    program.payout_threshold_micros = payout_threshold_micros.unwrap_or(program.payout_threshold_micros);
    program.smartico_advance = changes.smartico_advance.unwrap_or(program.smartico_advance);
    program.refuse_identical_payment =
        changes.refuse_identical_payment.unwrap_or(program.refuse_identical_payment);
    program.referral_expires_after_days =
        changes.referral_expires_after_days.unwrap_or(program.referral_expires_after_days);
    program.close_after_days = changes.close_after_days.unwrap_or(program.close_after_days);
    program.default_deal = changes.default_deal.unwrap_or(program.default_deal);
    program.review_registrations_per_hour =
        changes.review_registrations_per_hour.unwrap_or(program.review_registrations_per_hour);
}

fn check(program: &ProgramRow) -> Result<()> {
    let threshold = program.payout_threshold_micros;
    if !(0..=domain::money::MAX_MICROS).contains(&threshold) {
        return Err(Error::invalid("payout_threshold", "expected an amount from 0 to 1000000000000"));
    }
    if program.referral_expires_after_days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return Err(Error::invalid(
            "referral_expires_after_days",
            "expected 1 to 3650 days, or null for never",
        ));
    }
    if !(0..=60).contains(&program.close_after_days) {
        return Err(Error::invalid("close_after_days", "expected 0 to 60 days"));
    }
    if program.review_registrations_per_hour.is_some_and(|limit| !(1..=1_000_000).contains(&limit)) {
        let message = "expected 1 to 1000000, or null for any number";
        return Err(Error::invalid("review_registrations_per_hour", message));
    }
    Ok(())
}

fn settings(program: &ProgramRow) -> serde_json::Value {
    json!({
        "currency": program.currency,
        "zone": program.zone,
        "payout_mode": program.payout_mode.as_str(),
        "payout_threshold_micros": program.payout_threshold_micros,
        "smartico_advance": program.smartico_advance,
        "refuse_identical_payment": program.refuse_identical_payment,
        "referral_expires_after_days": program.referral_expires_after_days,
        "close_after_days": program.close_after_days,
        "default_deal": program.default_deal,
        "review_registrations_per_hour": program.review_registrations_per_hour,
        "tracking": tracking::settings(&program.tracking),
    })
}
