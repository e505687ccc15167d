//! The tracking settings of a program, and the directory rows by which a request without a key finds its program.

use domain::ids::ProgramId;
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Pool, Step, Tx};

/// The parameter of the landing page's address that carries the click token, unless a program chooses another.
pub const CLICK_PARAMETER: &str = "rfr";

/// From click to registration, in days, unless a program says otherwise.
pub const COOKIE_DAYS: i32 = 60;

/// Which of several clicks counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttributionModel {
    /// The last before the registration.
    LastClick,
    /// The first inside the window.
    FirstClick,
}

impl AttributionModel {
    /// Every model.
    pub const ALL: [AttributionModel; 2] = [AttributionModel::LastClick, AttributionModel::FirstClick];

    /// The word of this model.
    pub fn as_str(self) -> &'static str {
        match self {
            AttributionModel::LastClick => "last_click",
            AttributionModel::FirstClick => "first_click",
        }
    }

    /// The model of a word.
    pub fn from_word(word: &str) -> Option<AttributionModel> {
        AttributionModel::ALL.into_iter().find(|model| model.as_str() == word)
    }
}

/// How a program's clicks are led on and its conversions attributed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tracking {
    /// What names the program in a browser.
    pub id: Uuid,
    /// Hosts that links may lead to: `shop.example.com`, `*.example.com`.
    pub allowed_hosts: Vec<String>,
    /// Where a link without a destination, a disabled one and an unknown code on one of the program's own hosts lead.
    pub fallback_url: Option<String>,
    /// The parameter of the landing page's address that carries the click token.
    pub click_parameter: String,
    /// From click to registration at most, in days: 1 to 120.
    pub cookie_days: i32,
    /// Which of several clicks counts.
    pub attribution_model: AttributionModel,
    /// Whether addresses of visitors are kept as they are, beside their keyed hash.
    pub keep_addresses: bool,
    /// The program's own hosts, on which its codes stand alone.
    pub hosts: Vec<String>,
    /// Domains of e-mail addresses whose registrations are flagged.
    pub disposable_domains: Vec<String>,
}

impl Tracking {
    /// The settings of a new program.
    pub fn new(id: Uuid) -> Tracking {
        Tracking {
            id,
            allowed_hosts: Vec::new(),
            fallback_url: None,
            click_parameter: CLICK_PARAMETER.to_owned(),
            cookie_days: COOKIE_DAYS,
            attribution_model: AttributionModel::LastClick,
            keep_addresses: false,
            hosts: Vec::new(),
            disposable_domains: Vec::new(),
        }
    }
}

/// Names a new program in the directories.
pub(super) async fn append(tx: &mut Tx, program: ProgramId, tracking: &Tracking) -> Result<()> {
    sqlx::query!(
        "insert into directory_tracking (tracking_id, program_id) values ($1, $2)",
        tracking.id,
        program.0
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    set_hosts(tx, program, &tracking.hosts).await
}

/// Makes hosts those of a program and no others. A host of another program is refused by a unique key.
pub async fn set_hosts(tx: &mut Tx, program: ProgramId, hosts: &[String]) -> Result<()> {
    let connection = tx.enter(Step::Appends)?;
    sqlx::query!("delete from directory_host where program_id = $1 and host <> all($2)", program.0, hosts)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into directory_host (host, program_id) select h.host, $1 from unnest($2::text[]) as h (host)
         where not exists (select from directory_host d where d.host = h.host and d.program_id = $1)",
        program.0,
        hosts
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The program that a browser names.
pub async fn program_of(pool: &Pool, tracking_id: Uuid) -> Result<Option<ProgramId>> {
    let id =
        sqlx::query_scalar!("select program_id from directory_tracking where tracking_id = $1", tracking_id)
            .fetch_optional(pool)
            .await?;
    Ok(id.map(ProgramId))
}

/// Every host that is a program's own.
pub async fn hosts(connection: &mut Connection) -> Result<Vec<(String, ProgramId)>> {
    let rows = sqlx::query!("select host, program_id from directory_host order by host")
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| (row.host, ProgramId(row.program_id))).collect())
}
