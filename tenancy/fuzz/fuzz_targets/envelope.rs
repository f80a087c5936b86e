//! Any bytes at all, read as a sealed value: never a panic, never a text that was not sealed here.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../check.rs"]
mod check;

fuzz_target!(|bytes: &[u8]| check::envelope(bytes));
