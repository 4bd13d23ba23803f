//! Another client on the same share.

use std::time::Duration;

use causeway_smb::Target;
use smb2::Tree;
use smb2::client::connection::Connection;
use smb2::msg::close::CloseRequest;
use smb2::msg::create::{CreateDisposition, CreateRequest, CreateResponse, ImpersonationLevel, ShareAccess};
use smb2::pack::{ReadCursor, Unpack};
use smb2::types::flags::FileAccessMask;
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId, OplockLevel};

/// Another client, as a desktop is one: it has a file open and caches the handle under a lease.
pub(crate) struct CachingClient {
    connection: Connection,
    tree: Tree,
    file: FileId,
}

impl CachingClient {
    pub(crate) async fn open(target: &Target, password: &str, name: &str) -> anyhow::Result<Self> {
        let address = format!("{}:{}", target.host(), target.port());
        let mut connection = Connection::connect(&address, Duration::from_secs(5)).await?;
        connection.negotiate().await?;
        smb2::Session::setup(&mut connection, target.user(), password, "").await?;
        let tree = Tree::connect(&mut connection, target.share()).await?;
        // SMB2_CREATE_REQUEST_LEASE (MS-SMB2 2.2.13.2.8) for reading and the handle.
        let mut lease = vec![0, 0, 0, 0, 16, 0, 4, 0, 0, 0, 24, 0, 32, 0, 0, 0];
        lease.extend_from_slice(b"RqLs\0\0\0\0");
        lease.extend_from_slice(&[7; 16]);
        lease.extend_from_slice(&[3, 0, 0, 0]);
        lease.extend_from_slice(&[0; 12]);
        let request = CreateRequest {
            requested_oplock_level: OplockLevel::Lease,
            impersonation_level: ImpersonationLevel::Impersonation,
            desired_access: FileAccessMask::new(FileAccessMask::FILE_READ_DATA),
            file_attributes: 0,
            share_access: ShareAccess(7),
            create_disposition: CreateDisposition::FileOpen,
            create_options: 0,
            name: name.to_owned(),
            create_contexts: lease,
        };
        let frame = connection.execute(Command::Create, &request, Some(tree.tree_id)).await?;
        anyhow::ensure!(frame.header.status == NtStatus::SUCCESS, "{:?}", frame.header.status);
        let response = CreateResponse::unpack(&mut ReadCursor::new(&frame.body))?;
        anyhow::ensure!(response.oplock_level == OplockLevel::Lease, "no lease was given");
        Ok(Self { connection, tree, file: response.file_id })
    }

    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let request = CloseRequest { flags: 0, file_id: self.file };
        self.connection.execute(Command::Close, &request, Some(self.tree.tree_id)).await?;
        Ok(())
    }
}
