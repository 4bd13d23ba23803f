//! Single items: look, create, delete, rename, set.

use causeway_paths::SharePath;
use causeway_versions::FileTime;
use smb2::msg::close::{CloseRequest, SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB};
use smb2::pack::Pack;
use smb2::types::status::NtStatus;
use smb2::types::{Command, FileId};

use crate::create::{Open, Opened, SHARE_NOTHING, SHARE_READ, access, option};
use crate::error::{ShareError, ShareErrorKind};
use crate::handle::{OpenHandle, class, info_buffer, query, read_close, read_file_number, set};
use crate::lane::Lease;
use crate::limits::deadline;
use crate::metadata::{Metadata, attributes};
use crate::pool::{SharePool, Work};
use crate::session::succeeded;
use crate::write::Unpublished;

/// Reparse tags with this bit stand for another item (MS-FSCC 2.1.2.1, the N bit); others are the item itself, kept
/// elsewhere.
pub(crate) const NAME_SURROGATE: u32 = 0x2000_0000;

/// Times to set; `None` leaves a time as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NewTimes {
    /// See [`Metadata::created`].
    pub created: Option<FileTime>,
    /// See [`Metadata::accessed`].
    pub accessed: Option<FileTime>,
    /// See [`Metadata::modified`].
    pub modified: Option<FileTime>,
}

impl SharePool {
    /// Metadata of an item, the root included. A link that the server follows is followed; one that it leaves to the
    /// client is described itself, with [`Metadata::is_link`].
    pub async fn stat(&self, path: &SharePath) -> Result<Metadata, ShareError> {
        self.look(Work::Interactive, deadline::INFO, |lease| stat(lease, path.clone(), false)).await
    }

    /// Metadata of an item; a link is described itself.
    pub async fn stat_link(&self, path: &SharePath) -> Result<Metadata, ShareError> {
        self.look(Work::Interactive, deadline::INFO, |lease| stat(lease, path.clone(), true)).await
    }

