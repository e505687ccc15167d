//! The scripts in headless Chromium (crates/refero/tests/browser), against a server of their own: what they store and
//! send, the referral widget, the walks from a link to a commission, the demo's site. And their types.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::binary::{Folder, Server, refero};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a script of the repository and returns what it printed; it must succeed.
fn script(command: &mut Command) -> String {
    let output = command.output().expect("the script starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// The folder of the packages that these tests need.
fn tools() -> PathBuf {
    let printed = script(&mut Command::new(root().join("scripts/fetch-browser")));
    PathBuf::from(printed.lines().last().expect("a folder"))
}

#[test]
fn the_scripts_are_typed() {
    let compiler = tools().join("node_modules/typescript/lib/tsc.js");
    let project = root().join("crates/refero/tests/browser");
    script(Command::new("node").arg(compiler).arg("--project").arg(project));
}

#[test]
fn the_scripts_work_in_a_browser() {
    let folder = Folder::new("browser");
    let data = folder.data();
    let demo = ["demo", "--json", "--customers", "300", "--data", &data, "--listen", "127.0.0.1:0"];
    let mut server = Server::start(&mut refero(&demo));
    let shown: Value = server.line();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let printed = script(
        Command::new(root().join("scripts/test-browser"))
            .arg(text(&shown["api"]))
            .env("REFERO_KEY", text(&shown["programs"][1]["key"]))
            .env("REFERO_SITE", text(&shown["site"]))
            .env("REFERO_SCREENSHOTS", screenshots()),
    );
    assert!(printed.contains("# fail 0") && printed.contains("# skipped 0"), "{printed}");
    server.stop();
}

/// Pictures of pages are kept where builds are.
fn screenshots() -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_refero")).ancestors().nth(2);
    built.expect("a binary is two folders below the target folder").join("browser")
}
