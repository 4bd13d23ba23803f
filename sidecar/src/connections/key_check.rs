//! Whether the encryption key is the one of this database.

use causeway_internal::UnixMicros;
use sqlx::Row as _;
use uuid::Uuid;

use crate::secrets::{SealError, Sealer};
use crate::store::{Store, StoreError};

/// Where the proof is kept; also the name under which it is sealed.
const KEY: &str = "secrets.key_check";

/// What is sealed: it only has to open.
const PROOF: &str = "causeway";

/// Why the connections cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionsError {
    /// Somebody replaced `secrets.toml` or the database alone.
    #[error(
        "the encryption key in secrets.toml is not the one of this database; put back the secrets.toml that belongs to it"
    )]
    WrongKey,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Opens the proof with the key; seals one when there is none yet.
pub(super) async fn check(store: &Store, sealer: &Sealer, now: UnixMicros) -> Result<(), ConnectionsError> {
    let mut change = store.begin().await?;
    let stored = sqlx::query("SELECT value FROM system_settings WHERE key = ?")
        .bind(KEY)
        .fetch_optional(&mut *change)
        .await
        .map_err(StoreError::from)?;
    if let Some(row) = stored {
        let proof: String = row.try_get("value").map_err(StoreError::from)?;
        return match sealer.open(Uuid::nil(), KEY, &proof) {
            Ok(_) => Ok(()),
            Err(_) => Err(ConnectionsError::WrongKey),
        };
    }
    sqlx::query("INSERT INTO system_settings (key, value, updated_at) VALUES (?, ?, ?)")
        .bind(KEY)
        .bind(sealer.seal(Uuid::nil(), KEY, PROOF)?)
        .bind(now.0)
        .execute(&mut *change)
        .await
        .map_err(StoreError::from)?;
    change.commit().await.map_err(StoreError::from)?;
    Ok(())
}
