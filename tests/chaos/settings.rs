//! The run's settings, and PoundCake's: every time is scaled down by configuration alone.

use std::{path::PathBuf, time::Duration};

/// One call to StackStorm.
pub const TIMEOUT: Duration = Duration::from_secs(2);
/// Empty lookups for so long mean that nothing was created. A creation takes less than this and the timeout together.
pub const SETTLE: Duration = Duration::from_secs(3);
/// The same for a call that was silent: it may hang inside StackStorm for longer.
pub const SILENT_SETTLE: Duration = Duration::from_secs(7);
/// The shortest lease that the program accepts for this timeout.
pub const LEASE: Duration = Duration::from_secs(9);
/// Rule mode gives up after this.
pub const RULE_DEADLINE: Duration = Duration::from_secs(25);
/// A new start within this time of the last dispatch runs nothing.
pub const COOLDOWN: Duration = Duration::from_secs(2);

/// The settings of every process, without its neighbours' addresses.
pub fn variables() -> Vec<(&'static str, String)> {
    let seconds = |time: Duration| format!("{}s", time.as_secs());
    vec![
        ("POUNDCAKE_ST2_TIMEOUT", seconds(TIMEOUT)),
        ("POUNDCAKE_SETTLE_TIME", seconds(SETTLE)),
        ("POUNDCAKE_SILENT_SETTLE_TIME", seconds(SILENT_SETTLE)),
        ("POUNDCAKE_LEASE", seconds(LEASE)),
        ("POUNDCAKE_RULE_DEADLINE", seconds(RULE_DEADLINE)),
        ("POUNDCAKE_REFIRE_COOLDOWN", seconds(COOLDOWN)),
        ("POUNDCAKE_RETRY_SCHEDULE", "500ms,1s,2s,4s".to_owned()),
        ("POUNDCAKE_DISPATCH_MAX_ATTEMPTS", "1000".to_owned()),
        ("POUNDCAKE_CONFIRM_TIMEOUT", "1s".to_owned()),
        ("POUNDCAKE_SWEEP_INTERVAL", "300ms".to_owned()),
        ("POUNDCAKE_QUEUE_REPAIR", "3s".to_owned()),
        ("POUNDCAKE_DISPATCH_CONCURRENCY", "8".to_owned()),
        ("POUNDCAKE_DB_POOL", "8".to_owned()),
        ("POUNDCAKE_DB_TIMEOUT", "5s".to_owned()),
    ]
}

/// What the environment says about this run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Everything random follows from it.
    pub seed: u64,
    /// How long alerts are sent and faults happen.
    pub duration: Duration,
    /// Another version's `poundcake`, from which the run upgrades.
    pub old: Option<PathBuf>,
}

impl Plan {
    /// `SEED` (random if unset), `DURATION` in seconds (60), `OLD`.
    pub fn from_environment() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the test's own variables, not the program's configuration")]
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let number = |name: &str| -> Option<u64> {
            let text = text(name)?;
            Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
        };
        let seed = number("SEED").unwrap_or_else(|| u64::from(rand::random::<u32>()));
        let duration = Duration::from_secs(number("DURATION").unwrap_or(60));
        Self { seed, duration, old: text("OLD").map(PathBuf::from) }
    }
}
