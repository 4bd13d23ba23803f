//! [`Session`]: one TCP connection, signed in and attached to one share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use causeway_paths::SharePath;
use smb2::client::connection::{CompoundOp, Connection, Frame};
use smb2::client::diagnostics::OutstandingRequest;
use smb2::crypto::encryption::Cipher;
use smb2::msg::echo::EchoRequest;
use smb2::pack::Pack;
use smb2::types::flags::Capabilities;
use smb2::types::status::NtStatus;
use smb2::types::{Command, CreditCharge, Dialect, TreeId};
use smb2::{NegotiatedParams, Tree};
use tokio::runtime::Handle;

use crate::error::{ShareError, ShareErrorKind, ends_session};
use crate::limits::deadline;
use crate::target::Target;
use crate::transport::{NegotiateTap, ReceiveHalf, SendHalf, TappedTransport};

/// Which share of which server, however it is spelt: two pools with equal identities see the same files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerIdentity {
    /// The server's GUID from NEGOTIATE (MS-SMB2 2.2.4).
    pub server_guid: [u8; 16],
    /// The share's name in lower case; share names know no case.
    pub share: String,
}

/// One TCP connection, signed in and attached to one share. Requests of many tasks are pipelined on it.
pub(crate) struct Session {
    conn: Connection,
    tree: TreeId,
    /// `server\share\` on a share that is part of a DFS tree, where every name begins with it (MS-SMB2 3.2.4.3).
    dfs_prefix: Option<String>,
    /// The most one READ, WRITE or QUERY_DIRECTORY may carry.
    pub(crate) max_read: u32,
    pub(crate) max_write: u32,
    pub(crate) max_transact: u32,
    identity: ServerIdentity,
    encrypted: bool,
    /// Whether CREATE has so far been answered with the on-disk id that was asked for.
    on_disk_ids: AtomicBool,
    runtime: Handle,
}

/// A request of 64 KiB costs one credit (MS-SMB2 3.1.5.2).
const CREDIT_BYTES: u32 = 64 * 1024;

/// No single request takes more than this share of the server's credit window, so that others fit beside it.
const WINDOW_SHARE: u16 = 4;

/// The largest piece that is worth asking for: beyond it a request only takes more memory and longer to arrive.
const MAX_PIECE: u32 = 8 * 1024 * 1024;

/// Between two looks at whether the server has said that it waits; Samba says so after half a millisecond.
const PARKED_POLL: Duration = Duration::from_millis(1);

/// For how long it may say so.
const PARKED_WAIT: Duration = Duration::from_millis(100);

impl Session {
    /// Dials, negotiates, signs in and attaches to the share.
    pub(crate) async fn open(target: &Target, timeout: Duration) -> Result<Self, ShareError> {
        match tokio::time::timeout(timeout, Self::open_unbounded(target, timeout)).await {
            // Nothing has been asked for yet, so nothing can be in doubt.
            Ok(Err(error)) if error.outcome_unknown() => Err(error.with_kind(ShareErrorKind::Unreachable)),
            Ok(outcome) => outcome,
            Err(_) => Err(ShareError::caused_by(
                ShareErrorKind::Unreachable,
                "no session within the connect timeout",
            )),
        }
    }

    async fn open_unbounded(target: &Target, timeout: Duration) -> Result<Self, ShareError> {
        if target.user().is_empty() || target.user().eq_ignore_ascii_case("guest") {
            // Such a session can be neither signed nor encrypted.
            return Err(ShareError::caused_by(ShareErrorKind::LogonRefused, "guest sessions are not used"));
        }
        let transport = TappedTransport::connect(&target.address(), timeout)
            .await
            .map_err(|error| ShareError::from(error).with_kind(ShareErrorKind::Unreachable))?;
        let tap = transport.tap();
        let transport = Arc::new(transport);
        let mut conn = Connection::from_transport(
            Box::new(SendHalf(Arc::clone(&transport))),
            Box::new(ReceiveHalf(transport)),
            target.host(),
        );
        conn.set_compression_requested(false);

        let params = negotiate(&mut conn, &tap).await?;
        let cipher = usable_cipher(&params);
        let session = smb2::Session::setup(&mut conn, target.user(), target.password(), target.domain())
            .await
            .map_err(|error| logon_failure(error, cipher.is_some()))?;
        if !session.should_sign {
            return Err(ShareError::caused_by(ShareErrorKind::LogonRefused, "the session is not signed"));
        }
        if session.should_encrypt && cipher.is_none() {
            return Err(ShareErrorKind::EncryptionRequired.into());
        }

        let tree = Tree::connect(&mut conn, target.share())
            .await
            .map_err(|error| attach_failure(error, cipher.is_some()))?;
        let encrypted = session.should_encrypt || tree.encrypt_data;
        if encrypted && !session.should_encrypt {
            match (cipher, session.encryption_key.clone(), session.decryption_key.clone()) {
                (Some(cipher), Some(ours), Some(theirs)) => conn.activate_encryption(ours, theirs, cipher),
                _ => return Err(ShareErrorKind::EncryptionRequired.into()),
            }
        }
        tracing::debug!(
            host = target.host(), share = target.share(), dialect = %params.dialect, ?cipher, encrypted, "session open"
        );

        let bytes = |limit: u32| limit.min(MAX_PIECE);
        Ok(Self {
            tree: tree.tree_id,
            dfs_prefix: tree.is_dfs.then(|| format!("{}\\{}", tree.server, tree.share_name)),
            max_read: bytes(params.max_read_size),
            max_write: bytes(params.max_write_size),
            max_transact: bytes(params.max_transact_size),
            identity: ServerIdentity {
                server_guid: guid_bytes(&params),
                share: target.share().to_lowercase(),
            },
            encrypted,
            on_disk_ids: true.into(),
            runtime: Handle::current(),
            conn,
        })
    }

