//! Making a database, its settings, stopping, starting again.

use std::fs;

use embedded_postgres::{Access, open};

use crate::client::query;
use crate::support::{Temporary, database_folder, eventually, is_alive, kill, own, quick, refusal};

#[test]
fn a_new_folder_gets_a_database_that_keeps_what_is_committed() {
    let temporary = Temporary::new();
    let options = embedded_postgres::Options::new(temporary.data());
    let server = own(&options);
    let sql = "select current_database(), current_user, pg_encoding_to_char(encoding), datcollate \
               from pg_database where datname = current_database()";
    assert_eq!(query(server.connection(), sql).unwrap(), "refero|refero|UTF8|C");
    query(server.connection(), "create table kept as select 'x'::text as line").unwrap();
    server.stop().unwrap();

    let server = own(&options);
    assert_eq!(query(server.connection(), "select line from kept").unwrap(), "x");
}

#[test]
fn settings_are_ours_and_durability_is_untouched() {
    let temporary = Temporary::new();
    let server = own(&embedded_postgres::Options::new(temporary.data()));
    let show = |name: &str| query(server.connection(), &format!("show {name}")).unwrap();
    assert_eq!(show("max_connections"), "50");
    assert_eq!(show("shared_buffers"), "128MB");
    assert_ne!(show("wal_compression"), "off");
    assert_eq!(show("max_wal_size"), "4GB");
    assert_eq!(show("listen_addresses"), "");
    assert_eq!(show("data_checksums"), "on");
    for durability in ["fsync", "full_page_writes", "synchronous_commit"] {
        assert_eq!(show(durability), "on", "{durability}");
    }
}

#[test]
fn settings_of_the_caller_win_but_cannot_open_it_to_others() {
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    let extra = [("max_connections", "77"), ("listen_addresses", "*"), ("cluster_name", r"it's a \ test")];
    options.settings.extend(extra.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let server = own(&options);
    let show = |name: &str| query(server.connection(), &format!("show {name}")).unwrap();
    assert_eq!(show("max_connections"), "77");
    assert_eq!(show("fsync"), "off");
    assert_eq!(show("listen_addresses"), "");
    assert_eq!(show("cluster_name"), r"it's a \ test");
}

#[test]
fn a_setting_that_cannot_be_written_is_named() {
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    options.settings.push(("work_mem".to_owned(), "1MB'\nfsync = off".to_owned()));
    let message = refusal(&options);
    assert!(message.contains("work_mem") && message.contains("one line"), "{message}");
}

#[test]
fn a_start_that_fails_says_what_postgres_said() {
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    options.settings.push(("work_mem".to_owned(), "plenty".to_owned()));
    let message = refusal(&options);
    assert!(message.contains("does not start") && message.contains("work_mem"), "{message}");
}

#[test]
fn stop_leaves_no_process_and_no_address() {
    let temporary = Temporary::new();
    let options = quick(&temporary.data());
    let server = own(&options);
    let pid = server.postmaster_pid().unwrap();
    assert!(server.is_up() && is_alive(pid));
    assert!(options.dir.join("server.json").exists());
    server.stop().unwrap();
    assert!(!is_alive(pid));
    assert!(!options.dir.join("server.json").exists());
}

#[test]
fn dropping_stops() {
    let temporary = Temporary::new();
    let access = open(&quick(&temporary.data())).unwrap();
    let Access::Owner(server) = &access else { panic!("{access:?}") };
    let pid = server.postmaster_pid().unwrap();
    drop(access);
    assert!(!is_alive(pid));
}

#[test]
fn a_killed_server_process_is_started_again() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    for _ in 0..2 {
        let killed = server.postmaster_pid().unwrap();
        kill(killed);
        eventually("another server process", || {
            server.is_up() && server.postmaster_pid().is_some_and(|pid| pid != killed)
        });
        assert_eq!(query(server.connection(), "select 1").unwrap(), "1");
    }
    server.stop().unwrap();
}

#[test]
fn a_killed_session_does_not_end_the_server() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    let checkpointer = "select pid from pg_stat_activity where backend_type = 'checkpointer'";
    kill(query(server.connection(), checkpointer).unwrap().parse().unwrap());
    eventually("sessions again", || query(server.connection(), "select 1").as_deref() == Ok("1"));
    server.stop().unwrap();
}

#[test]
fn the_number_in_a_left_over_pid_file_may_be_a_strangers() {
    let temporary = Temporary::new();
    let options = quick(&temporary.data());
    own(&options).stop().unwrap();
    let data = database_folder(&options.dir);
    let file = data.join("postmaster.pid");
    let lines = format!("\n{}\n1700000000\n5432\n\n\n  1234567  7654321\nready\n", data.display());

    // Our own process: alive, of the same user, and not PostgreSQL.
    fs::write(&file, format!("{}{lines}", std::process::id())).unwrap();
    own(&options).stop().unwrap();

    // A process that has ended.
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    fs::write(&file, format!("{}{lines}", child.id())).unwrap();
    let owner = fs::metadata(&data).map(|data| std::os::unix::fs::MetadataExt::uid(&data)).unwrap();
    std::os::unix::fs::chown(&file, Some(owner), None).unwrap();
    own(&options).stop().unwrap();
}

#[test]
fn half_a_database_is_not_taken_for_one() {
    let temporary = Temporary::new();
    let options = quick(&temporary.data());
    fs::create_dir_all(options.dir.join("postgres-99.new-1/base")).unwrap();
    own(&options).stop().unwrap();
    assert!(!options.dir.join("postgres-99.new-1").exists());
}
