//! A table for people: columns as wide as their content, alert text made harmless for a terminal.

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
        self.rows.push(cells.iter().map(|cell| harmless(cell)).collect());
    }

    /// The text, a line per row.
    pub(super) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = std::iter::zip(row, &widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        self.rows.iter().map(line).collect()
    }
}

/// No control characters (a terminal would obey them), and not endless.
fn harmless(text: &str) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).take(WIDEST + 1).collect();
    if shown.chars().count() > WIDEST { shown.chars().take(WIDEST - 1).chain(['…']).collect() } else { shown }
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
}
