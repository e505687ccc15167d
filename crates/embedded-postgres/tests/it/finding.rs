//! Which PostgreSQL is taken, and what is said when there is none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use embedded_postgres::{Error, Options, find_binaries};

use crate::client::query;
use crate::helper::find_with;
use crate::support::{Temporary, own, quick, refusal};

const VARIABLE: &str = "REFERO_POSTGRES_BIN";

#[test]
fn a_missing_version_is_explained() {
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    options.cache = temporary.0.join("cache");
    options.major = Some(99);
    let message = find_binaries(&options).unwrap_err().to_string();
    for part in [
        "PostgreSQL 99 was not found",
        options.cache.to_str().unwrap(),
        VARIABLE,
        "apt-get install postgresql-99",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn data_of_a_version_that_is_not_there_are_left_alone() {
    let temporary = Temporary::new();
    let data = temporary.data().join("postgres-99");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "99\n").unwrap();
    give_to_a_server(&data);
    let message = refusal(&quick(&temporary.data()));
    assert!(message.contains(&format!("{} was made by it", data.display())), "{message}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
}

#[test]
fn a_folder_whose_name_and_contents_disagree_is_refused() {
    let temporary = Temporary::new();
    let data = temporary.data().join("postgres-18");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "15\n").unwrap();
    let message = refusal(&quick(&temporary.data()));
    assert!(message.contains("PG_VERSION says \"15\""), "{message}");
}

#[test]
fn another_version_than_that_of_the_data_is_refused() {
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    own(&options).stop().unwrap();
    options.major = Some(99);
    assert!(matches!(find_binaries(&options), Err(Error::OtherVersion { asked: 99, .. })));
}

#[test]
fn the_version_of_the_data_is_kept() {
    let temporary = Temporary::new();
    for major in [15, 16, 17, 18] {
        let mut options = quick(&temporary.0.join(format!("data-{major}")));
        options.major = Some(major);
        if find_binaries(&options).is_err() {
            continue; // Not on this machine.
        }
        own(&options).stop().unwrap();
        options.major = None;
        let server = own(&options);
        let version = query(server.connection(), "show server_version_num").unwrap();
        assert_eq!(version[..2], major.to_string());
    }
}

#[test]
fn the_variable_names_the_folder() {
    let temporary = Temporary::new();
    let found = find_binaries(&Options::new(temporary.data())).unwrap();
    let copy = copy_of_nothing(&temporary, "16.3", 0o755);
    assert_eq!(find_with(&temporary.data(), VARIABLE, &copy), format!("16 {}", copy.display()));
    assert!(found.major >= 15);
}

#[test]
fn a_variable_that_names_a_wrong_folder_is_refused() {
    let temporary = Temporary::new();
    let empty = temporary.0.join("empty");
    fs::create_dir(&empty).unwrap();
    let message = find_with(&temporary.data(), VARIABLE, &empty);
    assert!(
        message.contains(empty.to_str().unwrap()) && message.contains("holds no 'postgres'"),
        "{message}"
    );

    let broken = copy_of_nothing(&temporary, "16.3", 0o644);
    let message = find_with(&temporary.data(), VARIABLE, &broken);
    assert!(message.contains(VARIABLE) && message.contains(broken.to_str().unwrap()), "{message}");
}

#[test]
fn a_version_too_old_is_named() {
    let temporary = Temporary::new();
    let mut options = quick(&temporary.data());
    options.cache = temporary.0.join("cache");
    options.major = Some(14);
    let bin = copy_of_nothing(&temporary, "14.2", 0o755);
    fs::create_dir_all(options.cache.join("postgres-14")).unwrap();
    fs::rename(&bin, options.cache.join("postgres-14/bin")).unwrap();
    let message = find_binaries(&options).unwrap_err().to_string();
    assert!(message.contains("postgres-14/bin: PostgreSQL 14.2 is too old"), "{message}");
}

#[test]
fn the_archive_is_unpacked_once_and_comes_first() {
    let temporary = Temporary::new();
    let bin = copy_of_nothing(&temporary, "99.1", 0o755);
    let mut options = quick(&temporary.data());
    options.cache = temporary.0.join("cache");
    options.archive = Some(archive_of(&bin));
    let found = find_binaries(&options).unwrap();
    assert_eq!((found.major, found.version.as_str()), (99, "99.1"));
    assert!(found.bin.starts_with(&options.cache), "{}", found.bin.display());
    assert_eq!(find_binaries(&options).unwrap(), found);
    assert_eq!(fs::read_dir(&options.cache).unwrap().count(), 1);
}

#[test]
fn a_damaged_archive_is_refused() {
    let temporary = Temporary::new();
    let archive = archive_of(&copy_of_nothing(&temporary, "99.1", 0o755));
    let mut options = quick(&temporary.data());
    options.cache = temporary.0.join("cache");
    options.archive = Some(&archive[..600]);
    assert!(matches!(find_binaries(&options), Err(Error::BadArchive(_))));
    options.archive = Some(b"not an archive".repeat(100).leak());
    assert!(matches!(find_binaries(&options), Err(Error::BadArchive(_))));
}

/// A folder `bin` with programs that only say their version.
fn copy_of_nothing(temporary: &Temporary, version: &str, mode: u32) -> std::path::PathBuf {
    let bin = temporary.0.join(format!("fake-{version}-{mode:o}/bin"));
    fs::create_dir_all(&bin).unwrap();
    for program in ["postgres", "initdb"] {
        let file = bin.join(program);
        fs::write(&file, format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
    }
    bin
}

fn archive_of(bin: &Path) -> &'static [u8] {
    let output = Command::new("tar")
        .args(["--format=ustar", "-cf", "-", "-C"])
        .arg(bin.parent().unwrap())
        .arg("bin")
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout.leak()
}

/// As root a database folder has to belong to somebody else.
fn give_to_a_server(data: &Path) {
    if crate::support::is_root() {
        std::os::unix::fs::chown(data, Some(1), None).unwrap();
    }
}