    pub(crate) fn identity(&self) -> &ServerIdentity {
        &self.identity
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.conn.is_disconnected()
    }

    /// Ends the session: whoever waits on it gets `ConnectionLost`, the pool opens another.
    pub(crate) fn abandon(&self) {
        self.conn.mark_dead();
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn gives_on_disk_ids(&self) -> bool {
        self.on_disk_ids.load(Ordering::Relaxed)
    }

    pub(crate) fn note_no_on_disk_ids(&self) {
        self.on_disk_ids.store(false, Ordering::Relaxed);
    }

    /// The name as CREATE and renames want it. Nothing but the separator is translated: what a client may not say is
    /// refused by [`SharePath`] before, and private-use characters are names like any other.
    pub(crate) fn wire_name(&self, path: &SharePath) -> String {
        let name = path.as_str().replace('/', "\\");
        match &self.dfs_prefix {
            None => name,
            Some(prefix) if name.is_empty() => prefix.clone(),
            Some(prefix) => format!("{prefix}\\{name}"),
        }
    }

    /// `bytes` cut to what one request may carry under the server's limit and credit window.
    pub(crate) fn piece(&self, bytes: u32, limit: u32) -> u32 {
        let window = self.conn.credit_ceiling().map_or(u32::MAX, |credits| {
            u32::from((credits / WINDOW_SHARE).max(1)).saturating_mul(CREDIT_BYTES)
        });
        bytes.min(limit).min(window).max(1)
    }

    /// Sends one request and gives the answer, whatever its status.
    pub(crate) async fn ask(
        &self,
        command: Command,
        body: &dyn Pack,
        payload: u32,
    ) -> Result<Frame, ShareError> {
        let frame = self
            .conn
            .execute_with_credits(command, body, Some(self.tree), charge(payload))
            .await
            .map_err(ShareError::from)?;
        self.note_status(frame.header.status);
        Ok(frame)
    }

    /// Sends one request; every answer but success is an error.
    pub(crate) async fn call(
        &self,
        command: Command,
        body: &dyn Pack,
        payload: u32,
    ) -> Result<Frame, ShareError> {
        succeeded(self.ask(command, body, payload).await?)
    }

    /// Sends several requests in one message, each working on the handle that the first opens (MS-SMB2 3.2.4.1.4).
    pub(crate) async fn ask_chain(
        &self,
        requests: &[(Command, &dyn Pack, u32)],
    ) -> Result<Vec<Result<Frame, ShareError>>, ShareError> {
        let operations: Vec<_> = requests
            .iter()
            .map(|(command, body, payload)| CompoundOp {
                command: *command,
                body: *body,
                tree_id: Some(self.tree),
                credit_charge: charge(*payload),
            })
            .collect();
        let frames = self.conn.execute_compound(&operations).await.map_err(ShareError::from)?;
        Ok(frames
            .into_iter()
            .map(|frame| {
                let frame = frame.map_err(ShareError::from)?;
                self.note_status(frame.header.status);
                Ok(frame)
            })
            .collect())
    }

    /// [`ask_chain`](Self::ask_chain) where every answer must be there.
    pub(crate) async fn ask_chain_of<const N: usize>(
        &self,
        requests: [(Command, &dyn Pack, u32); N],
    ) -> Result<[Result<Frame, ShareError>; N], ShareError> {
        let answers = self.ask_chain(&requests).await?;
        answers.try_into().map_err(|_| ShareError::malformed("an answer is missing"))
    }

    /// Waits until the server has answered every request of this kind that was sent so far, or has said that it waits
    /// (`STATUS_PENDING`, MS-SMB2 3.3.4.2). For a server that does not say so, only a moment.
    pub(crate) async fn all_parked(&self, command: Command) {
        let sent = self.conn.next_message_id();
        let parked = async {
            let is_unknown = |request: &OutstandingRequest| {
                request.command == command && request.message_id < sent && request.async_id.is_none()
            };
            while self.conn.outstanding_requests().iter().any(is_unknown) {
                tokio::time::sleep(PARKED_POLL).await;
            }
        };
        let _ = tokio::time::timeout(PARKED_WAIT, parked).await;
    }

    fn note_status(&self, status: NtStatus) {
        if ends_session(status) {
            self.abandon();
        }
    }

    /// Called when a deadline has passed. A server that has said nothing at all meanwhile is taken for gone, so that
    /// the next call does not wait for it again.
    pub(crate) fn note_timeout(&self, waited: Duration) {
        let silent = self.conn.inbound().since_last_byte;
        if silent.is_none_or(|silent| silent >= waited) {
            self.abandon();
        }
    }

    /// Whether the server still answers on this session; for one that has been idle so long that a firewall may have
    /// forgotten it.
    pub(crate) async fn probe(&self) -> bool {
        let echo = self.conn.execute(Command::Echo, &EchoRequest, None);
        let answered = matches!(
            tokio::time::timeout(deadline::PROBE, echo).await,
            Ok(Ok(frame)) if frame.header.status == NtStatus::SUCCESS
        );
        if !answered {
            self.abandon();
        }
        answered
    }
}

/// Success, or the error that the status means.
pub(crate) fn succeeded(frame: Frame) -> Result<Frame, ShareError> {
    if frame.header.status == NtStatus::SUCCESS {
        Ok(frame)
    } else {
        Err(ShareError::from_status(frame.header.status, frame.header.command))
    }
}

fn charge(payload: u32) -> CreditCharge {
    CreditCharge(u16::try_from(payload.div_ceil(CREDIT_BYTES)).unwrap_or(u16::MAX).max(1))
}

async fn negotiate(conn: &mut Connection, tap: &NegotiateTap) -> Result<NegotiatedParams, ShareError> {
    let unreachable = |error| ShareError::from(error).with_kind(ShareErrorKind::Unreachable);
    conn.negotiate().await.map_err(unreachable)?;
    let hash = tap.preauth_hash().ok_or_else(|| ShareError::malformed("NEGOTIATE went past the tap"))?;
    conn.with_preauth_hasher_mut(|hasher| *hasher = hash);
    conn.params().ok_or_else(|| ShareError::malformed("no parameters after NEGOTIATE"))
}

/// SMB 3.1.1 names the cipher, 3.0 has one and a capability bit (MS-SMB2 3.2.5.2), 2.x has none.
fn usable_cipher(params: &NegotiatedParams) -> Option<Cipher> {
    match params.dialect {
        Dialect::Smb3_1_1 => params.cipher,
        Dialect::Smb3_0 | Dialect::Smb3_0_2 => {
            params.capabilities.contains(Capabilities::ENCRYPTION).then_some(Cipher::Aes128Ccm)
        }
        _ => None,
    }
}

fn logon_failure(error: smb2::Error, has_cipher: bool) -> ShareError {
    match error.status() {
        // MS-SMB2 3.3.5.5: a server that encrypts everything refuses whoever cannot.
        Some(NtStatus::ACCESS_DENIED) if !has_cipher => {
            ShareError::from(error).with_kind(ShareErrorKind::EncryptionRequired)
        }
        Some(NtStatus::ACCESS_DENIED) => ShareError::from(error).with_kind(ShareErrorKind::LogonRefused),
        _ => error.into(),
    }
}

fn attach_failure(error: smb2::Error, has_cipher: bool) -> ShareError {
    match error.status() {
        // MS-SMB2 3.3.5.7: a share that demands encryption refuses whoever cannot, with the same status as a share
        // that this account may not enter.
        Some(NtStatus::ACCESS_DENIED) if !has_cipher => {
            ShareError::from(error).with_kind(ShareErrorKind::EncryptionRequired)
        }
        Some(
            NtStatus::OBJECT_NAME_NOT_FOUND | NtStatus::OBJECT_PATH_NOT_FOUND | NtStatus::BAD_NETWORK_PATH,
        ) => ShareError::from(error).with_kind(ShareErrorKind::ShareNotFound),
        _ => error.into(),
    }
}

fn guid_bytes(params: &NegotiatedParams) -> [u8; 16] {
    let guid = &params.server_guid;
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&guid.data1.to_be_bytes());
    bytes[4..6].copy_from_slice(&guid.data2.to_be_bytes());
    bytes[6..8].copy_from_slice(&guid.data3.to_be_bytes());
    bytes[8..].copy_from_slice(&guid.data4);
    bytes
}

impl From<ShareErrorKind> for ShareError {
    fn from(kind: ShareErrorKind) -> Self {
        Self::new(kind)
    }
}
