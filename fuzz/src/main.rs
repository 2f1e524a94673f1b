//! The coverage-guided driver: libFuzzer over one target, which `QFS_FUZZ_TARGET` names.
//!
//! Built by `scripts/fuzz.sh`, which instruments the workspace's crates. Without a name it prints the targets, one a line: name,
//! longest input, dictionary.
//!
//! libFuzzer's own limits count only what its sanitizers see, and there are none here; so the allocator itself refuses what
//! goes beyond [`MEMORY_LIMIT`], and the process ends like any other finding.

#![no_main]

use std::{alloc::System, env, process, sync::OnceLock};

use cap::Cap;
use fuzz::{TARGETS, Target};

/// Bytes that targets may hold at a time. A length that is believed before its bytes are there exceeds it.
const MEMORY_LIMIT: usize = 64 << 20;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, MEMORY_LIMIT);

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn choose() -> &'static Target {
    let name = env::var("QFS_FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        for Target { name, longest, dictionary, .. } in TARGETS {
            println!("{name} {longest} {}", dictionary.unwrap_or("-"));
        }
        process::exit(if name.is_empty() { 0 } else { 2 });
    })
}

libfuzzer_sys::fuzz_target!(
    init: { CHOSEN.get_or_init(choose); },
    |data: &[u8]| (CHOSEN.get_or_init(choose).run)(data)
);
