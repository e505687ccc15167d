//! Every command of README.md works as pasted, and prints what README.md says; so do those of the pages that go on where
//! it ends.
//!
//! The `sh` blocks run in order in one shell, in a folder of their own, with the built binary and PostgreSQL's own
//! programs on the path. `# → this … that` below a command says that its output contains both, in this order. Left out
//! are lines that begin with `make`, `cargo` or `scripts/`, or with a variable for them: they build, test and fetch, and
//! `.ci/run` does that. The addresses and the folder of the pages are replaced by ones that are free.

use std::fmt::Write as _;
use std::path::Path;

use crate::binary::{Folder, free_address, refero};

/// What README.md says, and a test may not use.
const ADDRESS: &str = "127.0.0.1:8080";
const DATA: &str = "/tmp/refero-first-steps";

/// Where pages say that the product is served.
const HOST: &str = "https://refero.example.com";

const NOT_RUN: [&str; 4] = ["make ", "cargo ", "scripts/", "REFERO_OUTAGE_SECONDS="];

/// Pages whose commands go on where those of README.md end, in the order in which they build on one another, and how many
/// of their commands say what is printed.
const PAGES: [(&str, usize); 4] =
    [("docs/TRACKING.md", 5), ("docs/ATTRIBUTION.md", 3), ("docs/POSTBACKS.md", 2), ("docs/SCRIPT.md", 2)];

/// A command and what its output must contain.
struct Step {
    command: String,
    expected: Option<String>,
}

/// The commands of all `sh` blocks.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    for block in blocks {
        let joined = block.replace("\\\n", "\\\u{0}");
        for line in joined.lines().map(|line| line.replace('\u{0}', "\n")) {
            match (line.strip_prefix("# → "), steps.last_mut()) {
                // A text in single quotes goes on until they are closed.
                (_, Some(step)) if !step.command.matches('\'').count().is_multiple_of(2) => {
                    step.command.push('\n');
                    step.command.push_str(&line);
                }
                (Some(expected), Some(step)) => step.expected = Some(expected.to_owned()),
                _ if line.is_empty() || NOT_RUN.iter().any(|start| line.starts_with(start)) => {}
                _ => steps.push(Step { command: line, expected: None }),
            }
        }
    }
    steps
}

/// One shell script that keeps the output and the exit code of each command, and in the end stops what it started.
fn script(steps: &[Step]) -> String {
    let mut script = String::from("trap 'kill $!; wait $!' EXIT\n");
    for (index, step) in steps.iter().enumerate() {
        writeln!(script, "{{ {}\n}} > {index}.out 2>&1\necho $? > {index}.code", step.command)
            .expect("a string");
    }
    script
}

fn contains_in_order(text: &str, expected: &str) -> bool {
    let found =
        expected.split(" … ").try_fold(0, |from, part| Some(from + text[from..].find(part)? + part.len()));
    found.is_some()
}

/// A page of the repository with a free address and folder.
fn page(path: &str, address: &str, data: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let page = std::fs::read_to_string(page).unwrap_or_else(|error| panic!("{path}: {error}"));
    page.replace(ADDRESS, address).replace(DATA, data).replace(HOST, &format!("http://{address}"))
}

fn claims(steps: &[Step]) -> usize {
    steps.iter().filter(|step| step.expected.is_some()).count()
}

#[test]
fn every_command_of_the_readme_and_of_what_follows_it_works_as_pasted() {
    let folder = Folder::new("readme");
    let address = free_address();
    let mut steps = self::steps(&page("README.md", &address, &folder.data()));
    assert!(claims(&steps) >= 10, "README.md claims less than it did");
    for (path, least) in PAGES {
        let more = self::steps(&page(path, &address, &folder.data()));
        assert!(claims(&more) >= least, "{path} claims less than it did");
        steps.extend(more);
    }

    let path = std::env::var("PATH").expect("there is a path");
    let options = embedded_postgres::Options::new(folder.data());
    let postgres = embedded_postgres::find_binaries(&options).expect("there is a PostgreSQL");
    let built = Path::new(env!("CARGO_BIN_EXE_refero")).parent().expect("a binary is in a folder");
    let path = format!("{}:{}:{path}", built.display(), postgres.bin.display());
    // The environment of the binary, for a shell instead of it.
    let environment = refero(&[]);
    let mut shell = std::process::Command::new("sh");
    for (name, value) in environment.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.args(["-c", &script(&steps)]).current_dir(folder.path());
    shell.env("PATH", path).env("REFERO_LISTEN", &address).status().expect("there is a shell");

    let read = |name: String| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    for (index, Step { command, expected }) in steps.iter().enumerate() {
        let (output, code) = (read(format!("{index}.out")), read(format!("{index}.code")));
        assert_eq!(code.trim(), "0", "{command}\n{output}");
        if let Some(expected) = expected {
            assert!(contains_in_order(&output, expected), "{command}\n# → {expected}\n{output}");
        }
    }
}

#[test]
fn expectations_are_read_in_order() {
    let steps = steps(
        "```sh\nmake demo\na \\\n  b\n# → x … y\n```\ntext\n```sh\ncargo build\nc '1\n2' &\n```\n```js\nd\n```\n",
    );
    let read: Vec<(&str, Option<&str>)> =
        steps.iter().map(|step| (&*step.command, step.expected.as_deref())).collect();
    assert_eq!(read, [("a \\\n  b", Some("x … y")), ("c '1\n2' &", None)]);
    assert!(contains_in_order("1 x 2 y 3", "x … y"));
    assert!(!contains_in_order("1 y 2 x 3", "x … y"));
}
