//! Files and functions that a reader can hold in the head.

use crate::exceptions::{LONG_FILES, LONG_FUNCTIONS};
use crate::{report, tree};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
/// A test may be longer than other functions, because it is often a table of cases or one long walk.
const TEST_LINES: usize = 140;
/// How far an exception may lag behind.
const SLACK: usize = 20;

#[test]
fn files_have_at_most_500_lines() {
    let mut lengths = Vec::new();
    for path in tree::files("crates", &[".rs", ".js", ".mjs", ".css"]) {
        let text = std::fs::read_to_string(tree::root().join(&path)).expect("a source file is UTF-8");
        lengths.push((path, text.lines().count(), FILE_LINES));
    }
    let exceptions: Vec<_> = LONG_FILES.iter().map(|(path, lines)| ((*path).to_owned(), *lines)).collect();
    report(
        "A file is about one thing and has at most 500 lines. When it grows, ask which two things it does.",
        problems(&lengths, &exceptions),
    );
}

#[test]
fn functions_have_at_most_70_lines() {
    let mut lengths = Vec::new();
    for source in tree::sources() {
        for function in source.functions() {
            let limit = if function.is_test { TEST_LINES } else { FUNCTION_LINES };
            let name = format!("{} fn {}", source.path, function.name);
            // Of two functions of one name in one file the longer one counts.
            match lengths.iter_mut().find(|(known, _, _)| *known == name) {
                Some((_, lines, _)) => *lines = function.lines.max(*lines),
                None => lengths.push((name, function.lines, limit)),
            }
        }
    }
    let exceptions: Vec<_> =
        LONG_FUNCTIONS.iter().map(|(path, name, lines)| (format!("{path} fn {name}"), *lines)).collect();
    report(
        "A function fits a screen: at most 70 lines, a test at most 140. Compute in one, write in another.",
        problems(&lengths, &exceptions),
    );
}

fn problems(lengths: &[(String, usize, usize)], exceptions: &[(String, usize)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, lines, limit) in lengths {
        match exceptions.iter().find(|(known, _)| known == name) {
            None if lines > limit => {
                problems
                    .push(format!("{name}: {lines} lines; split it so that each part has at most {limit}"));
            }
            Some((_, allowed)) if lines > allowed => {
                problems.push(format!(
                    "{name}: {lines} lines; it grew beyond its exception of {allowed}, so split it"
                ));
            }
            Some(_) if lines <= limit => {
                problems.push(format!("{name}: {lines} lines; well done, remove it from exceptions.rs"));
            }
            Some((_, allowed)) if lines + SLACK < *allowed => {
                problems.push(format!(
                    "{name}: {lines} lines; lower its exception in exceptions.rs from {allowed}"
                ));
            }
            _ => {}
        }
    }
    let gone = exceptions.iter().filter(|(known, _)| !lengths.iter().any(|(name, _, _)| name == known));
    problems
        .extend(gone.map(|(name, _)| format!("{name}: not there any more; remove it from exceptions.rs")));
    problems
}

#[test]
fn exceptions_only_shrink() {
    let check = |lines: usize, allowed: Option<usize>| {
        let exceptions: Vec<_> = allowed.map(|allowed| ("f".to_owned(), allowed)).into_iter().collect();
        problems(&[("f".to_owned(), lines, 70)], &exceptions).join("")
    };
    assert_eq!(check(70, None), "");
    assert!(check(71, None).contains("split it"));
    assert_eq!(check(90, Some(100)), "");
    assert_eq!(check(80, Some(100)), "");
    assert!(check(101, Some(100)).contains("grew beyond"));
    assert!(check(79, Some(100)).contains("lower its exception"));
    assert!(check(70, Some(100)).contains("remove it"));
    assert!(problems(&[], &[("f".to_owned(), 100)])[0].contains("not there any more"));
}
