//! The processes: a PostgreSQL that this test starts and stops, and `refero serve` beside it with a folder to spill to.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use domain::click::ClickId;
use domain::ids::ProgramId;
use embedded_postgres::{Access, Options, Server};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use store::click::Filter;

use crate::binary::{Folder, free_address, print, refero, shell};

/// How long anything may take to come back.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks at something that is awaited.
const LOOK: Duration = Duration::from_millis(25);

/// Links that are clicked.
const LINKS: usize = 20;

/// The file system of the folder to spill to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    /// That of the test.
    Ample,
    /// One of its own, of 64 KiB, which only the server sees.
    Small,
}

pub(crate) struct Place {
    disk: Disk,
    folder: Folder,
    database: Option<Server>,
    url: String,
    server: Child,
    program: ProgramId,
    pub(crate) address: SocketAddr,
    pub(crate) codes: Vec<String>,
}

impl Place {
    /// Starts a database and a server, and makes the links.
    pub(crate) async fn open() -> Place {
        Place::open_with(Disk::Ample).await
    }

    /// The same, with so little room to spill to that an outage fills it.
    pub(crate) async fn open_with_small_disk() -> Place {
        Place::open_with(Disk::Small).await
    }

    async fn open_with(disk: Disk) -> Place {
        let folder = Folder::new("outage");
        let database = open_database(&folder);
        let url = database.connection().url();
        let json = |arguments: &[&str]| -> Value {
            let place = ["--json", "--database-url", &url, "--data", &folder.data()];
            serde_json::from_str(&print(&[arguments, &place].concat())).expect("an answer in JSON")
        };
        let made = json(&["program", "create", "--name", "Outage", "--currency", "EUR"]);
        let id = made["program_id"].to_string().trim_matches('"').to_owned();
        let key = json(&["key", "create", "--program", &id, "--kind", "operator"]);
        let key = key["key"].as_str().expect("a key").to_owned();
        let address = free_address();
        let server = serve(disk, &folder, &url, &address);
        let address = address.parse().expect("an address");
        let program = id.parse().expect("a program's id");
        let mut place = Place {
            disk,
            folder,
            database: Some(database),
            url,
            server,
            program,
            address,
            codes: Vec::new(),
        };
        place.ready().await;
        place.codes = make_links(address, &key);
        place
    }

    /// Stops the database in an orderly way; connections to it are ended.
    pub(crate) async fn stop_database(&mut self) {
        let database = self.database.take().expect("it runs");
        let stopped = tokio::task::spawn_blocking(move || database.stop()).await;
        stopped.expect("no panic").expect("the database stops");
    }

    /// Ends the database as a power cut would. Whoever runs it starts it again, so it is stopped then.
    pub(crate) async fn kill_database(&mut self) {
        let pid = self.database.as_ref().and_then(Server::postmaster_pid).expect("it runs");
        let pid = Pid::from_raw(i32::try_from(pid).expect("a number")).expect("a number above 0");
        kill_process(pid, Signal::KILL).expect("our own process can be killed");
        self.stop_database().await;
    }

    pub(crate) async fn start_database(&mut self) {
        let database = open_database(&self.folder);
        assert_eq!(database.connection().url(), self.url, "it is where it was");
        self.database = Some(database);
    }

    /// Ends the server as a power cut would.
    pub(crate) fn kill_server(&mut self) {
        self.server.kill().expect("our own process can be killed");
        self.server.wait().expect("a killed process ends");
    }

    pub(crate) async fn start_server(&mut self) {
        self.server = serve(self.disk, &self.folder, &self.url, &self.address.to_string());
        self.ready().await;
    }

