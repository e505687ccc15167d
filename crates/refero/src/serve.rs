//! `refero serve`: serves every API until it is told to stop; then it stops accepting, finishes its batches, answers,
//! and ends the database it runs.

use std::net::SocketAddr;
use std::time::Duration;

use app::config::Mail;
use axum::serve::ListenerExt as _;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use web::quotes::Quotes;
use web::track::Front;

use crate::failure::{Failure, Outcome};
use crate::house::{self, House, Manner};

/// How long open requests may take after the product was told to stop.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Args, Clone)]
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) house: house::Options,
    /// Where to listen.
    #[arg(long, env = "REFERO_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Connections to the database at most, 4 or more.
    #[arg(long, env = "REFERO_CONNECTIONS", value_name = "N", default_value_t = 16,
          value_parser = clap::value_parser!(u32).range(4..))]
    pub(crate) connections: u32,
    /// The mail server: smtp://, smtps://, with user and password where needed.
    #[arg(long, env = "REFERO_SMTP_URL", hide_env_values = true, value_name = "URL", requires = "mail_from")]
    pub(crate) smtp_url: Option<String>,
    /// The sender of mails.
    #[arg(long, env = "REFERO_MAIL_FROM", value_name = "ADDRESS")]
    pub(crate) mail_from: Option<String>,
    /// Where to fetch exchange rates, every six hours: the European Central Bank's reference rates, XML or CSV.
    #[arg(long, env = "REFERO_RATES_URL", value_name = "URL")]
    pub(crate) rates_url: Option<String>,
    /// Let postbacks go to private and loopback addresses.
    #[arg(long, env = "REFERO_ALLOW_PRIVATE_POSTBACKS")]
    pub(crate) allow_private_postbacks: bool,
    #[command(flatten)]
    pub(crate) tracking: house::Tracking,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let house = House::open(&options.house, options.manner()).await?;
    let front = web::front(house.app.clone());
    let listener = bind(options.listen).await;
    serve(house, listener, front, |_| ()).await
}

/// Listens at an address.
pub(crate) async fn bind(listen: SocketAddr) -> Outcome<TcpListener> {
    let bound = TcpListener::bind(listen).await;
    bound.map_err(|error| Failure::new(format!("{listen} cannot be listened on: {error}")))
}

impl Options {
    pub(crate) fn manner(&self) -> Manner {
        let mail = self.smtp_url.clone().zip(self.mail_from.clone()).map(|(url, from)| Mail { url, from });
        Manner {
            connections: self.connections,
            mail,
            rates_url: self.rates_url.clone(),
            private_postbacks: self.allow_private_postbacks,
            tracking: Some(self.tracking.clone()),
        }
    }
}

/// Serves an open house; `ready` is told the address once it answers.
pub(crate) async fn serve(
    house: House,
    listener: Outcome<TcpListener>,
    front: Front,
    ready: impl FnOnce(SocketAddr),
) -> Outcome {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = match listener {
        Ok(listener) => listener,
        Err(failure) => {
            house.close(true).await?;
            return Err(failure);
        }
    };
    let address = listener.local_addr()?;
    house.app.start_jobs();
    house.app.read_links().await;
    tracing::info!(%address, own_database = house.owns_database(), "serving");
    ready(address);
    // Answers are small and wanted at once.
    let listener = Quotes(listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    }));
    let (told, telling) = tokio::sync::watch::channel(false);
    let mut wait = telling.clone();
    let stop = async move {
        // The sender lives until the end of this function.
        let _ = wait.wait_for(|told| *told).await;
    };
    let serving = axum::serve(listener, front).with_graceful_shutdown(stop);
    let mut serving = tokio::spawn(serving.into_future());
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        ended = &mut serving => {
            house.close(true).await?;
            return Err(Failure::new(format!("the listener ended: {ended:?}")));
        }
    }
    tracing::info!("stopping: finishing what was begun");
    told.send_replace(true);
    if tokio::time::timeout(PATIENCE, &mut serving).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    house.close(true).await
}
