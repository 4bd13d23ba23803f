//! Making and renaming.

use causeway_internal::accounts::Account;
use causeway_internal::files::{CreateItem, ItemInfo, ItemKind, RenameItem};
use causeway_internal::{Fault, FaultCode};
use causeway_locks::Reach;
use causeway_smb::{ShareError, ShareErrorKind};

use super::{Files, item, item_kind, making, new_name};
use crate::changes::Deed;
use crate::completion::to_its_end;
use crate::shares::fault;

impl Files {
    /// Makes an empty file or a directory; what is there already stays untouched (`AlreadyExists`).
    pub(crate) async fn create(&self, account: &Account, call: CreateItem) -> Result<ItemInfo, Fault> {
        let parent = self.writable(account, call.connection, call.parent).await?;
        let path = parent
            .path
            .join(&call.name)
            .map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))?;
        let place = parent.at(path)?;
        new_name(&place)?;
        let pass = self.locks.pass(account.id, &place, Reach::Item)?;
        self.siblings.may_be_saved(&place).await?;
        to_its_end(async move {
            let _pass = pass;
            let made = match call.kind {
                ItemKind::File => place.pool.create_file(&place.full).await,
                ItemKind::Directory => place.pool.create_dir(&place.full).await,
            };
            // Made in spite of a lost answer, perhaps.
            if made.as_ref().map_or_else(ShareError::outcome_unknown, |_| true) {
                place.tell(call.kind, Deed::Created);
            }
            made.map(item).map_err(|error| match error.kind() {
                // Asked for a file, the server says of a directory that is there what it is, not that it is there.
                ShareErrorKind::IsADirectory => fault(&ShareError::new(ShareErrorKind::AlreadyExists)),
                _ => making(&error),
            })
        })
        .await
    }

    /// Gives an item another name in its directory. A name that differs in case only is taken for what it is.
    pub(crate) async fn rename(&self, account: &Account, call: RenameItem) -> Result<ItemInfo, Fault> {
        let from = self.writable(account, call.connection, call.path).await?;
        let Some(parent) = from.path.parent() else {
            return Err(Fault::new(FaultCode::Invalid, "Cannot rename the share root"));
        };
        let path =
            parent.join(&call.new_name).map_err(|error| Fault::new(FaultCode::Invalid, error.to_string()))?;
        let to = from.at(path)?;
        new_name(&to)?;
        let mut leaving = self.locks.pass(account.id, &from, Reach::Tree)?;
        let arriving = self.locks.pass(account.id, &to, Reach::Tree)?;
        for place in [&from, &to] {
            self.siblings.may_be_saved(place).await?;
        }
        // What puts a file right stands beside it.
        self.siblings.may_be_read(&from.lock_key()).await?;
        to_its_end(async move {
            let _arriving = arriving;
            // What cannot be looked at is not renamed either, and then it is known why.
            if let Ok(found) = from.pool.stat_link(&from.full).await {
                leaving.covers(&from, Some(&found)).await?;
            }
            leaving.let_go().await;
            // Without "replace" the server itself refuses a taken name, whoever comes first; it knows its own rule of
            // case, so that `a` to `A` is a rename and not a collision.
            match from.pool.rename(&from.full, &to.full, false).await {
                Ok(renamed) => {
                    from.tell_renamed(item_kind(&renamed), &to);
                    return Ok(item(renamed));
                }
                Err(error) if error.outcome_unknown() => {
                    // The answer was lost, not necessarily the rename.
                    let done = to.look().await?.is_some() && from.look().await?.is_none();
                    if !done {
                        return Err(fault(&error));
                    }
                }
                Err(error) if error.kind() == ShareErrorKind::PathNotFound => {
                    return Err(Fault::new(FaultCode::NotFound, "The item does not exist"));
                }
                Err(error) => return Err(fault(&error)),
            }
            let renamed = to.stat().await?;
            from.tell_renamed(item_kind(&renamed), &to);
            Ok(item(renamed))
        })
        .await
    }
}
