//! A user's settings: documents in JSON by dotted key.

use std::collections::BTreeMap;

use causeway_internal::accounts::{Account, ChangeSettings};
use causeway_internal::{Fault, MAX_JSON_BYTES};
use serde_json::Value;
use sqlx::{Executor, Row as _, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::{Accounts, invalid, refused};
use crate::follower::in_turn;
use crate::store::StoreError;

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 128;

/// Most keys a user may have; the public API knows a dozen.
const MAX_KEYS: usize = 256;

/// All values of a user together, in bytes of JSON. With their keys they must fit into one answer.
const MAX_TOTAL_BYTES: usize = MAX_JSON_BYTES - 2 * MAX_KEYS * MAX_KEY_BYTES;

impl Accounts {
    /// What the caller has set.
    pub(crate) async fn settings(&self, caller: &Account) -> Result<BTreeMap<String, Value>, Fault> {
        Ok(read(self.state.store.readers(), caller.id).await?)
    }

    /// Sets and clears, all or nothing; answers with all that is set afterwards. Fault: `Invalid` (out of bounds).
    pub(crate) async fn change_settings(
        &self,
        caller: &Account,
        call: ChangeSettings,
    ) -> Result<BTreeMap<String, Value>, Fault> {
        if let Some(key) =
            call.set.keys().chain(&call.clear).find(|key| key.is_empty() || key.len() > MAX_KEY_BYTES)
        {
            return Err(invalid(format!(
                "A key of a setting must have 1 to {MAX_KEY_BYTES} bytes, not {}",
                key.len()
            )));
        }
        let user = caller.id;
        in_turn(&self.state, move |state| async move {
            let mut change = state.store.begin().await?;
            if state.user(user).is_none() {
                return Err(refused());
            }
            for key in &call.clear {
                clear(&mut change, user, key).await?;
            }
            for (key, value) in &call.set {
                set(&mut change, user, key, value, state.clock.now().0).await?;
            }
            let settings = read(&mut *change, user).await?;
            let total: usize = settings.values().map(|value| value.to_string().len()).sum();
            if settings.len() > MAX_KEYS || total > MAX_TOTAL_BYTES {
                return Err(invalid("The settings are too large"));
            }
            change.commit().await.map_err(StoreError::from)?;
            Ok(settings)
        })
        .await
    }
}

async fn read<'c>(
    from: impl Executor<'c, Database = Sqlite>,
    user: Uuid,
) -> Result<BTreeMap<String, Value>, StoreError> {
    let rows = sqlx::query("SELECT key, value FROM user_settings WHERE user_id = ?")
        .bind(user.hyphenated())
        .fetch_all(from)
        .await?;
    let mut settings = BTreeMap::new();
    for row in rows {
        let (key, value): (String, String) = (row.try_get("key")?, row.try_get("value")?);
        match serde_json::from_str(&value) {
            Ok(value) => {
                settings.insert(key, value);
            }
            // As good as never set: the function has a default.
            Err(error) => tracing::warn!(%user, key, %error, "a stored setting is not JSON"),
        }
    }
    Ok(settings)
}

async fn clear(from: &mut SqliteConnection, user: Uuid, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM user_settings WHERE user_id = ? AND key = ?")
        .bind(user.hyphenated())
        .bind(key)
        .execute(from)
        .await?;
    Ok(())
}

async fn set(
    to: &mut SqliteConnection,
    user: Uuid,
    key: &str,
    value: &Value,
    now: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO user_settings (user_id, key, value, updated_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
    )
    .bind(user.hyphenated())
    .bind(key)
    .bind(value.to_string())
    .bind(now)
    .execute(to)
    .await?;
    Ok(())
}
