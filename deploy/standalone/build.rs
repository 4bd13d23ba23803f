//! Builds the components, so that the binary can carry them inside.
//!
//! A nested cargo with a target directory of its own (the outer one is locked), the one that `cargo xtask` uses too: what
//! it has built is taken as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const TARGET: &str = "wasm32-wasip2";

/// Component id in `spin.toml` and the stem of its file.
const COMPONENTS: [(&str, &str); 5] = [
    ("auth", "causeway_fn_auth"),
    ("files", "causeway_fn_files"),
    ("locks", "causeway_fn_locks"),
    ("preview", "causeway_fn_preview"),
    ("system", "causeway_fn_system"),
];

fn main() {
    let crate_dir = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let workspace = crate_dir.join("../..").canonicalize().expect("the workspace is two levels up");
    for watched in ["functions", "shared", "spin.toml", "Cargo.lock", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", workspace.join(watched).display());
    }
    // OUT_DIR is <target>/<profile>/build/<package>/out, wherever CARGO_TARGET_DIR has put it.
    let target_dir = out_dir.ancestors().nth(4).expect("cargo keeps to its layout").join("components");
    build(&workspace, &target_dir);
    let mut rows = Vec::new();
    for (id, stem) in COMPONENTS {
        let built = target_dir.join(TARGET).join("component").join(format!("{stem}.wasm"));
        let copy = out_dir.join(format!("{id}.wasm"));
        fs::copy(&built, &copy).unwrap_or_else(|error| panic!("{}: {error}", built.display()));
        rows.push(format!("    ({id:?}, include_bytes!({:?})),\n", copy.display().to_string()));
    }
    let manifest = workspace.join("spin.toml").display().to_string();
    let table = format!(
        "pub(crate) const COMPONENTS: &[(&str, &[u8])] = &[\n{}];\n\
         pub(crate) const MANIFEST: &str = include_str!({manifest:?});\n",
        rows.concat(),
    );
    fs::write(out_dir.join("components.rs"), table).expect("OUT_DIR can be written");
}

fn build(workspace: &Path, target_dir: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets it"));
    cargo.current_dir(workspace).args([
        "build",
        "--profile",
        "component",
        "--target",
        TARGET,
        "--target-dir",
    ]);
    cargo.arg(target_dir);
    for (_, stem) in COMPONENTS {
        cargo.args(["--package", &stem.replace('_', "-")]);
    }
    // What the outer cargo tells this script about the native build is not for the components.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let foreign = name.starts_with("CARGO_CFG_")
            || name.starts_with("CARGO_FEATURE_")
            || name.starts_with("CARGO_PKG_");
        if foreign
            || [
                "CARGO_ENCODED_RUSTFLAGS",
                "RUSTFLAGS",
                "RUSTC_WORKSPACE_WRAPPER",
                "CARGO_MAKEFLAGS",
                "MAKEFLAGS",
                "TARGET",
                "HOST",
            ]
            .contains(&name.as_str())
        {
            cargo.env_remove(&name);
        }
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(
        status.success(),
        "the components could not be built; if the target is missing: rustup target add {TARGET}"
    );
}
