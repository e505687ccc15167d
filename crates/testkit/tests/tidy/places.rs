//! What has one place and must not be elsewhere: SQL, the clock, unsafe code, effects in `domain`; and file names that
//! say nothing.

use crate::rust::{Source, has_word};
use crate::{report, tree};

/// Where SQL may be written. `embedded-postgres` asks a server about itself and knows no table of ours.
const SQL: &[&str] = &[
    "crates/store/",
    "crates/testkit/",
    "crates/refero/src/bench.rs",
    "crates/refero/src/bench/",
    "crates/embedded-postgres/",
];

/// The one place that reads the time of day.
const CLOCK: &str = "crates/app/src/clock.rs";

/// Where clippy's list of disallowed methods (clippy.toml) may be overruled.
const OVERRULES_CLIPPY: &[&str] = &[CLOCK, "crates/app/src/random.rs"];

/// Where unsafe code may be: between fork and exec nothing else will do.
const UNSAFE: &[&str] = &["crates/embedded-postgres/src/"];

/// Names that say nothing about what is in a file.
const EMPTY_NAMES: &[&str] =
    &["common", "dto", "dtos", "helpers", "manager", "misc", "service", "services", "util", "utils"];

#[test]
fn sql_is_written_in_store() {
    let mut problems = Vec::new();
    for source in tree::sources().iter().filter(|source| !is_in(source, SQL)) {
        for line in source.lines_with("sqlx") {
            problems
                .push(format!("{}:{line}: sqlx; add a function to crates/store and call it", source.path));
        }
        for (line, text) in source.literals.iter().filter(|(_, text)| is_sql(text)) {
            let start: String = text.chars().take(40).collect();
            problems
                .push(format!("{}:{line}: {start:?} reads like SQL; move it to crates/store", source.path));
        }
    }
    report("SQL is written in `store` only; besides, in testkit and refero/src/bench/.", problems);
}

fn is_sql(literal: &str) -> bool {
    let text = literal.trim_start();
    let text = if text.starts_with(char::is_uppercase) && text.split(' ').next().is_some_and(is_upper) {
        text.to_lowercase()
    } else {
        text.to_owned()
    };
    let starts = |start: &str| text.starts_with(start);
    (starts("select ") && text.contains(" from "))
        || (starts("update ") && text.contains(" set "))
        || (starts("with ") && text.contains(" as ("))
        || ["insert into ", "delete from ", "create table ", "alter table ", "drop table "]
            .into_iter()
            .any(starts)
}

fn is_upper(word: &str) -> bool {
    word.len() > 1 && word.chars().all(char::is_uppercase)
}

#[test]
fn sql_is_told_from_english() {
    for text in [
        "select id from fact",
        "SELECT 1 FROM fact",
        "\n  insert into fact values (1)",
        "with a as (select 1)",
    ] {
        assert!(is_sql(text), "{text}");
    }
    for text in
        ["Select a deal from the list", "selected", "update the deal", "with care", "", "Update it, set it"]
    {
        assert!(!is_sql(text), "{text}");
    }
}

#[test]
fn the_time_of_day_is_read_in_one_place() {
    let mut problems = Vec::new();
    for source in tree::sources().iter().filter(|source| source.path != CLOCK) {
        for word in ["Utc::now", "Local::now", "SystemTime::now", "OffsetDateTime::now_utc"] {
            for line in source.lines_with(word) {
                problems.push(format!(
                    "{}:{line}: {word}; take `now` as an argument, it is read once per request or job in {CLOCK}",
                    source.path
                ));
            }
        }
    }
    report("Time is an argument (design.md §2, invariant 11).", problems);
}

#[test]
fn clippy_is_overruled_only_where_the_clock_and_randomness_live() {
    let mut problems = Vec::new();
    for source in tree::sources().iter().filter(|source| !is_in(source, OVERRULES_CLIPPY)) {
        for line in source.lines_with("disallowed_methods") {
            problems.push(format!(
                "{}:{line}: allows a disallowed method; call {} instead",
                source.path,
                OVERRULES_CLIPPY.join(" or ")
            ));
        }
    }
    report("What clippy.toml forbids has one place each.", problems);
}

#[test]
fn domain_has_no_effects_no_floats_and_no_order_by_chance() {
    let words = [
        "std::fs",
        "std::io",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "Instant",
        "SystemTime",
        "tokio",
        "println",
        "eprintln",
        "static mut",
        "HashMap",
        "HashSet",
        "f32",
        "f64",
    ];
    let mut problems = Vec::new();
    for source in tree::sources().iter().filter(|source| source.path.starts_with("crates/domain/src/")) {
        for word in words {
            for line in source.lines_with(word) {
                problems.push(format!(
                    "{}:{line}: {word}; pass what it gives as an argument, or keep it out",
                    source.path
                ));
            }
        }
    }
    report("`domain` is a function of its arguments: no clock, no I/O, no randomness, no float.", problems);
}

#[test]
fn no_float_touches_money() {
    let mut problems = Vec::new();
    for source in tree::sources() {
        for (index, line) in source.code.lines().enumerate() {
            let is_float = has_word(line, "f64") || has_word(line, "f32");
            let is_money = ["micros", "amount", "money", "Money"].into_iter().any(|word| line.contains(word));
            if is_float && is_money {
                let place = format!("{}:{}", source.path, index + 1);
                problems.push(format!(
                    "{place}: keep amounts in micros (i64), sums in i128, and print with money::decimal"
                ));
            }
        }
    }
    report("No float touches money (design.md §2, invariant 1).", problems);
}

#[test]
fn unsafe_code_is_where_it_must_be() {
    let mut problems = Vec::new();
    for source in tree::sources().iter().filter(|source| !is_in(source, UNSAFE)) {
        for line in source.lines_with("unsafe") {
            problems.push(format!(
                "{}:{line}: unsafe; do it with a crate that is checked by others",
                source.path
            ));
        }
    }
    report("Unsafe code is needed between fork and exec, and nowhere else.", problems);
}

#[test]
fn no_test_is_ignored() {
    let mut problems = Vec::new();
    for source in tree::sources() {
        for line in source.lines_with("ignore") {
            if source.code.lines().nth(line - 1).is_some_and(|code| code.contains("#[ignore")) {
                problems.push(format!("{}:{line}: repair the test or remove it", source.path));
            }
        }
    }
    report("A test that does not run is no test.", problems);
}

#[test]
fn file_names_say_what_is_inside() {
    let mut problems = Vec::new();
    for path in tree::files("crates", &[".rs"]) {
        let parts: Vec<&str> = path.split('/').collect();
        let name = parts.last().map_or("", |name| name.trim_end_matches(".rs"));
        if name == "mod" {
            problems.push(format!("{path}: call it by the name of its folder, beside the folder"));
        }
        for part in parts.iter().skip(1).map(|part| part.trim_end_matches(".rs")) {
            if EMPTY_NAMES.contains(&part) {
                problems.push(format!(
                    "{path}: {part:?} says nothing; name it after what it does, or put it where it is used"
                ));
            }
        }
        if parts.len() == 4 && parts[2] == "tests" {
            problems.push(format!("{path}: one test binary a crate; make it a module of tests/it/main.rs"));
        }
    }
    report("The file tree is the table of contents.", problems);
}

fn is_in(source: &Source, places: &[&str]) -> bool {
    places.iter().any(|place| source.path.starts_with(place))
}
