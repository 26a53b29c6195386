//! See `src/fuzz.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| poundcake::fuzz::target("stream")(bytes));
