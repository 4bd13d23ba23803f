use causeway_internal::UnixMicros;
use causeway_internal::connections::{AccessMode, Scope};
use serde_json::json;

use super::*;

#[test]
fn a_connection_is_shown_without_its_password() {
    let connection = Connection {
        id: Uuid::from_u128(0xea06_db0f_c73c_4f64_b4d6_cc2c_e24b_d436),
        name: "Bench data".to_owned(),
        slug: "bench-data".to_owned(),
        kind: "smb".to_owned(),
        host: "127.0.0.1".to_owned(),
        port: 1445,
        share_name: Some("data".to_owned()),
        username: "alice".to_owned(),
        path_prefix: None,
        scope: Scope::Shared,
        access_mode: AccessMode::ReadOnly,
        can_manage: false,
        created_at: UnixMicros(1_767_323_045_678_900),
        updated_at: UnixMicros(1_767_323_045_000_000),
    };
    assert_eq!(
        serde_json::to_value(ConnectionBody::from(connection)).unwrap(),
        json!({
            "id": "ea06db0f-c73c-4f64-b4d6-cc2ce24bd436",
            "name": "Bench data",
            "slug": "bench-data",
            "type": "smb",
            "host": "127.0.0.1",
            "port": 1445,
            "share_name": "data",
            "username": "alice",
            "path_prefix": null,
            "scope": "shared",
            "access_mode": "read_only",
            "can_manage": false,
            "created_at": "2026-01-02T03:04:05.678900Z",
            "updated_at": "2026-01-02T03:04:05Z",
        })
    );
}

#[test]
fn only_administrators_may_share() {
    let [shared, private] = visibility_options(false);
    assert!(!shared.available && shared.unavailable_reason.is_some());
    assert!(private.available && private.unavailable_reason.is_none());
    let [shared, _] = visibility_options(true);
    assert_eq!(
        serde_json::to_string(&shared).unwrap(),
        r#"{"value":"shared","label":"Shared with everyone","description":"Visible to all users. Only admins can manage it.","available":true,"unavailable_reason":null}"#
    );
}

#[test]
fn a_try_tells_what_it_found() {
    assert_eq!(
        serde_json::to_value(TestAnswer::connection_works(TestReport { root_entries: 10 })).unwrap(),
        json!({"status": "success", "message": "Successfully connected. Found 10 items in root directory."})
    );
}
