//! Programs: the tenants and their settings. Those of tracking are in `program/tracking.rs`.

pub mod default_deal;
pub mod tracking;

use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::ids::{AffiliateId, DealId, ProgramId};
use domain::time::{Period, Zone};

pub use self::tracking::{AttributionModel, Tracking};
use crate::error::{Result, corrupt};
use crate::{Connection, Pool, Step, Tx};

/// Whether a program moves real money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It does.
    Live,
    /// It is for trying things out.
    Test,
}

impl Mode {
    /// The word of this mode.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Test => "test",
        }
    }
}

/// How payouts are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PayoutMode {
    /// Requested and paid in one step.
    Direct,
    /// Requested, approved, paid.
    ThreeStep,
}

impl PayoutMode {
    /// The word of this mode.
    pub fn as_str(self) -> &'static str {
        match self {
            PayoutMode::Direct => "direct",
            PayoutMode::ThreeStep => "three_step",
        }
    }
}

/// A row of `program`.
#[derive(Clone, PartialEq, Debug)]
pub struct ProgramRow {
    /// Its id.
    pub id: ProgramId,
    /// Its name.
    pub name: String,
    /// The currency of its books.
    pub currency: Currency,
    /// The time zone of its days and months.
    pub zone: Zone,
    /// Live or test.
    pub mode: Mode,
    /// How payouts are made.
    pub payout_mode: PayoutMode,
    /// The smallest payout, unless an affiliate has its own.
    pub payout_threshold_micros: i64,
    /// Whether Smartico payments may exceed what is payable.
    pub smartico_advance: bool,
    /// Whether an identical Smartico payment within ten minutes is refused.
    pub refuse_identical_payment: bool,
    /// After so many days without a payment a referral expires.
    pub referral_expires_after_days: Option<i32>,
    /// A month is closed so many days after its end.
    pub close_after_days: i32,
    /// The last closed month; all before it are closed too.
    pub closed_through: Option<Period>,
    /// Who owns organic traffic.
    pub default_affiliate: AffiliateId,
    /// The deal of whoever has no own.
    pub default_deal: DealId,
    /// How clicks are led on and conversions attributed.
    pub tracking: Tracking,
    /// Registrations of one affiliate within an hour above which they are flagged; `None` for any number.
    pub review_registrations_per_hour: Option<i32>,
    /// Counted up by every change of a decision that facts are decided under.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Takes the next program number.
pub async fn next_id(pool: &Pool) -> Result<ProgramId> {
    let id = sqlx::query_scalar!(r#"select nextval('program_number') as "id!""#).fetch_one(pool).await?;
    Ok(ProgramId(id))
}

/// Appends a program; its default deal is appended before it.
pub async fn append(tx: &mut Tx, program: &ProgramRow) -> Result<()> {
    sqlx::query!(
        "insert into program (program_id, name, currency, zone, mode, payout_mode, payout_threshold_micros,
                              smartico_advance, refuse_identical_payment, referral_expires_after_days,
                              default_affiliate_id, default_deal_id, version, created_at, updated_at,
                              close_after_days, tracking_id, allowed_hosts, fallback_url, click_parameter, cookie_days,
                              attribution_model, keep_addresses, tracking_hosts, disposable_domains,
                              review_registrations_per_hour)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
                 $23, $24, $25, $26)",
        program.id.0,
        program.name,
        program.currency.code(),
        program.zone.name(),
        program.mode.as_str(),
        program.payout_mode.as_str(),
        program.payout_threshold_micros,
        program.smartico_advance,
        program.refuse_identical_payment,
        program.referral_expires_after_days,
        program.default_affiliate.0,
        program.default_deal.0,
        program.version,
        program.created_at,
        program.updated_at,
        program.close_after_days,
        program.tracking.id,
        &program.tracking.allowed_hosts,
        program.tracking.fallback_url,
        program.tracking.click_parameter,
        program.tracking.cookie_days,
        program.tracking.attribution_model.as_str(),
        program.tracking.keep_addresses,
        &program.tracking.hosts,
        &program.tracking.disposable_domains,
        program.review_registrations_per_hour
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    default_deal::append(tx, program.id, program.default_deal, program.created_at).await?;
    tracking::append(tx, program.id, &program.tracking).await
}

/// Stores changed settings and counts the version up; another default deal is dated by the change. The transaction holds the
/// fence exclusively.
pub async fn update(tx: &mut Tx, program: &ProgramRow) -> Result<()> {
    sqlx::query!(
        "update program set name = $2, currency = $3, zone = $4, payout_mode = $5, payout_threshold_micros = $6,
                smartico_advance = $7, refuse_identical_payment = $8, referral_expires_after_days = $9,
                default_deal_id = $10, version = version + 1, updated_at = $11, close_after_days = $12,
                allowed_hosts = $13, fallback_url = $14, click_parameter = $15, cookie_days = $16,
                attribution_model = $17, keep_addresses = $18, tracking_hosts = $19, disposable_domains = $20,
                review_registrations_per_hour = $21
         where program_id = $1",
        program.id.0,
        program.name,
        program.currency.code(),
        program.zone.name(),
        program.payout_mode.as_str(),
        program.payout_threshold_micros,
        program.smartico_advance,
        program.refuse_identical_payment,
        program.referral_expires_after_days,
        program.default_deal.0,
        program.updated_at,
        program.close_after_days,
        &program.tracking.allowed_hosts,
        program.tracking.fallback_url,
        program.tracking.click_parameter,
        program.tracking.cookie_days,
        program.tracking.attribution_model.as_str(),
        program.tracking.keep_addresses,
        &program.tracking.hosts,
        &program.tracking.disposable_domains,
        program.review_registrations_per_hour
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    default_deal::append(tx, program.id, program.default_deal, program.updated_at).await?;
    tracking::set_hosts(tx, program.id, &program.tracking.hosts).await
}

/// Closes every month up to one. The transaction holds the fence exclusively.
pub async fn close_through(tx: &mut Tx, program: ProgramId, month: Period) -> Result<()> {
    sqlx::query!(
        "update program set closed_through = $2, version = version + 1 where program_id = $1",
        program.0,
        month.number()
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Counts the version up without another change of the row, so that every process reads decisions anew.
pub async fn bump_version(tx: &mut Tx, program: ProgramId) -> Result<()> {
    sqlx::query!("update program set version = version + 1 where program_id = $1", program.0)
        .execute(tx.enter(Step::Appends)?)
        .await?;
    Ok(())
}

/// A program by id.
pub async fn by_id(connection: &mut Connection, program: ProgramId) -> Result<Option<ProgramRow>> {
    let row = sqlx::query!(
        "select program_id, name, currency, zone, mode, payout_mode, payout_threshold_micros, smartico_advance,
                refuse_identical_payment, referral_expires_after_days, default_affiliate_id, default_deal_id, version,
                created_at, updated_at, close_after_days, closed_through, tracking_id, allowed_hosts, fallback_url,
                click_parameter, cookie_days, attribution_model, keep_addresses, tracking_hosts, disposable_domains,
                review_registrations_per_hour
         from program where program_id = $1",
        program.0
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(ProgramRow {
            id: program,
            name: row.name,
            currency: row.currency.parse().map_err(|_| corrupt("program", "currency", program))?,
            zone: row.zone.parse().map_err(|_| corrupt("program", "zone", program))?,
            mode: if row.mode == "live" { Mode::Live } else { Mode::Test },
            payout_mode: match row.payout_mode.as_str() {
                "direct" => PayoutMode::Direct,
                _ => PayoutMode::ThreeStep,
            },
            payout_threshold_micros: row.payout_threshold_micros,
            smartico_advance: row.smartico_advance,
            refuse_identical_payment: row.refuse_identical_payment,
            referral_expires_after_days: row.referral_expires_after_days,
            close_after_days: row.close_after_days,
            closed_through: row
                .closed_through
                .map(|month| {
                    Period::from_number(month).ok_or_else(|| corrupt("program", "closed_through", program))
                })
                .transpose()?,
            default_affiliate: AffiliateId(row.default_affiliate_id),
            default_deal: DealId(row.default_deal_id),
            review_registrations_per_hour: row.review_registrations_per_hour,
            tracking: Tracking {
                id: row.tracking_id,
                allowed_hosts: row.allowed_hosts,
                fallback_url: row.fallback_url,
                click_parameter: row.click_parameter,
                cookie_days: row.cookie_days,
                attribution_model: AttributionModel::from_word(&row.attribution_model)
                    .ok_or_else(|| corrupt("program", "attribution_model", program))?,
                keep_addresses: row.keep_addresses,
                hosts: row.tracking_hosts,
                disposable_domains: row.disposable_domains,
            },
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    })
    .transpose()
}

/// All programs.
pub async fn ids(pool: &Pool) -> Result<Vec<ProgramId>> {
    let ids =
        sqlx::query_scalar!("select program_id from program order by program_id").fetch_all(pool).await?;
    Ok(ids.into_iter().map(ProgramId).collect())
}
