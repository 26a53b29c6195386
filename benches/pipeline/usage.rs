//! What a process uses, from `/proc`: processor time and peak memory.

use std::{fs, time::Instant};

/// Clock ticks per second in `/proc/<pid>/stat`: 100 on every Linux that Debian builds.
const TICKS: f64 = 100.0;

/// Processor time of several processes since it was made.
pub struct Usage {
    begun: Instant,
    processes: Vec<(&'static str, u32, f64)>,
}

impl Usage {
    /// Begins to count.
    pub fn of(processes: &[(&'static str, u32)]) -> Self {
        let processes = processes.iter().map(|(name, pid)| (*name, *pid, seconds(*pid))).collect();
        Self { begun: Instant::now(), processes }
    }

    /// Seconds of processor time since then, of each process.
    pub fn seconds(&self) -> Vec<f64> {
        self.processes.iter().map(|(_, pid, before)| seconds(*pid) - before).collect()
    }

    /// Percent of one core since then, by process.
    pub fn shares(&self) -> Vec<(String, f64)> {
        let elapsed = self.begun.elapsed().as_secs_f64();
        let share = |(name, pid, before): &(&'static str, u32, f64)| {
            ((*name).to_owned(), (seconds(*pid) - before).max(0.0) / elapsed * 100.0)
        };
        self.processes.iter().map(share).collect()
    }
}

/// Processor time so far, user and system.
fn seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is a name in brackets, which may hold spaces; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

/// The most memory that a process has held, in MiB.
pub fn peak_rss_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}
