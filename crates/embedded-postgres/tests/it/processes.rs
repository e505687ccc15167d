//! Several processes on one data folder, and the death of one of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use embedded_postgres::{Access, Options, open};

use crate::client::query;
use crate::helper::Holder;
use crate::support::{Temporary, eventually, is_alive, own, quick};

#[test]
fn two_processes_at_once_share_one_server() {
    let temporary = Temporary::new();
    let both =
        [Holder::start(&temporary.data()), Holder::start(&temporary.data())].map(|starting| starting.wait());
    let mut roles = both.each_ref().map(|holder| holder.role.as_str());
    roles.sort_unstable();
    assert_eq!(roles, ["guest", "owner"]);

    let access = open(&quick(&temporary.data())).unwrap();
    assert!(matches!(access, Access::Guest(_)));
    assert_eq!(query(access.connection(), "select count(*) from kept").unwrap(), "2");
    drop(access);
    let [first, second] = both;
    let (owner, guest) = if first.role == "owner" { (first, second) } else { (second, first) };
    guest.let_go();
    owner.let_go();
}

#[test]
fn a_killed_owner_takes_its_server_along_and_loses_nothing() {
    let temporary = Temporary::new();
    let holder = Holder::start(&temporary.data()).wait();
    let orphan = holder.postmaster.unwrap();
    assert_eq!(holder.role, "owner");
    holder.kill();

    let server = own(&Options::new(temporary.data()));
    assert!(!is_alive(orphan));
    assert_eq!(query(server.connection(), "select line from kept").unwrap(), "committed");
}

#[test]
fn a_killed_guest_is_not_waited_for() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    let guest = Holder::start(&temporary.data()).wait();
    assert_eq!(guest.role, "guest");
    guest.kill();
    // Whoever is waited for here is waited for without end.
    server.stop_after_guests().unwrap();
}

#[test]
fn an_ending_owner_waits_for_its_guests() {
    let temporary = Temporary::new();
    let options = quick(&temporary.data());
    let server = own(&options);
    let guest = open(&options).unwrap();
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            server.stop_after_guests().unwrap();
            stopped.store(true, Ordering::SeqCst);
        });
        eventually("the owner is ending", || !options.dir.join("server.json").exists());
        // Who comes now is not a guest any more but waits to be the next owner.
        let next = scope.spawn(|| own(&options));
        assert_eq!(query(guest.connection(), "select 1").unwrap(), "1");
        assert!(!stopped.load(Ordering::SeqCst) && !next.is_finished());
        drop(guest);
        let next = next.join().unwrap();
        assert!(stopped.load(Ordering::SeqCst));
        assert_eq!(query(next.connection(), "select 1").unwrap(), "1");
    });
}

#[test]
fn an_ending_owner_waits_ten_seconds_at_most() {
    let temporary = Temporary::new();
    let options = quick(&temporary.data());
    let server = own(&options);
    let guest = open(&options).unwrap();
    let started = Instant::now();
    server.stop().unwrap();
    assert!(started.elapsed() >= Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(query(guest.connection(), "select 1").is_err());
}

#[test]
fn an_interrupt_from_the_terminal_reaches_us_only() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    let pid = server.postmaster_pid().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let group = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(2).unwrap().to_owned();
    assert_eq!(group, pid.to_string());
}
