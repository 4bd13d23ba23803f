//! Editing a file: its lock, and what an edit has seen of it.

use causeway_internal::Fault;
use causeway_internal::FaultCode;
use causeway_internal::accounts::Account;
use causeway_internal::files::ItemInfo;
use causeway_internal::locks::{
    AcquireLock, Edit, ForceUnlock, GetEditInfo, GetLock, LockGrant, LockState, PrepareEdit,
};
use causeway_locks::Lock;
use causeway_paths::SharePath;
use uuid::Uuid;

use super::{Files, item};

impl Files {
    /// Takes the lock of a file.
    pub(crate) async fn acquire_lock(
        &self,
        account: &Account,
        call: AcquireLock,
    ) -> Result<LockGrant, Fault> {
        let place = self.writable(account, call.connection, call.path).await?;
        if place.path.is_root() {
            return Err(Fault::new(FaultCode::IsADirectory, "The share root cannot be locked"));
        }
        self.locks.acquire(account, place).await
    }

    /// Takes a lock away from whoever has it.
    pub(crate) async fn force_unlock(&self, account: &Account, call: ForceUnlock) -> Result<(), Fault> {
        let place = self.readable(account, call.connection, call.path).await?;
        self.locks.force(account, place).await
    }

    /// Who has a file.
    pub(crate) async fn lock_state(&self, account: &Account, call: GetLock) -> Result<LockState, Fault> {
        let place = self.readable(account, call.connection, call.path).await?;
        Ok(self.locks.state(account, &place, call.with_others).await)
    }

    /// Whether the caller sees the connection of a file that he wants to open for editing.
    pub(crate) async fn prepare_edit(&self, account: &Account, call: PrepareEdit) -> Result<(), Fault> {
        self.readable(account, call.connection, call.path).await.map(drop)
    }

    /// Looks at the file of an edit; what is seen becomes the base of its next save.
    pub(crate) async fn edit_info(&self, account: &Account, call: GetEditInfo) -> Result<ItemInfo, Fault> {
        let lock = self.proven(account, call.connection, &call.path, &call.edit).await?;
        let place = self.readable(account, call.connection, call.path).await?;
        self.locks.hold_anew(lock.grant.id).await;
        match place.stat().await {
            Ok(mut seen) => {
                self.locks.see(lock.grant.id, &call.edit, &mut seen).await?;
                self.locks.set_base(lock.grant.id, &call.edit, Some(&seen)).await?;
                Ok(item(seen))
            }
            Err(fault) => {
                if fault.code == FaultCode::NotFound {
                    self.locks.set_base(lock.grant.id, &call.edit, None).await?;
                }
                Err(fault)
            }
        }
    }

    /// The lock that an edit proves.
    pub(super) async fn proven(
        &self,
        account: &Account,
        connection: Uuid,
        path: &SharePath,
        edit: &Edit,
    ) -> Result<Lock, Fault> {
        let Some(key) = self.locks.key(connection, path).await else {
            return Err(Fault::new(FaultCode::LockLost, "The connection of the lock is gone"));
        };
        self.locks.proven(account.id, &key, edit)
    }
}
