//! `/api/connections…` and `/api/browse/…`

use crate::companion::ConflictChoice;
use crate::connections::{
    ConnectionBody, ConnectionCreateBody, ConnectionUpdateBody, DeletedAnswer, TestAnswer, VisibilityOption,
};
use crate::directories::DirectoryMatches;
use crate::files::{CreateBody, DirectoryListing, FileInfo, RenameBody, TransferBody, UploadAnswer};
use crate::history::{
    ClearedHistory, RecentDirectories, RecentDirectory, RecentFile, RecentFiles, RecordedDirectory,
    RecordedFile,
};
use crate::{Answer, Component, Endpoint, Method, Parameter, RequestBody, Route};

/// What the `files` function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The connections that the caller sees.
    ListConnections,
    /// Who may be given sight of a connection, and by whom.
    VisibilityOptions,
    /// Tries a connection that is not stored.
    TestDraft,
    /// Tries and stores a connection.
    CreateConnection,
    /// Changes a connection.
    ChangeConnection,
    /// Deletes a connection.
    DeleteConnection,
    /// Tries a stored connection.
    TestConnection,
    /// Lists a directory.
    List,
    /// Finds directories by name.
    SearchDirectories,
    /// Looks at an item.
    Info,
    /// Makes an item.
    Create,
    /// Renames an item.
    Rename,
    /// Deletes an item.
    Delete,
    /// Copies an item.
    Copy,
    /// Moves an item.
    Move,
    /// Stores a file from a form.
    Upload,
    /// Stores a file from the bare body.
    PutContent,
    /// Records a visit to a directory.
    RecordDirectory,
    /// Searches the directories that the caller has visited.
    RecentDirectories,
    /// Forgets a visit.
    ForgetDirectory,
    /// Forgets all visits.
    ClearDirectories,
    /// Records that a file was opened.
    RecordFile,
    /// Searches the files that the caller has opened.
    RecentFiles,
    /// Looks whether a recorded file can be opened again.
    RecentFileTarget,
    /// Forgets a file.
    ForgetFile,
    /// Forgets all files.
    ClearFiles,
}

const FILES: Component = Component::Files;

/// Refusals of everything that goes to a share: the connection is incomplete or a path is refused, access is denied,
/// not found, the service is busy, the server behind fails or is too slow.
const OF_A_SHARE: &[u16] = &[400, 403, 404, 502, 503, 504];
/// Those, and an operation token that has to be renewed.
const OF_AN_EDITED_ITEM: &[u16] = &[400, 403, 404, 409, 502, 503, 504];
/// Those, and what stands in the way of a change: something is there, or in use.
const OF_A_CHANGE: &[u16] = &[400, 403, 404, 409, 423, 502, 503, 504];
/// Those, and what can happen half-way through a tree.
const OF_A_TREE: &[u16] = &[400, 403, 404, 409, 423, 500, 502, 503, 504, 507];
/// Those of an upload.
const OF_A_WRITE: &[u16] = &[400, 403, 404, 409, 412, 413, 423, 502, 503, 504, 507];

/// Those of a record: as [`OF_A_SHARE`], but the server's own troubles are one.
const OF_A_RECORD: &[u16] = &[400, 403, 404, 503, 504];
/// Those of a recorded file that is to be opened again.
const OF_A_TARGET: &[u16] = &[400, 403, 404, 409, 503, 504];

/// The parameters of a search in a history.
const SEARCH: &[Parameter] = &[
    Parameter::optional::<String>(
        "q",
        "Part of the path or name, at most 1024 characters; case and accents are of no consequence.",
    ),
    Parameter::optional::<u32>("limit", "Records in the answer, 1 to 50; 10 when absent."),
];

const PATH: Parameter =
    Parameter::required::<String>("path", "Path of the item, relative to the connection.");

