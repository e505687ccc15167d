//! Just enough of Rust's grammar to tell code from literals and comments, and to find where functions end.

/// A Rust file.
pub(crate) struct Source {
    /// Its path from the root of the repository.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// The text with literals and comments blanked out, line for line.
    pub(crate) code: String,
    /// Its string literals, without quotes, with the line they start in.
    pub(crate) literals: Vec<(usize, String)>,
    /// Its comments, each line by itself and with its slashes, with their line.
    pub(crate) comments: Vec<(usize, String)>,
}

/// A function with its body.
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// How many lines it has, from `fn` to the closing brace.
    pub(crate) lines: usize,
    /// Whether it is a test.
    pub(crate) is_test: bool,
}

impl Source {
    /// Reads a file.
    pub(crate) fn new(path: String, text: String) -> Source {
        let mut source = Source {
            path,
            code: String::with_capacity(text.len()),
            literals: Vec::new(),
            comments: Vec::new(),
            text,
        };
        let text = source.text.clone();
        let (mut rest, mut line) = (text.as_str(), 1);
        while !rest.is_empty() {
            let (piece, length) = next_piece(rest, source.code.chars().next_back());
            let (taken, left) = rest.split_at(length);
            match piece {
                Piece::Code => source.code.push_str(taken),
                Piece::Literal => {
                    source.literals.push((line, taken.trim_matches(['r', 'b', '#', '"']).to_owned()))
                }
                Piece::Comment => {
                    let lines = taken.lines().enumerate();
                    source.comments.extend(lines.map(|(index, text)| (line + index, text.trim().to_owned())));
                }
                Piece::Character => {}
            }
            if !matches!(piece, Piece::Code) {
                let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
                source.code.extend(taken.chars().map(blank));
            }
            line += taken.matches('\n').count();
            rest = left;
        }
        source
    }

    /// The lines of code that have a word in them, with their numbers.
    pub(crate) fn lines_with(&self, word: &str) -> Vec<usize> {
        let lines = self.code.lines().enumerate();
        lines.filter(|(_, line)| has_word(line, word)).map(|(index, _)| index + 1).collect()
    }

    /// Every function that has a body.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        let line_of = |at: usize| self.code[..at].matches('\n').count() + 1;
        for (at, _) in self.code.match_indices("fn ").filter(|(at, _)| is_word_at(&self.code, *at, "fn")) {
            let after = &self.code[at + 3..];
            let name: String =
                after.chars().take_while(|c| c.is_alphanumeric() || "_$".contains(*c)).collect();
            let Some(end) = end_of_function(after).filter(|_| !name.is_empty()) else { continue };
            let first_line = line_of(at);
            let lines = line_of(at + 3 + end) - first_line + 1;
            functions.push(Function { name, lines, is_test: self.is_test(first_line) });
        }
        functions
    }

    /// Whether the attributes above a line make its function a test.
    fn is_test(&self, line: usize) -> bool {
        let above: Vec<&str> = self.code.lines().take(line - 1).collect();
        let attributes = above.iter().rev().map(|line| line.trim());
        let mut attributes = attributes.take_while(|line| line.is_empty() || line.starts_with("#["));
        attributes.any(|attribute| attribute.starts_with("#[test]") || attribute.contains("::test"))
    }
}

/// Whether a line of code has a word (or a path such as `Utc::now`) in it, not as a part of another.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| is_word_at(line, at, word))
}

fn is_word_at(text: &str, at: usize, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    !text[..at].chars().next_back().is_some_and(in_word) && !text[at + word.len()..].starts_with(in_word)
}

#[derive(Clone, Copy)]
enum Piece {
    Code,
    Literal,
    Character,
    Comment,
}

/// The next piece and its length in bytes; `before` is the last character of the code before it.
fn next_piece(text: &str, before: Option<char>) -> (Piece, usize) {
    let continues_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if text.starts_with("//") {
        return (Piece::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Piece::Comment, block_comment(text));
    }
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r' | '#')).unwrap_or(text.len());
    let is_raw = text[..prefix].contains('r');
    let well_formed = prefix == 0 || (!continues_word && (is_raw || !text[..prefix].contains('#')));
    if text[prefix..].starts_with('"') && well_formed {
        return (Piece::Literal, prefix + string_literal(&text[prefix..], is_raw, &text[..prefix]));
    }
    if let Some(length) = character_literal(text) {
        return (Piece::Character, length);
    }
    (Piece::Code, text.chars().next().map_or(0, char::len_utf8))
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string literal that starts at its quote.
fn string_literal(text: &str, is_raw: bool, prefix: &str) -> usize {
    if is_raw {
        let end = format!("\"{}", "#".repeat(prefix.matches('#').count()));
        return text[1..].find(&end).map_or(text.len(), |at| 1 + at + end.len());
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal at the start of a text; a lifetime is none.
fn character_literal(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        let end = inside[2..].find('\'')?;
        return Some(1 + 2 + end + 1);
    }
    inside[first.len_utf8()..].starts_with('\'').then_some(1 + first.len_utf8() + 1)
}

/// Where the function ends whose text after `fn ` is given; `None` for one without a body.
fn end_of_function(text: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            ';' if brackets == 0 && braces == 0 => return None,
            '{' => braces += 1,
            '}' if braces == 1 => return Some(at),
            '}' => braces -= 1,
            _ => {}
        }
    }
    None
}

#[test]
fn literals_and_comments_are_told_from_code() {
    let text = r##"// a "comment" { of { braces
fn one<'a>(x: [u8; 2]) -> char {
    let s = "say \" { Utc::now"; /* more /* of { */ it */
    let raw = r#"and " more {"#; '{' }
trait T { fn without(&self); }
#[test]
fn two() { b'\''; '\u{1F600}'; }
"##;
    let source = Source::new("x.rs".to_owned(), text.to_owned());
    assert_eq!(source.code.lines().count(), text.lines().count());
    let literals: Vec<&str> = source.literals.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(literals, [r#"say \" { Utc::now"#, r#"and " more {"#]);
    assert_eq!(source.comments[0], (1, r#"// a "comment" { of { braces"#.to_owned()));
    assert!(source.lines_with("Utc::now").is_empty());
    assert_eq!(source.lines_with("raw"), [4]);
    let functions: Vec<_> = source
        .functions()
        .into_iter()
        .map(|function| (function.name, function.lines, function.is_test))
        .collect();
    assert_eq!(functions, [("one".to_owned(), 3, false), ("two".to_owned(), 1, true)]);
}
