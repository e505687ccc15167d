//! Which crate may use which: domain <- store <- app <- web <- refero (design.md §5), read from `cargo metadata`.

use std::process::Command;

use serde_json::Value;

use crate::{report, tree};

/// What each crate of ours may use of the others. `web` goes through `app`, which knows who may do what.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("embedded-postgres", &[]),
    ("store", &["domain"]),
    ("app", &["domain", "store"]),
    ("web", &["app", "domain"]),
    ("refero", &["app", "domain", "embedded-postgres", "store", "web"]),
    ("testkit", &["app", "domain", "embedded-postgres", "store", "web"]),
];

/// Whose tests may use `testkit`. The crates without database need none of it.
const TESTED_WITH_TESTKIT: &[&str] = &["store", "app", "web", "refero"];

/// Crates of others that only some of ours may use.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["store", "testkit", "refero"], "SQL is written in `store`"),
    ("axum", &["web", "testkit", "refero"], "HTTP is spoken in `web`"),
    ("lettre", &["app", "testkit"], "mail is sent by `app/outside/`"),
];

/// All that `domain` may use of others: nothing with a clock of its own, randomness or I/O.
const PURE: &[&str] =
    &["chrono", "chrono-tz", "hmac", "percent-encoding", "serde", "serde_json", "sha2", "thiserror", "uuid"];

/// A dependency that a crate declares.
struct Dependency {
    of: String,
    name: String,
    is_ours: bool,
    is_for_tests: bool,
}

#[test]
fn crates_depend_only_downwards() {
    let (crates, dependencies) = metadata();
    let mut problems = Vec::new();
    for name in crates.iter().filter(|name| !LAYERS.iter().any(|(known, _)| known == name)) {
        problems.push(format!(
            "{name} is new; say in LAYERS of layers.rs, in design and ARCHITECTURE.md where it stands"
        ));
    }
    for dependency in dependencies.iter().filter(|dependency| dependency.is_ours) {
        let Dependency { of, name, is_for_tests, .. } = dependency;
        let below = LAYERS.iter().find(|(known, _)| known == of).map_or(&[][..], |(_, below)| below);
        let by_testkit = *is_for_tests && name == "testkit" && TESTED_WITH_TESTKIT.contains(&of.as_str());
        if !below.contains(&name.as_str()) && !by_testkit {
            let may = if below.is_empty() { "none of ours".to_owned() } else { below.join(", ") };
            problems
                .push(format!("{of} uses {name}, but may use {may}; move the code to the layer that may"));
        }
    }
    report(
        "Crates depend on each other in one direction: domain <- store <- app <- web <- refero.",
        problems,
    );
}

#[test]
fn crates_of_others_are_used_where_they_belong() {
    let (_, dependencies) = metadata();
    let mut problems = Vec::new();
    for Dependency { of, name, is_for_tests, .. } in &dependencies {
        let reserved = RESERVED.iter().find(|(reserved, ..)| reserved == name);
        if let Some((_, allowed, why)) = reserved.filter(|(_, allowed, _)| !allowed.contains(&of.as_str())) {
            problems.push(format!("{of} uses {name}, but {why}; only {} may", allowed.join(", ")));
        }
        if of == "domain" && !is_for_tests && !PURE.contains(&name.as_str()) {
            problems.push(format!("domain uses {name}; it is pure and may use {} only", PURE.join(", ")));
        }
    }
    report("Every layer does its own work.", problems);
}

#[test]
fn versions_are_named_once_in_the_workspace() {
    let mut problems = Vec::new();
    for path in tree::files("crates", &["Cargo.toml"]) {
        let text = tree::read(&path).expect("it was listed");
        let mut in_dependencies = false;
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('[') {
                in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
            } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
                problems.push(format!(
                    "{path}:{}: {line}: name the version in [workspace.dependencies] of the root and write `.workspace \
                     = true` here",
                    index + 1
                ));
            }
        }
    }
    report("A version is named once, in the workspace.", problems);
}

/// The crates of the workspace and what they declare to depend on.
fn metadata() -> (Vec<String>, Vec<Dependency>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(tree::root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages = list(&metadata["packages"]);
    assert!(!packages.is_empty(), "the workspace has crates");
    let mut dependencies = Vec::new();
    for package in &packages {
        dependencies.extend(list(&package["dependencies"]).iter().map(|dependency| Dependency {
            of: text(&package["name"]),
            name: text(&dependency["name"]),
            is_ours: dependency["path"].is_string(),
            is_for_tests: dependency["kind"] == "dev",
        }));
    }
    (packages.iter().map(|package| text(&package["name"])).collect(), dependencies)
}
