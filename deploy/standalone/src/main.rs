//! Causeway in one binary.
//!
//! `serve` runs everything on one machine: the components in the embedded host and the sidecar in the same process.
//! `sidecar` and `host` are its two halves, for the way it runs with Spin. `demo` brings an SMB server with it.

mod app;
mod beside;
mod config;
mod demo;
mod halves;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Options;

/// SMB shares in the browser and in native apps.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run everything: browser app, API and sidecar on one address
    Serve(Options),
    /// Run the sidecar alone, for functions that run elsewhere (on Spin, or with `causeway host`)
    Sidecar(Options),
    /// Run the functions alone, with the sidecar at --sidecar-url
    Host(Options),
    /// Try it: serve a folder of sample files with an SMB server inside, on this machine only
    Demo(Options),
    /// Say what the configuration means, and every fault in it, without starting anything
    CheckConfig(Options),
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("causeway: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    let (Command::Serve(options)
    | Command::Sidecar(options)
    | Command::Host(options)
    | Command::Demo(options)
    | Command::CheckConfig(options)) = command;
    let options = options.clone().with_file()?;
    let config = options.check()?;
    if matches!(command, Command::CheckConfig(_)) {
        println!("{config}");
        return Ok(());
    }
    start_log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(_) => serve::run(config).await,
            Command::Sidecar(_) => halves::sidecar(config).await,
            Command::Host(_) => halves::host(config).await,
            Command::Demo(_) => demo::run(config).await,
            Command::CheckConfig(_) => Ok(()),
        }
    })
}

fn start_log(filter: &str) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("CAUSEWAY_LOG: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}
