//! The project's own commands: `cargo xtask demo`, `test`, `soak`, `bench`, `build`, `openapi`.
//!
//! They need nothing but Rust and a C compiler at the start and say what else is missing. They work without a terminal
//! and from any directory of the repository.

mod arguments;
mod bench;
mod build;
mod demo;
mod openapi;
mod samba;
mod soak;
mod step;
mod test;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use arguments::Command;

fn main() -> ExitCode {
    let command = match arguments::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(fault) => {
            eprintln!("xtask: {fault}\n\n{}", arguments::HELP);
            return ExitCode::from(2);
        }
    };
    let outcome = match command {
        Command::Help => {
            println!("{}", arguments::HELP);
            Ok(())
        }
        Command::Build { release } => build::run(release),
        Command::Demo { release, arguments } => demo::run(release, &arguments),
        Command::Test { fast, filter } => test::run(fast, filter.as_deref()),
        Command::Soak { minutes } => soak::run(minutes),
        Command::Bench { only } => bench::run(&only),
        Command::OpenApi => openapi::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("\nxtask: {fault:#}");
            ExitCode::FAILURE
        }
    }
}
