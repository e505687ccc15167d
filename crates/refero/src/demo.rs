//! `refero demo`: two programs with a year of believable data, seeded once into a folder of their own, then served.
//! What happens in that year is in `demo/`; it is the same in every run, and goes through the same verbs as everything.

mod cast;
mod customer;
mod generator;
mod players;
mod seed;
mod site;
mod subscribers;
mod tries;
mod year;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use app::payout::Rail;
use app::{App, Caller};
use clap::Args;
use domain::deal::Terms;
use domain::ids::ProgramId;
use domain::time::Zone;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use web::track::Front;

use crate::failure::{Failure, Outcome};
use crate::house::House;
use crate::serve;
use seed::{Plan, Written, unfinished};
use tries::Tries;
use year::Year;

/// The name of the program that sells subscriptions.
const SUBSCRIPTIONS: &str = "Fernhill Helpdesk";

/// The name of the program that runs a casino.
const CASINO: &str = "Palmyra Casino";

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    serve: serve::Options,
    /// End after seeding.
    #[arg(long)]
    seed_only: bool,
    /// How many customers to seed, over both programs.
    #[arg(long, value_name = "N", default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    customers: u32,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(options: Options) -> Outcome {
    let mut serving = options.serve.clone();
    if serving.house.data.is_none() && serving.house.database_url.is_none() {
        serving.house.data = Some(default_folder()?);
    }
    let house = House::open(&serving.house, serving.manner()).await?;
    let shown = match prepare(&house.app, options.customers as usize).await {
        Ok(shown) => shown,
        Err(failure) => {
            house.close(false).await?;
            return Err(failure);
        }
    };
    let folder = serving.house.data.clone();
    if options.seed_only {
        shown.print(serving.listen, folder, options.json);
        return house.close(false).await;
    }
    let opened = open_site(&house.app, shown.programs[0].id, serving.listen).await;
    let (listener, front) = match opened {
        Ok(opened) => opened,
        Err(failure) => {
            house.close(false).await?;
            return Err(failure);
        }
    };
    serve::serve(house, Ok(listener), front, |address| shown.print(address, folder, options.json)).await
}

/// Listens, and lays out the site that is tracked, whose pages name the address.
async fn open_site(app: &App, program: ProgramId, listen: SocketAddr) -> Outcome<(TcpListener, Front)> {
    let listener = serve::bind(listen).await?;
    let address = listener.local_addr()?;
    let site = site::Site::new(app, program, &url(address), address).await?;
    let router = web::router(app.clone()).merge(site.router());
    Ok((listener, Front::new(app.clone(), router)))
}

/// A folder beside the one that real data would be in.
fn default_folder() -> Outcome<PathBuf> {
    Ok(embedded_postgres::default_dir()?.with_file_name("refero-demo"))
}

/// What the demo says once it is ready.
struct Shown {
    programs: [Program; 2],
    tries: Tries,
}

/// A program of the demo.
struct Program {
    id: ProgramId,
    name: &'static str,
    key: String,
    /// What was written in this run; nothing when it was there already.
    written: Option<Written>,
}

/// Finds the two programs or makes them, and makes a key for each.
async fn prepare(app: &App, customers: usize) -> Outcome<Shown> {
    let [subscriptions, casino] = find(app).await?;
    let players = customers * 3 / 7;
    let started = std::time::Instant::now();
    // Made one after the other, so that each has the same number in every run; filled side by side.
    let subscriptions = begin(app, subscriptions, || subscriptions_plan(app, customers - players)).await?;
    let casino = begin(app, casino, || casino_plan(app, players)).await?;
    let (first, second) = tokio::join!(finish(app, subscriptions), finish(app, casino));
    let programs = [keyed(app, SUBSCRIPTIONS, first?).await?, keyed(app, CASINO, second?).await?];
    let facts: usize =
        programs.iter().filter_map(|program| program.written).map(|written| written.facts).sum();
    if facts > 0 {
        store::node::analyze(app.pool()).await?;
        let seconds = format!("{:.1}", started.elapsed().as_secs_f64());
        tracing::info!(facts, seconds, "the demo was seeded");
    }
    let [first, second] = &programs;
    let tries = Tries::find(app, (first.id, &first.key), (second.id, &second.key)).await?;
    Ok(Shown { programs, tries })
}

/// The programs of an earlier run. A database that holds anything else is not touched.
async fn find(app: &App) -> Outcome<[Option<ProgramId>; 2]> {
    let mut found = [None; 2];
    for id in app::program::ids(app).await? {
        let program = app::program::show(app, &Caller::operator(id, app.now())).await?;
        let is = |name: &str| program.name == name;
        if is(SUBSCRIPTIONS) {
            found[0] = Some(id);
        } else if is(CASINO) {
            found[1] = Some(id);
        } else if is(&unfinished(SUBSCRIPTIONS)) || is(&unfinished(CASINO)) {
            tracing::warn!(program = %id, "an earlier start was interrupted; its unfinished program stays beside a new one");
        } else {
            return Err(Failure::new(format!(
                "this database holds the program {:?}, which is not the demo's; name another folder by --data, and the \
                 demo is made there",
                program.name
            )));
        }
    }
    Ok(found)
}

/// A program that is there, or one that has been made and is still empty.
enum Begun {
    Known(ProgramId),
    New(ProgramId, Box<(Year, Plan)>),
}

