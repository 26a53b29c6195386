//! The settings' names, from their definitions: for printing, for `.env.example`, for typing errors.

use clap::{Arg, ArgMatches, Command, parser::ValueSource};

/// One line of `poundcake config`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EffectiveSetting {
    /// The variable.
    pub name: String,
    /// Its value, masked where it is a secret; `None` when not set.
    pub value: Option<String>,
    /// `default`, `environment` (`.env` included), `flag` or `unset`.
    pub source: &'static str,
}

/// Every variable that a command's settings name, in order.
pub fn variable_names(command: &Command) -> Vec<String> {
    command.get_arguments().filter_map(variable).collect()
}

fn variable(arg: &Arg) -> Option<String> {
    Some(arg.get_env()?.to_string_lossy().into_owned())
}

/// What is in force, secrets masked.
pub fn effective(command: &Command, matches: &ArgMatches) -> Vec<EffectiveSetting> {
    let setting = |arg: &Arg| {
        let id = arg.get_id().as_str();
        let source = match matches.value_source(id) {
            Some(ValueSource::DefaultValue) => "default",
            Some(ValueSource::EnvVariable) => "environment",
            Some(_) => "flag",
            None => "unset",
        };
        let values: Option<Vec<String>> =
            matches.get_raw(id).map(|values| values.map(|value| shown(arg, &value.to_string_lossy())).collect());
        Some(EffectiveSetting { name: variable(arg)?, value: values.map(|values| values.join(",")), source })
    };
    command.get_arguments().filter_map(setting).collect()
}

/// Secrets are those that clap's help hides. Of a URL only the password is masked, whatever the setting.
fn shown(arg: &Arg, value: &str) -> String {
    const MASK: &str = "********";
    let hidden = arg.is_hide_env_values_set();
    let mut url = match url::Url::parse(value) {
        Ok(url) if url.has_host() => url,
        Ok(url) if url.scheme() == "sqlite" => return value.to_owned(),
        _ => return if hidden { MASK.to_owned() } else { value.to_owned() },
    };
    let credentials = !url.username().is_empty() || url.password().is_some();
    // An @ elsewhere: a password that is not percent-encoded. What of the text is secret cannot be told.
    if hidden && value.matches('@').count() != usize::from(credentials) {
        return MASK.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    if hidden {
        url.set_query(None);
    }
    if credentials || hidden { url.to_string() } else { value.to_owned() }
}

/// Set by Kubernetes for a Service called `poundcake`; never ours.
fn is_kubernetes(name: &str) -> bool {
    name == "POUNDCAKE_PORT"
        || name == "POUNDCAKE_HOST"
        || name.starts_with("POUNDCAKE_PORT_")
        || name.starts_with("POUNDCAKE_SERVICE_")
}

/// `POUNDCAKE_*` names that nobody reads, each with the nearest one that somebody does.
pub fn unknown_variables(command: &Command, set: impl Iterator<Item = String>) -> Vec<(String, Option<String>)> {
    let known = variable_names(command);
    let unknown = |name: &String| name.starts_with("POUNDCAKE_") && !known.contains(name) && !is_kubernetes(name);
    let nearest = |name: &str| {
        let by_distance = known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known));
        by_distance.min().filter(|(distance, _)| *distance <= 6).map(|(_, known)| known.clone())
    };
    set.filter(unknown)
        .map(|name| {
            let near = nearest(&name);
            (name, near)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Args;

    fn command() -> Command {
        crate::config::Settings::augment_args(Command::new("test"))
    }

    #[test]
    fn a_typing_error_is_answered_with_the_nearest_name() {
        let set = ["POUNDCAKE_LISTEM", "POUNDCAKE_SERVICE_PORT", "POUNDCAKE_LEASE", "PATH", "POUNDCAKE_PORT"];
        let unknown = unknown_variables(&command(), set.into_iter().map(str::to_owned));
        assert_eq!(unknown, [("POUNDCAKE_LISTEM".to_owned(), Some("POUNDCAKE_LISTEN".to_owned()))]);
    }

    #[test]
    fn secrets_are_masked_and_hosts_are_not() {
        let flags = [
            "test",
            "--database-url=mysql://pc:s3cret@db:3306/pc",
            "--st2-api-key=s3cret",
            "--amqp-url=amqp://u:s3cret@mq/%2f",
        ];
        let matches = command().get_matches_from(flags);
        let settings = effective(&command(), &matches);
        let text = serde_json::to_string(&settings).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains("mysql://pc:********@db:3306/pc"), "{text}");
    }

    #[test]
    fn every_variable_of_the_example_file_is_known_and_the_other_way_round() {
        let example = include_str!("../../.env.example");
        let mut listed: Vec<String> = example
            .lines()
            .filter_map(|line| line.trim_start_matches("# ").trim_start_matches('#').split_once('='))
            .map(|(name, _)| name.to_owned())
            .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
            .collect();
        let mut known = variable_names(&command());
        listed.sort();
        known.sort();
        assert_eq!(listed, known);
    }
}
