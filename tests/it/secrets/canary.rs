//! The settings that carry a secret, and the canary of each.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use clap::{Arg, Args, Command};
use poundcake::config::Settings;
use std::{any::TypeId, path::PathBuf};

/// How a setting carries its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// The password of a URL.
    Url,
    /// The password of a URL that should have none.
    UrlWithoutUser,
    /// The value itself.
    Text,
    /// A file with what this setting may say itself.
    FileOf(&'static str),
    /// A file of `name:token` lines.
    Tokens,
    /// A PEM file of a private key.
    Key,
    /// A routes file: a parameter that StackStorm declares secret.
    Routes,
}

/// Every setting that carries a secret.
pub const CARRIERS: [(&str, Carries); 20] = [
    ("DATABASE_URL", Carries::Url),
    ("DATABASE_URL_FILE", Carries::FileOf("DATABASE_URL")),
    ("POUNDCAKE_DB_KEY_FILE", Carries::Key),
    ("AMQP_URL", Carries::Url),
    ("AMQP_URL_FILE", Carries::FileOf("AMQP_URL")),
    ("POUNDCAKE_AMQP_KEY_FILE", Carries::Key),
    ("ST2_API_URL", Carries::UrlWithoutUser),
    ("ST2_API_KEY", Carries::Text),
    ("ST2_API_KEY_FILE", Carries::FileOf("ST2_API_KEY")),
    ("ST2_AUTH_URL", Carries::UrlWithoutUser),
    ("ST2_PASSWORD", Carries::Text),
    ("ST2_PASSWORD_FILE", Carries::FileOf("ST2_PASSWORD")),
    ("POUNDCAKE_WEBHOOK_TOKENS_FILE", Carries::Tokens),
    ("POUNDCAKE_OPERATOR_TOKENS_FILE", Carries::Tokens),
    ("POUNDCAKE_TLS_KEY", Carries::Key),
    ("POUNDCAKE_ROUTES", Carries::Routes),
    ("ST2_STREAM_URL", Carries::UrlWithoutUser),
    ("ST2_WEB_URL", Carries::UrlWithoutUser),
    ("ST2_DATABASE_URL", Carries::Url),
    ("ST2_DATABASE_URL_FILE", Carries::FileOf("ST2_DATABASE_URL")),
];

/// Settings of free text that carry none: names, certificates and a filter.
const PLAIN: [&str; 8] = [
    "POUNDCAKE_DB_CA_FILE",
    "POUNDCAKE_DB_CERT_FILE",
    "POUNDCAKE_AMQP_CA_FILE",
    "POUNDCAKE_AMQP_CERT_FILE",
    "ST2_USERNAME",
    "ST2_CA_FILE",
    "POUNDCAKE_TLS_CERT",
    "RUST_LOG",
];

/// The secret of a setting. It needs no escape in a URL, in JSON or in YAML, and none is a part of another.
pub fn canary(setting: &str) -> String {
    let index = CARRIERS.iter().position(|(name, _)| *name == setting).expect("a setting that carries a secret");
    format!("canary{index:02}Zq7xWv9")
}

/// Where a text has a canary, in whatever form: the setting, and the text around it.
pub fn leaks(text: &str) -> Vec<(&'static str, String)> {
    let found = |name: &'static str| {
        let at = forms(&canary(name)).into_iter().find_map(|form| text.find(&form))?;
        let start = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
        Some((name, text[start..].chars().take(200).collect()))
    };
    CARRIERS.iter().filter_map(|(name, _)| found(name)).collect()
}

/// A secret as it is, in base64 at each of the three places where it may begin, as bytes and in hex.
fn forms(secret: &str) -> Vec<String> {
    let encoded = (0..3_usize).map(|before| {
        let text = BASE64_STANDARD_NO_PAD.encode(format!("{}{secret}", "x".repeat(before)));
        // The digits at both ends have bits of the neighbours.
        let inner = (before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6;
        text[inner].to_owned()
    });
    let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    let hex: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    [secret.to_owned(), bytes.join(", "), bytes.join(","), hex.concat()].into_iter().chain(encoded).collect()
}

/// Texts, paths and URLs: what a secret can be in. Numbers, durations and the like are no place for one.
fn is_free_text(arg: &Arg) -> bool {
    let kind = arg.get_value_parser().type_id();
    let free = [TypeId::of::<String>(), TypeId::of::<PathBuf>(), TypeId::of::<url::Url>()];
    free.into_iter().any(|free| kind == free)
}

#[test]
fn every_setting_of_free_text_is_known_to_carry_a_secret_or_none() {
    let command = Settings::augment_args(Command::new("settings"));
    let name = |arg: &Arg| arg.get_env().expect("a variable").to_string_lossy().into_owned();
    let mut settings: Vec<String> = command.get_arguments().filter(|arg| is_free_text(arg)).map(name).collect();
    let mut known: Vec<String> = CARRIERS.iter().map(|(name, _)| *name).chain(PLAIN).map(str::to_owned).collect();
    settings.sort();
    known.sort();
    assert_eq!(settings, known, "add a new setting to CARRIERS if a secret can be in it, else to PLAIN");
    let hidden: Vec<String> = command.get_arguments().filter(|arg| arg.is_hide_env_values_set()).map(name).collect();
    let of_a_value = |carries: Carries| matches!(carries, Carries::Url | Carries::UrlWithoutUser | Carries::Text);
    let values: Vec<&str> =
        CARRIERS.iter().filter(|(_, carries)| of_a_value(*carries)).map(|(name, _)| *name).collect();
    assert_eq!(hidden, values, "--help and config show what is not hidden");
}

#[test]
fn a_canary_is_found_in_every_form() {
    let secret = canary("ST2_API_KEY");
    let base64 = |text: String| base64::prelude::BASE64_STANDARD.encode(text);
    for text in [
        format!("key={secret}!"),
        format!("{:?}", secret.as_bytes()),
        base64(secret.clone()),
        base64(format!("u:{secret}")),
        base64(format!("usr:{secret}:x")),
        base64(format!("user1:{secret}")),
    ] {
        let found: Vec<&str> = leaks(&text).iter().map(|(name, _)| *name).collect();
        assert_eq!(found, ["ST2_API_KEY"], "{text}");
    }
    assert!(leaks("canary, ca04Zq").is_empty());
}
