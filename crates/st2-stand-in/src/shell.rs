//! What a shell would say to a few commands. Nothing is run: `echo`, `sleep`, `exit`, `true` and `false` are played.

use std::time::Duration;

use serde_json::{Value, json};

use super::status::Status;

/// The end of a command.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    pub(super) status: Status,
    pub(super) result: Value,
    /// How long the command itself takes.
    pub(super) takes: Duration,
}

impl Ending {
    /// The same end on each of the hosts that a remote command names.
    pub(super) fn on_hosts(self, hosts: &str) -> Self {
        let on = |host: &str| (host.trim().to_owned(), self.result.clone());
        Self { result: Value::Object(hosts.split(',').map(on).collect()), ..self }
    }
}

#[derive(Default)]
struct Play {
    stdout: Vec<String>,
    stderr: Vec<String>,
    code: i64,
    takes: Duration,
}

/// Plays a command, up to the runner's timeout.
pub(super) fn play(command: &str, timeout: Duration) -> Ending {
    let mut play = Play::default();
    for line in command.split([';', '\n']) {
        if !play.all_of(line) {
            break;
        }
    }
    if play.takes > timeout {
        return timed_out(timeout);
    }
    let failed = play.code != 0;
    Ending {
        status: if failed { Status::Failed } else { Status::Succeeded },
        result: json!({
            "failed": failed, "succeeded": !failed, "return_code": play.code, "stdout": play.stdout.join("\n"),
            "stderr": play.stderr.join("\n"),
        }),
        takes: play.takes,
    }
}

fn timed_out(timeout: Duration) -> Ending {
    let error = format!("Action failed to complete in {} seconds", timeout.as_secs());
    Ending {
        status: Status::Timeout,
        result: json!({
            "failed": true, "succeeded": false, "return_code": -9, "stdout": "", "stderr": "", "error": error,
        }),
        takes: timeout,
    }
}

impl Play {
    /// Plays commands joined by `&&`; false when the shell has exited.
    fn all_of(&mut self, line: &str) -> bool {
        for command in line.split("&&").map(str::trim).filter(|command| !command.is_empty()) {
            if !self.one(command) {
                return false;
            }
            if self.code != 0 {
                break;
            }
        }
        true
    }

    fn one(&mut self, command: &str) -> bool {
        let (name, arguments) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let arguments = arguments.trim();
        self.code = 0;
        match name {
            "echo" => self.echo(arguments),
            "sleep" => {
                let seconds = arguments.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                self.takes += seconds.unwrap_or_default();
            }
            "exit" => {
                self.code = arguments.parse().unwrap_or(2);
                return false;
            }
            "true" | ":" => {}
            "false" => self.code = 1,
            _ => {
                self.stderr.push(format!("bash: line 1: {name}: command not found"));
                self.code = 127;
            }
        }
        true
    }

    fn echo(&mut self, arguments: &str) {
        let to_stderr = arguments.strip_suffix(">&2").or_else(|| arguments.strip_suffix("1>&2"));
        let text = unquoted(to_stderr.unwrap_or(arguments).trim());
        if to_stderr.is_some() { self.stderr.push(text) } else { self.stdout.push(text) }
    }
}

fn unquoted(text: &str) -> String {
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.contains(quote)) {
            return inner.to_owned();
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn a_failing_command_keeps_its_code_and_its_stderr() {
        let ending = play("echo boom >&2; exit 3", MINUTE);
        assert_eq!(ending.status, Status::Failed);
        assert_eq!((&ending.result["return_code"], &ending.result["stderr"]), (&json!(3), &json!("boom")));
    }

    #[test]
    fn a_sleep_takes_its_time_and_a_timeout_cuts_it() {
        assert_eq!(play("echo a b; sleep 2", MINUTE).takes, Duration::from_secs(2));
        let ending = play("sleep 5", Duration::from_secs(1));
        assert_eq!((ending.status, &ending.result["return_code"]), (Status::Timeout, &json!(-9)));
    }

    #[test]
    fn what_is_not_played_is_not_found() {
        assert_eq!(play("x", MINUTE).result["return_code"], json!(127));
    }
}
