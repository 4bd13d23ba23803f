//! Measures Causeway against `smbclient` on the same Samba in the same run and prints a table.
//!
//! Arguments choose measurements by name; none means all. `cargo xtask bench` builds for release and runs this.

mod directories;
mod listing;
mod live;
mod load;
mod locks;
mod rig;
mod starts;
mod table;
mod transfer;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use futures::FutureExt as _;

use rig::Rig;
use table::Table;

/// The measurements and their names.
const NAMES: [&str; 15] = [
    "starts",
    "idle",
    "list-100",
    "list-10000",
    "list-watched",
    "info",
    "listings",
    "range",
    "download",
    "upload",
    "scan",
    "search",
    "locks",
    "live",
    "sockets",
];

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = only.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("bench: there is no measurement {unknown:?}; there are {}", NAMES.join(", "));
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("bench: {fault}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&only)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("bench: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(only: &[String]) -> Result<()> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    let mut table = Table::default();
    if wanted("starts") {
        starts::cold_and_warm(&mut table)?;
    }
    if wanted("search") {
        directories::search(&mut table)?;
    }
    if wanted("sockets") {
        live::allow_many_descriptors();
    }
    let rig = Rig::start().await?;
    // A measurement that goes wrong may end by a panic.
    let measured = AssertUnwindSafe(measure(&rig, wanted, &mut table)).catch_unwind().await;
    if !matches!(measured, Ok(Ok(()))) {
        eprintln!("── log of the product (last lines)\n{}", rig.last_log());
    }
    measured.map_err(|_| anyhow!("a measurement panicked"))??;
    let peak: u64 = rig.processes().map(causeway_tests::Process::peak_memory).sum::<Result<u64>>()?;
    println!("\n{}\n{table}", rig::machine());
    println!("Peak memory of the product in this run: {} MB.", peak / 1_000_000);
    Ok(())
}

/// The measurements of one running product.
async fn measure(rig: &Rig, wanted: impl Fn(&str) -> bool, table: &mut Table) -> Result<()> {
    if wanted("idle") {
        starts::idle_memory(rig, table).await?;
    }
    if wanted("list-100") {
        listing::hundred(rig, table).await?;
    }
    if wanted("list-10000") {
        listing::ten_thousand(rig, table).await?;
    }
    if wanted("list-watched") {
        live::watched_listing(rig, table).await?;
    }
    if wanted("info") {
        load::info(rig, table).await?;
    }
    if wanted("listings") {
        load::listings_beside_info(rig, table).await?;
    }
    if wanted("range") {
        transfer::first_byte_of_a_range(rig, table).await?;
    }
    if wanted("download") {
        transfer::download(rig, table).await?;
    }
    if wanted("upload") {
        transfer::upload(rig, table).await?;
    }
    if wanted("scan") {
        directories::scan(rig, table).await?;
    }
    if wanted("locks") {
        locks::locks(rig, table).await?;
    }
    if wanted("live") {
        live::change_to_message(rig, table).await?;
    }
    if wanted("sockets") {
        live::many_sockets(rig, table).await?;
    }
    Ok(())
}