    /// Whether anybody has a file open, in a way that a share mode can tell of (MS-SMB2 2.2.13: any access to its content).
    pub async fn is_open(&self, path: &SharePath) -> Result<bool, ShareError> {
        let looked = self.look(Work::Interactive, deadline::OPEN, |lease| {
            let alone =
                Open { sharing: SHARE_NOTHING, ..Open::existing(access::READ, option::NON_DIRECTORY) };
            open_and_close(lease, path.clone(), alone, None)
        });
        match looked.await {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == ShareErrorKind::InUse => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Creates an empty file that must not exist yet.
    pub async fn create_file(&self, path: &SharePath) -> Result<Metadata, ShareError> {
        let open = Open::new(access::WRITE, SHARE_READ, option::NON_DIRECTORY);
        self.change(Work::Interactive, deadline::CHANGE, |lease| {
            open_and_close(lease, path.clone(), open, None)
        })
        .await
    }

    /// Creates a directory that must not exist yet.
    pub async fn create_dir(&self, path: &SharePath) -> Result<Metadata, ShareError> {
        let open = Open::new(access::LIST, 7, option::DIRECTORY);
        self.change(Work::Interactive, deadline::CHANGE, |lease| {
            open_and_close(lease, path.clone(), open, None)
        })
        .await
    }

    /// Deletes a file. `InUse` when somebody has it open without allowing that, `ReadOnly` when it is marked so.
    ///
    /// Where somebody has it open and does allow it, the name stays taken until they close it: looking at it says
    /// `DeletePending` meanwhile.
    pub async fn delete_file(&self, path: &SharePath) -> Result<(), ShareError> {
        self.delete(path, option::NON_DIRECTORY).await
    }

    /// Deletes a directory; `DirectoryNotEmpty` when it holds anything.
    pub async fn delete_dir(&self, path: &SharePath) -> Result<(), ShareError> {
        self.delete(path, option::DIRECTORY).await
    }

    /// Deletes a link, never what it leads to.
    pub async fn delete_link(&self, path: &SharePath) -> Result<(), ShareError> {
        self.delete(path, option::REPARSE_POINT).await
    }

    /// Deletes a symbolic link that the server follows without a word, never what it leads to.
    ///
    /// No request of SMB names such a link itself, and a directory behind it counts as not empty. But a rename that
    /// replaces takes the name, whatever it leads to, and is refused by the file system when the name is a directory's
    /// own: an empty file made at `temporary` takes the link's place and is deleted there. `AccessDenied` or `InUse`
    /// when it is a directory after all; nothing has changed then.
    pub async fn delete_followed_link(
        &self,
        path: &SharePath,
        temporary: &SharePath,
    ) -> Result<(), ShareError> {
        let file = self.create_for_write(temporary).await?;
        match file.publish(path, true).await {
            Ok(_) => self.delete_file(path).await,
            Err(Unpublished { error, file }) => {
                if let Some(file) = file {
                    file.abort().await;
                }
                Err(error)
            }
        }
    }

    async fn delete(&self, path: &SharePath, options: u32) -> Result<(), ShareError> {
        refuse_root(path)?;
        let open = Open::existing(access::DELETE, options);
        let delete = Some((class::DISPOSITION, vec![1]));
        self.change(Work::Interactive, deadline::CHANGE, |lease| {
            open_and_close(lease, path.clone(), open, delete)
        })
        .await
        .map(drop)
    }

    /// Renames or moves within the share; gives the metadata afterwards, with the new name.
    ///
    /// `NotFound` speaks of `from`, `PathNotFound` of a missing parent of either. With `replace` a file at `to` is
    /// replaced in one step; a directory there is not. A target that a client has open may make the server refuse with
    /// `AccessDenied` or `InUse`; nothing has changed then.
    pub async fn rename(
        &self,
        from: &SharePath,
        to: &SharePath,
        replace: bool,
    ) -> Result<Metadata, ShareError> {
        refuse_root(from)?;
        refuse_root(to)?;
        let (from, to) = (from.clone(), to.clone());
        self.change(Work::Interactive, deadline::CHANGE, |lease| async move {
            let open = Open::existing(access::DELETE, option::REPARSE_POINT);
            let information = rename_information(&lease.wire_name(&to), replace);
            let metadata = open_and_close(lease, from, open, Some((class::RENAME, information))).await?;
            Ok(Metadata { name: to.name().unwrap_or_default().to_owned(), ..metadata })
        })
        .await
    }

    /// Sets times of an item.
    pub async fn set_times(&self, path: &SharePath, times: NewTimes) -> Result<Metadata, ShareError> {
        self.set_basic(path, times, 0).await
    }

    /// Sets the attributes of an item, all at once; whether it is a directory cannot be changed.
    pub async fn set_attributes(&self, path: &SharePath, new: u32) -> Result<Metadata, ShareError> {
        // 0 would mean "leave as they are".
        let settable = new & !(attributes::DIRECTORY | attributes::REPARSE_POINT);
        let new = if settable == 0 { attributes::NORMAL } else { settable };
        self.set_basic(path, NewTimes::default(), new).await
    }

    /// Gives an item the times of another and those of its attributes that tell how it is shown: hidden, system, not
    /// indexed. Write protection is not among them: a copy is there to be worked with.
    pub async fn make_like(&self, path: &SharePath, other: &Metadata) -> Result<Metadata, ShareError> {
        let times = NewTimes {
            created: Some(other.created),
            accessed: Some(other.accessed),
            modified: Some(other.modified),
        };
        self.set_basic(path, times, inherited_attributes(other)).await
    }

    async fn set_basic(&self, path: &SharePath, times: NewTimes, new: u32) -> Result<Metadata, ShareError> {
        let open = Open::existing(access::SET_ATTRIBUTES, 0);
        let information = Some((class::BASIC, basic_information(times, new)));
        self.change(Work::Interactive, deadline::CHANGE, |lease| {
            open_and_close(lease, path.clone(), open, information)
        })
        .await
    }
}

/// The attributes that new content takes over, as SET_INFO wants them: new content has not been backed up.
pub(crate) fn inherited_attributes(old: &Metadata) -> u32 {
    let shown = attributes::HIDDEN | attributes::SYSTEM | attributes::NOT_CONTENT_INDEXED;
    let taken = old.attributes & shown;
    // For a directory, 0 leaves it as it was made.
    if old.is_directory() { taken } else { taken | attributes::ARCHIVE }
}

/// The root of a share, and of a connection, is not an item that can be renamed or deleted.
fn refuse_root(path: &SharePath) -> Result<(), ShareError> {
    if path.is_root() { Err(ShareErrorKind::AccessDenied.into()) } else { Ok(()) }
}

/// `FILE_RENAME_INFORMATION_TYPE_2` (MS-FSCC 2.4.42.2).
pub(crate) fn rename_information(wire_name: &str, replace: bool) -> Vec<u8> {
    let name: Vec<u8> = wire_name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut buffer = Vec::with_capacity(20 + name.len());
    buffer.extend_from_slice(&[u8::from(replace), 0, 0, 0, 0, 0, 0, 0]);
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&u32::try_from(name.len()).unwrap_or(u32::MAX).to_le_bytes());
    buffer.extend_from_slice(&name);
    // The structure is never shorter than with four bytes of name, padding included.
    buffer.resize(buffer.len().max(24), 0);
    buffer
}

/// `FILE_BASIC_INFORMATION` (MS-FSCC 2.4.7); 0 leaves a field as it is.
pub(crate) fn basic_information(times: NewTimes, new_attributes: u32) -> Vec<u8> {
    let raw = |time: Option<FileTime>| time.map_or(0, FileTime::to_raw).to_le_bytes();
    let mut buffer = Vec::with_capacity(40);
    buffer.extend_from_slice(&raw(times.created));
    buffer.extend_from_slice(&raw(times.accessed));
    buffer.extend_from_slice(&raw(times.modified));
    buffer.extend_from_slice(&[0; 8]);
    buffer.extend_from_slice(&new_attributes.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    buffer
}

/// Looks at an item: CREATE and CLOSE in one message, and what the server does not put into CREATE between them.
pub(crate) async fn stat(lease: Lease, path: SharePath, link_itself: bool) -> Result<Metadata, ShareError> {
    match stat_once(&lease, &path, link_itself).await {
        // The server leaves it to the client to follow the link (MS-SMB2 2.2.2.2.1).
        Err(error) if !link_itself && error.status() == Some(NtStatus::STOPPED_ON_SYMLINK) => {
            let metadata = stat_once(&lease, &path, true).await?;
            Ok(Metadata { is_link: true, ..metadata })
        }
        outcome => outcome,
    }
}

async fn stat_once(lease: &Lease, path: &SharePath, link_itself: bool) -> Result<Metadata, ShareError> {
    let open = Open::existing(access::STAT, if link_itself { option::REPARSE_POINT } else { 0 });
    let create = open.request(lease.wire_name(path));
    let close = CloseRequest { flags: 0, file_id: FileId::SENTINEL };
    let number = query(class::INTERNAL, 8, FileId::SENTINEL);
    let tag = query(class::ATTRIBUTE_TAG, 8, FileId::SENTINEL);

    let asks_number = !lease.gives_on_disk_ids();
    let mut requests: Vec<(Command, &dyn Pack, u32)> = vec![(Command::Create, &create, 0)];
    if asks_number {
        requests.push((Command::QueryInfo, &number, 0));
    }
    if link_itself {
        requests.push((Command::QueryInfo, &tag, 0));
    }
    requests.push((Command::Close, &close, 0));

    let mut answers = lease.ask_chain(&requests).await?.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(ShareError::malformed("an answer is missing")));
    let created = succeeded(next()?)?;
    let opened = Opened::read(&created, path)?;
    let mut metadata = opened.metadata;
    if asks_number {
        metadata.file_id = next().and_then(succeeded).and_then(|frame| read_file_number(&frame)).unwrap_or(0);
    }
    if link_itself {
        metadata.is_link = next().and_then(succeeded).is_ok_and(|frame| is_name_surrogate(&frame));
    }
    ensure_closed(lease, opened.id, next());
    if opened.has_disk_id || asks_number {
        return Ok(metadata);
    }
    // The first answer of a server that does not know on-disk ids: once more, asking differently.
    lease.note_no_on_disk_ids();
    Box::pin(stat_once(lease, path, link_itself)).await
}

/// `FILE_ATTRIBUTE_TAG_INFORMATION` (MS-FSCC 2.4.6): attributes, tag.
fn is_name_surrogate(frame: &smb2::client::connection::Frame) -> bool {
    let Ok(buffer) = info_buffer(frame) else { return false };
    let word =
        |at: usize| buffer.get(at..at + 4).and_then(|word| Some(u32::from_le_bytes(word.try_into().ok()?)));
    matches!((word(0), word(4)), (Some(flags), Some(tag))
        if flags & attributes::REPARSE_POINT != 0 && tag & NAME_SURROGATE != 0)
}

/// Closes the handle of a chain whose own CLOSE did not get through.
fn ensure_closed(lease: &Lease, id: FileId, answer: Result<smb2::client::connection::Frame, ShareError>) {
    if answer.and_then(succeeded).is_err() {
        drop(OpenHandle::adopt(lease.clone(), id));
    }
}

/// CREATE, SET_INFO if there is something to set, and CLOSE in one message; the metadata afterwards.
async fn open_and_close(
    lease: Lease,
    path: SharePath,
    open: Open,
    change: Option<(u8, Vec<u8>)>,
) -> Result<Metadata, ShareError> {
    let deletes = matches!(&change, Some((class::DISPOSITION, _)));
    let create = open.request(lease.wire_name(&path));
    let set_info =
        change.as_ref().map(|(info_class, buffer)| set(*info_class, buffer.clone(), FileId::SENTINEL));
    // A deleted item has no metadata to ask for.
    let flags = if deletes { 0 } else { SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB };
    let close = CloseRequest { flags, file_id: FileId::SENTINEL };

    let mut requests: Vec<(Command, &dyn Pack, u32)> = vec![(Command::Create, &create, 0)];
    if let Some(set_info) = &set_info {
        requests.push((Command::SetInfo, set_info, 0));
    }
    requests.push((Command::Close, &close, 0));

    let mut answers = lease.ask_chain(&requests).await?.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(ShareError::malformed("an answer is missing")));
    let created = succeeded(next()?)?;
    let opened = Opened::read(&created, &path)?;
    let changed = if set_info.is_none() { Ok(()) } else { next().and_then(succeeded).map(drop) };
    let closed = next().and_then(succeeded);
    if closed.is_err() {
        drop(OpenHandle::adopt(lease.clone(), opened.id));
    }
    match (changed, change) {
        // What takes time, because another client has to give up a lease first, cannot be done within a chain
        // (MS-SMB2 3.3.5.2.7); it has not been done then.
        (Err(error), Some(change)) if error.status() == Some(NtStatus::INTERNAL_ERROR) => {
            step_by_step(lease, path, open, change).await
        }
        (Err(error), _) => Err(error),
        (Ok(()), _) if deletes => Ok(opened.metadata),
        (Ok(()), _) => read_close(&closed?, &opened.metadata),
    }
}

/// The same in three messages.
async fn step_by_step(
    lease: Lease,
    path: SharePath,
    open: Open,
    (info_class, buffer): (u8, Vec<u8>),
) -> Result<Metadata, ShareError> {
    let (handle, metadata) = OpenHandle::open(lease, &path, &open).await?;
    handle.set(info_class, buffer).await?;
    if info_class == class::DISPOSITION {
        handle.close().await;
        return Ok(metadata);
    }
    handle.close_with_metadata(&metadata).await
}
