//! `cargo xtask test`: everything that must hold before a change is merged.

use std::process::Command;

use anyhow::Result;

use crate::step::{Steps, execute};
use crate::toolchain::{self, WASM_TARGET};
use crate::workspace::{self, COMPONENTS, SELECTION};
use crate::{build, samba};

/// The two ways in which the product runs; no test may tell them apart.
const MODES: [&str; 2] = ["standalone", "split"];

/// The end-to-end test binary with the quick cases.
const QUICK_CASES: &str = "stories";

/// The one with those that take long.
const LONG_CASES: &str = "endurance";

/// Runs the checks, all of them even if one fails, unless nothing could come of it.
pub(crate) fn run(fast: bool, filter: Option<&str>) -> Result<()> {
    let mut steps = Steps::default();
    let ready = steps.run("wasm target", toolchain::ensure_wasm_target) & steps.run("Samba", samba::ensure);

    if filter.is_none() {
        steps.run("formatting", || execute(&mut workspace::cargo(&["fmt", "--all", "--check"])));
    }
    if !ready {
        return steps.finish();
    }

    let built =
        steps.run("build functions", build::components) && steps.run("build binary", || build::binary(false));
    if !built {
        return steps.finish();
    }

    if fast || filter.is_some() {
        steps.skip("lints", "not with --fast or a filter");
    } else {
        steps.run("lints, native", native_lints);
        steps.run("lints, functions", function_lints);
        optional(&mut steps, "cargo-deny", "licences and advisories", &["deny", "--all-features", "check"]);
        optional(&mut steps, "cargo-machete", "unused dependencies", &["machete"]);
    }

    steps.run("unit and property tests", || unit_tests(filter));
    for mode in if fast { &MODES[..1] } else { &MODES[..] } {
        steps.run(&format!("end to end, {mode}"), || end_to_end(mode, fast, filter));
    }
    steps.finish()
}

fn native_lints() -> Result<()> {
    execute(&mut workspace::cargo(&["clippy", SELECTION, "--all-targets", "--", "-D", "warnings"]))
}

fn function_lints() -> Result<()> {
    let mut command = workspace::cargo(&["clippy", "--target", WASM_TARGET]);
    command.arg("--target-dir").arg(workspace::target().join("components"));
    for component in COMPONENTS {
        command.args(["-p", component]);
    }
    execute(command.args(["--", "-D", "warnings"]))
}

fn unit_tests(filter: Option<&str>) -> Result<()> {
    // The end-to-end tests are left out by their manifest. The functions' own tests are of rules, and run natively.
    execute(workspace::cargo(&["test", SELECTION]).args(filter))
}

fn end_to_end(mode: &str, fast: bool, filter: Option<&str>) -> Result<()> {
    let mut command = workspace::cargo(&["test", SELECTION, "--test", QUICK_CASES]);
    if !fast {
        command.args(["--test", LONG_CASES]);
    }
    command.args(filter);
    execute(command.env("CAUSEWAY_TEST_MODE", mode).env("CAUSEWAY_BIN", workspace::binary(false)))
}

/// A check by a cargo command that not everybody has.
fn optional(steps: &mut Steps, program: &str, name: &str, arguments: &[&str]) {
    let present = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if present {
        steps.run(name, || execute(&mut workspace::cargo(arguments)));
    } else {
        steps.skip(name, &format!("{program} is not installed (`cargo install {program}`)"));
    }
}
