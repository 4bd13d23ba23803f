//! `/api/companion/…` and `/api/browse/{connection_id}/lock…`

use crate::companion::{
    BootstrapAnswer, CompanionDownloads, CompanionLock, CompanionLockStatus, ConflictChoice, Heartbeat,
    LinkAnswer, LinkBody, LinkExchange, Released, RenewedSession, SavedAnswer, UploadParts, VersionCheck,
};
use crate::files::FileInfo;
use crate::locks::{Done, EditLock, EditLockStatus, LockControl};
use crate::{Answer, Component, Endpoint, Method, Parameter, RequestBody, Route};

/// What the `locks` function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A browser takes the lock of a file.
    Lock,
    /// A browser's sign of life.
    Heartbeat,
    /// A browser gives a lock back.
    Unlock,
    /// Whether somebody has a file.
    Status,
    /// A browser makes a link for the companion.
    MakeLink,
    /// The companion exchanges a link.
    ExchangeLink,
    /// Whether the way to the server is free.
    ProbeProxy,
    /// Where the companion is to be had.
    FindDownloads,
    /// Whether a companion is new enough.
    CheckVersion,
    /// The companion looks at its file.
    CompanionInfo,
    /// The companion reads its file.
    CompanionDownload,
    /// The companion saves its file.
    CompanionUpload,
    /// The companion takes the lock of its file.
    CompanionLock,
    /// The companion gives the lock back.
    CompanionUnlock,
    /// The companion's sign of life.
    CompanionHeartbeat,
    /// The companion renews its operation token.
    RenewSession,
    /// Takes a lock away.
    ForceUnlock,
    /// The lock of a file, for programs.
    CompanionLockStatus,
}

/// Refusals of what goes to a share.
const OF_A_SHARE: &[u16] = &[400, 403, 404, 502, 503, 504];
/// Those of taking a lock: somebody has the file.
const OF_A_LOCK: &[u16] = &[400, 403, 404, 409, 502, 503, 504];
/// Those of a proof of a lock by a browser.
const OF_A_PROOF: &[u16] = &[400, 403, 404, 502, 503, 504];
/// Those of an operation token and what it is shown with, besides 401: scope and lock, and that it has to be renewed.
const OF_A_SESSION: &[u16] = &[403, 404, 409, 502, 503, 504];

const PATH: Parameter =
    Parameter::required::<String>("path", "Path of the file, relative to the connection.");

const fn browse(method: Method, path: &'static str, id: &'static str) -> Route {
    Route::new(Component::Locks, method, path, id)
}

/// For who carries one of the companion's tokens.
const fn companion(method: Method, path: &'static str, id: &'static str) -> Route {
    Route::new(Component::Locks, method, path, id).for_companion()
}

