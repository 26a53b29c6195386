//! Throughput and latency against concurrency, as SVG: one row of panels for each size of webhook.

use super::point::Summary;
use std::fmt::{self, Write};

const SYSTEMS: [(&str, &str); 3] = [("poundcake", "#b03060"), ("plain", "#707070"), ("standalone", "#3060b0")];
const SIZES: [usize; 3] = [1, 10, 100];
const PANEL: (f64, f64) = (340.0, 170.0);
const MARGIN: f64 = 60.0;

/// The whole picture.
pub fn svg(summaries: &[Summary]) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let (width, height) = (2.0 * (PANEL.0 + MARGIN) + 20.0, 3.0 * (PANEL.1 + MARGIN) + 50.0);
    writeln!(
        text,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">"#
    )?;
    writeln!(text, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    let mut top = 40.0;
    for alerts in SIZES {
        let title = format!("alerts/s, {alerts} per webhook");
        let limit = find(summaries, "limit", alerts, 0, "alerts_s");
        panel(&mut text, (MARGIN, top), &title, &series(summaries, alerts, "alerts_s"), limit)?;
        let title = format!("ms (solid p50, dashed p99), {alerts} per webhook");
        let mut lines = series(summaries, alerts, "p50_ms");
        lines.extend(series(summaries, alerts, "p99_ms").into_iter().map(|line| Line { dashed: true, ..line }));
        panel(&mut text, (2.0 * MARGIN + PANEL.0, top), &title, &lines, None)?;
        top += PANEL.1 + MARGIN;
    }
    let mut left = MARGIN;
    for (name, colour) in SYSTEMS.iter().chain(&[("limit", "#209040")]) {
        writeln!(text, r#"<text x="{left}" y="18" fill="{colour}" font-weight="bold">{name}</text>"#)?;
        left += 90.0;
    }
    writeln!(text, "</svg>")?;
    Ok(text)
}

struct Line {
    colour: &'static str,
    dashed: bool,
    points: Vec<(usize, f64)>,
}

fn find(summaries: &[Summary], system: &str, alerts: usize, concurrency: usize, figure: &str) -> Option<f64> {
    let found = summaries.iter().find(|summary| {
        let place = &summary.place;
        place.system == system && place.alerts == alerts && place.concurrency == concurrency
    });
    found.and_then(|summary| summary.median.get(figure).copied())
}

fn series(summaries: &[Summary], alerts: usize, figure: &str) -> Vec<Line> {
    let line = |&(system, colour): &(&'static str, &'static str)| {
        let at = |concurrency| Some((concurrency, find(summaries, system, alerts, concurrency, figure)?));
        Line { colour, dashed: false, points: [1, 16, 64, 256].into_iter().filter_map(at).collect() }
    };
    SYSTEMS.iter().map(line).collect()
}

/// Both axes are logarithmic: powers of ten upwards, 1 to 256 across.
fn panel(text: &mut String, (left, top): (f64, f64), title: &str, lines: &[Line], limit: Option<f64>) -> fmt::Result {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)).chain(limit);
    let values: Vec<f64> = values.filter(|value| *value > 0.0).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min).log10().floor();
    let high = values.iter().copied().fold(0.0, f64::max).log10().ceil().max(low + 1.0);
    writeln!(text, r#"<text x="{left}" y="{}" font-weight="bold">{title}</text>"#, top - 6.0)?;
    if !low.is_finite() {
        return Ok(());
    }
    let x = |concurrency: f64| left + concurrency.log2() / 8.0 * PANEL.0;
    let y = |value: f64| top + PANEL.1 * (high - value.max(1e-9).log10()) / (high - low);
    let mut power = low;
    while power <= high {
        let (at, label) = (y(10f64.powf(power)), 10f64.powf(power));
        writeln!(text, r##"<line x1="{left}" x2="{}" y1="{at:.1}" y2="{at:.1}" stroke="#ddd"/>"##, left + PANEL.0)?;
        writeln!(text, r#"<text x="{}" y="{:.1}" text-anchor="end">{label}</text>"#, left - 5.0, at + 4.0)?;
        power += 1.0;
    }
    for concurrency in [1_u32, 16, 64, 256] {
        let (at, below) = (x(f64::from(concurrency)), top + PANEL.1 + 14.0);
        writeln!(text, r#"<text x="{at:.1}" y="{below}" text-anchor="middle">{concurrency}</text>"#)?;
    }
    if let Some(limit) = limit {
        let at = y(limit);
        let end = left + PANEL.0;
        writeln!(
            text,
            r##"<line x1="{left}" x2="{end}" y1="{at:.1}" y2="{at:.1}" stroke="#209040" stroke-width="2"/>"##
        )?;
    }
    for line in lines {
        let points: Vec<String> = line
            .points
            .iter()
            .map(|(concurrency, value)| format!("{:.1},{:.1}", x(super::stats::float(*concurrency)), y(*value)))
            .collect();
        let dashes = if line.dashed { r#" stroke-dasharray="5 4""# } else { "" };
        let (points, colour) = (points.join(" "), line.colour);
        writeln!(text, r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>"#)?;
    }
    Ok(())
}
