//! Another process on the same data folder: this test binary, started again with a variable that tells the
//! one test below what to do. Started without it, that test does nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use embedded_postgres::{Access, Connection, find_binaries, open};

use crate::client::query;
use crate::support::quick;

const TASK: &str = "EMBEDDED_POSTGRES_TEST_TASK";

/// A helper that has a data folder's PostgreSQL open until it is killed or let go.
pub(crate) struct Holder {
    child: Child,
    /// Kept open, because the helper's test harness writes its summary to it.
    said: BufReader<ChildStdout>,
    /// "owner" or "guest".
    pub(crate) role: String,
    pub(crate) postmaster: Option<u32>,
}

impl Holder {
    pub(crate) fn start(dir: &Path) -> Starting {
        let mut command = command(&std::env::current_exe().unwrap(), "hold", dir);
        Starting(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn let_go(mut self) {
        drop(self.child.stdin.take());
        self.said.read_to_string(&mut String::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// A helper that may not have opened it yet.
pub(crate) struct Starting(Child);

impl Starting {
    pub(crate) fn wait(mut self) -> Holder {
        let mut said = BufReader::new(self.0.stdout.take().unwrap());
        let answer =
            (&mut said).lines().find_map(|line| Some(line.unwrap().split_once("HELPER ")?.1.to_owned()));
        let answer = answer.expect("the helper opened the folder");
        let (role, postmaster) = answer.split_once(' ').unwrap();
        Holder { child: self.0, said, role: role.to_owned(), postmaster: postmaster.parse().ok() }
    }
}

/// What a helper says about the PostgreSQL it finds when its environment is changed so.
pub(crate) fn find_with(dir: &Path, variable: &str, value: &Path) -> String {
    said(command(&std::env::current_exe().unwrap(), "find", dir).env(variable, value))
}

/// What a helper run as another user gets for `select current_user` over a socket.
pub(crate) fn query_as(uid: u32, program: &Path, connection: &Connection) -> String {
    said(command(program, "query", &connection.socket_dir).uid(uid).gid(uid).current_dir("/"))
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_once("HELPER ")
        .unwrap_or_else(|| panic!("{text}"))
        .1
        .split_once("HELPER END")
        .unwrap()
        .0
        .to_owned()
}

fn command(program: &Path, task: &str, argument: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", "helper::process", "--nocapture"])
        .env(TASK, format!("{task} {}", argument.display()));
    command
}

#[test]
fn process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (task, argument) = task.split_once(' ').unwrap();
    let argument = Path::new(argument);
    match task {
        "hold" => hold(argument),
        "find" => match find_binaries(&quick(argument)) {
            Ok(found) => println!("HELPER {} {}HELPER END", found.major, found.bin.display()),
            Err(error) => println!("HELPER {error}HELPER END"),
        },
        "query" => {
            let (user, database) = ("refero".to_owned(), "refero".to_owned());
            let connection = Connection { socket_dir: argument.to_owned(), port: 5432, user, database };
            println!("HELPER {:?}HELPER END", query(&connection, "select current_user"));
        }
        other => panic!("{other}"),
    }
}

fn hold(dir: &Path) {
    // Durable, unlike the other tests: what it committed must survive its death.
    let access = open(&embedded_postgres::Options::new(dir)).unwrap();
    // One after the other: two helpers may come here at once, and "if not exists" does not make that safe.
    let table = "begin; select pg_advisory_xact_lock(1); create table if not exists kept (line text); commit";
    query(access.connection(), table).unwrap();
    query(access.connection(), "insert into kept values ('committed')").unwrap();
    let postmaster = if let Access::Owner(server) = &access { server.postmaster_pid() } else { None };
    let role = if postmaster.is_some() { "owner" } else { "guest" };
    println!("HELPER {role} {}", postmaster.unwrap_or(0));
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().read_line(&mut String::new());
}
