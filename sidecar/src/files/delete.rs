//! Deleting.

use causeway_internal::accounts::Account;
use causeway_internal::files::DeleteItem;
use causeway_internal::{Fault, FaultCode};
use causeway_locks::Reach;

use super::tree::{Tally, delete_whole, see_it_gone};
use super::{Files, item_kind};
use crate::changes::Deed;
use crate::completion::to_its_end;

impl Files {
    /// Deletes a file, or a directory with everything in it, for good.
    pub(crate) async fn delete(&self, account: &Account, call: DeleteItem) -> Result<(), Fault> {
        let place = self.writable(account, call.connection, call.path).await?;
        if place.path.is_root() {
            return Err(Fault::new(FaultCode::Invalid, "Cannot delete the share root"));
        }
        let mut pass = self.locks.pass(account.id, &place, Reach::Tree)?;
        self.siblings.may_be_saved(&place).await?;
        to_its_end(async move {
            let found = place.stat_link().await?;
            pass.covers(&place, Some(&found)).await?;
            pass.let_go().await;
            let tally = Tally::default();
            let outcome = delete_whole(&place.pool, &place.full, &found, &tally).await;
            place.tell(item_kind(&found), if outcome.is_ok() { Deed::Removed } else { Deed::Disturbed });
            if outcome.is_ok() && found.is_directory() {
                see_it_gone(&place.pool, &place.full).await;
            }
            outcome.map_err(|stopped| stopped.into_fault("Deleted", &tally, &place.connection.prefix))
        })
        .await
    }
}
