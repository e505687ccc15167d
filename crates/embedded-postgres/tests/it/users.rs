//! Who PostgreSQL runs as, whom it admits, and folders that are closed to it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use embedded_postgres::{Error, open};

use crate::client::query;
use crate::helper::query_as;
use crate::support::{Temporary, database_folder, is_root, own, quick, refusal};

#[test]
fn root_is_dropped() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    let status = fs::read_to_string(format!("/proc/{}/status", server.postmaster_pid().unwrap())).unwrap();
    let line =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    let uid: u32 = line("Uid:").split_whitespace().next().unwrap().parse().unwrap();
    assert_ne!(uid, 0);
    assert_eq!(fs::metadata(database_folder(&temporary.data())).unwrap().uid(), uid);
    assert_eq!(fs::metadata(temporary.data().join("run")).unwrap().uid(), uid);
    if is_root() {
        assert_eq!(line("Groups:"), "", "root's other groups are dropped too");
    } else {
        assert_eq!(uid, rustix::process::geteuid().as_raw());
    }
}

#[test]
fn only_root_and_the_owner_of_the_folder_are_admitted() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    assert_eq!(query(server.connection(), "select current_user").unwrap(), "refero");
    if !is_root() {
        return; // Only root can become another user.
    }
    let owner = fs::metadata(temporary.data()).unwrap().uid();
    let runs_as = fs::metadata(database_folder(&temporary.data())).unwrap().uid();
    let program = temporary.0.join("helper");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let answer = query_as(runs_as, &program, server.connection());
    if runs_as == owner {
        assert!(answer.contains("refero"), "{answer}");
    } else {
        // It can enter the socket's folder, but PostgreSQL sends it away.
        assert!(answer.to_lowercase().contains("peer authentication failed"), "{answer}");
        let stranger = query_as(54321, &program, server.connection());
        assert!(stranger.contains("Permission denied"), "{stranger}");
    }
}

#[test]
fn a_folder_below_a_closed_one_is_refused_by_name() {
    if !is_root() {
        return; // Others run PostgreSQL as themselves.
    }
    let temporary = Temporary::new();
    let closed = temporary.0.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let dir = closed.join("data");
    let message = refusal(&quick(&dir));
    assert!(message.contains(&format!("{} is closed", closed.display())), "{message}");
    assert!(!dir.exists(), "refused before anything is made");
}

#[test]
fn a_data_folder_that_is_closed_itself_is_refused_by_name() {
    if !is_root() {
        return;
    }
    let temporary = Temporary::new();
    fs::create_dir(temporary.data()).unwrap();
    fs::set_permissions(temporary.data(), Permissions::from_mode(0o700)).unwrap();
    let message = refusal(&quick(&temporary.data()));
    assert!(message.contains(&format!("chmod o+x {}", temporary.data().display())), "{message}");
    assert_eq!(fs::read_dir(temporary.data()).unwrap().count(), 0);
}

#[test]
fn a_closed_cache_is_refused_by_name() {
    if !is_root() {
        return;
    }
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    options.cache = temporary.0.join("cache");
    options.archive = Some(b"");
    fs::create_dir(&options.cache).unwrap();
    fs::set_permissions(&options.cache, Permissions::from_mode(0o700)).unwrap();
    let message = refusal(&options);
    assert!(message.contains(&format!("{} is closed", options.cache.display())), "{message}");
}

#[test]
fn another_users_folder_is_refused_by_name() {
    if is_root() {
        return; // Root may use everybody's.
    }
    let error = open(&quick("/etc".as_ref())).unwrap_err();
    assert!(matches!(&error, Error::NotOurs { owner, .. } if owner == "root"), "{error}");
}

#[test]
fn root_runs_a_database_as_the_user_it_belongs_to() {
    if !is_root() {
        return;
    }
    let temporary = Temporary::new();
    let options = quick(&temporary.data());
    own(&options).stop().unwrap();
    let data = database_folder(&options.dir);
    let give = |uid: u32| {
        let status = std::process::Command::new("chown").args(["-R", &uid.to_string()]).arg(&data).status();
        assert!(status.unwrap().success());
    };
    // The folder lets others pass, as one does that was not made for a user of its own.
    fs::set_permissions(&options.dir, Permissions::from_mode(0o711)).unwrap();
    // Daemon, a user every system has, in the place of one who ran PostgreSQL before.
    give(1);
    chown(options.dir.join("run"), Some(1), None).unwrap();
    let server = own(&options);
    let process = fs::metadata(format!("/proc/{}", server.postmaster_pid().unwrap())).unwrap();
    assert_eq!(process.uid(), 1);
    server.stop().unwrap();

    give(0);
    let message = refusal(&options);
    assert!(message.contains("belongs to root") && message.contains("chown -R"), "{message}");
}