/// Its routes.
pub static ENDPOINTS: &[Endpoint<Operation>] = &[
    Endpoint {
        operation: Operation::ListConnections,
        route: Route::new(FILES, Method::Get, "/api/connections", "list_connections")
            .about("The connections that the caller sees: shared ones first, then by name.")
            .answers(&[Answer::json::<Vec<ConnectionBody>>(200, "The connections.")]),
    },
    Endpoint {
        operation: Operation::VisibilityOptions,
        route: Route::new(FILES, Method::Get, "/api/connections/visibility-options", "list_visibility_options")
            .about("To whom the caller may show a connection.")
            .answers(&[Answer::json::<Vec<VisibilityOption>>(200, "Always `shared`, then `private`.")]),
    },
    Endpoint {
        operation: Operation::TestDraft,
        route: Route::new(FILES, Method::Post, "/api/connections/test-config", "test_connection_draft")
            .about("Connects to a share and lists its directory without storing anything.")
            .body(RequestBody::json::<ConnectionCreateBody>())
            .answers(&[Answer::json::<TestAnswer>(200, "The share answered.")])
            .refuses(&[400, 403, 504]),
    },
    Endpoint {
        operation: Operation::CreateConnection,
        route: Route::new(FILES, Method::Post, "/api/connections", "create_connection")
            .about("Tries a connection and stores it; what is to be shared by somebody else than an administrator becomes private.")
            .body(RequestBody::json::<ConnectionCreateBody>())
            .answers(&[Answer::json::<ConnectionBody>(200, "The new connection.")])
            .refuses(&[400, 403, 504]),
    },
    Endpoint {
        operation: Operation::ChangeConnection,
        route: Route::new(FILES, Method::Put, "/api/connections/{connection_id}", "change_connection")
            .about("Changes the fields that are there; tries the connection first when its target or credentials are among them.")
            .body(RequestBody::json::<ConnectionUpdateBody>())
            .answers(&[Answer::json::<ConnectionBody>(200, "The connection afterwards.")])
            .refuses(&[400, 403, 404, 504]),
    },
    Endpoint {
        operation: Operation::DeleteConnection,
        route: Route::new(FILES, Method::Delete, "/api/connections/{connection_id}", "delete_connection")
            .about("Deletes a connection. Nothing on the share changes.")
            .answers(&[Answer::json::<DeletedAnswer>(200, "It is gone.")])
            .refuses(&[403, 404]),
    },
    Endpoint {
        operation: Operation::TestConnection,
        route: Route::new(FILES, Method::Post, "/api/connections/{connection_id}/test", "test_connection")
            .about("Tries a stored connection, with the fields of the body laid over it.")
            .body(RequestBody::optional_json::<ConnectionUpdateBody>())
            .answers(&[Answer::json::<TestAnswer>(200, "How the try went; a failure is an answer too.")])
            .refuses(&[400, 403, 404, 504]),
    },
    // Before all that begins with a connection's id, so that nothing below takes `recent-files` for one.
    Endpoint {
        operation: Operation::RecordDirectory,
        route: Route::new(FILES, Method::Post, "/api/browse/recent-directories", "record_recent_directory")
            .about("Records a visit to a directory; what is on a share must be there.")
            .body(RequestBody::json::<RecordedDirectory>())
            .answers(&[Answer::json::<RecentDirectory>(200, "The record.")])
            .refuses(OF_A_RECORD),
    },
    Endpoint {
        operation: Operation::RecentDirectories,
        route: Route::new(FILES, Method::Get, "/api/browse/recent-directories", "list_recent_directories")
            .about("The directories that the caller has visited, the newest first.")
            .takes(SEARCH)
            .answers(&[Answer::json::<RecentDirectories>(200, "Those that match.")]),
    },
    Endpoint {
        operation: Operation::ClearDirectories,
        route: Route::new(FILES, Method::Delete, "/api/browse/recent-directories", "clear_recent_directories")
            .about("Forgets all directories that the caller has visited.")
            .answers(&[Answer::json::<ClearedHistory>(200, "They are forgotten.")]),
    },
    Endpoint {
        operation: Operation::ForgetDirectory,
        route: Route::new(FILES, Method::Delete, "/api/browse/recent-directories/{record_id}", "forget_recent_directory")
            .about("Forgets one visited directory.")
            .answers(&[Answer::empty(204, "It is forgotten.")])
            .refuses(&[404]),
    },
    Endpoint {
        operation: Operation::RecordFile,
        route: Route::new(FILES, Method::Post, "/api/browse/recent-files", "record_recent_file")
            .about("Records that a file was opened; what is on a share must be there.")
            .body(RequestBody::json::<RecordedFile>())
            .answers(&[Answer::json::<Option<RecentFile>>(200, "The record; null when such files are not recorded.")])
            .refuses(OF_A_RECORD),
    },
    Endpoint {
        operation: Operation::RecentFiles,
        route: Route::new(FILES, Method::Get, "/api/browse/recent-files", "list_recent_files")
            .about("The files that the caller has opened: the best matches first, among equals the newest.")
            .takes(SEARCH)
            .answers(&[Answer::json::<RecentFiles>(200, "Those that match.")]),
    },
    Endpoint {
        operation: Operation::ClearFiles,
        route: Route::new(FILES, Method::Delete, "/api/browse/recent-files", "clear_recent_files")
            .about("Forgets all files that the caller has opened.")
            .answers(&[Answer::json::<ClearedHistory>(200, "They are forgotten.")]),
    },
    Endpoint {
        operation: Operation::ForgetFile,
        route: Route::new(FILES, Method::Delete, "/api/browse/recent-files/{record_id}", "forget_recent_file")
            .about("Forgets one opened file.")
            .answers(&[Answer::empty(204, "It is forgotten.")])
            .refuses(&[404]),
    },
    Endpoint {
        operation: Operation::RecentFileTarget,
        route: Route::new(FILES, Method::Get, "/api/browse/recent-files/{record_id}/target", "check_recent_file")
            .about("Whether a recorded file can be opened again; a record of what is not to be had any more is forgotten.")
            .answers(&[Answer::json::<FileInfo>(200, "The file as it is now.")])
            .refuses(OF_A_TARGET),
    },
    Endpoint {
        operation: Operation::List,
        route: Route::new(FILES, Method::Get, "/api/browse/{connection_id}/list", "list_directory")
            .about("The entries of a directory: all of them as the server orders them, or with `limit`, `cursor` or `sort` a sorted page.")
            .takes(&[
                Parameter::optional::<String>("path", "Directory, relative to the connection; the root when absent."),
                Parameter::optional::<u32>("limit", "Entries on the page, 1 to 10000; all when absent."),
                Parameter::optional::<String>("cursor", "Where the page before ended: its `next_cursor`. The other parameters stay the same."),
                Parameter::optional::<String>("sort", "`name`, `size` or `modified`, with `-` before it for the reverse; `name` when absent. Directories come first."),
            ])
            .answers(&[Answer::json::<DirectoryListing>(200, "The entries.")])
            .refuses(OF_A_SHARE),
    },
    Endpoint {
        operation: Operation::SearchDirectories,
        route: Route::new(FILES, Method::Get, "/api/browse/{connection_id}/directories", "search_directories")
            .about("Finds directories of the whole connection by any part of their path, or by words in any order. The first request makes the index; an empty query does only that.")
            .takes(&[
                Parameter::optional::<String>("q", "What to look for; case and accents do not matter."),
                Parameter::optional::<bool>("include_dot_directories", "Whether paths with a name that begins with a period count; no when absent."),
            ])
            .answers(&[Answer::json::<DirectoryMatches>(200, "The best matches, from what is known by now.")])
            .refuses(&[400, 404, 503]),
    },
    Endpoint {
        operation: Operation::Info,
        route: Route::new(FILES, Method::Get, "/api/browse/{connection_id}/info", "get_info")
            .about("What is known about one item.")
            .for_operations_too()
            .takes(&[PATH, Parameter::OPERATION_ID, Parameter::LOCK_ID, Parameter::LOCK_CAPABILITY])
            .answers(&[Answer::json::<FileInfo>(200, "The item.")])
            .refuses(OF_AN_EDITED_ITEM),
    },
    Endpoint {
        operation: Operation::Create,
        route: Route::new(FILES, Method::Post, "/api/browse/{connection_id}/create", "create_item")
            .about("Makes an empty file or a directory.")
            .body(RequestBody::json::<CreateBody>())
            .answers(&[Answer::json::<FileInfo>(200, "The new item.")])
            .refuses(OF_A_CHANGE),
    },
    Endpoint {
        operation: Operation::Rename,
        route: Route::new(FILES, Method::Post, "/api/browse/{connection_id}/rename", "rename_item")
            .about("Renames an item within its directory.")
            .body(RequestBody::json::<RenameBody>())
            .answers(&[Answer::json::<FileInfo>(200, "The item under its new name.")])
            .refuses(OF_A_CHANGE),
    },
    Endpoint {
        operation: Operation::Delete,
        route: Route::new(FILES, Method::Delete, "/api/browse/{connection_id}/item", "delete_item")
            .about("Deletes a file, or a directory with all that is in it, for good.")
            .takes(&[PATH])
            .answers(&[Answer::empty(204, "It is gone.")])
            .refuses(OF_A_TREE),
    },
    Endpoint {
        operation: Operation::Copy,
        route: Route::new(FILES, Method::Post, "/api/browse/{connection_id}/copy", "copy_item")
            .about("Copies an item within a connection or to another one.")
            .body(RequestBody::json::<TransferBody>())
            .answers(&[Answer::empty(204, "All of it is copied.")])
            .refuses(OF_A_TREE),
    },
    Endpoint {
        operation: Operation::Move,
        route: Route::new(FILES, Method::Post, "/api/browse/{connection_id}/move", "move_item")
            .about("Moves an item within a connection or to another one.")
            .body(RequestBody::json::<TransferBody>())
            .answers(&[Answer::empty(204, "All of it is moved.")])
            .refuses(OF_A_TREE),
    },
    Endpoint {
        operation: Operation::Upload,
        route: Route::new(FILES, Method::Post, "/api/browse/{connection_id}/upload", "upload_file")
            .about("Stores a file from a form, new or in place of the old one in one step. With an operation token it is saved as from the companion.")
            .for_operations_too()
            .takes(&[
                PATH,
                Parameter::OPERATION_ID,
                Parameter::LOCK_ID,
                Parameter::LOCK_CAPABILITY,
                Parameter::optional::<ConflictChoice>("on_conflict", "For an operation token: what becomes of the content when the file has changed or the lock is lost; `refuse` when absent."),
            ])
            .body(RequestBody::Upload { field: "file" })
            .answers(&[Answer::json::<UploadAnswer>(200, "What is stored now.")])
            .refuses(OF_A_WRITE),
    },
    Endpoint {
        operation: Operation::PutContent,
        route: Route::new(FILES, Method::Put, "/api/browse/{connection_id}/content", "put_content")
            .about("Stores the body as a file, new or in place of the old one in one step.")
            .takes(&[
                PATH,
                Parameter::header("If-Match", "Entity tags of which the stored file must have one, or `*`: it must exist."),
                Parameter::header("If-None-Match", "`*`: the file must not exist."),
                Parameter::header("If-Unmodified-Since", "HTTP date after which the stored file must not have changed."),
            ])
            .body(RequestBody::Raw)
            .answers(&[
                Answer::json::<UploadAnswer>(200, "The file was replaced."),
                Answer::json::<UploadAnswer>(201, "The file is new."),
            ])
            .refuses(OF_A_WRITE),
    },
];
