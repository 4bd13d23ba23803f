//! The locks function: edit locks, and editing with native programs.
//!
//! A lock is the sidecar's; here are the tokens by which its holders are known, and the words of two kinds of clients:
//! browsers, which show a lock by its ids and its secret, and the desktop companion, whose token names the lock too.

mod browser;
mod companion;
mod downloads;
mod links;
mod oversight;
mod transfer;
mod wording;

use causeway_api::Endpoint;
use causeway_api::routes::locks::{ENDPOINTS, Operation};
use causeway_function_kit::{Answer, Function, Problem, Request, export_function};

struct Locks;

impl Function for Locks {
    type Operation = Operation;
    const NAME: &'static str = "locks";

    fn endpoints() -> &'static [Endpoint<Operation>] {
        ENDPOINTS
    }

    async fn perform(operation: Operation, request: Request) -> Result<Answer, Problem> {
        match operation {
            Operation::Lock => browser::lock(&request).await,
            Operation::Heartbeat => browser::heartbeat(request).await,
            Operation::Unlock => browser::unlock(request).await,
            Operation::Status => oversight::status(&request).await,
            Operation::MakeLink => links::make(request).await,
            Operation::ExchangeLink => links::exchange(request).await,
            Operation::ProbeProxy => downloads::probe(&request).await,
            Operation::FindDownloads => downloads::find(&request).await,
            Operation::CheckVersion => downloads::check_version(&request),
            Operation::CompanionInfo => transfer::info(request).await,
            Operation::CompanionDownload => transfer::download(request).await,
            Operation::CompanionUpload => transfer::upload(request).await,
            Operation::CompanionLock => companion::lock(request).await,
            Operation::CompanionUnlock => companion::unlock(request).await,
            Operation::CompanionHeartbeat => companion::heartbeat(request).await,
            Operation::RenewSession => companion::renew(request).await,
            Operation::ForceUnlock => oversight::force_unlock(&request).await,
            Operation::CompanionLockStatus => oversight::companion_status(&request).await,
        }
    }
}

export_function!(Locks);
