//! Where users have been: the directories that they visited and the files that they opened, on shares and on drives of
//! their own machines.
//!
//! A history belongs to its user and goes with him. Records of connections that are gone stay: directories are not
//! shown as long as the user does not see their connection, files are, and opening one again tells what became of it.
//!
//! What is on a share is looked at before anything is written, so that no transaction waits for a server.

mod policy;
mod rows;

use std::sync::Arc;

use causeway_history::{HistoryPlace, HistoryQuery, KEPT_DIRECTORIES, MAX_RESULT_LIMIT};
use causeway_internal::accounts::Account;
use causeway_internal::files::{GetInfo, ItemInfo, ItemKind};
use causeway_internal::history::{
    CheckRecentFile, CheckedFile, ClearHistory, ForgetVisit, FoundHistory, HistoryKind, HistoryRecord,
    RecordVisit, SearchHistory,
};
use causeway_internal::{Fault, FaultCode};
use causeway_paths::SharePath;
use uuid::Uuid;

use self::rows::Visit;
use crate::connections::Connections;
use crate::files::Files;
use crate::store::{Clock, Store, StoreError, SystemClock};

/// The histories of all users.
pub(crate) struct Histories {
    store: Store,
    connections: Arc<Connections>,
    files: Files,
    clock: Arc<dyn Clock>,
}

impl Histories {
    /// The histories in that database. Items on shares are looked at through `files`.
    pub(crate) fn new(store: Store, connections: Arc<Connections>, files: Files) -> Self {
        Self { store, connections, files, clock: Arc::new(SystemClock::new()) }
    }

    /// Records a visit; `None` when the policy leaves it out. Faults: `ConnectionNotFound`, `NotFound`,
    /// `NotADirectory`, `IsADirectory`, and those of the server behind.
    pub(crate) async fn record(
        &self,
        caller: &Account,
        call: RecordVisit,
    ) -> Result<Option<HistoryRecord>, Fault> {
        let RecordVisit { kind, place } = call;
        if let Some(connection) = place.connection()
            && !self.connections.shows(caller, connection)
        {
            return Err(Fault::new(FaultCode::ConnectionNotFound, "Connection not found"));
        }
        if kept(kind, &place, self.store.readers()).await? == 0 {
            return Ok(None);
        }
        if let HistoryPlace::Share { connection, path } = &place {
            self.verify(caller, kind, *connection, path).await?;
        }
        let mut change = self.store.begin().await?;
        // The policy may have become another one meanwhile, and must hold for what is there after its change.
        let kept = kept(kind, &place, &mut *change).await?;
        if kept == 0 {
            return Ok(None);
        }
        let visit = Visit { user: caller.id, kind, connection_id: place.connection_id(), path: place.path() };
        let record = rows::record(&mut change, &visit, self.clock.now()).await.map_err(record_fault)?;
        rows::trim(&mut change, caller.id, kind, kept).await?;
        change.commit().await.map_err(StoreError::from)?;
        Ok(Some(record))
    }

    /// The records that a query finds, in their order.
    pub(crate) async fn search(&self, caller: &Account, call: SearchHistory) -> Result<FoundHistory, Fault> {
        let records = rows::all(self.store.readers(), caller.id, call.kind).await?;
        let query = HistoryQuery::new(&call.query);
        let limit = call.limit.clamp(1, MAX_RESULT_LIMIT);
        let (mut records, result_limit) = match call.kind {
            HistoryKind::Directories => {
                let shown = |record: &HistoryRecord| {
                    self.is_shown(caller, &record.connection_id) && query.finds_directory(&record.path)
                };
                (records.into_iter().filter(shown).collect(), limit)
            }
            HistoryKind::Files => {
                let policy = policy::current(self.store.readers()).await?.policy;
                let mut ranked: Vec<_> = records
                    .into_iter()
                    .filter_map(|record| Some((query.rank_file(&record.path)?, record)))
                    .collect();
                // Stable: within a rank the newest stays first.
                ranked.sort_by_key(|(rank, _)| *rank);
                let records: Vec<_> = ranked.into_iter().map(|(_, record)| record).collect();
                (records, limit.min(policy.result_limit.max(1)))
            }
        };
        records.truncate(result_limit as usize);
        Ok(FoundHistory { records, result_limit })
    }

