//! A table for people: columns as wide as their content, control characters removed from alert text.

/// Longest cell shown.
const WIDEST: usize = 60;

/// Rows under a header.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        Self { rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    pub(super) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.iter().map(|text| cell(text)).collect());
    }

    /// The text, a line per row.
    pub(super) fn render(&self) -> String {
        aligned(&self.rows).into_iter().map(|line| line + "\n").collect()
    }
}

/// A line for each row; each column as wide as its widest cell, so that two never touch.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = std::iter::zip(row, &widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A cell: [`harmless`], and not endless.
fn cell(text: &str) -> String {
    cut(&harmless(text), WIDEST)
}

/// At most so many characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() > most { text.chars().take(most - 1).chain(['…']).collect() } else { text.to_owned() }
}

/// Without what a terminal would obey: control characters, line breaks of any kind, and the marks that turn the direction
/// of writing, with which a text can pose as another.
pub(super) fn harmless(text: &str) -> String {
    let obeyed = |c: char| {
        let turns =
            matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
    };
    text.chars().map(|c| if obeyed(c) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_escape_sequences_do_not_reach_the_terminal() {
        let mut table = Table::new(&["a", "b"]);
        table.row(&["\u{1b}[31mred".to_owned(), "x".repeat(80)]);
        let text = table.render();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "a         b");
        assert!(lines[1].starts_with("\u{FFFD}[31mred  xxx"), "{text}");
        assert!(lines[1].ends_with('…'));
    }

    #[test]
    fn characters_that_change_text_direction_or_end_a_line_are_replaced() {
        assert_eq!(harmless("a\u{202e}b\u{2028}c\u{9b}d\u{2067}é🔥"), "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}é🔥");
    }
}
