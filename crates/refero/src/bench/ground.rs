//! Where a measurement takes place: a database of its own in a fresh folder, unless told otherwise, run by this process
//! so that servers and plain SQL can take turns on it.

use std::path::{Path, PathBuf};

use app::App;
use app::clock::Clock;
use app::config::Config;
use clap::Args;
use embedded_postgres::Access;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::failure::{Failure, Outcome};
use crate::secret;

/// Where to measure.
#[derive(Args, Clone)]
#[group(skip)]
pub(super) struct Options {
    /// A data folder to measure in; a fresh one, removed afterwards, unless given.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A PostgreSQL to measure on instead of the embedded one. It is filled with programs that stay.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// The place of a measurement.
pub(super) struct Ground {
    /// The data folder.
    pub(super) dir: PathBuf,
    /// Where the database is.
    pub(super) url: String,
    is_external: bool,
    access: Option<Access>,
    _folder: Folder,
}

/// The folder, removed at the end if it was made for this.
struct Folder(Option<PathBuf>);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(dir) = &self.0
            && let Err(error) = std::fs::remove_dir_all(dir)
        {
            eprintln!("{} cannot be removed: {error}", dir.display());
        }
    }
}

impl Options {
    /// The folder, and whether it is to be removed afterwards.
    fn folder(&self) -> Outcome<(PathBuf, Folder)> {
        if let Some(dir) = &self.data {
            return Ok((dir.clone(), Folder(None)));
        }
        let name = format!("refero-bench-{}", app::random::hex(&app::random::bytes::<6>()));
        let dir = std::env::temp_dir().join(name);
        // Readable for the user PostgreSQL runs as; the folders with data in it are closed by whoever makes them.
        std::fs::create_dir(&dir)?;
        Ok((dir.clone(), Folder(Some(dir))))
    }
}

impl Ground {
    /// Opens the database. `before` may use the folder while nobody runs a database in it.
    pub(super) async fn open<T>(
        options: &Options,
        before: impl AsyncFnOnce(&Path, Option<&str>) -> Outcome<T>,
    ) -> Outcome<(Ground, T)> {
        let (dir, folder) = options.folder()?;
        let found = before(&dir, options.database_url.as_deref()).await?;
        let (url, access) = match &options.database_url {
            Some(url) => (url.clone(), None),
            None => {
                let settings = embedded_postgres::Options::new(dir.clone());
                let opened = tokio::task::spawn_blocking(move || embedded_postgres::open(&settings));
                let access = opened.await?.map_err(Failure::new)?;
                (access.connection().url(), Some(access))
            }
        };
        let is_external = options.database_url.is_some();
        let ground = Ground { dir, url, is_external, access, _folder: folder };
        Ok((ground, found))
    }

    /// The URL, if the database is not the embedded one.
    pub(super) fn external_url(&self) -> Option<&str> {
        self.is_external.then_some(self.url.as_str())
    }

    /// Starts the product in this process. It must be stopped before anything is measured.
    pub(super) async fn product(&self) -> Outcome<App> {
        let secret = secret::load(None, Some(&self.dir))?;
        let pool = store::connect(&self.url, 4).await?;
        store::migration::run(&pool).await?;
        let config = Config { queue_limit: 1 << 20, ..Config::default() };
        Ok(App::start(pool, secret, Clock::System, config).await?)
    }

    /// A connection without our code. Plans are generic from the start, as the product's are.
    pub(super) async fn connect(&self) -> Outcome<PgConnection> {
        let options: PgConnectOptions = self.url.parse()?;
        let settings = [("plan_cache_mode", "force_generic_plan"), ("timezone", "UTC")];
        Ok(options.options(settings).disable_statement_logging().connect().await?)
    }

    /// Ends the database, if it runs here.
    pub(super) async fn close(self) -> Outcome {
        let Ground { access, _folder: folder, .. } = self;
        if let Some(Access::Owner(server)) = access {
            tokio::task::spawn_blocking(move || server.stop()).await??;
        }
        drop(folder);
        Ok(())
    }
}

/// Brings the database to rest, so that no measurement pays for the dead rows of the one before.
///
/// The checkpoint comes first: the vacuum then touches what will be written, so that what is measured is the rate that
/// settles and not the images of whole pages that the first touch after a checkpoint costs.
pub(super) async fn settle(connection: &mut PgConnection) -> Outcome {
    // Not everybody may do this on a database by URL; the measurement goes on without.
    if let Err(error) = sqlx::query("checkpoint").execute(&mut *connection).await {
        tracing::debug!(%error, "no checkpoint");
    }
    sqlx::query("vacuum analyze").execute(&mut *connection).await?;
    Ok(())
}

/// Ends connections together.
pub(super) async fn hang_up(connections: Vec<PgConnection>) -> Outcome {
    for connection in connections {
        connection.close().await?;
    }
    Ok(())
}