    async fn ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let line = format!("curl -s -o /dev/null -w '%{{http_code}}' http://{}/readyz || true", self.address);
        while shell(&line) != "200" {
            let ended = self.server.try_wait().expect("our own process can be asked for");
            assert!(ended.is_none(), "refero has ended: {ended:?}; see {:?}", self.folder.path());
            assert!(Instant::now() < deadline, "refero is not ready; see {:?}", self.folder.path());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Every click in the database, once those that must be there are, or after a while.
    pub(crate) async fn written(&self, must: &BTreeSet<ClickId>) -> Vec<ClickId> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let clicks = self.clicks().await;
            let rows: BTreeSet<_> = clicks.iter().copied().collect();
            if rows.is_superset(must) || Instant::now() > deadline {
                return clicks;
            }
            tokio::time::sleep(LOOK * 10).await;
        }
    }

    async fn clicks(&self) -> Vec<ClickId> {
        const PAGE: i64 = 5_000;
        let pool = store::connect(&self.url, 1).await.expect("the database answers");
        let mut connection = pool.acquire().await.expect("a connection");
        let mut clicks = Vec::new();
        let mut filter = Filter {
            affiliate: None,
            link: None,
            is_flagged: None,
            sub_id: None,
            since: "2020-01-01T00:00:00Z".parse().expect("an instant"),
            until: "2100-01-01T00:00:00Z".parse().expect("an instant"),
            after: None,
        };
        loop {
            let page =
                store::click::list(&mut connection, self.program, &filter, PAGE).await.expect("a page");
            let Some(last) = page.last() else { break };
            filter.after = Some((last.clicked_at, last.id));
            clicks.extend(page.iter().map(|row| row.id));
        }
        drop(connection);
        pool.close().await;
        clicks
    }

    /// The visits of every day.
    pub(crate) async fn visits(&self) -> i64 {
        let pool = store::connect(&self.url, 1).await.expect("the database answers");
        let mut connection = pool.acquire().await.expect("a connection");
        let (from, through) = ("2020-01-01".parse().expect("a day"), "2100-01-01".parse().expect("a day"));
        let days = store::click::daily::list(&mut connection, self.program, None, from, through).await;
        let visits = days.expect("days").iter().map(|row| row.visits.visits).sum();
        drop(connection);
        pool.close().await;
        visits
    }

    /// A counter of the server.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let metrics = shell(&format!("curl -sS http://{}/metrics", self.address));
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in\n{metrics}"))
    }

    /// Tells everything to end, in an orderly way.
    pub(crate) async fn close(mut self) {
        kill_process(Pid::from_child(&self.server), Signal::TERM)
            .expect("our own process can be told to end");
        let status = self.server.wait().expect("it ends");
        assert!(status.success(), "{status}");
        let left = std::fs::read_dir(self.folder.path().join("spill")).expect("the folder of spilled clicks");
        let left: Vec<_> = left.flatten().filter(|entry| entry.path().is_dir()).collect();
        assert!(left.is_empty(), "clicks are left behind: {left:?}");
        self.stop_database().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It does something only when the test has failed.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn open_database(folder: &Folder) -> Server {
    match embedded_postgres::open(&Options::new(folder.path().join("database"))) {
        Ok(Access::Owner(server)) => server,
        Ok(Access::Guest(_)) => panic!("somebody else runs the database of this test"),
        Err(error) => panic!("{error}"),
    }
}

fn serve(disk: Disk, folder: &Folder, url: &str, address: &str) -> Child {
    let log = folder.path().join("refero.log");
    let log = OpenOptions::new().create(true).append(true).open(log).expect("a log file");
    let spill = folder.path().join("spill");
    std::fs::create_dir_all(&spill).expect("a folder");
    let spill = spill.display().to_string();
    let arguments =
        ["serve", "--database-url", url, "--data", &folder.data(), "--listen", address, "--spill", &spill];
    let mut command = match disk {
        Disk::Ample => refero(&arguments),
        Disk::Small => on_small_disk(&refero(&arguments), &spill),
    };
    command.stdout(Stdio::null()).stderr(log).spawn().expect("refero starts")
}

/// The same command where a folder is a file system of 64 KiB; `unshare` and `mount` are part of every Linux, and whoever is
/// not root is so in a name space of its own.
fn on_small_disk(command: &Command, folder: &str) -> Command {
    let is_root = rustix::process::geteuid().is_root();
    let mut small = Command::new("unshare");
    small.args(if is_root { &["--mount"][..] } else { &["--mount", "--user", "--map-root-user"] });
    small.args(["sh", "-c", "mount -t tmpfs -o size=64k none \"$0\" && exec \"$@\"", folder]);
    small.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => small.env(name, value),
            None => small.env_remove(name),
        };
    }
    small
}

fn make_links(address: SocketAddr, key: &str) -> Vec<String> {
    let call = |method: &str, path: &str, body: Value| -> Value {
        let line = format!(
            "curl -s -X {method} http://{address}{path} -H 'Authorization: Bearer {key}' \
             -H 'Content-Type: application/json' -d '{body}'"
        );
        let text = shell(&line);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    call("PATCH", "/v1/program", json!({ "allowed_hosts": ["shop.example.com"] }));
    let jane = call("POST", "/v1/affiliates", json!({ "name": "Jane", "email": "jane@example.com" }));
    let link = |_| {
        let body = json!({ "affiliate_id": jane["id"], "destination_url": "https://shop.example.com/" });
        call("POST", "/v1/links", body)["code"].as_str().expect("a code").to_owned()
    };
    (0..LINKS).map(link).collect()
}