    /// Forgets one record. Fault: `RecordNotFound`, also for those of others.
    pub(crate) async fn forget(&self, caller: &Account, call: ForgetVisit) -> Result<(), Fault> {
        let mut change = self.store.begin().await?;
        let forgotten = rows::forget(&mut change, caller.id, call.kind, call.id).await?;
        change.commit().await.map_err(StoreError::from)?;
        if forgotten { Ok(()) } else { Err(record_not_found()) }
    }

    /// Forgets a whole history; the number of its records.
    pub(crate) async fn clear(&self, caller: &Account, call: ClearHistory) -> Result<u64, Fault> {
        let mut change = self.store.begin().await?;
        let forgotten = rows::clear(&mut change, caller.id, call.kind).await?;
        change.commit().await.map_err(StoreError::from)?;
        Ok(forgotten)
    }

    /// Looks whether a recorded file can be opened again, and forgets it when that is out of the question. Faults: see
    /// [`CheckRecentFile`].
    pub(crate) async fn check_file(
        &self,
        caller: &Account,
        call: CheckRecentFile,
    ) -> Result<CheckedFile, Fault> {
        let found = rows::one(self.store.readers(), caller.id, HistoryKind::Files, call.id).await?;
        let record = found.ok_or_else(record_not_found)?;
        let outcome = match HistoryPlace::parse(&record.connection_id, &record.path) {
            Ok(HistoryPlace::Share { connection, path }) => {
                let verified = self.verify(caller, HistoryKind::Files, connection, &path).await;
                verified.map(|info| CheckedFile { path, info })
            }
            Ok(HistoryPlace::LocalDrive { .. }) => {
                Err(Fault::new(FaultCode::Conflict, "Only the user's own machine sees its drives"))
            }
            Err(error) => Err(Fault::new(FaultCode::Invalid, error.to_string())),
        };
        if let Err(fault) = &outcome
            && is_final(fault.code)
        {
            // Unless it was opened again meanwhile: somebody has found it then.
            let mut change = self.store.begin().await?;
            rows::forget_unchanged(&mut change, &record).await?;
            change.commit().await.map_err(StoreError::from)?;
        }
        outcome
    }

    /// What is at a path of a share. Faults: `NotADirectory` and `IsADirectory` when it is of the wrong kind.
    async fn verify(
        &self,
        caller: &Account,
        kind: HistoryKind,
        connection: Uuid,
        path: &SharePath,
    ) -> Result<ItemInfo, Fault> {
        let info = self.files.info(caller, GetInfo { connection, path: path.clone() }).await?;
        match (kind, info.kind) {
            (HistoryKind::Directories, ItemKind::File) => {
                Err(Fault::new(FaultCode::NotADirectory, "The item is a file"))
            }
            (HistoryKind::Files, ItemKind::Directory) => {
                Err(Fault::new(FaultCode::IsADirectory, "The item is a directory"))
            }
            _ => Ok(info),
        }
    }

    /// Whether the caller sees the connection of a record; local drives are his own.
    fn is_shown(&self, caller: &Account, connection_id: &str) -> bool {
        Uuid::try_parse(connection_id).map_or(true, |id| self.connections.shows(caller, id))
    }
}

/// How many records of that kind are kept for each user; 0 when such a place is not recorded at all.
async fn kept<'c>(
    kind: HistoryKind,
    place: &HistoryPlace,
    from: impl sqlx::Executor<'c, Database = sqlx::Sqlite>,
) -> Result<u32, StoreError> {
    match kind {
        HistoryKind::Directories => Ok(KEPT_DIRECTORIES),
        HistoryKind::Files => {
            let policy = policy::current(from).await?.policy;
            Ok(if policy.excludes(place.name()) { 0 } else { policy.retention_limit })
        }
    }
}

/// Whether a file with this fault is not worth another try.
fn is_final(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::Invalid
            | FaultCode::NameRefused
            | FaultCode::ConnectionNotFound
            | FaultCode::AccessDenied
            | FaultCode::NotFound
            | FaultCode::ParentNotFound
            | FaultCode::IsADirectory
    )
}

fn record_not_found() -> Fault {
    Fault::new(FaultCode::RecordNotFound, "There is no such record")
}

fn record_fault(error: StoreError) -> Fault {
    if error.is_orphan() {
        // The user was deleted a moment ago.
        return Fault::new(FaultCode::PrincipalRefused, "Could not validate credentials");
    }
    error.into()
}
