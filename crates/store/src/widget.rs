//! The referral widget of a program, and who joined by it.

use domain::ids::{AffiliateId, DealId, ProgramId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::name::Hash;
use crate::{Connection, Pool, Step, Tx};

/// A row of `widget`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WidgetRow {
    /// What names it in a browser.
    pub product: Uuid,
    /// What the secret is made of, with the master secret.
    pub secret_salt: [u8; 32],
    /// Whether it answers.
    pub is_enabled: bool,
    /// What the dialog is called.
    pub title: String,
    /// Where personal links lead.
    pub landing_url: String,
    /// What whoever joins agrees to; may be empty.
    pub terms: String,
    /// Where the terms can be read in full.
    pub terms_url: Option<String>,
    /// What the advocate gets, in words.
    pub advocate_reward: Option<String>,
    /// What her friend gets, in words.
    pub friend_reward: Option<String>,
    /// What is written beside a shared link.
    pub share_text: String,
    /// The deal of whoever joins; the program's default if there is none.
    pub deal: Option<DealId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The widget of a program.
pub async fn by_program(connection: &mut Connection, program: ProgramId) -> Result<Option<WidgetRow>> {
    let row = sqlx::query!(
        "select product_id, secret_salt, is_enabled, title, landing_url, terms, terms_url, advocate_reward,
                friend_reward, share_text, deal_id, created_at, updated_at
         from widget where program_id = $1",
        program.0
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(WidgetRow {
            product: row.product_id,
            secret_salt: row.secret_salt.try_into().map_err(|_| corrupt("widget", "secret_salt", program))?,
            is_enabled: row.is_enabled,
            title: row.title,
            landing_url: row.landing_url,
            terms: row.terms,
            terms_url: row.terms_url,
            advocate_reward: row.advocate_reward,
            friend_reward: row.friend_reward,
            share_text: row.share_text,
            deal: row.deal_id.map(DealId),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    })
    .transpose()
}

/// The program of a product.
pub async fn program_of(pool: &Pool, product: Uuid) -> Result<Option<ProgramId>> {
    let program =
        sqlx::query_scalar!("select program_id from directory_product where product_id = $1", product);
    Ok(program.fetch_optional(pool).await?.map(ProgramId))
}

/// Makes or replaces the widget of a program; its product stays what it is. The transaction holds the fence exclusively.
pub async fn put(tx: &mut Tx, program: ProgramId, row: &WidgetRow) -> Result<()> {
    let connection = tx.enter(Step::Appends)?;
    sqlx::query!(
        "insert into widget (program_id, product_id, secret_salt, is_enabled, title, landing_url, terms, terms_url,
                             advocate_reward, friend_reward, share_text, deal_id, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         on conflict (program_id) do update set
             secret_salt = excluded.secret_salt, is_enabled = excluded.is_enabled, title = excluded.title,
             landing_url = excluded.landing_url, terms = excluded.terms, terms_url = excluded.terms_url,
             advocate_reward = excluded.advocate_reward, friend_reward = excluded.friend_reward,
             share_text = excluded.share_text, deal_id = excluded.deal_id, updated_at = excluded.updated_at",
        program.0,
        row.product,
        &row.secret_salt[..],
        row.is_enabled,
        row.title,
        row.landing_url,
        row.terms,
        row.terms_url,
        row.advocate_reward,
        row.friend_reward,
        row.share_text,
        row.deal.map(|id| id.0),
        row.created_at,
        row.updated_at
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into directory_product (product_id, program_id) values ($1, $2) on conflict (product_id) do nothing",
        row.product,
        program.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The affiliate of a user who joined, and when that was.
pub async fn advocate(
    connection: &mut Connection,
    program: ProgramId,
    user: Hash,
) -> Result<Option<(AffiliateId, Timestamp)>> {
    let row = sqlx::query!(
        "select affiliate_id, joined_at from advocate where program_id = $1 and user_hash = $2",
        program.0,
        &user[..]
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (AffiliateId(row.affiliate_id), row.joined_at)))
}

/// Records that a user joined; says whether it had not before.
pub async fn append_advocate(
    tx: &mut Tx,
    program: ProgramId,
    user: Hash,
    affiliate: AffiliateId,
    joined_at: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "insert into advocate (program_id, user_hash, affiliate_id, joined_at) values ($1, $2, $3, $4)
         on conflict (program_id, user_hash) do nothing",
        program.0,
        &user[..],
        affiliate.0,
        joined_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(done.rows_affected() == 1)
}
