//! Deals as files: the ones that come with the product are right, a wrong expectation is refused by name, and a file
//! becomes a version of a deal once.

use std::path::Path;

use serde_json::Value;

use crate::binary::{Folder, print, run};

fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/deals");
    let files = std::fs::read_dir(folder).expect("examples/deals");
    let mut paths: Vec<String> =
        files.map(|file| file.expect("a file").path().display().to_string()).collect();
    paths.sort();
    paths
}

fn example(name: &str) -> String {
    examples().into_iter().find(|path| path.ends_with(name)).expect(name)
}

#[test]
fn every_deal_that_comes_with_the_product_is_right() {
    let files = examples();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let printed = print(&["deal", "check", &file]);
        assert!(printed.lines().all(|line| line.starts_with("ok    ")), "{file}\n{printed}");
    }
}

#[test]
fn the_deals_of_the_deals_page_are_right() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/DEALS.md");
    let page = std::fs::read_to_string(page).expect("docs/DEALS.md");
    let folder = Folder::new("deals");
    let mut files = 0;
    for block in page.split("```toml\n").skip(1) {
        let (text, _) = block.split_once("```").expect("a block ends");
        let path = folder.path().join(format!("deal-{files}.toml")).display().to_string();
        std::fs::write(&path, text).expect("written");
        let printed = print(&["deal", "check", &path]);
        assert!(printed.lines().all(|line| line.starts_with("ok    ")), "{text}\n{printed}");
        files += 1;
    }
    assert_eq!(files, 2);
}

#[test]
fn a_wrong_expectation_is_refused_by_name() {
    let folder = Folder::new("deals");
    let written = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(example("flat-per-sign-up.toml")).expect("the file");
        assert!(text.contains(from), "{from}");
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, text.replace(from, to)).expect("written");
        path
    };
    let refused = |path: &str, expected: &str| {
        let output = run(&["deal", "check", path]);
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{said}");
    };
    let wrong = written("wrong.toml", r#"due = "5.00""#, r#"due = "6.00""#);
    refused(&wrong, "wrong Four sign-ups, one of them from elsewhere\n      due is 5.00, expected 6.00\n");
    refused(&wrong, r#""Four sign-ups, one of them from elsewhere" does not come to what is expected"#);
    refused(&written("word.toml", "due =", "dues ="), "dues is no amount; there are balance, pending, due");
    refused(
        &written("date.toml", "at 2026-03-16", "at 16.3.2026"),
        r#"in "at 16.3.2026": 16.3.2026 is no date"#,
    );
    refused(&written("field.toml", "hold_days", "hold_weeks"), "unknown field `hold_weeks`");
    refused(&written("terms.toml", r#"flat = "2.50""#, r#"flat = "2.505""#), "terms: ");
    refused(&written("none.toml", "[[example]]", "[[examples]]"), "unknown field `examples`");
    refused("/nowhere.toml", "/nowhere.toml: ");
}

#[test]
fn a_file_becomes_a_version_of_a_deal_once() {
    let folder = Folder::new("deals");
    let data = folder.data();
    let made =
        print(&["program", "create", "--name", "Acme", "--currency", "EUR", "--json", "--data", &data]);
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let program = made["program_id"].as_str().map_or_else(|| made["program_id"].to_string(), str::to_owned);
    let apply = |file: &str, more: &[&str]| {
        print(&[&["deal", "apply", file, "--program", &program, "--data", &data], more].concat())
    };
    let file = example("saas-20-percent-for-a-year.toml");
    let shown = apply(&file, &["--dry-run"]);
    assert!(shown.starts_with("+ 20 % of each payment, for 12 months"), "{shown}");
    assert!(shown.ends_with("new: nothing was written\n"), "{shown}");
    let new: Value = serde_json::from_str(&apply(&file, &["--json"])).expect("JSON");
    assert_eq!((&new["change"], &new["version"]), (&"new".into(), &1.into()), "{new}");
    let same: Value = serde_json::from_str(&apply(&file, &["--json"])).expect("JSON");
    assert_eq!((&same["change"], &same["version"]), (&"unchanged".into(), &1.into()), "{same}");
    assert_eq!(same["deal_id"], new["deal_id"]);
    let text = std::fs::read_to_string(&file).expect("the file");
    let changed = folder.path().join("changed.toml").display().to_string();
    let text =
        text.split("[[example]]").next().expect("the terms").replace("hold_days = 30", "hold_days = 60");
    let shows =
        "[[example]]\nname = \"Held\"\nevents = \"pay 1 p1 10 2026-03-01\"\nexpect = { pending = \"2\" }\n";
    std::fs::write(&changed, text + shows).expect("written");
    let changed = apply(&changed, &[]);
    assert!(
        changed.contains("- Held for 30 days.\n") && changed.contains("+ Held for 60 days.\n"),
        "{changed}"
    );
    assert!(changed.ends_with(", version 2\n"), "{changed}");
    print(&["verify", "--data", &data]);
}
