//! Trying a connection: sign in to the server and list the root.

use causeway_internal::accounts::Account;
use causeway_internal::connections::{TestConnection, TestDraft, TestReport};
use causeway_internal::{Fault, FaultCode};
use zeroize::Zeroizing;

use super::draft::{check, new_password, patched, prefix_of, target};
use super::known::PASSWORD_FIELD;
use super::rows::Stored;
use super::{Connections, State, access};
use crate::shares::ProbeTarget;

/// When another try makes sense if too many are under way.
const RETRY_SECONDS: u32 = 5;

impl Connections {
    /// Tries a draft. Faults: `RoleReadOnly`, `Invalid`, `Busy`, and those of the server.
    pub(crate) async fn test_draft(&self, caller: &Account, call: TestDraft) -> Result<TestReport, Fault> {
        access::require_role(caller)?;
        check(&call.draft)?;
        self.state.try_out(&target(&call.draft)?).await
    }

    /// Tries a connection with changes. Faults: `RoleReadOnly`, `ConnectionNotFound`, `NotPermitted`,
    /// `ConnectionIncomplete`, `Invalid`, `Busy`, and those of the server.
    pub(crate) async fn test_connection(
        &self,
        caller: &Account,
        call: TestConnection,
    ) -> Result<TestReport, Fault> {
        let known = self.state.manageable(caller, call.id)?;
        let after = patched(&known.stored, &call.patch)?;
        let target = self.state.target(&after, new_password(&call.patch)?)?;
        self.state.try_out(&target).await
    }
}

impl State {
    /// What to try for a connection, with its stored password unless there is another.
    pub(super) fn target(
        &self,
        connection: &Stored,
        password: Option<Zeroizing<String>>,
    ) -> Result<ProbeTarget, Fault> {
        let share = connection.share_name.clone().filter(|share| !share.trim().is_empty());
        let share = share.ok_or_else(|| {
            Fault::new(FaultCode::ConnectionIncomplete, "Connection has no share name configured")
        })?;
        let password = match password {
            Some(password) => password,
            None => self.sealer.open(connection.id, PASSWORD_FIELD, &connection.password_sealed).map_err(|error| {
                tracing::error!(connection = %connection.id, %error, "the stored password cannot be used");
                Fault::new(FaultCode::Internal, "The stored password cannot be read; enter it again")
            })?,
        };
        Ok(ProbeTarget {
            host: connection.host.clone(),
            port: connection.port,
            share,
            username: connection.username.clone(),
            password,
            prefix: prefix_of(connection.path_prefix.as_deref())?,
        })
    }

    pub(super) async fn try_out(&self, target: &ProbeTarget) -> Result<TestReport, Fault> {
        let _trial = self.trials.try_acquire().map_err(|_| {
            Fault::new(FaultCode::Busy, "Too many connections are being tested").retry_after(RETRY_SECONDS)
        })?;
        let root_entries = self.shares.probe(target).await?;
        Ok(TestReport { root_entries })
    }
}
