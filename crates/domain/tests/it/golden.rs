//! Golden histories: what each kind of deal comes to under this version of the rules, to the cent and in text. They
//! change only with a new `ENGINE_VERSION`, which gets a folder of its own; those of older versions stay as they are.

use std::path::{Path, PathBuf};

use domain::ENGINE_VERSION;
use domain::currency::Currency;
use domain::deal::Terms;
use domain::example;

/// The folder of this version.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/engine-{ENGINE_VERSION}"))
}

/// The part of a file from a word that stands alone in a line to the next empty line.
fn section<'a>(text: &'a str, word: &str) -> &'a str {
    let start = format!("\n{word}\n");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("there is no section {word:?}"));
    rest.split_once("\n\n").map_or(rest, |(section, _)| section).trim()
}

/// What stands at the end of a history, a line a thing.
fn standing(text: &str) -> String {
    let terms: Terms = serde_json::from_str(section(text, "deal")).expect("terms");
    let program = example::tell(&terms, Currency::EUR, section(text, "history"));
    let program = program.unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!(terms.check(program.currency()), Ok(()));
    assert!(program.agrees(), "the books disagree with themselves");
    program.standing().replace("; ", "\n")
}

/// What is to be said of a history that comes to something else; nothing where it does not.
fn difference(name: &str, expected: &str, found: &str) -> Option<String> {
    (expected != found).then(|| {
        format!(
            "{name}: under engine version {ENGINE_VERSION} this history came to\n\n{expected}\n\nand now comes to\n\n\
             {found}\n\nIf the rules are meant to decide otherwise, count ENGINE_VERSION up and keep the new standings \
             under tests/golden/engine-{}; what is booked by the old version stays replayable by name. If not, a rule \
             has changed by mistake.",
            ENGINE_VERSION + 1
        )
    })
}

#[test]
fn every_golden_history_comes_to_what_it_did() {
    let folder = folder();
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!("engine version {ENGINE_VERSION} has no golden histories in {}: {error}", folder.display())
    });
    let mut differences = Vec::new();
    let mut count = 0;
    for file in files {
        let path = file.expect("a file").path();
        let name = path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let text = std::fs::read_to_string(&path).expect("a text");
        differences.extend(difference(&name, section(&text, "standing"), &standing(&text)));
        count += 1;
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n\n"));
    assert_eq!(count, 21, "a kind of deal is missing, or the number here is old");
}

#[test]
fn a_changed_standing_is_told_with_what_to_do() {
    let told = difference("percent", "p1 share 20.00 due", "p1 share 20.01 due").expect("a difference");
    assert!(
        told.contains("came to\n\np1 share 20.00 due") && told.contains("count ENGINE_VERSION up"),
        "{told}"
    );
    assert_eq!(difference("percent", "p1 share 20.00 due", "p1 share 20.00 due"), None);
}
