//! What the histories of files keep: one policy for all, which administrators set.
//!
//! It is read where it is needed rather than remembered: within the transaction that records a visit it is the one that
//! holds, so that a lower limit leaves nobody with more.

use causeway_history::FileSearchPolicy;
use causeway_internal::accounts::{Account, Role};
use causeway_internal::history::{ChangeFileSearchPolicy, HistoryKind, StoredPolicy};
use causeway_internal::{Fault, FaultCode};
use sqlx::{Executor, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::{Histories, rows};
use crate::store::StoreError;

/// Its key among the system's settings.
const KEY: &str = "file_search.policy";

impl Histories {
    /// The policy. Fault: `NotPermitted`.
    pub(crate) async fn policy(&self, caller: &Account) -> Result<StoredPolicy, Fault> {
        require_admin(caller)?;
        Ok(current(self.store.readers()).await?)
    }

    /// Changes the policy and forgets what it no longer keeps, for all users. Faults: `NotPermitted`, `Invalid`.
    pub(crate) async fn change_policy(
        &self,
        caller: &Account,
        call: ChangeFileSearchPolicy,
    ) -> Result<StoredPolicy, Fault> {
        require_admin(caller)?;
        let policy = call.policy.map(FileSearchPolicy::checked).transpose();
        let policy = policy.map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))?;
        let mut change = self.store.begin().await?;
        match &policy {
            Some(policy) => set(&mut change, policy, caller.id, self.clock.now().0).await?,
            None => clear(&mut change).await?,
        }
        let now = current(&mut *change).await?;
        rows::trim_all(&mut change, HistoryKind::Files, now.policy.retention_limit).await?;
        change.commit().await.map_err(StoreError::from)?;
        Ok(now)
    }
}

/// The policy that holds.
pub(super) async fn current<'c>(
    from: impl Executor<'c, Database = Sqlite>,
) -> Result<StoredPolicy, StoreError> {
    let row =
        sqlx::query("SELECT value FROM system_settings WHERE key = ?").bind(KEY).fetch_optional(from).await?;
    let Some(row) = row else { return Ok(default()) };
    let value: String = row.try_get("value")?;
    match serde_json::from_str::<FileSearchPolicy>(&value).map(FileSearchPolicy::checked) {
        Ok(Ok(policy)) => Ok(StoredPolicy { policy, is_default: false }),
        // As good as never set.
        outcome => {
            tracing::warn!(?outcome, "the stored policy for recent files cannot be used");
            Ok(default())
        }
    }
}

fn default() -> StoredPolicy {
    StoredPolicy { policy: FileSearchPolicy::default(), is_default: true }
}

async fn set(to: &mut SqliteConnection, policy: &FileSearchPolicy, by: Uuid, now: i64) -> Result<(), Fault> {
    let value = serde_json::to_string(policy).map_err(|error| {
        tracing::error!(%error, "a policy could not be written");
        Fault::new(FaultCode::Internal, "Internal error")
    })?;
    sqlx::query(
        "INSERT INTO system_settings (key, value, updated_at, updated_by) VALUES (?, ?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at,
                                         updated_by = excluded.updated_by",
    )
    .bind(KEY)
    .bind(value)
    .bind(now)
    .bind(by.hyphenated())
    .execute(to)
    .await
    .map_err(StoreError::from)?;
    Ok(())
}

async fn clear(from: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM system_settings WHERE key = ?").bind(KEY).execute(from).await?;
    Ok(())
}

fn require_admin(caller: &Account) -> Result<(), Fault> {
    if caller.role == Role::Admin {
        return Ok(());
    }
    Err(Fault::new(FaultCode::NotPermitted, "Not enough permissions"))
}
