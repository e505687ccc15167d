//! The house a command works in: a database, embedded or by URL, brought to this binary's schema, and the product on
//! it. Commands work beside a running server and beside each other.

use std::path::{Path, PathBuf};

use app::App;
use app::clock::Clock;
use app::config::{Config, Mail};
use clap::Args;
use embedded_postgres::Access;
use store::Pool;

use crate::failure::{Failure, Outcome};
use crate::secret;

/// Where the data are.
#[derive(Args, Clone)]
#[group(skip)]
pub(crate) struct Options {
    /// The data folder of the embedded PostgreSQL.
    #[arg(long, env = "REFERO_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A PostgreSQL (15 or newer) to use instead of the embedded one.
    #[arg(long, env = "REFERO_DATABASE_URL", value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// The master secret, 64 hexadecimal digits; kept in the data folder otherwise.
    #[arg(long, env = "REFERO_SECRET", hide_env_values = true, value_name = "HEX")]
    pub(crate) secret: Option<String>,
}

/// How clicks are taken.
#[derive(Args, Clone, Default)]
#[group(skip)]
pub(crate) struct Tracking {
    /// Where this server is reached from outside, such as https://refero.example.com; links begin with it.
    #[arg(long, env = "REFERO_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The header in which a proxy in front tells the visitor's address, such as X-Forwarded-For.
    #[arg(long, env = "REFERO_ADDRESS_HEADER", value_name = "NAME")]
    pub(crate) address_header: Option<String>,
    /// A file of MaxMind's format (.mmdb) that says which country an address is in.
    #[arg(long, env = "REFERO_COUNTRY_FILE", value_name = "FILE")]
    pub(crate) country_file: Option<PathBuf>,
    /// Months after which clicks are dropped, a whole month at a time.
    #[arg(long, env = "REFERO_CLICK_MONTHS", value_name = "N", default_value_t = 25,
          value_parser = clap::value_parser!(u32).range(6..=1200))]
    pub(crate) click_months: u32,
    /// Where clicks are kept until they are in the database; a folder of the data folder unless said otherwise.
    #[arg(long, env = "REFERO_SPILL", value_name = "DIR")]
    pub(crate) spill: Option<PathBuf>,
}

impl Tracking {
    fn configure(&self, dir: Option<&Path>, config: Config) -> Config {
        Config {
            public_url: self.public_url.clone(),
            address_header: self.address_header.as_ref().map(|name| name.to_ascii_lowercase()),
            country_file: self.country_file.clone(),
            click_months: self.click_months,
            spill: self.spill.clone().or_else(|| dir.map(|dir| dir.join("clicks"))),
            ..config
        }
    }
}

/// An open house.
pub(crate) struct House {
    pub(crate) app: App,
    access: Option<Access>,
}

/// What the process may do.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// Connections to the database at most.
    pub(crate) connections: u32,
    /// Where mails go out.
    pub(crate) mail: Option<Mail>,
    /// Where exchange rates are fetched.
    pub(crate) rates_url: Option<String>,
    /// Whether postbacks may go to private addresses.
    pub(crate) private_postbacks: bool,
    /// How clicks are taken; `None` for a command, which takes none.
    pub(crate) tracking: Option<Tracking>,
}

impl Manner {
    /// A command that does one thing and ends.
    pub(crate) fn command() -> Manner {
        Manner { connections: 4, ..Manner::default() }
    }
}

impl House {
    /// Opens the database, migrates it and starts the product on it.
    pub(crate) async fn open(options: &Options, manner: Manner) -> Outcome<House> {
        let (url, access, dir) = match &options.database_url {
            Some(url) => (url.clone(), None, options.data.clone()),
            None => {
                let dir = match &options.data {
                    Some(dir) => dir.clone(),
                    None => embedded_postgres::default_dir()?,
                };
                let access = open_embedded(dir.clone()).await?;
                (access.connection().url(), Some(access), Some(dir))
            }
        };
        let secret = secret::load(options.secret.as_deref(), dir.as_deref())?;
        let pool: Pool = store::connect(&url, manner.connections).await?;
        store::migration::run(&pool).await?;
        let config = Config {
            mail: manner.mail,
            rates_url: manner.rates_url,
            private_postbacks: manner.private_postbacks,
            shares_machine: access.is_some(),
            ..Config::default()
        };
        let config = match &manner.tracking {
            Some(tracking) => tracking.configure(dir.as_deref(), config),
            None => config,
        };
        let app = App::start(pool, secret, Clock::System, config).await?;
        Ok(House { app, access })
    }

    /// Whether this process runs the database.
    pub(crate) fn owns_database(&self) -> bool {
        matches!(self.access, Some(Access::Owner(_)))
    }

    /// Finishes what was begun and lets go of the database. A server ends it after 10 seconds; a command waits for
    /// other commands to end.
    pub(crate) async fn close(self, is_server: bool) -> Outcome {
        self.app.stop().await;
        let Some(access) = self.access else { return Ok(()) };
        let ended = tokio::task::spawn_blocking(move || match access {
            Access::Owner(server) if is_server => server.stop(),
            Access::Owner(server) => server.stop_after_guests(),
            Access::Guest(guest) => {
                drop(guest);
                Ok(())
            }
        });
        Ok(ended.await??)
    }
}

async fn open_embedded(dir: PathBuf) -> Outcome<Access> {
    let opened = tokio::task::spawn_blocking(move || {
        let options = embedded_postgres::Options::new(dir);
        embedded_postgres::open(&options)
    });
    opened.await?.map_err(Failure::new)
}
