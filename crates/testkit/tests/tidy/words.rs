//! Comments: every file opens with what lives in it; no banners, no code out of use, nothing left to do without reason.

use crate::{report, tree};

#[test]
fn every_file_opens_with_what_lives_here() {
    let opens = |text: &str| text.starts_with("//!") || text.starts_with("#!/");
    let silent = tree::sources().iter().filter(|source| !opens(&source.text));
    let problems =
        silent.map(|source| format!("{}: begin with //! and what lives here and what does not", source.path));
    report("A file opens with a few lines on what lives here.", problems.collect());
}

#[test]
fn what_is_left_to_do_says_why() {
    let mut problems = Vec::new();
    for source in tree::sources() {
        for (line, comment) in &source.comments {
            let mark = ["TODO", "FIXME", "XXX", "HACK"]
                .into_iter()
                .find(|mark| crate::rust::has_word(comment, mark));
            if let Some(mark) = mark.filter(|_| !comment.contains("because")) {
                problems.push(format!(
                    "{}:{line}: do it now, or write `{mark}: what, because why not now`",
                    source.path
                ));
            }
        }
    }
    report("Nothing is left to do without a reason.", problems);
}

#[test]
fn comments_are_sentences() {
    let mut problems = Vec::new();
    for source in tree::sources() {
        for (line, comment) in &source.comments {
            if is_banner(comment) {
                problems.push(format!(
                    "{}:{line}: a banner; split the file or say it in a sentence",
                    source.path
                ));
            }
            if is_code(comment) {
                problems.push(format!("{}:{line}: code in a comment; delete it, git remembers", source.path));
            }
        }
    }
    report("Comments are sentences that say why.", problems);
}

fn is_banner(comment: &str) -> bool {
    ["----", "====", "****", "####", "////", "~~~~"].into_iter().any(|line| comment.contains(line))
}

/// Only what is certain: a call or a statement that ends in a semicolon, or a line that opens a block.
fn is_code(comment: &str) -> bool {
    let is_doc = comment.starts_with("///") || comment.starts_with("//!");
    let Some(text) = comment.strip_prefix("//").filter(|_| !is_doc).map(str::trim) else { return false };
    let is_statement = ["let ", "use ", "pub ", "return ", "self.", "fn ", "mod "]
        .into_iter()
        .any(|start| text.starts_with(start));
    let is_call = text.split_once('(').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.:!".contains(c))
    });
    text == "}"
        || text.ends_with('{')
        || (text.ends_with(';') && is_statement)
        || (text.ends_with(");") && is_call)
}

#[test]
fn code_is_told_from_prose() {
    for text in ["// let x = 1;", "// foo.bar(1);", "// if x {", "// }", "//println!(\"x\");"] {
        assert!(is_code(text), "{text}");
    }
    for text in
        ["// first this;", "// let it be", "/// let x = 1;", "// (as said in money.md);", "// {a} is shown"]
    {
        assert!(!is_code(text), "{text}");
    }
}
