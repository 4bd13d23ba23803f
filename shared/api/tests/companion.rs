//! What the companion and browsers are told of locks, to the letter where they depend on it.

use causeway_api::companion::{
    BootstrapAnswer, CompanionLock, CompanionLockStatus, EditProblem, EditProblemCode, Heartbeat,
    SaveConflict, SavedAnswer,
};
use causeway_api::locks::{EditLock, EditLockStatus, LockControl};
use causeway_internal::UnixMicros;
use causeway_internal::files::{ItemInfo, ItemKind};
use causeway_internal::locks::{BaseVersion, Divergence, LockGrant, LockState, LockView, SaveAnswer};
use causeway_paths::SharePath;
use causeway_versions::{FileTime, FileVersion};
use serde_json::json;
use uuid::Uuid;

const SINCE: UnixMicros = UnixMicros(1_795_265_526_056_768);

fn grant() -> LockGrant {
    LockGrant {
        lock_id: Uuid::from_u128(1),
        capability: "qw47bf5UD-F4k8JJLXYXn8whLm5eNMNz0TjGgcTCJVc".into(),
        operation_id: "54b44323e208454293b0a3ddcf1a9cf9".into(),
        fence: 7,
        session: Uuid::from_u128(2),
        locked_by: "admin".into(),
        locked_at: SINCE,
    }
}

fn item() -> ItemInfo {
    ItemInfo {
        name: "Up.txt".into(),
        kind: ItemKind::File,
        size: 15,
        created: FileTime::from_unix_micros(0),
        modified: FileTime::from_unix_micros(SINCE.0),
        changed: FileTime::from_unix_micros(SINCE.0),
        attributes: 0x20,
        file_id: 9,
    }
}

#[test]
fn a_lock_is_told_as_its_clients_know_it() {
    let browser = json!({
        "lock_id": "00000000-0000-0000-0000-000000000001",
        "lock_capability": "qw47bf5UD-F4k8JJLXYXn8whLm5eNMNz0TjGgcTCJVc",
        "operation_id": "54b44323e208454293b0a3ddcf1a9cf9",
        "file_path": "tr//up.txt", "locked_by": "admin", "locked_at": "2026-11-21T12:52:06.056768Z",
    });
    let lock = EditLock::granted("tr//up.txt", &grant());
    assert_eq!(json!(lock), browser);
    let mut companion = browser;
    companion["operation_token"] = json!("a.b.c");
    companion["operation_expires_in"] = json!(900);
    companion["renew_after_seconds"] = json!(600);
    let operation_token = "a.b.c".to_owned();
    let told = CompanionLock { lock, operation_token, operation_expires_in: 900, renew_after_seconds: 600 };
    assert_eq!(json!(told), companion);
    assert_eq!(
        json!(Heartbeat::taken(899)),
        json!({ "ok": true, "lock_expires_in": 120, "operation_expires_in": 899 })
    );
}

#[test]
fn a_bootstrap_token_comes_with_what_it_is_for() {
    let answer = BootstrapAnswer::new("t".into(), 300, "C".into(), "p".into());
    let expected = json!({
        "token": "t", "expires_in": 300, "token_class": "companion_session", "purpose": "bootstrap",
        "connection_id": "C", "path": "p",
    });
    assert_eq!(json!(answer), expected);
}

#[test]
fn a_status_shows_who_and_never_a_secret() {
    let view = LockView {
        lock_id: Uuid::from_u128(1),
        operation_id: "54b44323e208454293b0a3ddcf1a9cf9".into(),
        locked_by: "admin".into(),
        locked_at: SINCE,
        is_mine: true,
        expires_in: 119,
    };
    let locked = LockState::Locked(view);
    let in_use = |by: Option<&str>| LockState::InUse { by: by.map(str::to_owned), since: None };
    let browser = |state: &LockState| json!(EditLockStatus::from(state.clone()));
    let companion = |state: &LockState| json!(CompanionLockStatus::from(state.clone()));
    assert_eq!(browser(&LockState::Free), json!({ "locked": false, "locked_by": null, "locked_at": null }));
    assert_eq!(
        browser(&locked),
        json!({ "locked": true, "locked_by": "admin", "locked_at": "2026-11-21T12:52:06.056768Z" })
    );
    assert_eq!(
        browser(&in_use(Some("Ada Lovelace"))),
        json!({ "locked": true, "locked_by": "Ada Lovelace", "locked_at": null })
    );
    assert_eq!(browser(&in_use(None))["locked_by"], "another program");
    assert_eq!(
        companion(&locked),
        json!({
            "lock_id": "00000000-0000-0000-0000-000000000001",
            "operation_id": "54b44323e208454293b0a3ddcf1a9cf9",
            "locked_by_current_user": true, "lock_active": true, "expires_in": 119,
        })
    );
    for free in [LockState::Free, in_use(None)] {
        assert_eq!(
            companion(&free),
            json!({
                "lock_id": null, "operation_id": null, "locked_by_current_user": false, "lock_active": false,
                "expires_in": 0,
            })
        );
    }
}

