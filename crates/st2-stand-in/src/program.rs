//! Python actions: the one thing that the stand-in really runs, each in a process of its own.

use std::{path::PathBuf, process::Stdio, time::Duration};

use serde_json::{Map, Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

use super::{shell::Ending, status::Status};

/// The replacement for StackStorm's wrapper of Python actions.
const WRAPPER: &str = include_str!("program/action.py");
/// StackStorm's own mark around the result in a program's output.
const DELIMITER: &str = "%%%%%~=~=~=************=~=~=~%%%%";

/// One run of an action's program.
#[derive(Debug)]
pub(super) struct Program {
    /// The execution.
    pub(super) execution: String,
    pub(super) python: PathBuf,
    /// The action's file.
    pub(super) file: PathBuf,
    pub(super) parameters: Map<String, Value>,
    pub(super) config: Value,
    pub(super) environment: Vec<(String, String)>,
    pub(super) timeout: Duration,
}

impl Program {
    /// Runs it to its end.
    pub(super) async fn run(self) -> Ending {
        let limit = self.timeout;
        match timeout(limit, self.output()).await {
            Ok(Ok(output)) => ending(&output),
            Ok(Err(error)) => failed(&format!("{} cannot be started: {error}", self.python.display())),
            Err(_) => timed_out(limit),
        }
    }

    async fn output(&self) -> std::io::Result<std::process::Output> {
        let mut command = Command::new(&self.python);
        command.args(["-c", WRAPPER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // No cache files in the pack's directory.
        command.env("PYTHONDONTWRITEBYTECODE", "1").envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command.kill_on_drop(true).spawn()?;
        let order = json!({ "file": self.file, "config": self.config, "parameters": self.parameters }).to_string();
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(order.as_bytes()).await?;
        }
        child.wait_with_output().await
    }
}

fn ending(output: &std::process::Output) -> Ending {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let (before, rest) = stdout.split_once(DELIMITER).unwrap_or((&stdout, ""));
    let (told, after) = rest.split_once(DELIMITER).unwrap_or((rest, ""));
    let told: Value = serde_json::from_str(told).unwrap_or_default();
    let succeeded = output.status.success() && told["status"] != json!(false);
    // StackStorm writes the text None where an action returned nothing at all.
    let result = if told.is_object() { told["result"].clone() } else { json!("None") };
    Ending {
        status: if succeeded { Status::Succeeded } else { Status::Failed },
        result: json!({
            "result": result, "exit_code": output.status.code().unwrap_or(-1), "stdout": format!("{before}{after}"),
            "stderr": String::from_utf8_lossy(&output.stderr),
        }),
        takes: Duration::ZERO,
    }
}

pub(super) fn failed(why: &str) -> Ending {
    let result = json!({ "result": "None", "exit_code": 1, "stdout": "", "stderr": why });
    Ending { status: Status::Failed, result, takes: Duration::ZERO }
}

fn timed_out(limit: Duration) -> Ending {
    let error = format!("Action failed to complete in {} seconds", limit.as_secs());
    let result = json!({ "result": "None", "exit_code": -9, "stdout": "", "stderr": "", "error": error });
    Ending { status: Status::Timeout, result, takes: Duration::ZERO }
}
