//! The settings' names, from their definitions: for printing, for `.env.example`, for typing errors.

use clap::{Arg, ArgMatches, Command, parser::ValueSource};
use std::any::TypeId;

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

/// What is shown of a secret.
const MASK: &str = "********";

/// Secrets are those that clap's help hides. Of a URL of a database or a broker only the password is one; other URLs should have
/// no credentials.
fn shown(arg: &Arg, value: &str) -> String {
    if arg.get_value_parser().type_id() == TypeId::of::<url::Url>() {
        return without_credentials(value);
    }
    if !arg.is_hide_env_values_set() {
        return value.to_owned();
    }
    let mut url = match url::Url::parse(value) {
        Ok(url) if url.has_host() => url,
        Ok(url) if url.scheme() == "sqlite" => return value.to_owned(),
        _ => return MASK.to_owned(),
    };
    let credentials = !url.username().is_empty() || url.password().is_some();
    // An @ elsewhere: a password that is not percent-encoded. What of the text is secret cannot be told.
    if value.matches('@').count() != usize::from(credentials) {
        return MASK.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    url.set_query(None);
    url.to_string()
}

/// A URL, also one that cannot be read as such, without what is before its last `@`.
pub fn without_credentials(url: &str) -> String {
    let Some((before, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let scheme = before.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
    format!("{scheme}{MASK}@{host}")
}

/// Set by Kubernetes for each Service whose name begins with `poundcake` (`poundcake-ingest`: `POUNDCAKE_INGEST_PORT` and
/// more); never ours. The value tells `…_PORT=tcp://10.0.0.1:80` from a mistyped setting.
fn is_service_link(name: &str, value: &str) -> bool {
    let part_of_port = |rest: &str| {
        let mut parts = rest.split('_');
        let is_number = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
        let is_protocol = parts.next().is_some_and(|protocol| matches!(protocol, "TCP" | "UDP" | "SCTP"));
        is_number && is_protocol && matches!(parts.next(), None | Some("ADDR" | "PORT" | "PROTO"))
    };
    matches!(name, "POUNDCAKE_PORT" | "POUNDCAKE_HOST")
        || name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.ends_with("_PORT") && value.contains("://")
        || name.match_indices("_PORT_").any(|(at, found)| part_of_port(&name[at + found.len()..]))
}

/// Of the `POUNDCAKE_*` variables that are set (name and value) those that no setting reads, each with the nearest name that
/// a setting has.
pub fn unknown_variables(
    command: &Command,
    set: impl Iterator<Item = (String, String)>,
) -> Vec<(String, Option<String>)> {
    let known = variable_names(command);
    let unknown = |name: &String, value: &str| {
        name.starts_with("POUNDCAKE_") && !known.contains(name) && !is_service_link(name, value)
    };
    let nearest = |name: &str| {
        let by_distance = known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known));
        by_distance.min().filter(|(distance, _)| *distance <= 6).map(|(_, known)| known.clone())
    };
    set.filter(|(name, value)| unknown(name, value))
        .map(|(name, _)| {
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
        let set = [("POUNDCAKE_LISTEM", "x"), ("POUNDCAKE_LEASE", "120s"), ("PATH", "/bin")];
        assert_eq!(unknown(&set), [("POUNDCAKE_LISTEM".to_owned(), Some("POUNDCAKE_LISTEN".to_owned()))]);
    }

    fn unknown(set: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        unknown_variables(&command(), set)
    }

    #[test]
    fn variables_of_kubernetes_services_are_accepted_and_a_wrong_port_is_not() {
        let links = [
            ("POUNDCAKE_HOST", "10.0.0.1"),
            ("POUNDCAKE_PORT", "tcp://10.0.0.1:8000"),
            ("POUNDCAKE_PORT_80_TCP", "tcp://10.0.0.1:80"),
            ("POUNDCAKE_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("POUNDCAKE_SERVICE_HOST", "10.0.0.1"),
            ("POUNDCAKE_SERVICE_PORT", "8000"),
            ("POUNDCAKE_INGEST_PORT", "tcp://10.0.0.1:8000"),
            ("POUNDCAKE_INGEST_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("POUNDCAKE_INGEST_PORT_8000_TCP_PROTO", "tcp"),
            ("POUNDCAKE_INGEST_PORT_8000_TCP_PORT", "8000"),
            ("POUNDCAKE_INGEST_PORT_53_UDP_ADDR", "10.0.0.1"),
            ("POUNDCAKE_INGEST_SERVICE_HOST", "10.0.0.1"),
            ("POUNDCAKE_INGEST_SERVICE_PORT", "8000"),
            ("POUNDCAKE_INGEST_SERVICE_PORT_HTTP_API", "8000"),
        ];
        assert_eq!(unknown(&links), []);
        for own in [("POUNDCAKE_LISTEN_PORT", "8000"), ("POUNDCAKE_PORT_RANGE", "1-2"), ("POUNDCAKE_SERVICE", "x")] {
            assert_eq!(unknown(&[own]).len(), 1, "{own:?}");
        }
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
    fn of_a_url_that_should_have_no_credentials_all_of_them_are_masked() {
        for (url, expected) in [
            ("https://st2.example/api/v1", "https://st2.example/api/v1"),
            ("https://s3cret@st2.example/api", "https://********@st2.example/api"),
            ("https://a:s3@cret@st2.example", "https://********@st2.example"),
            ("http://a:s3cret@[broken", "http://********@[broken"),
            ("a:s3cret@st2", "********@st2"),
        ] {
            assert_eq!(without_credentials(url), expected);
        }
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
