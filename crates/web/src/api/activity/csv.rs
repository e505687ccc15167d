//! Comma-separated values (RFC 4180), as far as a feed needs them: a line of column names, then a row a line. A value
//! in quotation marks may hold commas, line ends and doubled quotation marks.

use std::collections::BTreeMap;

use super::LIMIT;
use super::row::{COLUMNS, NewActivityRow, REQUIRED};
use crate::api::problem::Problem;

/// Reads a file: each row, or why it could not be read.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Result<NewActivityRow, Problem>>, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Problem::invalid("body", format!("the file is not UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = lines(text)?.into_iter();
    let header = lines.next().map(|(_, cells)| cells).unwrap_or_default();
    let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
    check_names(&names)?;
    if lines.len() > LIMIT {
        return Err(Problem::invalid("body", format!("expected 1 to {LIMIT} rows, not {}", lines.len())));
    }
    if lines.len() == 0 {
        return Err(Problem::invalid("body", format!("expected 1 to {LIMIT} rows under the names, not 0")));
    }
    let row = |(number, cells): (usize, Vec<String>)| {
        if cells.len() != names.len() {
            let message = format!("line {number} has {} values under {} names", cells.len(), names.len());
            return Err(Problem::invalid("body", message));
        }
        let cells =
            names.iter().copied().zip(cells.iter().map(|cell| cell.trim())).collect::<BTreeMap<_, _>>();
        NewActivityRow::from_cells(&cells)
    };
    Ok(lines.map(row).collect())
}

fn check_names(names: &[&str]) -> Result<(), Problem> {
    let shown = |name: &str| -> String { name.chars().take(64).collect() };
    if let Some(name) = names.iter().find(|name| !COLUMNS.contains(name)) {
        let message = format!("there is no column {:?}; there are {}", shown(name), COLUMNS.join(", "));
        return Err(Problem::invalid("body", message));
    }
    if let Some(name) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        return Err(Problem::invalid("body", format!("the column {:?} is there twice", shown(name.1))));
    }
    match REQUIRED.into_iter().find(|name| !names.contains(name)) {
        Some(name) => Err(Problem::invalid("body", format!("the first line names no column {name:?}"))),
        None => Ok(()),
    }
}

/// The lines of a file that are not empty, with their numbers from 1, split into cells.
fn lines(text: &str) -> Result<Vec<(usize, Vec<String>)>, Problem> {
    let (mut lines, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut number, mut begun) = (1, 1);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if cell.is_empty() => quoted(&mut letters, &mut cell, &mut number)?,
            ',' => cells.push(std::mem::take(&mut cell)),
            '\r' if letters.peek() == Some(&'\n') => {}
            '\n' => {
                end_line(&mut lines, begun, &mut cells, &mut cell);
                number += 1;
                begun = number;
            }
            letter => cell.push(letter),
        }
    }
    end_line(&mut lines, begun, &mut cells, &mut cell);
    Ok(lines)
}

fn end_line(
    lines: &mut Vec<(usize, Vec<String>)>,
    number: usize,
    cells: &mut Vec<String>,
    cell: &mut String,
) {
    if !cells.is_empty() || !cell.is_empty() {
        cells.push(std::mem::take(cell));
        lines.push((number, std::mem::take(cells)));
    }
}

/// Reads up to the quotation mark that ends a value.
fn quoted(
    letters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    cell: &mut String,
    number: &mut usize,
) -> Result<(), Problem> {
    let begun = *number;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => return Ok(()),
            letter => {
                *number += usize::from(letter == '\n');
                cell.push(letter);
            }
        }
    }
    Err(Problem::invalid(
        "body",
        format!("a value in quotation marks begins in line {begun} and does not end"),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<(usize, Vec<String>)> {
        lines(text).expect(text)
    }

    #[test]
    fn lines_are_split_as_rfc_4180_says() {
        let cells = |line: &[&str]| line.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            split("a,b\r\n1,\n\n,2"),
            [(1, cells(&["a", "b"])), (2, cells(&["1", ""])), (4, cells(&["", "2"]))]
        );
        assert_eq!(split("\"a,\"\"b\"\"\nc\",d\ne"), [(1, cells(&["a,\"b\"\nc", "d"])), (3, cells(&["e"]))]);
        assert!(lines("a\n\"b").is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_any_sort_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn cells_of_any_sort_never_panic(cells in proptest::collection::vec("[^,\"\r\n]{0,12}", 23)) {
            let _ = read(format!("{}\n{}", COLUMNS.join(","), cells.join(",")).as_bytes());
        }
    }
}
