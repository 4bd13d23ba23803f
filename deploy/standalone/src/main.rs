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

use std::io::{ErrorKind, Write as _};
use std::path::Path;
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
    /// Show who did what, when and from where: the latest records of the audit trail, a JSON object a line
    Audit {
        #[command(flatten)]
        options: Options,
        /// How many
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        last: u32,
    },
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
    let options = match command {
        Command::Serve(options)
        | Command::Sidecar(options)
        | Command::Host(options)
        | Command::Demo(options)
        | Command::CheckConfig(options)
        | Command::Audit { options, .. } => options,
    };
    let config = options.clone().with_file()?.check()?;
    start_log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(_) => serve::run(config).await,
            Command::Sidecar(_) => halves::sidecar(config).await,
            Command::Host(_) => halves::host(config).await,
            Command::Demo(_) => demo::run(config).await,
            Command::CheckConfig(_) => {
                println!("{config}");
                Ok(())
            }
            Command::Audit { last, .. } => audit(&config.data_dir, *last).await,
        }
    })
}

async fn audit(data_dir: &Path, last: u32) -> anyhow::Result<()> {
    let records = causeway_sidecar::audit_trail(data_dir, last).await?;
    let mut output = std::io::stdout().lock();
    for record in records {
        let line = serde_json::to_string(&record)?;
        match writeln!(output, "{line}") {
            // Whoever reads it has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
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
