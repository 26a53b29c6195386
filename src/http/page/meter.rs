//! A meter: how much of a limit is used. The same numbers stand beside it as text.

use askama::{Template, filters::HtmlSafe};

/// Up to so many places are cells; more are one bar.
const CELLS: u32 = 10;

/// A meter as SVG.
#[derive(Template)]
#[template(path = "meter.html")]
pub(super) struct Meter {
    class: &'static str,
    /// Of 100; position, width, filled.
    cells: Vec<(f64, f64, bool)>,
}

/// Its template has numbers and constant words only.
impl HtmlSafe for Meter {}

impl Meter {
    /// One bar, filled to a share of it; what has a value is seen.
    pub(super) fn bar(share: f64, class: &'static str) -> Self {
        Self { class, cells: vec![(0.0, 100.0, false), (0.0, (share * 100.0).clamp(1.0, 100.0), true)] }
    }

    /// Grey below 70 %, teal from there, amber when full.
    pub(super) fn new(used: u32, limit: u32) -> Self {
        let share = f64::from(used) / f64::from(limit.max(1));
        let class = match share {
            1.0.. => "full",
            0.7.. => "near",
            _ => "",
        };
        let cells = if (1..=CELLS).contains(&limit) {
            let width = (100.0 - 2.0 * f64::from(limit - 1)) / f64::from(limit);
            (0..limit).map(|cell| (f64::from(cell) * (width + 2.0), width, cell < used)).collect()
        } else {
            vec![(0.0, 100.0, false), (0.0, (share * 100.0).min(100.0), true)]
        };
        Self { class, cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_places_are_cells_and_many_are_one_bar() {
        let few = Meter::new(2, 5);
        assert_eq!((few.class, few.cells.len()), ("", 5));
        assert_eq!(few.cells.iter().filter(|(.., filled)| *filled).count(), 2);
        assert_eq!(Meter::new(5, 5).class, "full");
        let many = Meter::new(16, 20);
        assert_eq!((many.class, many.cells[1].1.round()), ("near", 80.0));
        assert!(Meter::new(30, 20).cells.iter().all(|(x, width, _)| x + width <= 100.0), "over the limit is full");
    }
}
