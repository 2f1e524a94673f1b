//! Messages and services from the interface definitions, without a compiler of another language.

use std::{env, error::Error, fs, path::PathBuf};

/// The files of the package.
const FILES: [&str; 3] =
    ["qfs/v1/common.proto", "qfs/v1/storage_engine.proto", "qfs/v1/ledger.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("no OUT_DIR")?);
    fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;
    let files = compiler.file_descriptor_set();
    tonic_prost_build::configure().compile_fds(files)?;
    Ok(())
}
