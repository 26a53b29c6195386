//! What a shell would say to a few commands. Nothing is run: `echo`, `sleep`, `exit`, `true` and `false` are played, a
//! `systemctl` that succeeds, and `sudo` before any of them.
//! `"$NAME"`, alone and in its quotes, is the variable of the parameter `env`: one word, whatever is in it.

use std::time::Duration;

use serde_json::{Map, Value, json};

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
    environment: Map<String, Value>,
    stdout: Vec<String>,
    stderr: Vec<String>,
    code: i64,
    takes: Duration,
}

/// Plays a command, up to the runner's timeout.
pub(super) fn play(command: &str, environment: &Map<String, Value>, timeout: Duration) -> Ending {
    let mut play = Play { environment: environment.clone(), ..Play::default() };
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
            "sudo" => return self.one(arguments),
            "true" | ":" | "systemctl" => {}
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
        let text = self.with_variables(&unquoted(to_stderr.unwrap_or(arguments).trim()));
        if to_stderr.is_some() { self.stderr.push(text) } else { self.stdout.push(text) }
    }
}

impl Play {
    fn with_variables(&self, text: &str) -> String {
        let set = |text: String, (name, value): (&String, &Value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.replace(&format!("\"${name}\""), &value)
        };
        self.environment.iter().fold(text.to_owned(), set)
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

    fn played(command: &str) -> Ending {
        play(command, &Map::new(), MINUTE)
    }

    #[test]
    fn a_variable_is_one_word_whatever_is_in_it() {
        let environment = Map::from_iter([("HOST".to_owned(), json!("a\" ; $(reboot)"))]);
        let ending = play("echo down \"$HOST\"; echo done", &environment, MINUTE);
        assert_eq!(ending.result["stdout"], json!("down a\" ; $(reboot)\ndone"));
    }

    #[test]
    fn a_failing_command_keeps_its_code_and_its_stderr() {
        let ending = played("echo boom >&2; exit 3");
        assert_eq!(ending.status, Status::Failed);
        assert_eq!((&ending.result["return_code"], &ending.result["stderr"]), (&json!(3), &json!("boom")));
    }

    #[test]
    fn a_sleep_takes_its_time_and_a_timeout_cuts_it() {
        assert_eq!(played("echo a b; sleep 2").takes, Duration::from_secs(2));
        let ending = play("sleep 5", &Map::new(), Duration::from_secs(1));
        assert_eq!((ending.status, &ending.result["return_code"]), (Status::Timeout, &json!(-9)));
    }

    #[test]
    fn sudo_plays_the_command_after_it() {
        assert_eq!(played("sudo systemctl restart -- nginx").status, Status::Succeeded);
        assert_eq!(played("sudo x").result["return_code"], json!(127));
    }

    #[test]
    fn an_unsupported_command_is_not_found() {
        assert_eq!(played("x").result["return_code"], json!(127));
    }
}