async fn begin(
    app: &App,
    known: Option<ProgramId>,
    plan: impl FnOnce() -> Outcome<(Year, Plan)>,
) -> Outcome<Begun> {
    if let Some(id) = known {
        return Ok(Begun::Known(id));
    }
    let (year, plan) = plan()?;
    Ok(Begun::New(seed::make(app, &year, &plan).await?, Box::new((year, plan))))
}

async fn finish(app: &App, begun: Begun) -> Outcome<(ProgramId, Option<Written>)> {
    match begun {
        Begun::Known(id) => Ok((id, None)),
        Begun::New(id, made) => {
            let (year, plan) = *made;
            Ok((id, Some(seed::fill(app, id, &year, plan).await?)))
        }
    }
}

async fn keyed(
    app: &App,
    name: &'static str,
    (id, written): (ProgramId, Option<Written>),
) -> Outcome<Program> {
    let caller = Caller::operator(id, app.now());
    let (_, key) = app::key::create(app, &caller, app::key::Scope::Operator).await?;
    Ok(Program { id, name, key, written })
}

/// A helpdesk sold by subscription: 20 % for a year, held for 30 days. The best get more from a certain revenue of the month
/// on, and a tenth of what affiliates earn whom they brought.
fn subscriptions_plan(app: &App, customers: usize) -> Outcome<(Year, Plan)> {
    let zone: Zone = "Europe/Berlin".parse()?;
    let year = Year::before(app.now(), zone);
    let share = |percent: &str| json!({ "on": "payment", "reward": { "percent": percent }, "limits": { "months": 12 } });
    let plain = terms(json!({ "hold_days": 30, "rules": [share("20")] }))?;
    let tiered = |percent: &str, above: &str| {
        let mut rule = share(percent);
        let steps = json!([{ "from": "4000", "reward": { "percent": above } }]);
        rule["tiers"] = json!({ "by": "revenue", "mode": "whole", "steps": steps });
        let below = json!([{ "percent_of_share": "10" }]);
        terms(json!({ "hold_days": 30, "rules": [rule], "sub_affiliates": below }))
    };
    let plan = Plan {
        name: SUBSCRIPTIONS,
        zone,
        threshold: 50,
        terms: plain,
        favoured: ("Best partners", tiered("25", "28")?, tiered("27", "30")?),
        partners: &cast::RECOMMENDERS,
        rail: Rail::Native,
        brand: None,
        events: subscribers::events(&year, customers)?,
    };
    Ok((year, plan))
}

/// A casino: a flat sum for players whose first deposit is large enough and a share of net P&L, less a fee; a month below
/// zero is worked off by later ones. The best get more, and something of the players of affiliates whom they brought.
fn casino_plan(app: &App, players: usize) -> Outcome<(Year, Plan)> {
    let zone: Zone = "Europe/Malta".parse()?;
    let year = Year::before(app.now(), zone);
    let hybrid = |flat: &str, percent: &str, below: Value| {
        terms(json!({
            "rules": [
                { "on": "qualified_deposit", "reward": { "flat": flat } },
                { "on": "activity", "reward": { "percent_of_net_pnl": percent } },
            ],
            "qualification": { "baseline": "first_deposit", "amount": "20" },
            "fees": [{ "name": "Admin fee", "charge": { "percent": { "rate": "10", "of": "pnl" } } }],
            "negative_month": "carry",
            "sub_affiliates": below,
        }))
    };
    let below = || json!([{ "flat": "5", "percent_of_net_pnl": "3" }]);
    let plan = Plan {
        name: CASINO,
        zone,
        threshold: 100,
        terms: hybrid("25", "25", json!([]))?,
        favoured: ("Hybrid Gold", hybrid("40", "30", below())?, hybrid("40", "35", below())?),
        partners: &cast::PROMOTERS,
        rail: Rail::Smartico,
        brand: Some(players::BRAND),
        events: players::events(&year, players)?,
    };
    Ok((year, plan))
}

fn terms(value: Value) -> Outcome<Terms> {
    Ok(serde_json::from_value(value)?)
}

impl Shown {
    fn print(&self, address: SocketAddr, folder: Option<PathBuf>, as_json: bool) {
        let url = url(address);
        let lines = self.tries.lines(&url);
        if as_json {
            let programs = self.programs.iter().map(|program| {
                json!({ "program_id": program.id, "name": program.name, "key": program.key, "written": program.written })
            });
            let programs = programs.collect::<Vec<_>>();
            println!(
                "{}",
                json!({ "api": url, "site": format!("{url}/demo/"), "programs": programs, "curl": lines })
            );
            return;
        }
        if let Some(folder) = folder {
            println!("The demo is in {}", folder.display());
        }
        println!("API address: {url}\n");
        for Program { id, name, key, written } in &self.programs {
            println!("{name} (program {id})\n    operator key {key}");
            if let Some(Written { affiliates, facts, payouts, .. }) = written {
                println!("    made now: {affiliates} affiliates, {facts} facts, {payouts} payouts");
            }
        }
        println!("\nA site to try tracking on, from a partner's link to the commission: {url}/demo/");
        println!("\nKeys are shown once; each start makes new ones. Three commands to try:\n");
        lines.iter().for_each(|line| println!("{line}\n"));
    }
}

/// Where the API is for somebody on this machine.
fn url(address: SocketAddr) -> String {
    format!("http://{}", on_this_machine(address))
}

/// An address that is listened on, as somebody on this machine reaches it.
fn on_this_machine(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
