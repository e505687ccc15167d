//! Takes comments, indentation and empty lines off our own scripts before they are served, so that their source can be
//! written for people and needs no build. Names and line breaks stay, so that what is served behaves as the source.

/// What a piece of a script is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Code,
    /// A string, a template or a regular expression, kept as it is.
    Literal,
    Comment,
}

/// A script without comments, indentation and empty lines.
pub(super) fn compact(source: &str) -> String {
    let mut served = String::with_capacity(source.len());
    let mut rest = source;
    while !rest.is_empty() {
        let (piece, length) = next(rest, &served);
        let (text, after) = rest.split_at(length);
        match piece {
            Piece::Code => push_code(&mut served, text),
            Piece::Literal => served.push_str(text),
            Piece::Comment => {}
        }
        rest = after;
    }
    served.trim_end().to_owned() + "\n"
}

/// The next piece of a script and its length in bytes.
fn next(rest: &str, before: &str) -> (Piece, usize) {
    let mut characters = rest.chars();
    let (first, second) = (characters.next(), characters.next());
    match (first, second) {
        (Some('/'), Some('/')) => (Piece::Comment, rest.find('\n').unwrap_or(rest.len())),
        (Some('/'), Some('*')) => (Piece::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2)),
        (Some('/'), _) if begins_an_expression(before) => (Piece::Literal, regular_expression(rest)),
        (Some(quote @ ('"' | '\'' | '`')), _) => (Piece::Literal, string(rest, quote)),
        (Some(other), _) => (Piece::Code, other.len_utf8()),
        (None, _) => (Piece::Code, 0),
    }
}

/// Whether a slash behind this code begins a regular expression instead of dividing.
fn begins_an_expression(before: &str) -> bool {
    before.trim_end().ends_with(['(', ',', '=', ':', '[', '!', '&', '|', '?', '{', '}', ';', '>'])
}

/// The length of a string with its quotes. In a template what is between `${` and `}` is code, of which ours holds no
/// quotes.
fn string(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if !is_escaped && c == quote {
            return at + c.len_utf8();
        }
        is_escaped = !is_escaped && c == '\\';
    }
    text.len()
}

/// The length of a regular expression with its slashes; its flags are code.
fn regular_expression(text: &str) -> usize {
    let (mut is_escaped, mut in_class) = (false, false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => {}
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return at + 1,
            _ => {}
        }
        is_escaped = !is_escaped && c == '\\';
    }
    text.len()
}

/// Adds code: spaces at the ends of lines and behind line breaks go, and of several line breaks one stays.
fn push_code(served: &mut String, code: &str) {
    for c in code.chars() {
        let is_at_start = served.is_empty() || served.ends_with('\n');
        match c {
            ' ' | '\t' | '\r' if is_at_start => {}
            '\n' => {
                served.truncate(served.trim_end_matches([' ', '\t']).len());
                if !served.is_empty() && !served.ends_with('\n') {
                    served.push('\n');
                }
            }
            _ => served.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn comments_and_indentation_go_and_literals_stay() {
        for (source, served) in [
            ("// one\n\nlet a = 1; // two\n", "let a = 1;\n"),
            ("/** @type {string} */\n  let a;\n", "let a;\n"),
            ("f(/* no */ a /* no */);\n", "f( a );\n"),
            ("let u = \"http://x  //y\";\n", "let u = \"http://x  //y\";\n"),
            ("let u = 'it\\'s // here';\n", "let u = 'it\\'s // here';\n"),
            ("let t = `a\n    b // c`;\n", "let t = `a\n    b // c`;\n"),
            ("x = a / b; // c / d\n", "x = a / b;\n"),
            ("y = /[/\"]\\/+/g.test(z); // q\n", "y = /[/\"]\\/+/g.test(z);\n"),
            ("f(/'/, 1)\n", "f(/'/, 1)\n"),
            ("a(\n      b)\n", "a(\nb)\n"),
            ("\n\n", "\n"),
            ("\"open", "\"open\n"),
        ] {
            assert_eq!(compact(source), served, "{source}");
        }
    }
}
