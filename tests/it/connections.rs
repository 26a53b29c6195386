//! Connections to MariaDB and RabbitMQ: what is refused, what is encrypted, and what must be read right.

mod broker_tls;
mod client_library;
mod compact_rows;
mod database_tls;
mod refused;
mod reset_lengths;

use crate::harness::Process;

/// `poundcake doctor`, and what it found of one check: level, text and advice.
async fn finding(process: &Process, area: &str, check: &str) -> (String, String) {
    let (_, output, error) = process.clone().argument("--output=json").run().await;
    let document: serde_json::Value = serde_json::from_str(&output).unwrap_or_else(|e| panic!("{e}: {output} {error}"));
    let findings = document["findings"].as_array().expect("findings");
    let found = findings.iter().find(|found| found["area"] == area && found["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no {area} {check} in {document}"));
    let word = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (word("level"), format!("{}; {}", word("found"), word("advice")))
}

/// How many of these log lines are errors: what repeats is logged at a lower level.
fn loud(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.contains(" ERROR ")).count()
}
