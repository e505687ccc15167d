//! The native API answers whatever its own document allows somebody to ask, and as the document says.

use std::path::Path;
use std::process::Command;

use crate::binary::{Folder, Server, refero};

/// Long enough for every operation's borders and some thousand requests that were made up.
const SECONDS: &str = "45";

#[test]
fn no_request_that_the_document_allows_breaks_the_api() {
    let folder = Folder::new("fuzz");
    let data = folder.data();
    let mut server =
        Server::start(&mut refero(&["demo", "--json", "--data", &data, "--listen", "127.0.0.1:0"]));
    let shown = server.line();
    let url = shown["api"].as_str().expect("an address");
    let key = shown["programs"][0]["key"].as_str().expect("a key");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fuzz-api");
    let output = Command::new(script).args([url, key, SECONDS]).output().expect("the script starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("No issues found"), "{stdout}");
    server.stop();
}