#[test]
fn a_lock_id_that_is_none_is_the_id_of_no_lock() {
    let control = |lock_id: &str| {
        let body = json!({ "operation_id": "o", "lock_id": lock_id, "lock_capability": "c" });
        serde_json::from_value::<LockControl>(body).unwrap().lock_id()
    };
    assert_eq!(control("00000000-0000-0000-0000-000000000001"), Uuid::from_u128(1));
    assert_eq!(control("nope"), Uuid::nil());
}

#[test]
fn a_problem_of_an_edit_has_a_code_and_a_sentence() {
    for (code, name) in [
        (EditProblemCode::RenewalRequired, "renewal_required"),
        (EditProblemCode::RecoveryRequired, "recovery_required"),
        (EditProblemCode::AuthFailed, "auth_failed"),
        (EditProblemCode::LockLost, "lock_lost"),
        (EditProblemCode::CapabilityMismatch, "capability_mismatch"),
    ] {
        let told = json!(EditProblem::new(code, "It is so."));
        assert_eq!(told["code"], name);
        assert!(told["message"].as_str().unwrap().starts_with("It is so. "), "{told}");
        assert_eq!(told.as_object().unwrap().len(), 2);
    }
}

#[test]
fn a_save_says_where_its_content_is() {
    let saved = |copy: Option<&str>| SaveAnswer {
        info: item(),
        copy: copy.map(|path| SharePath::parse(path).unwrap()),
    };
    assert_eq!(
        json!(SavedAnswer::new("tr//up.txt", &saved(None))),
        json!({ "status": "ok", "path": "tr//up.txt", "size": 15, "last_modified": "2026-11-21T12:52:06.056768Z" })
    );
    let copy = json!(SavedAnswer::new("tr//up.txt", &saved(Some("tr/up (conflict copy).txt"))));
    assert_eq!(
        (&copy["status"], &copy["path"]),
        (&json!("conflict_copy"), &json!("tr/up (conflict copy).txt"))
    );
}

#[test]
fn a_conflict_shows_both_versions() {
    let base = BaseVersion {
        version: FileVersion { size: 14, ..item().version() },
        modified: FileTime::from_unix_micros(SINCE.0),
    };
    let versions = Divergence { base: Some(base), current: Some(item()) };
    let told = json!(SaveConflict::at("tr//up.txt", Some(&versions)));
    let modified_at = "2026-11-21T12:52:06.056768Z";
    assert_eq!(told["code"], "conflict");
    assert!(told["message"].as_str().unwrap().ends_with(": tr//up.txt"), "{told}");
    assert_eq!(
        told["existing_file"],
        json!({
            "name": "Up.txt", "path": "tr//up.txt", "type": "file", "size": 15, "modified_at": modified_at,
            "version": item().version().etag(),
        })
    );
    assert_eq!(
        told["base_file"],
        json!({ "size": 14, "modified_at": modified_at, "version": base.version.etag() })
    );
    let gone = json!(SaveConflict::at("a", Some(&Divergence { base: Some(base), current: None })));
    assert!(
        gone["existing_file"].is_null() && gone["message"].as_str().unwrap().contains("removed"),
        "{gone}"
    );
    let new = json!(SaveConflict::at("a", Some(&Divergence { base: None, current: Some(item()) })));
    assert!(new["base_file"].is_null(), "{new}");
}
