//! The run as a table, as JSON, as a plot, and as the block of `docs/performance.md` that figures stand in.

use super::{
    plan::Plan,
    plot,
    point::{Points, Summary},
    ratios::Ratio,
};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

const BEGIN: &str = "<!-- figures: written by make bench -->";
const END: &str = "<!-- end of figures -->";

/// Writes everything: to `docs/` when all was measured in full, to `target/bench/` otherwise. Returns where.
pub fn write(plan: &Plan, points: &Points, ratios: &[Ratio]) -> anyhow::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let full = !plan.quick && plan.only.is_empty();
    let directory = if full { root.join("docs") } else { root.join("target/bench") };
    fs::create_dir_all(&directory)?;
    let summaries = points.summaries();
    let json =
        serde_json::json!({ "machine": machine(), "rounds": plan.rounds, "points": summaries, "ratios": ratios });
    fs::write(directory.join("performance.json"), serde_json::to_string_pretty(&json)? + "\n")?;
    fs::write(directory.join("performance.svg"), plot::svg(&summaries)?)?;
    let block = block(plan, &summaries, ratios)?;
    let page = fs::read_to_string(root.join("docs/performance.md")).unwrap_or_default();
    let text = match (page.split_once(BEGIN), page.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{BEGIN}\n\n{block}\n{END}{after}"),
        _ => block,
    };
    fs::write(directory.join("performance.md"), text)?;
    Ok(directory)
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let read = |path: &str, field: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(field)).map(str::to_owned).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let memory = read("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) >> 20;
    format!("{cores} cores ({}), {memory} GiB", read("/proc/cpuinfo", "model name"))
}

fn block(plan: &Plan, summaries: &[Summary], ratios: &[Ratio]) -> anyhow::Result<String> {
    let mut text = String::new();
    writeln!(text, "Machine: {}. Medians of {} rounds; in brackets the least and the most.\n", machine(), plan.rounds)?;
    writeln!(text, "| what must hold | measured | bound | |\n|---|---|---|---|")?;
    for ratio in ratios {
        let (sign, mark) = (if ratio.at_most { "<=" } else { ">=" }, if ratio.holds() { "" } else { "**missed**" });
        writeln!(text, "| {} | {:.2} | {sign} {} | {mark} |", ratio.name, ratio.value, ratio.bound)?;
    }
    writeln!(text, "\n![throughput and latency against concurrency](performance.svg)\n")?;
    writeln!(text, "| system | alerts | at once | webhooks/s | alerts/s | p50 ms | p99 ms | MiB | % of a core |")?;
    writeln!(text, "|---|---|---|---|---|---|---|---|---|")?;
    for summary in summaries {
        writeln!(text, "{}", row(summary))?;
    }
    Ok(text)
}

fn row(summary: &Summary) -> String {
    let figure = |name: &str, digits: usize| match (summary.median.get(name), summary.range.get(name)) {
        (Some(value), Some((least, most))) if summary.rounds > 1 => {
            format!("{value:.digits$} ({least:.digits$}-{most:.digits$})")
        }
        (Some(value), _) => format!("{value:.digits$}"),
        _ => "-".to_owned(),
    };
    let shares: Vec<String> = summary
        .median
        .iter()
        .filter_map(|(name, share)| Some(format!("{} {share:.0}", name.strip_prefix("cpu_")?)))
        .collect();
    let place = &summary.place;
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        place.system,
        place.alerts,
        place.concurrency,
        figure("webhooks_s", 0),
        figure("alerts_s", 0),
        figure("p50_ms", 1),
        figure("p99_ms", 1),
        figure("rss_mib", 0),
        shares.join(", ")
    )
}
