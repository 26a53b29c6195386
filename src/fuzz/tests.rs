//! Each target on its seeds and on mutations of them: the same ones each time, on stable Rust, in seconds.

use super::{TARGETS, Target};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// Mutations of each target's seeds.
const RUNS: u64 = 4_000;
/// Seeds above this take most of the time and find little.
const LARGEST: usize = 16 << 10;

/// Words that mean something to one of the parsers.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"{{",
    b"{%",
    b"<%",
    b"${labels.instance}",
    b"${",
    b"}",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\n\n",
    b"\r\n",
    b"data:",
    b"event:",
    b"=~",
    b"!~",
    b"(?i)",
    b"{1000}",
    b"\xff",
    b"\xef\xbb\xbf",
    b":viewer",
    b"null",
    b"1e999",
    b"Bearer ",
];

/// The files of a target, in the order of their names. A file in `fuzz/seeds` may be a case that once failed.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join("fuzz/seeds").join(target);
    let recorded = (target == "webhook").then(|| root.join("tests/data/payloads"));
    let mut paths: Vec<_> = [own]
        .into_iter()
        .chain(recorded)
        .flat_map(|directory| std::fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display())))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "headers"))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).filter(|seed| seed.len() <= LARGEST).collect()
}

fn mutated(seeds: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 => bytes.insert(at, random.random()),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 => bytes.truncate(at),
            3 => {
                let word = WORDS[random.random_range(0..WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            4 => {
                let other = &seeds[random.random_range(0..seeds.len())];
                bytes.splice(at.., other[random.random_range(0..=other.len())..].iter().copied());
            }
            _ => {
                let end = random.random_range(at..=bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

fn run(name: &str, target: Target, bytes: &[u8]) {
    let held = catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok();
    assert!(held, "{name}: keep this input in fuzz/seeds/{name}: {:?}", bytes.escape_ascii().to_string());
}

#[test]
fn every_target_holds_on_its_seeds_and_on_mutations_of_them() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() >= 3, "{name} has seeds");
        for seed in &seeds {
            run(name, target, seed);
        }
        for number in 0..RUNS {
            let bytes = mutated(&seeds, &mut StdRng::seed_from_u64(number));
            run(name, target, &bytes);
        }
    }
}

#[test]
fn every_target_has_a_program_for_libfuzzer() {
    for (name, _) in TARGETS {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        let text = std::fs::read_to_string(&program).unwrap();
        assert!(text.contains(&format!("target({name:?})")), "{}", program.display());
    }
    assert_eq!(
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets")).unwrap().count(),
        TARGETS.len()
    );
}