/// Its routes.
pub static ENDPOINTS: &[Endpoint<Operation>] = &[
    Endpoint {
        operation: Operation::Lock,
        route: browse(Method::Post, "/api/browse/{connection_id}/lock", "lock_file")
            .about("Takes the lock of a file, or the one that the caller has on it already.")
            .takes(&[PATH])
            .answers(&[Answer::json::<EditLock>(200, "The lock.")])
            .refuses(OF_A_LOCK),
    },
    Endpoint {
        operation: Operation::Unlock,
        route: browse(Method::Delete, "/api/browse/{connection_id}/lock", "unlock_file")
            .about("Gives a lock back. One that is gone already is no mistake.")
            .takes(&[PATH])
            .body(RequestBody::json::<LockControl>())
            .answers(&[Answer::json::<Done>(200, "It is free.")])
            .refuses(OF_A_PROOF),
    },
    Endpoint {
        operation: Operation::Heartbeat,
        route: browse(Method::Post, "/api/browse/{connection_id}/lock/heartbeat", "keep_lock")
            .about("A sign of life; two minutes after the last one a lock is lost.")
            .takes(&[PATH])
            .body(RequestBody::json::<LockControl>())
            .answers(&[Answer::json::<Done>(200, "The lock holds.")])
            .refuses(OF_A_PROOF),
    },
    Endpoint {
        operation: Operation::Status,
        route: browse(Method::Get, "/api/browse/{connection_id}/lock-status", "get_lock_status")
            .about("Whether somebody has a file: a user of ours, or a program on the share.")
            .takes(&[PATH])
            .answers(&[Answer::json::<EditLockStatus>(200, "Who, and since when.")])
            .refuses(OF_A_SHARE),
    },
    Endpoint {
        operation: Operation::MakeLink,
        route: browse(Method::Post, "/api/companion/uri-token", "make_companion_link")
            .about("A token with which the companion may open a file, once and soon.")
            .body(RequestBody::json::<LinkBody>())
            .answers(&[Answer::json::<LinkAnswer>(200, "The token, for a deep link.")])
            .refuses(&[400, 403, 404, 502, 503]),
    },
    Endpoint {
        operation: Operation::ExchangeLink,
        route: browse(Method::Post, "/api/companion/token", "exchange_companion_link")
            .about("Exchanges a deep link's token for a bootstrap token. Works once.")
            .public()
            .body(RequestBody::json::<LinkExchange>())
            .answers(&[Answer::json::<BootstrapAnswer>(200, "The bootstrap token.")])
            .refuses(&[401, 409, 502, 503]),
    },
    Endpoint {
        operation: Operation::ProbeProxy,
        route: browse(Method::Get, "/api/companion/proxy-auth-check", "probe_proxy")
            .about("Whether the server can be reached past all proxies.")
            .answers(&[Answer::json::<Done>(200, "It can.")]),
    },
    Endpoint {
        operation: Operation::FindDownloads,
        route: browse(Method::Get, "/api/companion/downloads", "find_companion_downloads")
            .about("Where the companion is to be had, as the configuration or its feed says.")
            .answers(&[Answer::json::<CompanionDownloads>(200, "The newest release.")])
            .refuses(&[502]),
    },
    Endpoint {
        operation: Operation::CheckVersion,
        route: browse(Method::Get, "/api/companion/version-check", "check_companion_version")
            .about("Whether a companion is new enough for this server.")
            .public()
            .takes(&[Parameter::required::<String>("companion_version", "Numbers with dots between them.")])
            .answers(&[Answer::json::<VersionCheck>(200, "Whether it is.")]),
    },
    Endpoint {
        operation: Operation::CompanionInfo,
        route: companion(Method::Get, "/api/companion/{connection_id}/file-info", "get_companion_file_info")
            .about("What is known about the file of a companion's token. With an operation token it is the state that the next save is compared with.")
            .takes(&[
                PATH,
                Parameter::optional::<String>("operation_id", "Id of the edit; together with `lock_id` and an operation token, or not at all."),
                Parameter::optional::<String>("lock_id", "Id of the lock."),
            ])
            .answers(&[Answer::json::<FileInfo>(200, "The file.")])
            .refuses(&[400, 403, 404, 409, 502, 503, 504]),
    },
    Endpoint {
        operation: Operation::CompanionDownload,
        route: companion(Method::Get, "/api/companion/{connection_id}/download", "download_for_companion")
            .about("The content of the file under an operation token, always as `application/octet-stream`.")
            .takes(&[
                PATH,
                Parameter::required::<String>("operation_id", "Id of the edit."),
                Parameter::required::<String>("lock_id", "Id of the lock."),
            ])
            .answers(&[Answer::file(200, "The file.")])
            .refuses(&[400, 403, 404, 409, 423, 502, 503, 504]),
    },
    Endpoint {
        operation: Operation::CompanionUpload,
        route: companion(Method::Post, "/api/companion/{connection_id}/upload", "upload_from_companion")
            .about("Saves the file of an operation token, if it is still what the companion last saw.")
            .takes(&[Parameter::optional::<ConflictChoice>("on_conflict", "What becomes of the content when the file has changed or the lock is lost; `refuse` when absent.")])
            .body(RequestBody::form_with_file::<UploadParts>())
            .answers(&[Answer::json::<SavedAnswer>(200, "What is stored now.")])
            .refuses(&[400, 403, 404, 409, 413, 502, 503, 504, 507]),
    },
    Endpoint {
        operation: Operation::CompanionLock,
        route: companion(Method::Post, "/api/companion/{connection_id}/lock", "lock_for_companion")
            .about("Takes the lock of the file of a bootstrap token, or the one that its user has on it already.")
            .takes(&[PATH])
            .answers(&[Answer::json::<CompanionLock>(200, "The lock, and the operation token.")])
            .refuses(OF_A_LOCK),
    },
    Endpoint {
        operation: Operation::CompanionUnlock,
        route: companion(Method::Delete, "/api/companion/{connection_id}/lock", "unlock_for_companion")
            .about("Gives the lock of an operation token back. One that is gone already is no mistake.")
            .body(RequestBody::json::<LockControl>())
            .answers(&[Answer::json::<Released>(200, "It is free.")])
            .refuses(OF_A_SESSION),
    },
    Endpoint {
        operation: Operation::CompanionHeartbeat,
        route: companion(Method::Post, "/api/companion/{connection_id}/lock/heartbeat", "keep_lock_for_companion")
            .about("A sign of life; two minutes after the last one a lock is lost.")
            .body(RequestBody::json::<LockControl>())
            .answers(&[Answer::json::<Heartbeat>(200, "The lock holds.")])
            .refuses(OF_A_SESSION),
    },
    Endpoint {
        operation: Operation::RenewSession,
        route: companion(Method::Post, "/api/companion/{connection_id}/session/renew", "renew_companion_session")
            .about("A new operation token for the same lock, in the last minutes of the old one.")
            .body(RequestBody::json::<LockControl>())
            .answers(&[Answer::json::<RenewedSession>(200, "The new token.")])
            .refuses(OF_A_SESSION),
    },
    Endpoint {
        operation: Operation::ForceUnlock,
        route: browse(Method::Delete, "/api/companion/{connection_id}/lock/force", "force_unlock")
            .about("Takes a lock away from its holder; for himself and administrators.")
            .takes(&[PATH])
            .answers(&[Answer::json::<Done>(200, "The file is free.")])
            .refuses(OF_A_SHARE),
    },
    Endpoint {
        operation: Operation::CompanionLockStatus,
        route: browse(Method::Get, "/api/companion/{connection_id}/lock-status", "get_companion_lock_status")
            .about("The lock of a file, if there is one.")
            .takes(&[PATH])
            .answers(&[Answer::json::<CompanionLockStatus>(200, "The lock without its secret.")])
            .refuses(OF_A_SHARE),
    },
];
