//! Where the socket is, and what is refused as its folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use crate::client::query;
use crate::support::{Temporary, own, quick, refusal};

#[test]
fn the_socket_is_in_a_closed_folder_of_the_servers_user() {
    let temporary = Temporary::new();
    let server = own(&quick(&temporary.data()));
    let connection = server.connection();
    assert_eq!(connection.socket_dir, temporary.data().join("run"));
    assert_eq!(fs::metadata(&connection.socket_dir).unwrap().mode() & 0o777, 0o700);
    let host = connection.socket_dir.to_str().unwrap().replace('/', "%2F");
    assert_eq!(connection.url(), format!("postgres://refero@{host}:5432/refero"));
}

#[test]
fn a_long_path_gets_a_short_socket_folder() {
    let temporary = Temporary::new();
    let dir = temporary.0.join("long-".repeat(30));
    let server = own(&quick(&dir));
    let folder = server.connection().socket_dir.clone();
    assert!(!folder.starts_with(&dir) && folder.as_os_str().len() < 85, "{}", folder.display());
    assert_eq!(fs::symlink_metadata(&folder).unwrap().mode() & 0o777, 0o700);
    assert_eq!(query(server.connection(), "select 1").unwrap(), "1");
    // A process that knows only the data folder finds it.
    let guest = embedded_postgres::open(&quick(&dir)).unwrap();
    assert_eq!(guest.connection(), server.connection());
    drop(guest);
    server.stop().unwrap();
    assert!(!folder.exists());
}

#[test]
fn a_symlinked_socket_folder_is_refused() {
    let temporary = Temporary::new();
    let elsewhere = Temporary::new();
    fs::create_dir(temporary.data()).unwrap();
    symlink(&elsewhere.0, temporary.data().join("run")).unwrap();
    let message = refusal(&quick(&temporary.data()));
    let run = temporary.data().join("run");
    assert!(message.contains(run.to_str().unwrap()) && message.contains("symbolic link"), "{message}");
    assert_eq!(fs::read_dir(&elsewhere.0).unwrap().count(), 0);
    assert_eq!(fs::metadata(&elsewhere.0).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn a_file_in_the_place_of_the_socket_folder_is_refused() {
    let temporary = Temporary::new();
    fs::create_dir(temporary.data()).unwrap();
    fs::write(temporary.data().join("run"), "").unwrap();
    let message = refusal(&quick(&temporary.data()));
    assert!(message.contains("is not a folder"), "{message}");
}
