//! The commands that the runbooks and the page on operations show are commands of this program.

use super::command;
use clap::error::ErrorKind;
use std::path::{Path, PathBuf};

/// Stands in for what a person puts there.
const PLACEHOLDERS: &[(&str, &str)] = &[("ID", "4711")];

fn pages() -> Vec<PathBuf> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let runbooks = std::fs::read_dir(docs.join("runbooks")).unwrap().map(|entry| entry.unwrap().path());
    runbooks
        .chain([docs.join("operations.md"), docs.join("backup.md")])
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect()
}

/// The commands of a page: lines of code, which must be whole, and what a paragraph has in backticks.
fn commands(text: &str) -> Vec<(bool, String)> {
    let mut found: Vec<(bool, String)> = Vec::new();
    let mut prose = String::new();
    for line in text.lines() {
        if line.starts_with("    ") {
            found.push((true, line.trim().trim_start_matches("$ ").to_owned()));
        } else {
            prose += line;
            prose.push(' ');
        }
    }
    let spans = prose.split('`').skip(1).step_by(2);
    found.extend(spans.map(|span| (false, span.split_whitespace().collect::<Vec<_>>().join(" "))));
    found.retain(|(_, text)| text.starts_with("poundcake "));
    found
}

/// The words of a command line, as a shell takes them, without a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#') if word.is_none() => break,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_command_of_the_docs_is_one_that_the_program_takes() {
    let mut seen = 0;
    for page in pages() {
        for (whole, line) in commands(&std::fs::read_to_string(&page).unwrap()) {
            let words = words(&line).into_iter().map(|word| {
                PLACEHOLDERS.iter().find(|(name, _)| *name == word).map_or(word, |(_, value)| (*value).to_owned())
            });
            if let Err(error) = command().try_get_matches_from(words) {
                let is_short = !whole && error.kind() == ErrorKind::MissingRequiredArgument;
                assert!(is_short, "{}: {line}\n{error}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen} commands found");
}
