//! Documents that follow the code: the map stays short, every dependency has its reason, links lead somewhere.

use std::path::Path;

use crate::{report, tree};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const DEPENDENCIES: &str = "docs/decisions/dependencies.md";
const DECISIONS: &str = "docs/decisions/README.md";
const WHYS: &str = "docs/decisions/whys.md";

#[test]
fn the_map_has_less_than_200_lines() {
    let lines = tree::read(ARCHITECTURE).map_or(0, |text| text.lines().count());
    let problem = format!(
        "{ARCHITECTURE} has {lines} lines; move detail to the page of its crate or to docs/decisions/"
    );
    report("The map is short enough to be read.", if lines < 200 { Vec::new() } else { vec![problem] });
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = tree::read("Cargo.toml").expect("the workspace has a manifest");
    let declared = declared(&manifest);
    assert!(declared.len() > 10, "the dependencies of the workspace were not found: {declared:?}");
    let page = tree::read(DEPENDENCIES).unwrap_or_default();
    let explained: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once("`: "))
        .filter(|(_, reason)| reason.len() >= 15)
        .map(|(name, _)| name)
        .collect();
    let missing = declared.iter().filter(|name| !explained.contains(&name.as_str()));
    let missing =
        missing.map(|name| format!("{DEPENDENCIES}: add the line \"- `{name}`: why it is worth having\""));
    let gone = explained.iter().filter(|name| !declared.iter().any(|known| known == *name));
    let gone = gone.map(|name| format!("{DEPENDENCIES}: {name} is no dependency any more; remove its line"));
    report("Every dependency of the workspace has a reason, and only those.", missing.chain(gone).collect());
}

/// The names in [workspace.dependencies] that are not our own.
fn declared(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[workspace.dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    let others = lines.filter(|line| !line.contains("path = ") && !line.trim_start().starts_with('#'));
    others.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.trim().to_owned()).collect()
}

#[test]
fn every_decision_is_in_the_index() {
    let index = tree::read(DECISIONS).unwrap_or_default();
    let pages = tree::files("docs/decisions", &[".md"]).into_iter().filter(|path| path != DECISIONS);
    let missing = pages.filter(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        !index.contains(&format!("({name})"))
    });
    let problems =
        missing.map(|path| format!("{path}: add it to {DECISIONS} with one line on what was decided"));
    report("A decision can be found.", problems.collect());
}

#[test]
fn every_case_behind_a_rule_is_a_test() {
    let page = tree::read(WHYS).unwrap_or_default();
    let cases: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| tests |")).collect();
    assert!(cases.len() > 15, "the cases of {WHYS} were not found");
    let mut problems = Vec::new();
    for case in cases {
        let tests: Vec<(&str, &str)> = case.split('`').filter_map(|part| part.split_once("::")).collect();
        if tests.is_empty() {
            problems.push(format!("{WHYS}: {case}: name its test"));
        }
        for (file, test) in tests {
            let text = tree::read(&format!("crates/{file}")).unwrap_or_default();
            if !text.contains(&format!("#[test]\nfn {test}()")) {
                problems.push(format!("{WHYS}: there is no test {test} in crates/{file}; correct the name"));
            }
        }
    }
    report("Every case behind a rule has its test.", problems);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    let mut pages = tree::files("docs", &[".md"]);
    pages.extend(["README.md", "CONTRIBUTING.md"].map(str::to_owned));
    for page in pages {
        let Some(text) = tree::read(&page) else { continue };
        let folder = tree::root().join(&page).parent().map(Path::to_owned).expect("a page is in a folder");
        for (index, line) in text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = target.split('#').next().unwrap_or(target);
                let is_elsewhere = target.contains("://") || target.starts_with("mailto:") || file.is_empty();
                if !is_elsewhere && !file.starts_with('/') && !folder.join(file).exists() {
                    problems.push(format!(
                        "{page}:{}: {target} is not there; correct or remove the link",
                        index + 1
                    ));
                }
            }
        }
    }
    report("Links lead somewhere.", problems);
}
